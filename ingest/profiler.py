"""The profile of a source's tables: types, ranges, frequent values, keys, personal data and joins, as a `Catalog`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal

import duckdb

from connectors.base import ForeignKey
from ingest.joins import declared_joins, infer_joins
from ingest.keys import infer_key
from ingest.pii import kind_of_column
from ingest.stores.catalog import Catalog, Column, ColumnType, FrequentValue, Scalar, Table, Visibility
from ingest.stores.identifiers import quoted
from ingest.stores.tables import WrittenTable

_COLUMNS_PER_QUERY = 100
_EXACT_ROWS = 5_000_000
"""Rows up to which distinct values are counted exactly."""
FREQUENT = 20
FREQUENT_DISTINCT = {"text": 20_000, "boolean": 2, "integer": 50, "number": 50, "date": 50, "timestamp": 50}
"""Distinct values up to which a column's frequent values are listed."""
SAMPLED_VALUES = 200
LONGEST_VALUE = 120
"""Characters from which a text is no frequent value, minimum or maximum worth keeping."""


def profile(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[WrittenTable],
    *,
    source: str,
    visibility: Visibility = "internal",
) -> Catalog:
    """Profile the tables of one source. `visibility` is the source's and goes to every table and column."""
    profiled = tuple(_profile_table(connection, table, visibility) for table in tables)
    declared = declared_joins(profiled, {table.name: renamed_keys(table, tables) for table in tables})
    inferred = infer_joins(connection, profiled, declared)
    return Catalog(source=source, tables=profiled, joins=(*declared, *inferred))


def renamed_keys(table: WrittenTable, tables: Sequence[WrittenTable]) -> list[ForeignKey]:
    """The table's foreign keys with the referred tables under their names in the segment's database."""
    suggested = {other.suggested.casefold(): other.name for other in reversed(tables)}
    return [
        ForeignKey(key.columns, suggested.get(key.to_table.casefold(), key.to_table), key.to_columns)
        for key in table.foreign_keys
    ]


def column_type(sql_type: str) -> ColumnType:
    """The catalog's type of a DuckDB type."""
    bare = sql_type.upper().partition("(")[0].strip()
    if bare.endswith("]"):
        return "other"
    if bare == "DECIMAL" and sql_type.replace(" ", "").endswith(",0)"):
        return "integer"
    return _TYPES.get(bare, "other")


_TYPES: Mapping[str, ColumnType] = {
    **dict.fromkeys(
        (f"{sign}{size}INT" for sign in ("", "U") for size in ("TINY", "SMALL", "BIG", "HUGE")),
        "integer",
    ),
    **dict.fromkeys(("INTEGER", "UINTEGER"), "integer"),
    **dict.fromkeys(("DECIMAL", "DOUBLE", "FLOAT", "REAL"), "number"),
    **dict.fromkeys(("VARCHAR", "ENUM", "UUID"), "text"),
    "BOOLEAN": "boolean",
    "DATE": "date",
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), "timestamp"),
    "TIMESTAMP WITH TIME ZONE": "timestamp",
    **dict.fromkeys(("TIME", "TIME WITH TIME ZONE", "TIME_NS"), "time"),
}


def _profile_table(connection: duckdb.DuckDBPyConnection, table: WrittenTable, visibility: Visibility) -> Table:
    names = stored_columns(connection, table)
    columns: list[Column] = []
    for start in range(0, len(names), _COLUMNS_PER_QUERY):
        columns += _profile_columns(connection, table, names[start : start + _COLUMNS_PER_QUERY], visibility)
    profiled = Table(
        name=table.name, path=table.path, columns=tuple(columns), rows=table.rows, primary_key=table.primary_key,
        description=table.comment, visibility=visibility,
    )  # fmt: skip
    if profiled.primary_key:
        return profiled
    return Table(
        name=table.name, path=table.path, columns=tuple(columns), rows=table.rows,
        primary_key=infer_key(connection, profiled), description=table.comment, visibility=visibility,
    )  # fmt: skip


