"""The value index: which column holds "Berlin"? Exact look-ups of normalised values for schema linking.

One SQLite file per segment, clustered by the normalised value, so that a look-up of a question's n-grams reads one
page per n-gram. Personal columns, hidden columns and columns of long texts are left out.

Misspelt words are found by the words of the values: a single mistake leaves the beginning or the end of a word as it
was, so that a look-up reads the words which begin or end like it. Only the most frequent words of a column are kept for
that, and none with digits: a list of ten million codes costs nothing.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote

import msgspec

from connectors.base import Problem
from ingest.folding import fold
from ingest.stores.catalog import Catalog, Column, Table
from ingest.stores.identifiers import quoted

if TYPE_CHECKING:
    import duckdb

Stored: TypeAlias = "Callable[[Table, Column], Iterable[tuple[str, int]]]"
"""Values of a text column and how many rows hold each, most frequent first."""
MOST_VALUES = 1_000_000
"""Distinct values kept per column, the most frequent ones."""
LONGEST_AVERAGE = 60
"""Average characters above which a column holds prose rather than values."""
_LONGEST_NORM = 200
_FEW_ENOUGH_TO_COMPARE = 20_000
"""Values that are compared one by one, in some milliseconds."""
_MOST_WORDS = 50_000
"""Words kept per column for the misspelt ones, the most frequent."""
_MOST_ALIKE = 20
_WORD = re.compile(r"[^\W\d]{4,40}")
_LEAST_LIKENESS = 75.0
_SCHEMA = """
CREATE TABLE columns(id INTEGER PRIMARY KEY, "table" TEXT NOT NULL, "column" TEXT NOT NULL, entries INTEGER NOT NULL);
CREATE TABLE entries(
    norm TEXT NOT NULL, column_id INTEGER NOT NULL, value TEXT NOT NULL, rows INTEGER NOT NULL,
    PRIMARY KEY (norm, column_id, value)) WITHOUT ROWID;
CREATE TABLE words(word TEXT NOT NULL, column_id INTEGER NOT NULL, rows INTEGER NOT NULL, PRIMARY KEY (word, column_id))
    WITHOUT ROWID;
