"""Files that pages load: packaged, named one by one, with an ETag of their content."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from litestar import Request, Response

from app.errors import NotFound

FOLDER = Path(__file__).parent / "static"
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class Packaged(msgspec.Struct, frozen=True):
    """A file as it is sent."""

    content: bytes
    media_type: str
    etag: str


@cache
def packaged(path: Path) -> Packaged:
    """A packaged file; raises `NotFound`."""
    media_type = TYPES.get(path.suffix)
    if media_type is None or not path.is_file():
        raise NotFound("There is no such file.")
    content = path.read_bytes()
    return Packaged(content, f"{media_type}; charset=utf-8", f'"{hashlib.sha256(content).hexdigest()[:32]}"')


def sent(request: Request[Any, Any, Any], path: Path, headers: dict[str, str] | None = None) -> Response[bytes]:
    """The response with a packaged file, or 304 if the reader has it."""
    file = packaged(path)
    given = {"Cache-Control": "public, max-age=300", **(headers or {}), "ETag": file.etag}
    known = {value.strip().removeprefix("W/") for value in request.headers.get("if-none-match", "").split(",")}
    if file.etag in known:
        return Response(b"", status_code=304, headers=given, media_type=file.media_type)
    return Response(file.content, headers=given, media_type=file.media_type)
