"""Writes the passage store of a segment, document by document."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.stores.lexical import Entry
from ingest.stores.passages import SCHEMA

if TYPE_CHECKING:
    from ingest.pii import PiiSpan


_ENTRIES = """
SELECT p.ordinal, d.visibility, coalesce(d.title, ''), p.heading, substr(d.text, p.start + 1, p."end" - p.start),
       d.id
FROM passages p JOIN documents d ON d.id = p.document_id ORDER BY p.ordinal
"""


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document to be stored."""

    path: str
    title: str | None
    url: str | None
    fingerprint: str
    content_hash: str
    media_type: str
    modified: str | None
    visibility: str
    metadata: Mapping[str, str]
    text: str
    signature: bytes | None = None
    collapsed_into: str | None = None
    newer_version: str | None = None
    links: Sequence[str] = ()
    """Relative addresses that it links to."""


@dataclass(frozen=True, slots=True)
class NewPassage:
    """A passage to be stored: `text[start:end]` of its document, and the hash of what was embedded for it."""

    start: int
    end: int
    heading: str
    content_hash: str


class PassageWriter:
    """Fills `passages.sqlite`. Nothing is readable until `close`."""

    def __init__(self, path: Path) -> None:
        self.documents = 0
        self.passages = 0
        self._connection = sqlite3.connect(path, isolation_level=None)
        # The segment is synced as a whole when it is sealed; a crash before throws it away.
        self._connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + SCHEMA)
        self._connection.execute("BEGIN")

    def add(self, document: NewDocument, passages: Sequence[NewPassage], spans: Iterable[PiiSpan]) -> None:
        """Store a document with its passages, in order, and its spans of personal data (offsets in its text)."""
        cursor = self._connection.execute(
            "INSERT INTO documents(path, title, url, fingerprint, content_hash, media_type, modified, visibility,"
            " metadata, text, signature, collapsed_into, newer_version) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
            [
                storable(document.path),
                storable(document.title),
                document.url,
                document.fingerprint,
                document.content_hash,
                document.media_type,
                document.modified,
                document.visibility,
                json.dumps(dict(document.metadata)),
                storable(document.text),
                document.signature,
                storable(document.collapsed_into),
                storable(document.newer_version),
            ],
        )
        number = cursor.lastrowid
        self._connection.executemany(
            "INSERT INTO passages VALUES (?,?,?,?,?,?)",
            [
                (self.passages + i, number, each.start, each.end, storable(each.heading), each.content_hash)
                for i, each in enumerate(passages)
            ],
        )
        self._connection.executemany(
            "INSERT INTO spans VALUES (?,?,?,?,?)",
            [(number, span.start, span.end, span.kind, float(span.score)) for span in spans],
        )
        self._connection.executemany(
            "INSERT INTO links VALUES (?,?)", [(number, storable(each)) for each in document.links]
        )
        self.documents += 1
        self.passages += len(passages)

    def add_boilerplate(self, lines: Iterable[str]) -> None:
        """Remember lines that were removed as boilerplate, so that later syncs remove them too."""
        self._connection.executemany("INSERT OR IGNORE INTO boilerplate VALUES (?)", [(line,) for line in lines])

    def entries(self) -> Iterator[Entry]:
        """What the lexical index holds, by ordinal."""
        return (Entry(*row) for row in self._connection.execute(_ENTRIES))

    def close(self) -> None:
        """Finish the file."""
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")
        self._connection.close()

    def abandon(self) -> None:
        """Close without finishing; the file is of no use."""
        self._connection.close()


def storable(text: str | None) -> str | None:
    """The text as SQLite can hold it, of the same length: NUL and lone surrogates are replaced."""
    if text is None:
        return None
    if "\0" in text:
        text = text.replace("\0", " ")
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in text)
    return text