CREATE TABLE endings(reversed TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;
"""
_FOUND = 'SELECT c."table", c."column", e.value, e.norm, e.rows FROM entries e JOIN columns c ON c.id = e.column_id '
_FOUND_WORD = 'SELECT c."table", c."column", w.word, w.word, w.rows FROM words w JOIN columns c ON c.id = w.column_id'
_SEPARATORS = re.compile(r"[\W_]+")


class ValueHit(msgspec.Struct, frozen=True):
    """A stored value of a column. `norm` is the normalised value or label that was found, `rows` how many hold it."""

    table: str
    column: str
    value: str
    norm: str
    rows: int


def normalise(text: str) -> str:
    """Case-folded, without accents, runs of anything but letters and digits as one space.

    >>> normalise("  São-Paulo (SP) ")
    'sao paulo sp'
    """
    return _SEPARATORS.sub(" ", fold(text)).strip()


def write_value_index(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, path: Path, stored: Stored | None = None
) -> tuple[Problem, ...]:
    """Write the index of a catalog's tables, which `connection` reads. Returns what was cut.

    `stored` gives the values of tables that are not in the database.
    """
    stored = stored or partial(_stored, connection)
    findings: list[Problem] = []
    with sqlite3.connect(path) as index:
        index.execute("PRAGMA journal_mode = OFF")
        index.execute("PRAGMA synchronous = OFF")
        index.executescript(_SCHEMA)
        for table in catalog.tables:
            for column in table.columns:
                findings += _write_column(stored, index, table, column)
        index.commit()
        index.execute("PRAGMA optimize")
    index.close()
    return tuple(findings)


def indexed(column: Column) -> bool:
    """Whether a column's values may be looked up: shown text columns without personal data.

    Names of people are looked up ("orders of Anna Smith") unless the description file declares them personal.
    """
    personal = column.pii is not None and (column.pii_declared or column.pii != "PERSON")
    return not column.hidden and not personal and (column.type == "text" or bool(column.labels))


def _write_column(stored: Stored, index: sqlite3.Connection, table: Table, column: Column) -> Iterator[Problem]:
    if not indexed(column):
        return
    entries = dict(_entries(stored, table, column))
    if not entries:
        return
    cursor = index.execute(
        'INSERT INTO columns("table", "column", entries) VALUES (?, ?, ?)', (table.name, column.name, len(entries))
    )
    rows = ((norm, cursor.lastrowid, value, count) for (norm, value), count in sorted(entries.items()))
    index.executemany("INSERT OR IGNORE INTO entries(norm, column_id, value, rows) VALUES (?, ?, ?, ?)", rows)
    _write_words(index, entries, cursor.lastrowid)
    if column.type == "text" and column.distinct > MOST_VALUES:
        text = f"Only the {MOST_VALUES} most frequent of {column.distinct} values of {column.name!r} can be looked up."
        yield Problem(table.path, "values_cut", text, "noted")


def _write_words(index: sqlite3.Connection, entries: Mapping[tuple[str, str], int], column_id: int | None) -> None:
    counted: Counter[str] = Counter()
    for (norm, _value), rows in entries.items():
        for word in set(_WORD.findall(norm)):
            counted[word] += max(1, rows)
    kept = sorted(counted.most_common(_MOST_WORDS))
    index.executemany("INSERT INTO words VALUES (?, ?, ?)", ((word, column_id, rows) for word, rows in kept))
    index.executemany("INSERT OR IGNORE INTO endings VALUES (?)", ((word[::-1],) for word, _ in kept))


def _entries(stored: Stored, table: Table, column: Column) -> Iterator[tuple[tuple[str, str], int]]:
    """((norm, stored value), rows) of the column's values and of their labels."""
    counted = {str(frequent.value).casefold(): frequent.rows for frequent in column.frequent}
    for value, label in column.labels.items():
        for text in (label, value):
            yield (normalise(text)[:_LONGEST_NORM], value), counted.get(value.casefold(), 0)
    if column.type != "text":
        return
    for value, count in stored(table, column):
        norm = normalise(value)[:_LONGEST_NORM]
        if norm:
            yield (norm, value), int(count)


def _stored(connection: duckdb.DuckDBPyConnection, table: Table, column: Column) -> Iterator[tuple[str, int]]:
    """The most frequent values of a text column and their rows; none of a column that holds prose."""
    name, relation = quoted(column.name), quoted(table.name)
    average = connection.execute(f"SELECT avg(length({name})) FROM {relation}").fetchone()  # noqa: S608
    if average is None or average[0] is None or average[0] > LONGEST_AVERAGE:
        return
    found = connection.execute(
        f"SELECT {name}::VARCHAR, count(*) FROM {relation} WHERE {name} IS NOT NULL "  # noqa: S608
        f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {MOST_VALUES}"
    )
    while rows := found.fetchmany(10_000):
        yield from rows


class ValueIndex:
    """Reads a value index. Thread-safe; the file must not change while it is open."""

    def __init__(self, path: Path) -> None:
        uri = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
        self._connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
        self._lock = threading.Lock()
        known = self._connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'words'").fetchone()
        self._has_words = bool(known[0])

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def lookup(self, norms: Sequence[str]) -> list[ValueHit]:
        """Values whose normalised form (or label) is one of `norms`, most rows first."""
        wanted = [norm for norm in dict.fromkeys(norms) if norm]
        hits: list[ValueHit] = []
        for start in range(0, len(wanted), 500):
            some = wanted[start : start + 500]
            hits += self._hits(f"WHERE e.norm IN ({', '.join('?' * len(some))})", some)
        return sorted(hits, key=lambda hit: (-hit.rows, hit.table, hit.column, hit.value))

    def prefix(self, norm: str, limit: int = 20) -> list[ValueHit]:
        """Values whose normalised form starts with `norm`, in alphabetical order."""
        after = norm + "\U0010ffff"
        return self._hits("WHERE e.norm >= ? AND e.norm < ? ORDER BY e.norm LIMIT ?", [norm, after, limit])

    def frequent(self, table: str, column: str, limit: int) -> list[str]:
        """Up to `limit` stored values of a column, most rows first; reads the whole index."""
        query = """SELECT e.value FROM entries e JOIN columns c ON c.id = e.column_id
            WHERE c."table" = ? AND c."column" = ? GROUP BY e.value ORDER BY max(e.rows) DESC, e.value LIMIT ?"""
        with self._lock:
            return [str(value) for (value,) in self._connection.execute(query, [table, column, limit])]

    def nearest(
        self, norm: str, *, table: str | None = None, column: str | None = None, limit: int = 3
    ) -> list[ValueHit]:
        """Values spelled most like `norm`, of one table or column or of all, best first; none if nothing is close."""
        from rapidfuzz import fuzz, process

        hits = self._comparable(norm, table, column)
        best = process.extract(
            norm, [hit.norm for hit in hits], scorer=fuzz.WRatio, limit=limit, score_cutoff=_LEAST_LIKENESS
        )
        return [hits[position] for _, _, position in best]

    def alike(self, word: str, mistakes: int) -> list[ValueHit]:
        """Words of values that differ from a normalised word by at most so many letters, the nearest first.

        `norm` is the word. Of two or more mistakes those are found that leave the first or the last half unchanged.
        """
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        if not self._has_words:  # an index of an older version
            return []
        half, lengths = max(1, (len(word) - 1) // 2), (len(word) - mistakes, len(word) + mistakes)
        found = {*self._words(word[:half], lengths), *(w[::-1] for w in self._endings(word[::-1][:half], lengths))}
        near = process.extract(word, sorted(found), scorer=OSA.distance, score_cutoff=mistakes, limit=_MOST_ALIKE)
        if not near:
            return []
        distance = {other: int(by) for other, by, _ in near}
        marks = ", ".join("?" * len(distance))
        hits = self._select(f"{_FOUND_WORD} WHERE w.word IN ({marks})", list(distance))
        return sorted(hits, key=lambda hit: (distance[hit.norm], -hit.rows, hit.norm, hit.table, hit.column))

    def _words(self, start: str, lengths: tuple[int, int]) -> Iterator[str]:
        return self._texts("SELECT DISTINCT word FROM words WHERE word", "word", start, lengths)

    def _endings(self, start: str, lengths: tuple[int, int]) -> Iterator[str]:
        return self._texts("SELECT reversed FROM endings WHERE reversed", "reversed", start, lengths)

    def _texts(self, query: str, column: str, start: str, lengths: tuple[int, int]) -> Iterator[str]:
        query = f"{query} >= ? AND {column} < ? AND length({column}) BETWEEN ? AND ? LIMIT ?"
        bounds = [start, start + "\U0010ffff", *lengths, _FEW_ENOUGH_TO_COMPARE]
        with self._lock:
            rows = self._connection.execute(query, bounds).fetchall()
        return (str(row[0]) for row in rows)

    def _comparable(self, norm: str, table: str | None, column: str | None) -> list[ValueHit]:
        """The values to compare with: all if they are few, else those that begin alike."""
        where = """ AND (? IS NULL OR c."table" = ? COLLATE NOCASE) AND (? IS NULL OR c."column" = ? COLLATE NOCASE)"""
        scope: list[object] = [table, table, column, column]
        with self._lock:
            row = self._connection.execute(f"SELECT sum(entries) FROM columns c WHERE true{where}", scope).fetchone()  # noqa: S608
        if (row[0] or 0) <= _FEW_ENOUGH_TO_COMPARE:
            return self._hits(f"WHERE true{where}", scope)
        for length in (3, 2, 1):
            start = norm[:length]
            bounds = [start, start + "\U0010ffff", *scope, _FEW_ENOUGH_TO_COMPARE]
            hits = self._hits(f"WHERE e.norm >= ? AND e.norm < ?{where} LIMIT ?", bounds)
            if hits:
                return hits
        return []

    def _hits(self, condition: str, values: Sequence[object]) -> list[ValueHit]:
        return self._select(_FOUND + condition, values)

    def _select(self, query: str, values: Sequence[object]) -> list[ValueHit]:
        with self._lock:
            rows = self._connection.execute(query, list(values)).fetchall()
        return [ValueHit(*row) for row in rows]
