"""HTML pages: the main content as text, the page's own metadata, boilerplate left out."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from connectors.base import Document, Problem
from connectors.formats.dates import as_utc
from connectors.formats.encoding import detect_encoding
from connectors.formats.html_main import main_text
from connectors.formats.links import relative_links
from connectors.formats.source_file import Content, SourceFile, UnreadableItem
from connectors.formats.text import refuse_oversized

_LARGEST_HTML_BYTES = 32 << 20
_DECLARED = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{2,40})""", re.I)
_DECLARED_WITHIN_BYTES = 4096
# Browsers read these labels as Windows-1252 (encoding.spec.whatwg.org, 4.2).
_WESTERN = frozenset({"iso-8859-1", "iso8859-1", "latin1", "latin-1", "ascii", "us-ascii", "windows-1252"})
_DATE_NAMES = (
    "article:modified_time", "og:updated_time", "dcterms.modified", "last-modified", "datemodified", "revised",
    "article:published_time", "dcterms.date", "date", "datepublished",
)  # fmt: skip
_HEAD_ELEMENTS = frozenset({"title", "meta", "link", "base", "style", "script", "noscript", "template", "object"})
_KEPT_METADATA = ("description", "author", "keywords")


# Encodings that pages are written in. Python knows further codecs by such labels, some of them costly (`punycode`).
_TEXT_LABELS = re.compile(
    r"^(?:utf-?8|iso-?8859-?\d{1,2}|latin-?\d|(?:us-)?ascii|(?:windows|cp)-?\d{3,4}|x-cp125\d|koi8-[ru]|x?-?mac\w*|tis-620|"
    r"big5(?:-hkscs)?|gbk|gb2312|gb18030|euc-(?:jp|kr)|ks_c_5601-1987|shift[_-]jis|x-sjis|ms_kanji|iso-2022-jp)$"
)


def decoded_html(content: bytes, file: SourceFile, charset: str = "") -> tuple[str, list[Problem]]:
    """The page's text by its byte order mark or valid UTF-8, else its declared charset, else by detection.

    `charset` is what came with the page, as in a `Content-Type` header: it counts before what the page says itself,
    and neither counts where the bytes contradict it.
    """
    declared = _DECLARED.search(content[:_DECLARED_WITHIN_BYTES])
    labels = [charset.strip().lower(), declared.group(1).decode("ascii").lower() if declared else ""]
    names = ["cp1252" if label in _WESTERN else label for label in labels if _TEXT_LABELS.match(label)]
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff")) or 0 in content[:_DECLARED_WITHIN_BYTES]
    for name in [] if wide else ["utf-8-sig", *names]:
        try:
            return content.decode(name), []
        except (UnicodeDecodeError, LookupError):
            continue
    encoding = detect_encoding(file.location)
    return content.decode(encoding.name, encoding.errors), encoding.problems(file.path)


@dataclass(frozen=True, slots=True)
class PageContent:
    """What a page says, without where it was read."""

    text: str
    title: str | None
    url: str | None
    """Its canonical address, where it names an absolute one."""
    modified: datetime | None
    metadata: Mapping[str, str]


def page_content(page: Any, source: str) -> PageContent:
    """The content of a parsed page (see `parsed_page`), whose tree is changed. Raises `UnreadableItem` (`no_text`)."""
    meta = _meta(page)
    title, url, modified, metadata = (
        _title(page, meta),
        _canonical(page, meta),
        _modified(page, meta),
        _metadata(page, meta),
    )
    text = main_text(page, source)
    if not text.strip():
        raise UnreadableItem("no_text", "The page holds no text: it may be built by scripts in the browser.")
    return PageContent(text, title, url, modified, metadata)


