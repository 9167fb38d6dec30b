"""What a response of a site holds: a page or a file as a document, its links, and what it asks of robots."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from connectors.base import Document, Problem
from connectors.formats.encoding import looks_like_text
from connectors.formats.html import decoded_html, page_content, parsed_page
from connectors.formats.registry import format_of_bytes, reader
from connectors.formats.source_file import PARSER_FAULTS, SourceFile, UnreadableItem, file_fingerprint
from connectors.http_client import Response
from connectors.web.robots import PRODUCT
from connectors.web.urls import DOCUMENT_SUFFIXES, normalised, page_key, suffix_of

_MOST_LINKS = 3000
_HEAD_BYTES = 8192
_TYPES = {
    "text/html": "html", "application/xhtml+xml": "html", "application/pdf": "pdf", "text/markdown": "markdown",
    "text/x-markdown": "markdown", "text/plain": "text",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
}  # fmt: skip
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.I)
_LOOKS_LIKE_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|title|main|article|h1|p|div)\b", re.I)
_REFRESH = re.compile(r"^\s*\d*\.?\d*\s*[;,]?\s*url\s*=\s*[\"']?([^\"'\s]+)", re.I)
_NO_DATE = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Page:
    """What one response gave."""

    document: Document | None = None
    problems: tuple[Problem, ...] = ()
    links: tuple[str, ...] = ()
    """Normalised addresses that may be followed, each once, in order."""
    canonical: str | None = None
    """The normalised address that the page names as its own, if it is another page's."""
    noindex: bool = False


def read_page(
    response: Response,
    path: str,
    formats: frozenset[str],
    listed: datetime | None,
    is_ours: Callable[[str], bool] = lambda _: True,
) -> Page:
    """Read the body of a response with status 200.

    Args:
        response: Its `body` is a file, which stays.
        path: The document's path within the source.
        formats: Names of the formats that are read besides HTML.
        listed: When the page was changed last, as the sitemap says.
        is_ours: Whether a canonical address that is another page's counts: one elsewhere does not.

    """
    body = response.body
    if body is None:
        raise ValueError("the response has no body")
    directives = _header_directives(response.headers.get("x-robots-tag", ""))
    try:
        found = _format(response, body)
        if found == "html":
            page = _html_page(response, body, path, directives, is_ours)
        elif found in formats:
            page = _file_page(body, path, found, response.url, directives)
        else:
            page = Page(problems=(_not_read(path, found),))
    except UnreadableItem as fault:
        return Page(problems=(replace(fault.problem(path), below=False),))
    except PARSER_FAULTS as fault:
        message = f"The page cannot be understood ({type(fault).__name__}: {str(fault)[:200]})."
        return Page(problems=(Problem(path, "corrupt_file", message, below=False),))
    if page.document is None:
        return page
    modified = page.document.modified or listed or _http_date(response.headers.get("last-modified", ""))
    return replace(page, document=replace(page.document, modified=modified))


def _format(response: Response, body: Path) -> str:
    """The format of a body: what its bytes prove, else what the header, else what the address says.

    Servers name types wrongly; a wrong name must not make a page of a picture, nor lose a page.
    """
    with body.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if not head.strip():
        raise UnreadableItem("empty_file", "The page is empty.")
    if proven := format_of_bytes(head):
        return proven
    declared = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    named = _TYPES.get(declared) or DOCUMENT_SUFFIXES.get(suffix_of(response.url))
    if named == "docx" or head.startswith(b"PK\x03\x04"):
        return "docx" if named == "docx" and head.startswith(b"PK\x03\x04") else "an archive"
    if not looks_like_text(head):
        return "binary content"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:64].lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "html"
    if named == "pdf" or named is None:
        return "html" if _LOOKS_LIKE_HTML.search(head) else (declared or "text")[:60]
    by_suffix = DOCUMENT_SUFFIXES.get(suffix_of(response.url))
    return by_suffix if named == "text" and by_suffix else named


def _not_read(path: str, found: str) -> Problem:
    message = f"What the address gives is not read ({found}): only pages and the kinds of -o files=… are."
    return Problem(path, "unsupported_type", message, "noted", below=False)


