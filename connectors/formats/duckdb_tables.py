"""DuckDB files: every table and view, in DuckDB's own types, with keys and comments."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from connectors.base import ColumnSchema, ForeignKey, Problem, TableBatch, TableSchema
from connectors.formats.arrow_columns import plain_batch, plain_schema
from connectors.formats.source_file import Content, SourceFile, UnreadableItem
from connectors.formats.tabular_header import unique_names
from connectors.formats.text_batches import BATCH_ROWS

if TYPE_CHECKING:
    import duckdb

# Nothing in the file may reach other files, the network or settings, nor load code.
_LOCKED_DOWN: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "memory_limit": "1GB",
    "lock_configuration": "true",
}
_PLAIN_TYPES = frozenset((
    "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "FLOAT",
    "DOUBLE", "VARCHAR", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS",
))  # fmt: skip
_NESTED_STARTS = ("STRUCT", "MAP", "UNION")

_TABLES = """
    SELECT schema_name, table_name, comment, false AS is_view FROM duckdb_tables()
    WHERE database_name = current_database() AND NOT internal AND NOT temporary
    UNION ALL
    SELECT schema_name, view_name, comment, true FROM duckdb_views()
    WHERE database_name = current_database() AND NOT internal AND NOT temporary
    ORDER BY is_view, schema_name <> 'main', schema_name, table_name
"""
_COLUMNS = """
    SELECT column_name, data_type, comment FROM duckdb_columns()
    WHERE database_name = current_database() AND schema_name = ? AND table_name = ? ORDER BY column_index
"""
_CONSTRAINTS = """
    SELECT constraint_type, constraint_column_names, referenced_table, referenced_column_names
    FROM duckdb_constraints()
    WHERE database_name = current_database() AND schema_name = ? AND table_name = ?
      AND constraint_type IN ('PRIMARY KEY', 'FOREIGN KEY')
    ORDER BY constraint_index
