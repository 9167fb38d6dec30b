"""What a site's connector remembers of each address between two syncs: validators, links, and what was read of it.

The links are there because a page that is not sent again (304) does not say where it leads.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

Outcome: TypeAlias = Literal["document", "silent", "moved", "alias"]
"""What an address gave: a document; nothing but links (`noindex`, no text); a redirect; another canonical address."""

_SCHEMA = """CREATE TABLE IF NOT EXISTS pages(
    url TEXT PRIMARY KEY, outcome TEXT NOT NULL, path TEXT NOT NULL, fingerprint TEXT NOT NULL, etag TEXT NOT NULL,
    modified TEXT NOT NULL, target TEXT NOT NULL, links BLOB NOT NULL) WITHOUT ROWID"""
_COLUMNS = "url, outcome, path, fingerprint, etag, modified, target, links"


@dataclass(frozen=True, slots=True)
class PageNote:
    """What is remembered of one address."""

    url: str
    outcome: Outcome
    path: str = ""
    """Of the document."""
    fingerprint: str = ""
    """Of the document."""
    etag: str = ""
    modified: str = ""
    """The `Last-Modified` header, as the server wrote it."""
    target: str = ""
    """Where a redirect or a canonical address leads."""
    links: tuple[str, ...] = ()

    @property
    def validators(self) -> dict[str, str]:
        """Headers that ask for the page only if it has changed."""
        found = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {name: value for name, value in found.items() if value}


class Notes:
    """The notes of the last sync, for reading, and those of this one, for writing. One thread."""

    def __init__(self, before: Path | None, after: Path) -> None:
        self._after = sqlite3.connect(after, isolation_level=None)
        self._after.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _SCHEMA)
        self._after.execute("BEGIN")
        self._before: sqlite3.Connection | None = None
        if before is not None:
            self._before = _opened(before)

    def known(self, url: str) -> PageNote | None:
        """What the last sync noted of an address."""
        if self._before is None:
            return None
        row = self._before.execute(f"SELECT {_COLUMNS} FROM pages WHERE url = ?", [url]).fetchone()  # noqa: S608
        return _note(row) if row else None

    def all_known(self) -> Iterator[PageNote]:
        """Everything that the last sync noted, in order of address."""
        if self._before is not None:
            for row in self._before.execute(f"SELECT {_COLUMNS} FROM pages ORDER BY url"):  # noqa: S608
                yield _note(row)

    def write(self, note: PageNote) -> None:
        """Remember an address for the next sync."""
        row = (
            note.url, note.outcome, note.path, note.fingerprint, note.etag, note.modified, note.target,
            zlib.compress(json.dumps(note.links).encode()),
        )  # fmt: skip
        self._after.execute("INSERT OR REPLACE INTO pages VALUES (?,?,?,?,?,?,?,?)", row)

    def written(self, url: str) -> bool:
        """Whether this sync has noted the address."""
        return self._after.execute("SELECT 1 FROM pages WHERE url = ?", [url]).fetchone() is not None

    def close(self) -> None:
        """Write this sync's notes to the end and close the files."""
        self._after.execute("COMMIT")
        self._after.close()
        if self._before is not None:
            self._before.close()


def _opened(path: Path) -> sqlite3.Connection | None:
    """The last notes; None where an earlier version of the software wrote something else."""
    connection = sqlite3.connect(path.absolute().as_uri() + "?mode=ro&immutable=1", uri=True)
    with suppress(sqlite3.DatabaseError):
        connection.execute(f"SELECT {_COLUMNS} FROM pages LIMIT 1").fetchone()  # noqa: S608
        return connection
    connection.close()
    return None


def _note(row: tuple[str, Outcome, str, str, str, str, str, bytes]) -> PageNote:
    return PageNote(*row[:7], links=tuple(json.loads(zlib.decompress(row[7]))))