def stored_columns(connection: duckdb.DuckDBPyConnection, table: WrittenTable) -> list[tuple[str, str]]:
    """Names and DuckDB types of a table's columns."""
    described = connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? AND schema_name = 'main' "
        "AND database_name = current_database() ORDER BY column_index",
        [table.name],
    ).fetchall()
    return [(str(name), str(kind)) for name, kind in described]


def _profile_columns(
    connection: duckdb.DuckDBPyConnection,
    table: WrittenTable,
    names: Sequence[tuple[str, str]],
    visibility: Visibility,
) -> list[Column]:
    statistics = _statistics(connection, table, names)
    sample = _samples(connection, table, [name for name, _ in names])
    columns = []
    for (name, sql_type), (filled, distinct, low, high) in zip(names, statistics, strict=True):
        kind = column_type(sql_type)
        pii = kind_of_column(name, sample[name], text=kind == "text") if kind in PII_TYPES else None
        shown = pii is None
        columns.append(
            Column(
                name=name, type=kind, sql_type=sql_type, description=table.column_comments.get(name),
                unit=table.units.get(name), nulls=table.rows - filled, distinct=distinct,
                unique=filled > 0 and distinct == filled, visibility=visibility, pii=pii,
                minimum=bound(low) if shown else None, maximum=bound(high) if shown else None,
                frequent=_frequent(connection, table, name, kind, distinct) if shown else (),
            )
        )  # fmt: skip
    return columns


PII_TYPES = ("text", "integer", "date")


def _statistics(
    connection: duckdb.DuckDBPyConnection, table: WrittenTable, names: Sequence[tuple[str, str]]
) -> list[tuple[int, int, object, object]]:
    """Per column: non-null rows, distinct values, minimum, maximum (None where the type has no order worth telling)."""
    parts = []
    for name, sql_type in names:
        column, kind = quoted(name), column_type(sql_type)
        distinct = f"count(DISTINCT {column})" if table.rows <= _EXACT_ROWS else f"approx_count_distinct({column})"
        bounds = f"min({column}), max({column})"
        if kind == "other":
            distinct, bounds = "0", "NULL, NULL"
        elif kind == "number" and not sql_type.startswith("DECIMAL"):
            bounds = f"min({column}) FILTER (WHERE isfinite({column})), max({column}) FILTER (WHERE isfinite({column}))"
        parts.append(f"count({column}), {distinct}, {bounds}")
    row = connection.execute(f"SELECT {', '.join(parts)} FROM {quoted(table.name)}").fetchone() or ()  # noqa: S608
    cells = iter(row)
    return [(int(next(cells)), int(next(cells)), next(cells), next(cells)) for _ in names]


def _samples(
    connection: duckdb.DuckDBPyConnection, table: WrittenTable, names: Sequence[str]
) -> dict[str, list[str | int | float]]:
    """Up to 200 non-null values of each column, the same for the same table."""
    listed = ", ".join(quoted(name) for name in names)
    rows = connection.execute(
        f"SELECT {listed} FROM {quoted(table.name)} USING SAMPLE reservoir({SAMPLED_VALUES} ROWS) REPEATABLE (7)"  # noqa: S608
    ).fetchall()
    return {name: [row[i] for row in rows if row[i] is not None] for i, name in enumerate(names)}


def _frequent(
    connection: duckdb.DuckDBPyConnection, table: WrittenTable, name: str, kind: ColumnType, distinct: int
) -> tuple[FrequentValue, ...]:
    if not 0 < distinct <= FREQUENT_DISTINCT.get(kind, 0):
        return ()
    column = quoted(name)
    short = f"AND length({column}) <= {LONGEST_VALUE}" if kind == "text" else ""
    rows = connection.execute(
        f"SELECT {column}, count(*) FROM {quoted(table.name)} WHERE {column} IS NOT NULL {short} "  # noqa: S608
        f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {FREQUENT}"
    ).fetchall()
    return tuple(FrequentValue(scalar(value), int(count)) for value, count in rows)


def bound(value: object) -> Scalar:
    """A least or greatest value as a catalog scalar; None for a long text."""
    found = scalar(value)
    return None if isinstance(found, str) and len(found) > LONGEST_VALUE else found


def scalar(value: object) -> Scalar:
    """A cell as a catalog scalar: dates as ISO text, decimals as the nearest int or float, no NaN or infinity."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)
