"""Documents of a run, on disk between the steps, so that no step holds all of them in memory."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from connectors.base import Document
from ingest.stores.passage_writer import storable

_SCHEMA = """
CREATE TABLE documents(
    path TEXT PRIMARY KEY, title TEXT, url TEXT, fingerprint TEXT NOT NULL, media_type TEXT NOT NULL, modified TEXT,
    metadata TEXT NOT NULL, text TEXT NOT NULL, content_hash TEXT, signature BLOB, kept INTEGER NOT NULL);
CREATE TABLE links(path TEXT NOT NULL, target TEXT NOT NULL);
CREATE INDEX links_of_document ON links(path);
"""


_COLUMNS = "path, title, url, fingerprint, media_type, modified, metadata, text, content_hash, signature"


@dataclass(frozen=True, slots=True)
class StagedDocument:
    """A document between two steps; `content_hash` and `signature` are there once it was cleaned."""

    path: str
    title: str | None
    url: str | None
    fingerprint: str
    media_type: str
    modified: str | None
    metadata: dict[str, str]
    text: str
    content_hash: str
    signature: bytes


class Staging:
    """The documents of one run in a SQLite file of its own. One thread."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _SCHEMA)
        self._connection.execute("BEGIN")

    def add(self, document: Document) -> bool:
        """Take a document as read; False if there is one of that path already."""
        modified = document.modified
        if modified is not None:
            modified = (modified if modified.tzinfo else modified.replace(tzinfo=UTC)).astimezone(UTC)
        row = (
            storable(document.path),
            storable(document.title),
            document.url,
            document.fingerprint,
            document.media_type,
            modified.isoformat(timespec="seconds") if modified else None,
            json.dumps({str(key): str(value) for key, value in document.metadata.items()}),
            storable(document.text),
        )
        added = self._insert((*row, None, None, 0))
        if added:
            self.add_links(document.path, document.links)
        return added

    def add_links(self, path: str, targets: Iterable[str]) -> None:
        """Remember what a document links to."""
        self._connection.executemany(
            "INSERT INTO links VALUES (?,?)", [(storable(path), storable(target)) for target in targets]
        )

    def links(self, path: str) -> tuple[str, ...]:
        """What a document links to, as written."""
        rows = self._connection.execute("SELECT target FROM links WHERE path = ? ORDER BY rowid", [path])
        return tuple(row[0] for row in rows)

    def keep(self, row: tuple[object, ...], fingerprint: str | None = None) -> bool:
        """Take a document from the last segment, as `Previous.document_row` gives it.

        Its fingerprint stays unless one is given.
        """
        position = _COLUMNS.split(", ").index("fingerprint")
        kept = row if fingerprint is None else (*row[:position], fingerprint, *row[position + 1 :])
        return self._insert((*kept, 1))

    def holds(self, path: str) -> bool:
        """Whether there is a document of that path."""
        found = self._connection.execute("SELECT 1 FROM documents WHERE path = ?", [storable(path)])
        return found.fetchone() is not None

    def count(self, *, kept: bool | None = None) -> int:
        """Number of documents: all, those kept from the last segment, or those read."""
        where = "" if kept is None else f"WHERE kept = {int(kept)}"
        return int(self._connection.execute(f"SELECT count(*) FROM documents {where}").fetchone()[0])  # noqa: S608

    def fingerprints(self) -> dict[str, str]:
        """Fingerprint of each document by path."""
        return dict(self._connection.execute("SELECT path, fingerprint FROM documents"))

    def read_paths(self) -> list[str]:
        """Paths of the documents that were read in this run, in order."""
        return [row[0] for row in self._connection.execute("SELECT path FROM documents WHERE NOT kept ORDER BY path")]

    def paths(self) -> list[str]:
        """Paths of all documents, in order."""
        return [row[0] for row in self._connection.execute("SELECT path FROM documents ORDER BY path")]

    def read_texts(self) -> Iterator[str]:
        """Texts of the documents that were read in this run."""
        for path in self.read_paths():
            yield self.text(path)

    def text(self, path: str) -> str:
        """The text of a document."""
        return str(self._connection.execute("SELECT text FROM documents WHERE path = ?", [path]).fetchone()[0])

    def set_cleaned(self, path: str, text: str, content_hash: str, signature: bytes) -> None:
        """Store what cleaning made of a document."""
        self._connection.execute(
            "UPDATE documents SET text = ?, content_hash = ?, signature = ? WHERE path = ?",
            [storable(text), content_hash, signature, path],
        )

    def document(self, path: str) -> StagedDocument:
        """A document of this run."""
        row = self._connection.execute(f"SELECT {_COLUMNS} FROM documents WHERE path = ?", [path]).fetchone()  # noqa: S608
        known_path, title, url, fingerprint, media_type, modified, metadata, text, content, signature = row
        return StagedDocument(
            known_path, title, url, fingerprint, media_type, modified, json.loads(metadata), text, content, signature
        )

    def headers(self) -> Iterator[tuple[str, str, bytes, str | None, dict[str, str]]]:
        """Path, content hash, signature, time and metadata of each document, in order of path."""
        rows = self._connection.execute(
            "SELECT path, content_hash, signature, modified, metadata FROM documents ORDER BY path"
        )
        for path, content_hash, signature, modified, metadata in rows:
            yield path, content_hash, signature, modified, json.loads(metadata)

    def groups(self, most: int, characters: int) -> Iterator[list[StagedDocument]]:
        """All documents in order of path, in groups bounded by number and by characters."""
        group: list[StagedDocument] = []
        size = 0
        for path in self.paths():
            document = self.document(path)
            if group and (len(group) >= most or size + len(document.text) > characters):
                yield group
                group, size = [], 0
            group.append(document)
            size += len(document.text)
        if group:
            yield group

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _insert(self, row: tuple[object, ...]) -> bool:
        cursor = self._connection.execute("INSERT OR IGNORE INTO documents VALUES (?,?,?,?,?,?,?,?,?,?,?)", row)
        return cursor.rowcount == 1
