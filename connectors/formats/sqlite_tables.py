"""SQLite files: every table and view, typed by what the columns really hold, with the declared keys."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from connectors.base import ColumnSchema, ForeignKey, Problem, TableBatch, TableSchema
from connectors.formats.source_file import Content, SourceFile, UnreadableItem
from connectors.formats.sqlite_columns import ColumnReading, column_readings, quoted
from connectors.formats.tabular_header import unique_names
from connectors.formats.text_batches import BATCH_ROWS

_TABLES = """
    SELECT name, type FROM pragma_table_list
    WHERE schema = 'main' AND type IN ('table', 'view', 'virtual') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
    ORDER BY type = 'view', name
"""

_LOGS = ("-wal", "-journal")
BUSY_S = 5.0
"""Seconds that a program which is writing to the file is waited for."""


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    kind: str


class SQLiteReader:
    """Reads SQLite database files."""

    kind: Literal["table"] = "table"

    def parts(self, file: SourceFile) -> list[str]:
        """`path#table` for each table and view."""
        with closing(_opened(file)) as connection:
            return [_part(file, table) for table in _tables(connection, file)]

    def read(self, file: SourceFile, wanted: Collection[str]) -> Iterator[Content]:
        """Yield the batches of the wanted tables; a table or view that fails is a problem.

        Raises:
            UnreadableItem: `corrupt_file`.

        """
        with closing(_opened(file)) as connection:
            tables = _tables(connection, file)
            if not tables:
                raise UnreadableItem("empty_file", "The database holds no tables.")
            for table in tables:
                if _part(file, table) not in wanted:
                    continue
                try:
                    yield from _read_table(connection, file, table)
                except (sqlite3.Error, pa.ArrowException) as error:
                    message = f"The {table.kind} cannot be read ({error}): check it with `PRAGMA integrity_check`."
                    yield Problem(_part(file, table), "unreadable_table", message)


def _opened(file: SourceFile) -> sqlite3.Connection:
    """A read-only connection; a file without a log of unfinished writes is immutable: nothing is written beside it."""
    logs = [file.location.with_name(file.location.name + suffix) for suffix in _LOGS]
    has_log = any(log.is_file() and log.stat().st_size > 0 for log in logs)
    uri = file.location.resolve().as_uri() + ("?mode=ro" if has_log else "?mode=ro&immutable=1")
    try:
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_S)
        connection.text_factory = _text_of_bytes
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.Error as error:
        if has_log and not _says_damaged(error):
            message = f"Another program is writing to the database, or stopped halfway ({error}): let it finish."
            raise UnreadableItem("locked_file", message) from error
        message = f"The file is damaged, encrypted or not SQLite ({error}): restore it or export it again."
        raise UnreadableItem("corrupt_file", message) from error
    return connection


def _says_damaged(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _text_of_bytes(value: bytes) -> str:
    """SQLite does not check that text is UTF-8; what is not is read as Windows-1252."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("cp1252", "replace")


def _tables(connection: sqlite3.Connection, file: SourceFile) -> list[_Table]:
    try:
        tables = [_Table(*row) for row in connection.execute(_TABLES)]
    except sqlite3.Error as error:
        raise UnreadableItem(
            "corrupt_file", f"The list of tables cannot be read ({error}): restore the file."
        ) from error
    stored = [table for table in tables if table.kind != "view"]
    return tables if file.views or (file.views is None and not stored) else stored


def _part(file: SourceFile, table: _Table) -> str:
    return f"{file.path}#{table.name}"


def _read_table(connection: sqlite3.Connection, file: SourceFile, table: _Table) -> Iterator[Content]:
    part = _part(file, table)
    declared = connection.execute("SELECT name, type, pk FROM pragma_table_xinfo(?) WHERE hidden <> 1", [table.name])
    columns: list[tuple[str, str, int]] = declared.fetchall()
    readings = column_readings(connection, table.name, [(name, kind) for name, kind, _ in columns])
    names = unique_names([name or f"column_{number}" for number, (name, _, _) in enumerate(columns, 1)])
    yield from _reported(part, readings)
    schema = TableSchema(
        name=table.name,
        path=part,
        columns=tuple(ColumnSchema(name) for name in names),
        typed=True,
        primary_key=tuple(name for name, _, rank in sorted(columns, key=lambda column: column[2]) if rank),
        foreign_keys=_foreign_keys(connection, table.name),
    )
    arrow = pa.schema([(name, reading.arrow) for name, reading in zip(names, readings, strict=True)])
    selected = ", ".join(reading.expression for reading in readings)
    cursor = connection.execute(f"SELECT {selected} FROM {quoted(table.name)}")  # noqa: S608
    fingerprint = file.part_fingerprint(part)
    rows = cursor.fetchmany(BATCH_ROWS)
    while True:
        values = list(zip(*rows, strict=True)) or [()] * len(arrow)
        arrays = [reading.array(column) for reading, column in zip(readings, values, strict=True)]
        yield TableBatch(schema, pa.record_batch(arrays, schema=arrow), fingerprint)
        rows = cursor.fetchmany(BATCH_ROWS)
        if not rows:
            return


def _reported(part: str, readings: list[ColumnReading]) -> Iterator[Problem]:
    if blobs := [reading.name for reading in readings if reading.blobs]:
        yield Problem(part, "binary_column", f"Values of bytes are left empty in: {', '.join(blobs)}.", "noted")
    if mixed := [reading.name for reading in readings if reading.mixed]:
        message = f"Columns declared as numbers hold text too and are read as text: {', '.join(mixed)}."
        yield Problem(part, "mixed_types", message, "noted")


def _foreign_keys(connection: sqlite3.Connection, table: str) -> tuple[ForeignKey, ...]:
    """Declared foreign keys; one that names no columns refers to the other table's primary key."""
    rows = connection.execute(
        'SELECT id, "table", "from", "to" FROM pragma_foreign_key_list(?) ORDER BY id DESC, seq', [table]
    ).fetchall()
    found: dict[int, ForeignKey] = {}
    for number, target, own, other in rows:
        earlier = found.get(number, ForeignKey((), target, ()))
        others = (*earlier.to_columns, other) if other else ()
        found[number] = ForeignKey((*earlier.columns, own), target, others)
    return tuple(key if key.to_columns else _to_primary_key(connection, key) for key in found.values())


def _to_primary_key(connection: sqlite3.Connection, key: ForeignKey) -> ForeignKey:
    rows = connection.execute("SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", [key.to_table])
    return ForeignKey(key.columns, key.to_table, tuple(name for (name,) in rows))


READER = SQLiteReader()
