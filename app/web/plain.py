"""What pages without scripts share: headers, errors as pages, whose visitor looks, links to sources."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from litestar import Request, Response
from litestar.response import Template

from app.api.callers import Asker, Callers
from app.api.errors import describe
from app.errors import AppError, QuestionEmpty, QuestionTooLong, RateLimited
from app.links import SOURCE_PAGE, at_quote, is_web, stored_text
from app.ops.site import Site
from app.settings import Settings
from app.values import Caller, Citation, Nearest
from app.web.plain_words import Words, words_for

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {"Content-Security-Policy": POLICY, "Cache-Control": "private, no-store", "Referrer-Policy": "same-origin"}
"""The referrer stays within this origin: without one, browsers send `Origin: null` with a form."""
DEMO = "demo"
"""Id and name of the site that the demo makes for itself. An operator's own site may have that name, not that id."""
_MARKER = re.compile(r"\[(\d{1,3})\]")


def plain_page(request: Request[Any, Any, Any], template: str, *, status: int = 200, **context: Any) -> Template:
    """A page in the reader's language; `words` is known to the template."""
    words = words_of(request)
    headers = {**HEADERS, "Content-Language": words.language, "Vary": "Accept-Language"}
    return Template(template, context={"words": words, **context}, status_code=status, headers=headers)


def plain_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """An exception as a page."""
    status, body = describe(error)
    notice = notice_of(request, error) if isinstance(error, RateLimited) else ""
    page = plain_page(request, "plain_error.html", status=status, error=body, notice=notice)
    return with_headers(page, headers_of(error))


def notice_of(request: Request[Any, Any, Any], error: AppError) -> str:
    """What a reader is told of an error."""
    words = words_of(request)
    if isinstance(error, RateLimited):
        return words.wait.format(seconds=error.retry_after_s)
    if isinstance(error, QuestionEmpty):
        return words.empty
    if isinstance(error, QuestionTooLong):
        return words.too_long.format(count=error.count, limit=error.limit)
    return f"{error.message} {error.hint}".strip()


def headers_of(error: Exception) -> dict[str, str]:
    """When the next request is answered, where an error says so."""
    return {"Retry-After": str(error.retry_after_s)} if isinstance(error, RateLimited) else {}


def with_headers(page: Template, headers: dict[str, str]) -> Template:
    """The page with more headers."""
    page.headers = {**page.headers, **headers}
    return page


def words_of(request: Request[Any, Any, Any]) -> Words:
    """The page's own words in the reader's language."""
    return words_for(request.headers.get("accept-language", ""))


def visitor_of(site: Site, visitor: str) -> Asker:
    """A visitor of a site, as with a ticket."""
    caller = Caller(role="visitor", sources=site.options.sources, key_id=site.id, visitor=visitor)
    return Asker(caller=caller, site=site)


def own_origin(request: Request[Any, Any, Any], settings: Settings) -> str | None:
    """The origin under which this service is reached; None if only the request's word could tell.

    The `Host` header is checked where the service is on a loopback address or `allowed_hosts` is set.
    """
    if settings.public_url:
        parts = urlsplit(settings.public_url)
        return f"{parts.scheme}://{parts.netloc}"
    if settings.on_loopback or settings.allowed_hosts:
        return f"{request.url.scheme}://{request.headers.get('host', '')}"
    return None


def demo_is_on(settings: Settings) -> bool:
    """Whether the demo site is served."""
    return settings.demo == "on" or (settings.demo == "auto" and settings.on_loopback)


def source_link(place: Citation | Nearest, site: Site | None) -> str | None:
    """Where a cited place can be read: its own URL at the quote, else the page of its stored text."""
    if place.url is not None and is_web(place.url) and (site is None or site.id != DEMO):
        return at_quote(place.url, place.quote if isinstance(place, Citation) else "")
    key = site.key if site is not None else None
    return stored_text(SOURCE_PAGE, place.source, place.document, start=place.start, end=place.end, site=key)


def with_markers(text: str, links: dict[int, str]) -> list[tuple[str, int | None]]:
    """The text in pieces: `(words, None)`, and `("[1]", 1)` for each marker of a citation that has a link."""
    pieces: list[tuple[str, int | None]] = []
    end = 0
    for found in _MARKER.finditer(text):
        number = int(found.group(1))
        if number in links:
            pieces += [(text[end : found.start()], None), (found.group(), number)]
            end = found.end()
    return [*pieces, (text[end:], None)]


def site_of(key: str, callers: Callers) -> Site | None:
    """The site of a publishable key that may come from anybody."""
    return callers.sites.find(key) if key.startswith("pk_") and len(key) <= 200 else None
