"""The passage store of a segment: documents, passages with offsets into them, and spans of personal data.

The text of a document is stored once; a passage is a pair of offsets (characters) into it. Ordinals count the passages
of a segment from 0 and are what the vector and the lexical index answer with.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ingest.stores.catalog import Visibility
from ingest.stores.lexical import LexicalIndex, Synonyms, no_synonyms
from ingest.stores.passage_filter import PassageFilter
from ingest.stores.vectors import VectorIndex

if TYPE_CHECKING:
    from ingest.pii import PiiSpan

SCHEMA = """
CREATE TABLE documents(
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, title TEXT, url TEXT, fingerprint TEXT NOT NULL,
    content_hash TEXT NOT NULL, media_type TEXT NOT NULL, modified TEXT, visibility TEXT NOT NULL,
    metadata TEXT NOT NULL, text TEXT NOT NULL, signature BLOB, collapsed_into TEXT, newer_version TEXT);
CREATE TABLE passages(
    ordinal INTEGER PRIMARY KEY, document_id INTEGER NOT NULL REFERENCES documents(id), start INTEGER NOT NULL,
    "end" INTEGER NOT NULL, heading TEXT NOT NULL, content_hash TEXT NOT NULL);
CREATE INDEX passages_of_document ON passages(document_id);
CREATE INDEX passages_by_content ON passages(content_hash);
CREATE TABLE spans(
    document_id INTEGER NOT NULL REFERENCES documents(id), start INTEGER NOT NULL, "end" INTEGER NOT NULL,
    kind TEXT NOT NULL, score REAL NOT NULL);
