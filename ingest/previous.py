"""What the last sync of a source left: fingerprints to compare with, and text, vectors and spans to reuse."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ingest.stores import segment as files
from ingest.stores.segment import Segment
from ingest.stores.vectors import open_vectors

if TYPE_CHECKING:
    from ingest.pii import PiiSpan

_DOCUMENT = "path, title, url, fingerprint, media_type, modified, metadata, text, content_hash, signature"

_LINKS = "SELECT target FROM links WHERE document_id = (SELECT id FROM documents WHERE path = ?) ORDER BY rowid"


@dataclass(frozen=True, slots=True)
class KnownPassage:
    """A passage of the last segment; its vector is row `ordinal`, its spans are relative to the passage."""

    ordinal: int
    start: int
    end: int
    heading: str
    content_hash: str
    spans: tuple[PiiSpan, ...]


class Previous:
    """The last segment of a source, for reading. One thread."""

    def __init__(self, segment: Segment) -> None:
        self.info = segment.info
        self.tables_path = segment.file(files.TABLES)
        self.notes_path = segment.file(files.NOTES)
        passages = segment.file(files.PASSAGES)
        self._connection: sqlite3.Connection | None = None
        self.vectors: NDArray[np.float32] = np.empty((0, 0), dtype=np.float32)
        if passages is not None:
            self._connection = sqlite3.connect(passages.absolute().as_uri() + "?mode=ro&immutable=1", uri=True)
            self.vectors = open_vectors(segment.path / files.VECTORS)

    def documents(self) -> dict[str, str]:
        """Fingerprint of each document by path."""
        return dict(self._rows("SELECT path, fingerprint FROM documents"))

    def boilerplate(self) -> frozenset[str]:
        """Lines that were removed as boilerplate."""
        return frozenset(row[0] for row in self._rows("SELECT line FROM boilerplate"))

    def document_row(self, path: str) -> tuple[object, ...] | None:
        """A document's columns, in the order of the staging table; None if there is none of that path."""
        rows = self._rows(f"SELECT {_DOCUMENT} FROM documents WHERE path = ?", [path])  # noqa: S608
        return rows[0] if rows else None

    def links(self, path: str) -> list[str]:
        """What a document links to; nothing in segments of before links were stored."""
        try:
            return [row[0] for row in self._rows(_LINKS, [path])]
        except sqlite3.OperationalError:
            return []

    def passages_of(self, content_hash: str) -> list[KnownPassage] | None:
        """Passages of a document with that content; None if no document that was searched had it."""
        document = self._searched.get(content_hash)
        return None if document is None else self._passages("document_id = ?", document)

    def passage(self, content_hash: str) -> KnownPassage | None:
        """A passage that embedded the same text, wherever it was."""
        found = self._passages("content_hash = ?", content_hash, limit=1)
        return found[0] if found else None

    @cached_property
    def _searched(self) -> dict[str, int]:
        """Document ids by content hash, read once: the table has no index on it."""
        rows = self._rows(
            "SELECT content_hash, min(id) FROM documents WHERE collapsed_into IS NULL GROUP BY content_hash"
        )
        return dict(rows)

    def close(self) -> None:
        """Close the files."""
        if self._connection is not None:
            self._connection.close()

    def _passages(self, where: str, value: object, limit: int = -1) -> list[KnownPassage]:
        query = (
            f'SELECT ordinal, document_id, start, "end", heading, content_hash FROM passages WHERE {where}'  # noqa: S608
            " ORDER BY ordinal LIMIT ?"
        )
        return [
            KnownPassage(ordinal, start, end, heading, content, self._spans(document, start, end))
            for ordinal, document, start, end, heading, content in self._rows(query, [value, limit])
        ]

    def _spans(self, document: int, start: int, end: int) -> tuple[PiiSpan, ...]:
        from ingest.pii import PiiSpan

        rows = self._rows(
            'SELECT start, "end", kind, score FROM spans WHERE document_id = ? AND start < ? AND "end" > ?'
            " ORDER BY start",
            [document, end, start],
        )
        return tuple(PiiSpan(max(s, start) - start, min(e, end) - start, kind, score) for s, e, kind, score in rows)

    def _rows(self, query: str, parameters: Sequence[object] = ()) -> list[Any]:
        return [] if self._connection is None else self._connection.execute(query, parameters).fetchall()