"""


@dataclass(frozen=True, slots=True)
class _Table:
    schema: str
    name: str
    comment: str | None
    is_view: bool


class DuckDBReader:
    """Reads DuckDB database files."""

    kind: Literal["table"] = "table"

    def parts(self, file: SourceFile) -> list[str]:
        """`path#schema.table` for each table and view."""
        with closing(_opened(file)) as connection:
            return [_part(file, table) for table in _tables(connection, file)]

    def read(self, file: SourceFile, wanted: Collection[str]) -> Iterator[Content]:
        """Yield the batches of the wanted tables; a table or view that fails is a problem.

        Raises:
            UnreadableItem: `empty_file`, `corrupt_file` or `locked_file`.

        """
        import duckdb

        with closing(_opened(file)) as connection:
            tables = _tables(connection, file)
            names = _suggested_names(tables)
            for table in tables:
                if _part(file, table) not in wanted:
                    continue
                try:
                    yield from _read_table(connection, file, table, names)
                except duckdb.Error as error:
                    what, remedy = ("view", "Materialise it as a table.") if table.is_view else ("table", "Restore it.")
                    message = f"The {what} cannot be read: {_first_line(error)}. {remedy}"
                    yield Problem(_part(file, table), "unreadable_table", message)


def _opened(file: SourceFile) -> duckdb.DuckDBPyConnection:
    import duckdb

    if not file.location.stat().st_size:
        raise UnreadableItem("empty_file", "The file is empty.")
    try:
        return duckdb.connect(file.location, read_only=True, config=_LOCKED_DOWN)
    except duckdb.Error as error:
        first = _first_line(error)
        if "lock" in first.lower():
            holder = "".join(re.findall(r"\(PID \d+\)", first)[:1])
            message = " ".join(f"Another process {holder} has the database open for writing: close it there.".split())
            raise UnreadableItem("locked_file", message) from error
        message = f"The file is damaged, encrypted or of a newer DuckDB ({first}): export it again with this version."
        raise UnreadableItem("corrupt_file", message) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0].rstrip(".")


def _tables(connection: duckdb.DuckDBPyConnection, file: SourceFile) -> list[_Table]:
    tables = [_Table(*row) for row in connection.execute(_TABLES).fetchall()]
    stored = [table for table in tables if not table.is_view]
    return tables if file.views or (file.views is None and not stored) else stored


def _part(file: SourceFile, table: _Table) -> str:
    return f"{file.path}#{table.schema}.{table.name}"


def _suggested_names(tables: Sequence[_Table]) -> dict[tuple[str, str], str]:
    """(schema, table) -> name: `schema_table` where several schemas have a table of that name."""
    often = Counter(table.name.casefold() for table in tables)
    names = [table.name if often[table.name.casefold()] == 1 else f"{table.schema}_{table.name}" for table in tables]
    return {(table.schema, table.name): name for table, name in zip(tables, unique_names(names), strict=True)}


def _read_table(
    connection: duckdb.DuckDBPyConnection, file: SourceFile, table: _Table, names: dict[tuple[str, str], str]
) -> Iterator[Content]:
    import pyarrow as pa

    part = _part(file, table)
    columns = connection.execute(_COLUMNS, [table.schema, table.name]).fetchall()
    schema = _schema(connection, part, table, names, [(name, comment) for name, _, comment in columns])
    if skipped := [name for name, kind, _ in columns if kind == "BLOB"]:
        yield Problem(part, "binary_column", f"Columns of bytes are left empty: {', '.join(skipped)}.", "noted")
    selected = ", ".join(_expression(name, kind) for name, kind, _ in columns)
    cursor = connection.cursor()
    query = f"SELECT {selected} FROM {quoted(table.schema)}.{quoted(table.name)}"  # noqa: S608
    source = cursor.sql(query).to_arrow_reader(BATCH_ROWS)
    arrow = plain_schema(source.schema, source.schema.names)
    any_rows = False
    for batch in source:
        any_rows = True
        yield TableBatch(schema, plain_batch(batch, arrow), _fingerprint(file, part))
    if not any_rows:
        yield TableBatch(schema, pa.RecordBatch.from_pylist([], schema=arrow), _fingerprint(file, part))
    cursor.close()


def _fingerprint(file: SourceFile, part: str) -> str:
    return file.part_fingerprint(part)


def _schema(
    connection: duckdb.DuckDBPyConnection,
    part: str,
    table: _Table,
    names: dict[tuple[str, str], str],
    columns: Sequence[tuple[str, str | None]],
) -> TableSchema:
    primary: tuple[str, ...] = ()
    foreign: list[ForeignKey] = []
    for kind, own, target, target_columns in connection.execute(_CONSTRAINTS, [table.schema, table.name]).fetchall():
        if kind == "PRIMARY KEY":
            primary = tuple(own)
        elif target:
            to_table = names.get((table.schema, target), target)
            foreign.append(ForeignKey(tuple(own), to_table, tuple(target_columns)))
    return TableSchema(
        name=names[(table.schema, table.name)],
        path=part,
        columns=tuple(ColumnSchema(name, comment) for name, comment in columns),
        typed=True,
        primary_key=primary,
        foreign_keys=tuple(foreign),
        comment=table.comment,
    )


def _expression(name: str, kind: str) -> str:
    """How a column is selected so that Arrow can carry it: types that it lacks as text."""
    column = quoted(name)
    is_nested = kind.endswith("]") or kind.startswith(_NESTED_STARTS)
    if kind in _PLAIN_TYPES or is_nested or kind.startswith("DECIMAL"):
        return column
    if kind == "BLOB":
        return f"CAST(NULL AS VARCHAR) AS {column}"
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"CAST(make_timestamp(epoch_us({column})) AS TIMESTAMP) AS {column}"
    if kind in ("HUGEINT", "UHUGEINT"):
        return f"coalesce(TRY_CAST({column} AS DECIMAL(38, 0)), NULL) AS {column}"
    return f"CAST({column} AS VARCHAR) AS {column}"


def quoted(name: str) -> str:
    """An SQL identifier in double quotes."""
    return '"' + name.replace('"', '""') + '"'


READER = DuckDBReader()