CREATE INDEX spans_of_document ON spans(document_id, start);
CREATE TABLE links(document_id INTEGER NOT NULL REFERENCES documents(id), target TEXT NOT NULL);
CREATE TABLE boilerplate(line TEXT PRIMARY KEY) WITHOUT ROWID;
"""
KEPT_FILTERS = 16
"""Filters whose passages are remembered."""
VISIBILITY_CODES: dict[str, int] = {"public": 0, "internal": 1}


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document as stored, without its text."""

    id: int
    path: str
    title: str | None
    url: str | None
    media_type: str
    modified: str | None
    visibility: Visibility
    metadata: dict[str, str]
    collapsed_into: str | None
    """Path of the document that this one is a duplicate of; such a one has no passages."""
    passages: int


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage with what is known of its document; `spans` are relative to `text`, `start`/`end` to the document."""

    ordinal: int
    document: str
    title: str | None
    url: str | None
    heading: str
    text: str
    start: int
    end: int
    modified: str | None
    visibility: Visibility
    metadata: dict[str, str]
    """What the document says of itself; `newer_version` names the document that replaces it, where one was found that
    the caller may see."""
    spans: tuple[PiiSpan, ...]


class PassageReader:
    """Searches and reads the passages of one sealed segment. Safe to share between threads.

    The indexes are opened at the first search, the SQLite file once for each thread.
    """

    def __init__(self, passages: Path, vectors: Path, lexical: Path, *, embedder: str = "") -> None:
        self.embedder = embedder
        """Fingerprint of the embedder that made the vectors; a query must come from the same."""
        self._uri = passages.absolute().as_uri() + "?mode=ro&immutable=1"
        self._vectors_path = vectors
        self._lexical_path = lexical
        self._local = threading.local()
        self._lock = threading.Lock()
        self._filters: dict[tuple[PassageFilter, tuple[str, ...]], NDArray[np.bool_]] = {}

    @cached_property
    def count(self) -> int:
        """Number of passages."""
        return int(self._connection.execute("SELECT count(*) FROM passages").fetchone()[0])

    def search_dense(
        self, query: NDArray[np.float32], k: int, visibilities: Sequence[str], only: PassageFilter | None = None
    ) -> list[tuple[int, float]]:
        """Up to `k` pairs of ordinal and cosine, best first, among passages of these visibilities.

        `query` is float32[dimension] of length 1; raises `ValueError` for another dimension. `only`: documents to
        look at, all without it.
        """
        return self._vectors.search(query, k, tuple(visibilities), self._allowed(only, visibilities))

    def search_lexical(
        self,
        query: str,
        k: int,
        visibilities: Sequence[str],
        only: PassageFilter | None = None,
        synonyms: Synonyms = no_synonyms,
    ) -> list[tuple[int, float]]:
        """Up to `k` pairs of ordinal and BM25 score, best first, among passages of these visibilities.

        Any text is a valid query. `synonyms`: the stems that may stand for a stem, at a discount.
        """
        return self._lexical.search(query, k, tuple(visibilities), self._allowed(only, visibilities), synonyms)

    def cosines(self, query: NDArray[np.float32], ordinals: Sequence[int]) -> list[float]:
        """The exact cosine of each passage with the query."""
        return self._vectors.cosines(query, ordinals)

    def _allowed(self, only: PassageFilter | None, visibilities: Sequence[str]) -> NDArray[np.bool_] | None:
        """For each ordinal whether its document fulfils the conditions; None if there are none.

        The conditions are about what callers of these visibilities may know of a document.
        """
        if only is None:
            return None
        key = (only, tuple(visibilities))
        with self._lock:
            if key not in self._filters:
                while len(self._filters) >= KEPT_FILTERS:
                    self._filters.pop(next(iter(self._filters)))
                rows = self._connection.execute(_CONDITIONS)
                fit = {
                    number: only.holds(path, modified, _metadata(text, newer, newer_is, visibilities))
                    for number, path, modified, text, newer, newer_is in rows
                }
                owners = self._connection.execute("SELECT document_id FROM passages ORDER BY ordinal")
                self._filters[key] = np.array([fit[number] for (number,) in owners], dtype=np.bool_)
            return self._filters[key]

    def get(self, ordinals: Sequence[int], visibilities: Sequence[str]) -> list[StoredPassage]:
        """The passages of these ordinals and visibilities, in their order; others are left out."""
        from ingest.pii import PiiSpan

        found: dict[int, StoredPassage] = {}
        for start in range(0, len(ordinals), 500):
            part = list(ordinals[start : start + 500])
            marks = ",".join("?" * len(part))
            spans: dict[int, list[PiiSpan]] = {}
            for ordinal, *span in self._connection.execute(_SPANS.format(marks=marks), part):
                spans.setdefault(ordinal, []).append(PiiSpan(*span))
            for row in self._connection.execute(_GET.format(marks=marks), part):
                passage = _passage(row, spans.get(row[0], ()), visibilities)
                if passage.visibility in visibilities:
                    found[passage.ordinal] = passage
        return [found[ordinal] for ordinal in ordinals if ordinal in found]

    def named(self, name: str, visibilities: Sequence[str]) -> list[int]:
        """Ordinals of the passages of the document with that path, else of those of that file name in any folder."""
        ending = name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        rows = self._connection.execute(_NAMED, [name, f"%/{ending}"]).fetchall()
        seen = [(ordinal, path) for ordinal, path, visibility in rows if visibility in visibilities]
        exact = [ordinal for ordinal, path in seen if path == name]
        return exact or [ordinal for ordinal, _ in seen]

    def neighbours(
        self, ordinal: int, visibilities: Sequence[str]
    ) -> tuple[StoredPassage | None, StoredPassage | None]:
        """The passages before and after this one in the same document."""
        around = {passage.ordinal: passage for passage in self.get([ordinal - 1, ordinal, ordinal + 1], visibilities)}
        if ordinal not in around:
            return None, None
        document = around[ordinal].document
        same = {each: passage for each, passage in around.items() if passage.document == document}
        return same.get(ordinal - 1), same.get(ordinal + 1)

    def document_text(self, path: str) -> str | None:
        """The whole text of a document; None if there is none of that path. Look at its visibility first."""
        row = self._connection.execute("SELECT text FROM documents WHERE path = ?", [path]).fetchone()
        return None if row is None else str(row[0])

    def document_spans(self, path: str) -> tuple[PiiSpan, ...]:
        """Spans of personal data in a document's text."""
        from ingest.pii import PiiSpan

        rows = self._connection.execute(_DOCUMENT_SPANS, [path])
        return tuple(PiiSpan(start, end, kind, score) for start, end, kind, score in rows)

    def document(self, path: str) -> StoredDocument | None:
        """What is known of a document, for those who may see everything; None if there is none of that path."""
        return next(self._documents("WHERE d.path = ?", [path]), None)

    def links(self) -> Iterator[tuple[str, str]]:
        """Each document's path with a relative address that it links to; nothing in segments of earlier versions."""
        try:
            yield from self._connection.execute(_LINKS)
        except sqlite3.OperationalError:
            return

    def documents(self) -> Iterator[StoredDocument]:
        """All documents by path, those without passages (empty, or duplicates) included, for those who may see all."""
        return self._documents("", [])

    def _documents(self, where: str, parameters: list[str]) -> Iterator[StoredDocument]:
        for row in self._connection.execute(_DOCUMENTS.format(where=where), parameters):
            number, path, title, url, media_type, modified, visibility, metadata, newer, collapsed, passages = row
            known = _metadata(metadata, newer, visibility, (visibility,))
            yield StoredDocument(number, path, title, url, media_type, modified, visibility, known, collapsed, passages)

    def titles(self, visibilities: Sequence[str]) -> Iterator[str]:
        """The distinct titles and headings of documents of these visibilities, a heading without those above it."""
        rows = self._connection.execute(_TITLES.format(marks=_marks(visibilities)), list(visibilities) * 2)
        yield from dict.fromkeys(str(path).rsplit(" > ", 1)[-1].strip() for (path,) in rows)

    def texts(self, visibilities: Sequence[str]) -> Iterator[str]:
        """The text of each document of these visibilities, in the order in which they were stored."""
        rows = self._connection.execute(_TEXTS.format(marks=_marks(visibilities)), list(visibilities))
        yield from (str(text) for (text,) in rows)

    @property
    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._uri, uri=True, check_same_thread=False)
            self._local.connection = connection
        return connection

    @property
    def _vectors(self) -> VectorIndex:
        with self._lock:
            return self._open_vectors

    @property
    def _lexical(self) -> LexicalIndex:
        with self._lock:
            return self._open_lexical

    @cached_property
    def _open_vectors(self) -> VectorIndex:
        rows = self._connection.execute(_VISIBILITIES).fetchall()
        visibility_of = np.array([VISIBILITY_CODES[row[0]] for row in rows], dtype=np.uint8)
        return VectorIndex(self._vectors_path, visibility_of, VISIBILITY_CODES)

    @cached_property
    def _open_lexical(self) -> LexicalIndex:
        return LexicalIndex(self._lexical_path)