def _html_page(
    response: Response, body: Path, path: str, directives: frozenset[str], is_ours: Callable[[str], bool]
) -> Page:
    charset = _CHARSET.search(response.headers.get("content-type", ""))
    source, problems = decoded_html(body.read_bytes(), SourceFile(body, path), charset.group(1) if charset else "")
    if "\x00" in source:
        raise UnreadableItem("not_text", "The address gives binary content, not a page.")
    page = parsed_page(source)
    if page is None:
        raise UnreadableItem("no_text", "The page holds no text.")
    directives |= _meta_directives(page)
    base = _base(page, response.url)
    links = () if "nofollow" in directives else tuple(_links(page, base))
    canonical = _canonical(page, base)
    elsewhere = canonical is not None and page_key(canonical) != page_key(response.url)
    if canonical and elsewhere and is_ours(canonical):
        return Page(links=links, canonical=canonical)
    if "noindex" in directives:
        return Page(links=links, noindex=True)
    try:
        content = page_content(page, source)
    except UnreadableItem as fault:
        return Page(problems=(replace(fault.problem(path), below=False),), links=links)
    url = canonical if canonical and not elsewhere else response.url
    document = Document(
        path=path,
        text=content.text,
        title=content.title,
        media_type="text/html",
        fingerprint=_content_fingerprint(url, content.title, content.text, content.metadata, content.modified),
        url=url,
        modified=content.modified,
        metadata=content.metadata,
    )
    return Page(document, tuple(replace(each, below=False) for each in problems), links)


def _file_page(body: Path, path: str, format_name: str, url: str, directives: frozenset[str]) -> Page:
    if "noindex" in directives:
        return Page(noindex=True)
    os.utime(body, (0, 0))  # so that the moment of the download is not taken for that of a change
    file = SourceFile(body, path, file_fingerprint(body))
    document: Document | None = None
    problems: list[Problem] = []
    for item in reader(format_name).read(file, (path,)):
        if isinstance(item, Document):
            dated = item.modified if item.modified != _NO_DATE else None
            document = replace(item, url=url, modified=dated)
        elif isinstance(item, Problem):
            problems.append(replace(item, below=False))
    return Page(document, tuple(problems))


def _content_fingerprint(
    url: str, title: str | None, text: str, metadata: Mapping[str, str], modified: datetime | None
) -> str:
    """SHA-256 (hex) of what a page says: what else its bytes hold (tokens, counters, markup) may change every time."""
    declared = modified.isoformat() if modified else ""
    parts = [url, title or "", text, declared, *(f"{name}={metadata[name]}" for name in sorted(metadata))]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def _base(page: Any, url: str) -> str:
    """The address that relative links count from."""
    for element in page.iter("base"):
        if href := element.get("href"):
            return normalised(href, url) or url
    return url


def _canonical(page: Any, base: str) -> str | None:
    """The address that the page's head names as its own."""
    for element in page.iterfind(".//head/link"):
        if "canonical" in (element.get("rel") or "").lower().split() and (element.get("href") or "").strip():
            return normalised(element.get("href"), base)
    return None


def _links(page: Any, base: str) -> Iterator[str]:
    seen: set[str] = set()
    for href in _followed(page):
        url = normalised(href, base)
        if url is not None and url not in seen:
            seen.add(url)
            yield url
        if len(seen) >= _MOST_LINKS:
            return


def _followed(page: Any) -> Iterator[str]:
    """Targets of links without `nofollow`, and of a refresh."""
    for element in page.iter("meta"):
        if (element.get("http-equiv") or "").strip().lower() == "refresh":
            match = _REFRESH.match(element.get("content") or "")
            if match:
                yield match.group(1)
    for element in page.iter("a", "area"):
        href = element.get("href")
        if href and "nofollow" not in (element.get("rel") or "").lower().split():
            yield href


def _meta_directives(page: Any) -> frozenset[str]:
    """What `<meta name="robots">`, or one with this program's name, asks for."""
    found: set[str] = set()
    for element in page.iter("meta"):
        if (element.get("name") or "").strip().lower() in ("robots", PRODUCT):
            found |= {each.strip().lower() for each in (element.get("content") or "").split(",")}
    return _with_none(found)


def _header_directives(header: str) -> frozenset[str]:
    """What `X-Robots-Tag` asks of everybody or of this program: `noindex, otherbot: nofollow`."""
    found: set[str] = set()
    meant = True
    for part in header.lower().split(","):
        name, separator, rest = part.partition(":")
        if separator and name.strip() not in ("unavailable_after", "max-snippet", "max-image-preview"):
            meant, part = name.strip() in (PRODUCT, "*"), rest
        if meant:
            found.add(part.strip())
    return _with_none(found)


def _with_none(found: set[str]) -> frozenset[str]:
    return frozenset(found | ({"noindex", "nofollow"} if "none" in found else set()))


def _http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)
