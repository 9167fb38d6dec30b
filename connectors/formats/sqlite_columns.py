"""What the columns of a SQLite table really hold: SQLite stores any value in any column, whatever was declared."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_EXACT_INTEGERS = 1 << 53  # doubles hold integers exactly up to here
_COLUMNS_A_QUERY = 40  # SQLite's limit on result columns is far above forty times the expressions of one column
_DATE_GLOB = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"
_TIME_GLOB = "[ T][0-2][0-9]:[0-5][0-9]*"


@dataclass(frozen=True, slots=True)
class ColumnReading:
    """How one column is selected and converted."""

    name: str
    arrow: pa.DataType
    expression: str
    blobs: bool = False
    """Some values are bytes, which become null."""
    mixed: bool = False
    """Declared as a number, but some values are text."""

    def array(self, values: Sequence[Any]) -> pa.Array[Any]:
        """The column's values, as selected, in `arrow`'s type."""
        if self.arrow == pa.bool_():
            return pa.array([None if value is None else bool(value) for value in values], self.arrow)
        if pa.types.is_temporal(self.arrow):
            return pc.cast(pa.array(values, pa.string()), self.arrow)
        if self.arrow == pa.string():
            return pa.array([_exact_text(value) for value in values], self.arrow)
        return pa.array(values, self.arrow)


def _exact_text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return repr(value)


def quoted(name: str) -> str:
    """An SQL identifier in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def column_readings(
    connection: sqlite3.Connection, table: str, columns: Sequence[tuple[str, str]]
) -> list[ColumnReading]:
    """How to read the columns (name, declared type) of a table, after counting the kinds of values in each."""
    readings: list[ColumnReading] = []
    for start in range(0, len(columns), _COLUMNS_A_QUERY):
        some = columns[start : start + _COLUMNS_A_QUERY]
        selected = ", ".join(_counts(quoted(name)) for name, _ in some)
        counted = connection.execute(f"SELECT {selected} FROM {quoted(table)}").fetchone()  # noqa: S608
        width = len(counted) // len(some)
        for index, (name, declared) in enumerate(some):
            readings.append(_reading(name, declared.upper(), *counted[index * width : (index + 1) * width]))
    return readings


def _counts(column: str) -> str:
    """Counts of integers, reals, texts, blobs, zero-or-one, ISO dates and timestamps; and the widest integer."""
    real_date = f"date(substr({column}, 1, 10), '+0 days') = substr({column}, 1, 10)"  # normalises 30 February
    return ", ".join(
        (
            f"total(typeof({column}) = 'integer')",
            f"total(typeof({column}) = 'real')",
            f"total(typeof({column}) = 'text')",
            f"total(typeof({column}) = 'blob')",
            f"total(typeof({column}) = 'integer' AND {column} IN (0, 1))",
            f"total(typeof({column}) = 'text' AND {column} GLOB '{_DATE_GLOB}' AND {real_date})",
            f"total(typeof({column}) = 'text' AND {column} GLOB '{_DATE_GLOB}{_TIME_GLOB}' AND {real_date}"
            f" AND length({column}) <= 26 AND strftime('%s', {column}) IS NOT NULL"
            f" AND substr({column}, 12) NOT GLOB '*[^0-9:.]*')",
            f"max(CASE WHEN typeof({column}) = 'integer' THEN abs(max({column}, -9223372036854775807)) END)",
        )
    )


def _reading(
    name: str, declared: str, integers: float, reals: float, texts: float, blobs: float, bits: float, dates: float,
    timestamps: float, widest: int | None,
) -> ColumnReading:  # fmt: skip
    """The narrowest Arrow type that loses no value."""
    column = quoted(name)
    has_blobs = blobs > 0
    plain = f"CASE WHEN typeof({column}) = 'blob' THEN NULL ELSE {column} END" if has_blobs else column
    if texts:
        numbers_declared = not _declares(declared, "CHAR", "TEXT", "CLOB", "DATE", "TIME") and declared != ""
        if integers or reals:
            return ColumnReading(name, pa.string(), plain, has_blobs, mixed=numbers_declared)
        kind = _text_type(dates, timestamps, texts)
        if kind == pa.string():
            return ColumnReading(name, kind, plain, has_blobs)
        return ColumnReading(name, kind, f"replace({plain}, ' ', 'T')" if dates < texts else plain, has_blobs)
    if reals:
        exact = (widest or 0) <= _EXACT_INTEGERS
        return ColumnReading(name, pa.float64() if exact else pa.string(), plain, has_blobs)
    if integers:
        is_truth = bits == integers and _declares(declared, "BOOL")
        return ColumnReading(name, pa.bool_() if is_truth else pa.int64(), plain, has_blobs)
    return ColumnReading(name, _declared_type(declared), "NULL" if has_blobs else plain, has_blobs)


def _text_type(dates: float, timestamps: float, texts: float) -> pa.DataType:
    """Date or timestamp where every text is a valid ISO one, else text."""
    if dates == texts:
        return pa.date32()
    return pa.timestamp("us") if dates + timestamps == texts else pa.string()


def _declared_type(declared: str) -> pa.DataType:
    """The type of a column without values, by SQLite's affinity rules (sqlite.org/datatype3.html, 3.1)."""
    if _declares(declared, "BOOL"):
        return pa.bool_()
    if _declares(declared, "INT"):
        return pa.int64()
    if _declares(declared, "REAL", "FLOA", "DOUB", "NUMERIC", "DECIMAL", "MONEY"):
        return pa.float64()
    if declared == "DATE":
        return pa.date32()
    return pa.timestamp("us") if _declares(declared, "DATETIME", "TIMESTAMP") else pa.string()


def _declares(declared: str, *words: str) -> bool:
    return any(word in declared for word in words)
