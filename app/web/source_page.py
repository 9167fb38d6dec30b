"""`GET /source/{source}/{document}`: a document's stored text, masked, with the cited passage marked. No scripts.

It is shown to a site's visitors where the site may ask that source (`?site=pk_…`), to viewers of the console (under
`/console/source/…`, where their cookie is sent) and on a loopback address without a key.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from litestar import Request, get
from litestar.params import QueryParameter
from litestar.response import Template

from app.api.callers import Callers
from app.engine import Engine
from app.errors import AppError, NotFound
from app.links import is_web
from app.values import Caller
from app.web.console.viewers import Viewers
from app.web.document_text import blocks, excerpt
from app.web.plain import DEMO, demo_is_on, plain_error, plain_page, site_of, visitor_of

_PATHS = [
    *("/source/{source:str}/{document:path}", "/source/{source:str}"),  # a site's front page has the path `/`
    *("/console/source/{source:str}/{document:path}", "/console/source/{source:str}"),
]
_FARTHEST = 2**31


@get(_PATHS, include_in_schema=False, exception_handlers={Exception: plain_error})
async def source_page(
    source: str,
    request: Request[Any, Any, Any],
    engine: Engine,
    callers: Callers,
    viewers: Viewers,
    document: str = "",
    site: Annotated[str, QueryParameter(max_length=200)] = "",
    start: int = 0,
    end: int = 0,
    whole: Annotated[bool, QueryParameter(name="all")] = False,
) -> Template:
    """The document's text around the passage."""
    caller, demo = await asyncio.to_thread(_reader, site, request, callers, viewers)
    start, end = (min(max(edge, 0), _FARTHEST) for edge in (start, end))
    path = document.removeprefix("/")
    found, shown = await asyncio.to_thread(excerpt, engine, caller, source, path, start=start, end=end, whole=whole)
    here = {"site": site or None, "start": start or None, "end": end or None, "all": 1}
    article = f"/demo/{quote(source, safe='')}/{quote(found.path)}" if demo and demo_is_on(engine.settings) else None
    return plain_page(
        request,
        "source.html",
        title=shown.title,
        document=found,
        source=source,
        blocks=blocks(shown),
        shortened=shown.shortened,
        whole=whole,
        show_all="?" + urlencode({name: value for name, value in here.items() if value is not None}) + "#passage",
        original=found.url if is_web(found.url) else None,
        article=article,
    )


def _reader(key: str, request: Request[Any, Any, Any], callers: Callers, viewers: Viewers) -> tuple[Caller, bool]:
    """Who reads, and whether on the demo site; raises `RateLimited`, or `NotFound`, which tells nothing."""
    if key or not request.url.path.startswith("/console/"):
        callers.limits.check_address(request)
    if key:
        site = site_of(key, callers)
        if site is not None:
            return visitor_of(site, "").caller, site.id == DEMO
    else:
        try:
            return viewers.viewer(request).caller, False
        except AppError as error:
            raise NotFound("There is no such document.", hint="It may have been removed, or is not public.") from error
    raise NotFound("There is no such document.", hint="It may have been removed, or is not public.")