def _marks(values: Sequence[str]) -> str:
    return ",".join("?" * len(values))


def _passage(row: tuple[Any, ...], spans: Sequence[PiiSpan], visibilities: Sequence[str]) -> StoredPassage:
    ordinal, path, title, url, heading, text, start, end, modified, visibility, *told = row
    known = _metadata(told[0], told[1], told[2], visibilities)
    return StoredPassage(
        ordinal, path, title, url, heading, text, start, end, modified, visibility, known, tuple(spans)
    )


def _metadata(text: object, newer: object, newer_is: object, visibilities: Sequence[str]) -> dict[str, str]:
    """What a document says of itself, and its newer version if that is of one of the visibilities."""
    metadata: dict[str, str] = {} if text == "{}" else json.loads(str(text))
    return metadata | {"newer_version": str(newer)} if newer and newer_is in visibilities else metadata


_VISIBILITIES = "SELECT d.visibility FROM passages p JOIN documents d ON d.id = p.document_id ORDER BY p.ordinal"
_CONDITIONS = """
SELECT d.id, d.path, d.modified, d.metadata, d.newer_version, n.visibility
FROM documents d LEFT JOIN documents n ON n.path = d.newer_version
"""
_GET = """
SELECT p.ordinal, d.path, d.title, d.url, p.heading, substr(d.text, p.start + 1, p."end" - p.start),
       p.start, p."end", d.modified, d.visibility, d.metadata, d.newer_version, n.visibility
FROM passages p JOIN documents d ON d.id = p.document_id LEFT JOIN documents n ON n.path = d.newer_version
WHERE p.ordinal IN ({marks})
"""
_SPANS = """
SELECT p.ordinal, max(s.start, p.start) - p.start, min(s."end", p."end") - p.start, s.kind, s.score
FROM passages p JOIN spans s ON s.document_id = p.document_id AND s.start < p."end" AND s."end" > p.start
WHERE p.ordinal IN ({marks}) ORDER BY p.ordinal, s.start
"""
_DOCUMENT_SPANS = """
SELECT start, "end", kind, score FROM spans WHERE document_id = (SELECT id FROM documents WHERE path = ?) ORDER BY start
"""
_NAMED = """
SELECT p.ordinal, d.path, d.visibility FROM passages p JOIN documents d ON d.id = p.document_id
WHERE d.path = ? OR d.path LIKE ? ESCAPE '\\' ORDER BY p.ordinal
"""
_LINKS = "SELECT d.path, l.target FROM links l JOIN documents d ON d.id = l.document_id ORDER BY d.path, l.rowid"
_DOCUMENTS = """
SELECT d.id, d.path, d.title, d.url, d.media_type, d.modified, d.visibility, d.metadata, d.newer_version,
       d.collapsed_into, (SELECT count(*) FROM passages p WHERE p.document_id = d.id)
FROM documents d {where} ORDER BY d.path
"""
_TITLES = """
SELECT title FROM documents WHERE visibility IN ({marks}) AND title <> ''
UNION ALL SELECT p.heading FROM passages p JOIN documents d ON d.id = p.document_id
WHERE d.visibility IN ({marks}) AND p.heading <> ''
"""
_TEXTS = "SELECT text FROM documents WHERE visibility IN ({marks}) ORDER BY id"
