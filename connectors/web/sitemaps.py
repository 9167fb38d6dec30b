"""Sitemaps (sitemaps.org): the pages that a site lists, as XML, as an index of further sitemaps, or one URL a line."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Literal, cast

from connectors.formats.dates import as_utc

LARGEST_SITEMAP_BYTES = 50 << 20
"""Unpacked, as the protocol limits it."""
MOST_ENTRIES = 50_000
_LONGEST_TEXT = 2048


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
    count, piece = 0, head
    while piece:
        parser.feed(piece)
        for _, element in parser.read_events():
            name = str(element.tag).rpartition("}")[2]
            if name not in ("url", "sitemap"):
                continue
            fields = {
                str(child.tag).rpartition("}")[2]: (child.text or "")[:_LONGEST_TEXT].strip() for child in element
            }
            if fields.get("loc"):
                kind: Literal["page", "sitemap"] = "page" if name == "url" else "sitemap"
                yield Listed(fields["loc"], kind, as_utc(fields.get("lastmod")))
                count += 1
            if count >= MOST_ENTRIES:
                return
            _forget(element)
        piece = stream.read(1 << 16)
    parser.close()


def _forget(element: object) -> None:
    """Free what was read of the tree, so that memory does not grow with the sitemap."""
    from lxml import etree

    node = cast(etree._Element, element)
    node.clear()
    while node.getprevious() is not None:
        del node.getparent()[0]


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
        piece = stream.read(1 << 16)
