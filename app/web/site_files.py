"""`GET /static/{name}`: the style sheet of the pages around the widget, and the icon of all pages."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get

from app.errors import NotFound
from app.web.static_files import FOLDER, sent

NAMES = frozenset({"site.css", "icon.svg"})


@get("/static/{name:str}", include_in_schema=False, sync_to_thread=False)
def site_file(name: str, request: Request[Any, Any, Any]) -> Response[bytes]:
    """A file of the list; raises `NotFound` for any other name."""
    if name not in NAMES:
        raise NotFound("There is no such file.")
    return sent(request, FOLDER / name)
