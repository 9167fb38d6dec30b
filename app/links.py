"""Where a cited place can be read: its own page on the web at the quote, or the page of its stored text."""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode, urlsplit

from ingest.structure import plain

SOURCE_PAGE = "/source"
"""The page of stored texts, open to a site's visitors (`?site=`)."""
CONSOLE_SOURCE_PAGE = "/console/source"
"""The same for viewers of the console: their cookie is sent nowhere else."""
_QUOTE_WORDS = 6
"""Words at each end of a quote by which a browser finds it in the page."""
_MARKS = re.compile(r"^[ \t]*(?:#{1,6}|[-*+])[ \t]+|\|[-:|\s]+\||(?<!\\)\|", re.MULTILINE)
"""What Markdown has at the start of a line and between cells."""


def is_web(url: str | None) -> bool:
    """Whether an address may stand in a link: http or https with a host, nothing else."""
    try:
        parts = urlsplit(url or "")
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (url or "").isprintable()
    except ValueError:
        return False


def at_quote(url: str, words: str) -> str:
    """The address of a page, scrolled to a quote: a text fragment of the WICG draft, without the marks of Markdown."""
    split = plain(_MARKS.sub(" ", words)).split()
    if "#" in url or "<" in words or not split:
        return url
    ends = [split] if len(split) <= 2 * _QUOTE_WORDS else [split[:_QUOTE_WORDS], split[-_QUOTE_WORDS:]]
    return f"{url}#:~:text=" + ",".join(quote(" ".join(part), safe="").replace("-", "%2D") for part in ends)


def stored_text(
    page: str,
    source: str,
    document: str | None,
    *,
    start: int | None = None,
    end: int | None = None,
    site: str | None = None,
) -> str | None:
    """The address of a document's stored text, at a passage; None for a whole source. `site`: a publishable key."""
    if not document:
        return None
    path = f"{page}/{quote(source, safe='')}/{quote(document, safe='/')}"
    given = {"site": site, "start": start, "end": end}
    query = urlencode({name: value for name, value in given.items() if value is not None})
    return (f"{path}?{query}" if query else path) + ("" if start is None else "#passage")
