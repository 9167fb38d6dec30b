"""Sitemaps (sitemaps.org): the pages that a site lists, as XML, as an index of further sitemaps, or one URL a line."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Literal, cast

from connectors.formats.dates import as_utc

LARGEST_SITEMAP_BYTES = 50 << 20
"""Unpacked, as the protocol limits it."""
MOST_ENTRIES = 50_000
_LONGEST_TEXT = 2048
_MOST_INNER = 10_000
"""Elements in one entry; real ones have up to some thousand, for translations and pictures."""
_CHUNK_BYTES = 1 << 16


class BadSitemap(Exception):
    """A sitemap that cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry of a sitemap."""

    url: str
    kind: Literal["page", "sitemap"]
    modified: datetime | None = None


def entries(path: Path) -> Iterator[Listed]:
    """The entries of a sitemap's file, packed with gzip or not, at most 50,000. Raises `BadSitemap`."""
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    with cast(IO[bytes], gzip.open(path)) if packed else path.open("rb") as stream:
        bounded = _Bounded(stream)
        try:
            head = bounded.read(1024)
            is_xml = head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
            yield from _xml_entries(head, bounded) if is_xml else _text_entries(head, bounded)
        except (OSError, EOFError, zlib.error, SyntaxError) as error:  # lxml's errors are syntax errors
            raise BadSitemap(f"it cannot be read: {' '.join(str(error).split())[:200]}") from error


def is_sitemap(head: bytes) -> bool:
    """Whether a file starts like a sitemap in XML."""
    return b"<urlset" in head or b"<sitemapindex" in head


class _Bounded:
    """A stream that ends with `BadSitemap` over the limit, whatever it was packed to."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._left = LARGEST_SITEMAP_BYTES

    def read(self, size: int) -> bytes:
        piece = self._stream.read(size)
        self._left -= len(piece)
        if self._left < 0:
            raise BadSitemap(f"it is larger than {LARGEST_SITEMAP_BYTES >> 20} MB: split it")
        return piece


def _xml_entries(head: bytes, stream: _Bounded) -> Iterator[Listed]:
    from lxml import etree

    # Entities are not resolved and nothing is loaded: a sitemap is no place for either.
    parser = etree.XMLPullParser(
        events=("end",), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False
    )
    count, inner, piece = 0, 0, head
    while piece:
        parser.feed(piece)
        for _, element in parser.read_events():
            inner += 1
            if inner > _MOST_INNER:
                raise BadSitemap("an entry of it has too many parts")
            parent = element.getparent()
            if parent is None or parent.getparent() is not None:
                continue
            count += 1
            if (listed := _entry(element)) is not None:
                yield listed
            if count >= MOST_ENTRIES:
                return
            parent.remove(element)  # so that memory does not grow with the sitemap
            inner = 0
        piece = stream.read(_CHUNK_BYTES)
    parser.close()


def _entry(element: Any) -> Listed | None:
    """What a child of the root lists."""
    name = _local(element)
    fields = {_local(child): (child.text or "")[:_LONGEST_TEXT].strip() for child in element}
    if name not in ("url", "sitemap") or not fields.get("loc"):
        return None
    return Listed(fields["loc"], "page" if name == "url" else "sitemap", as_utc(fields.get("lastmod")))


def _local(element: Any) -> str:
    """An element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def _text_entries(head: bytes, stream: _Bounded) -> Iterator[Listed]:
    rest, count, piece = b"", 0, head
    while piece or rest:
        *lines, rest = (rest + piece).split(b"\n") if piece else (rest, b"")
        for line in lines:
            url = line.decode("utf-8", "replace").strip().removeprefix("\ufeff")
            if url.startswith(("http://", "https://")) and len(url) <= _LONGEST_TEXT:
                yield Listed(url, "page")
                count += 1
        if count >= MOST_ENTRIES or len(rest) > 1 << 20:
            return
        piece = stream.read(_CHUNK_BYTES)