class HtmlReader:
    """Reads `.html` pages."""

    kind: Literal["document"] = "document"

    def parts(self, file: SourceFile) -> tuple[str, ...]:
        """The file itself."""
        return (file.path,)

    def read(self, file: SourceFile, wanted: Collection[str]) -> Iterator[Content]:
        """Yield the page as a document.

        Raises:
            UnreadableItem: `empty_file`, `not_text`, `no_text` (nothing readable without running scripts).

        """
        refuse_oversized(file, _LARGEST_HTML_BYTES)
        content = file.location.read_bytes()
        if not content.strip():
            raise UnreadableItem("empty_file", "The file is empty.")
        source, problems = decoded_html(content, file)
        if "\x00" in source:
            raise UnreadableItem("not_text", "The file holds binary content, not HTML: check what it really is.")
        yield from problems
        page = parsed_page(source)
        if page is None:
            raise UnreadableItem("no_text", "The page holds no text.")
        links = relative_links(anchor.get("href") or "" for anchor in page.iter("a"))
        found = page_content(page, source)
        yield Document(
            path=file.path,
            text=found.text,
            title=found.title,
            media_type="text/html",
            fingerprint=file.fingerprint,
            url=found.url,
            modified=found.modified or file.modified,
            metadata=found.metadata,
            links=links,
        )


def parsed_page(source: str) -> Any | None:
    """The page's root element; None where it holds no element."""
    from lxml import etree, html

    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        page = html.document_fromstring(source.encode("utf-8", "replace"), parser=parser)
    except etree.ParserError:
        return None
    _move_content_to_body(page)
    return page


def _move_content_to_body(page: Any) -> None:
    """The parser leaves `<main>` and other newer elements in the head of a page that does not open its body."""
    head = page.find("head")
    strays = [] if head is None else [each for each in head if each.tag not in _HEAD_ELEMENTS]
    if not strays:
        return
    body = page.find("body")
    if body is None:
        body = page.makeelement("body")
        page.append(body)
    for place, element in enumerate(strays):
        body.insert(place, element)


def _meta(page: Any) -> dict[str, str]:
    """Content of the `<meta>` elements by lower-case name, property or itemprop; the first of a name counts."""
    found: dict[str, str] = {}
    for element in page.iter("meta"):
        name = element.get("name") or element.get("property") or element.get("itemprop") or element.get("http-equiv")
        content = (element.get("content") or "").strip()
        if name and content:
            found.setdefault(name.strip().lower(), content)
    return found


def _title(page: Any, meta: dict[str, str]) -> str | None:
    candidates = [page.findtext(".//head/title") or "", meta.get("og:title", "")]
    candidates += ["".join(heading.itertext()) for heading in page.iter("h1")]
    return next((" ".join(text.split()) for text in candidates if text.strip()), None)


def _canonical(page: Any, meta: dict[str, str]) -> str | None:
    links = [link.get("href") or "" for link in page.iter("link") if (link.get("rel") or "").lower() == "canonical"]
    return next(
        (url.strip() for url in [*links, meta.get("og:url", "")] if url.startswith(("http://", "https://"))), None
    )


def _modified(page: Any, meta: dict[str, str]) -> datetime | None:
    """The date of the last change that the page declares, else that of its publication."""
    declared = [meta[name] for name in _DATE_NAMES if name in meta]
    linked = _linked_data_dates(page)
    marked = [element.get("datetime") for element in page.iter("time") if element.get("itemprop") == "dateModified"]
    moments = (as_utc(text) for text in [*declared[:1], *linked, *marked, *declared[1:]])
    return next((moment for moment in moments if moment), None)


def _linked_data_dates(page: Any) -> list[str]:
    """`dateModified` of JSON-LD blocks."""
    found: list[str] = []
    for script in page.iter("script"):
        if script.get("type") == "application/ld+json" and script.text:
            found += re.findall(r'"dateModified"\s*:\s*("[^"]{4,40}")', script.text)
    return [str(json.loads(text)) for text in found if "\\" not in text]


def _metadata(page: Any, meta: dict[str, str]) -> dict[str, str]:
    found = {name: meta[name] for name in _KEPT_METADATA if name in meta}
    if language := page.get("lang"):
        found["language"] = language
    return found


READER = HtmlReader()
