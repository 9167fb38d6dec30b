"""What the asked sources hold in their personal columns, so that a name is masked that no detector would know.

Values are read once a segment and kept as hashes, sorted: 8 bytes for a value and for each word of a name, and nothing
that could be read back. Live sources have no rows here and are left out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.llm.known_values import folded
from app.llm.strict_names import has_unknown, may_be_name
from ingest.pii.spans import PiiSpan

if TYPE_CHECKING:
    from ingest.stores.catalog import Column, Table
    from ingest.stores.snapshot import SourceReader

MOST_VALUES = 500_000
"""Distinct values read of one column."""
MOST_WORDS = 5
"""Words of the longest value that is looked for."""
SHORTEST = 3
SCORE = 0.6
_TOKEN = re.compile(r"\w+(?:[.'’@+_-]+\w+)*")
_LETTERS = re.compile(r"[^\W\d_]+")


class PersonalColumns:
    """The personal values of one segment: `uint64[n]` hashes for each kind."""

    def __init__(self, reader: SourceReader) -> None:
        found: dict[str, set[int]] = {}
        for kind, value in _values(reader):
            hashes = found.setdefault(kind, set())
            hashes.add(_hash(folded(value)))
            if kind == "PERSON":
                hashes |= {
                    _hash(w.casefold()) for w in _LETTERS.findall(value) if len(w) >= SHORTEST and may_be_name(w)
                }
        self._hashes = {kind: _sorted(hashes) for kind, hashes in found.items()}

    def spans(self, text: str) -> Iterator[PiiSpan]:
        """Where values stand in a text, in no order; they may overlap."""
        if not self._hashes:
            return
        places = list(_places(text))
        asked = np.fromiter((_hash(folded(text[start:end])) for start, end in places), np.uint64, len(places))
        for kind, hashes in self._hashes.items():
            at = np.searchsorted(hashes, asked)
            at[at == len(hashes)] = 0
            for i in np.flatnonzero(hashes[at] == asked):
                yield PiiSpan(*places[i], kind, SCORE)


def _places(text: str) -> Iterator[tuple[int, int]]:
    """Runs of words that could be values; a single ordinary word only with a capital."""
    words = [match.span() for match in _TOKEN.finditer(text)]
    for first, (start, first_end) in enumerate(words):
        for _, end in words[first : first + MOST_WORDS]:
            found = text[start:end]
            if "\n" in found:
                break
            ordinary = end == first_end and found.islower() and found.isalpha() and not has_unknown(found)
            if len(found) >= SHORTEST and not ordinary:
                yield start, end


def _values(reader: SourceReader) -> Iterator[tuple[str, str]]:
    """(kind, value) of all personal columns of the segment's tables."""
    columns = [(table, column) for table in reader.catalog.tables for column in table.columns if column.pii is not None]
    if reader.tables_path is None or not columns:
        return
    from ingest.stores.tables import open_tables

    with open_tables(reader.tables_path) as connection:
        for table, column in columns:
            for (value,) in connection.execute(_query(table, column)).fetchall():
                yield str(column.pii), value


def _query(table: Table, column: Column) -> str:
    from sqlglot import exp

    name = exp.cast(exp.column(exp.to_identifier(column.name, quoted=True)), "VARCHAR")
    query = (
        exp.select(name.as_("value"))
        .distinct()
        .from_(exp.to_table(exp.to_identifier(table.name, quoted=True).sql("duckdb")))
    )
    return query.where(name.copy().is_(exp.null()).not_()).limit(MOST_VALUES).sql("duckdb")


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def _sorted(hashes: set[int]) -> NDArray[np.uint64]:
    return np.sort(np.fromiter(hashes, np.uint64, len(hashes)))
