"""Writing a segment's `tables.duckdb` from batches of rows, in bounded memory.

    TableBatch ... -> Parquet staging (one table at a time) -> types -> CREATE TABLE AS SELECT -> tables.duckdb

Staging is a Parquet file beside the database rather than a table in it, so the database never holds dead blocks, and
each probe of a column reads only that column. What planning cannot learn from the table itself (path, declared keys,
units, findings) is kept with the table, as JSON in its comment: a later sync copies the table without its source.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import TYPE_CHECKING, Any

import msgspec

from connectors.base import ForeignKey, Problem, ServerTable, TableBatch, TableChanges, TableSchema
from ingest.stores.identifiers import literal, quoted

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from ingest.column_types import TypedTable

_STAGED_BYTES = 32 << 20
"""Bytes of rows buffered before they are written as one Parquet row group."""
_TAIL_ROWS = 3
"""Rows at a table's end that may be totals: a subtotal and a grand total, say."""
_FEWEST_TOTALLED = 2
"""Rows that a total must be of."""
_WIDE = 250
"""Columns from which a table needs more memory than the limit."""
_BYTES_PER_WIDE_COLUMN = 2 << 20
_SUFFIXES = frozenset({
    ".csv", ".tsv", ".txt", ".psv", ".json", ".jsonl", ".ndjson", ".parquet", ".xlsx", ".xls", ".gz",
})  # fmt: skip


class WrittenTable(msgspec.Struct, frozen=True, kw_only=True):
    """One finished table of `tables.duckdb`, with what its source declared of it."""

    name: str
    path: str
    suggested: str
    """The name that the source suggests; `name` differs from it where two tables would have had the same."""
    fingerprint: str
    rows: int
    typed: bool
    comment: str | None = None
    primary_key: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    units: dict[str, str] = {}
    column_comments: dict[str, str] = {}
    findings: tuple[Problem, ...] = ()
    server: ServerTable | None = None
    """Where the table lies if it was not copied; it has no rows here."""


class WrittenTables(msgspec.Struct, frozen=True, kw_only=True):
    """What `TableWriter.finish` wrote."""

    tables: tuple[WrittenTable, ...]
    findings: tuple[Problem, ...]
    """All tables' findings, those of copied tables included, and of tables that could not be written."""


def open_tables(path: Path, *, read_only: bool = True, memory_limit: str = "512MB") -> duckdb.DuckDBPyConnection:
    """A connection to a tables database for work at ingest; temporary files go beside it."""
    import duckdb

    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory_limit,
        "threads": 2,
        "temp_directory": str(path.parent / "tmp.duckdb"),
    }
    return duckdb.connect(str(path), read_only=read_only, config=config)


def written_tables(connection: duckdb.DuckDBPyConnection, database: str | None = None) -> tuple[WrittenTable, ...]:
    """The tables of a database that a `TableWriter` made, read back from the tables' comments, in creation order."""
    rows = connection.execute(
        "SELECT comment FROM duckdb_tables() WHERE comment IS NOT NULL "
        "AND database_name = coalesce(?, current_database()) ORDER BY table_oid",
        [database],
    ).fetchall()
    return tuple(msgspec.json.decode(row[0], type=WrittenTable) for row in rows)


class TableWriter:
    """Builds `path` from batches; all batches of a table must come one after another.

    Use as a context manager: leaving it without `finish` closes and keeps nothing open. Raises `duckdb.Error` when the
    disk is full or the memory limit is too small.
    """

    def __init__(self, path: Path, *, memory_limit: str = "512MB", previous: Path | None = None) -> None:
        self._path = path
        self._connection = open_tables(path, read_only=False, memory_limit=memory_limit)
        self._tables: list[WrittenTable] = []
        self._lost: list[Problem] = []
        self._taken: set[str] = set()
        self._staged: _Staged | None = None
        self._widened = False
        self._previous: dict[str, WrittenTable] = {}
        if previous is not None and previous.exists():
            self._connection.execute(f"ATTACH {literal(str(previous))} AS previous_segment (READ_ONLY)")
            self._previous = {t.path: t for t in written_tables(self._connection, "previous_segment")}

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
        if self._staged is not None:
            self._staged.delete()

    def write(self, batch: TableBatch) -> None:
        """Take some rows of a table; the first batch of another path finishes the table before it."""
        if self._staged is None or self._staged.schema.path != batch.schema.path:
            self._complete()
            self._staged = _Staged(self._path.parent, batch.schema, batch.fingerprint)
        self._staged.add(batch.rows)

    def merge(self, changes: TableChanges) -> None:
        """Take what changed of a table that the previous segment holds, and all of it if rows were deleted since."""
        self._complete()
        for batch in changes.changed():
            self.write(batch)
        staged, self._staged = self._staged, None
        earlier = self._previous.get(changes.schema.path)
        if staged is None or earlier is None or not self._merged(staged, earlier, changes):
            for batch in changes.whole():
                self.write(batch)

    def _merged(self, staged: _Staged, earlier: WrittenTable, changes: TableChanges) -> bool:
        """Whether the table was made from the earlier one and the staged rows, and has as many rows as its source."""
        schema = staged.schema
        name = unique_name(schema.name, schema.path, self._taken)
        before = f"previous_segment.main.{quoted(earlier.name)}"
        keys = _renamed(schema, staged.names)
        same = " AND ".join(f"b.{quoted(keys[key])} = c.{quoted(keys[key])}" for key in schema.primary_key)
        try:
            relation = staged.relation()
            self._connection.execute(
                f"CREATE TABLE main.{quoted(name)} AS SELECT * FROM {before} b "  # noqa: S608
                f"WHERE NOT EXISTS (SELECT 1 FROM {relation} c WHERE {same}) UNION ALL BY NAME SELECT * FROM {relation}"
            )
            found = self._connection.execute(f"SELECT count(*) FROM main.{quoted(name)}").fetchone()  # noqa: S608
            if found is None or found[0] != changes.rows:
                self._connection.execute(f"DROP TABLE main.{quoted(name)}")
                return False
            self._record(_written(staged, name, changes.rows))
            return True
        finally:
            staged.delete()

    def discard(self, problem: Problem) -> None:
        """Forget the table that the problem broke off: half a table would answer with wrong figures.

        That is the table being written, if the problem concerns it or the file that it is in, and any table of exactly
        the problem's path, even if another one was written since.
        """
        if self._staged is not None and problem.concerns(self._staged.schema.path):
            self._staged.delete()
            self._staged = None
        for table in [each for each in self._tables if each.path == problem.path]:
            self._connection.execute(f"DROP TABLE main.{quoted(table.name)}")
            self._taken.discard(table.name.casefold())
            self._tables.remove(table)

    def holds(self, path: str) -> bool:
        """Whether rows of the table at `path` were written."""
        staged = self._staged is not None and self._staged.schema.path == path
        return staged or any(table.path == path for table in self._tables)

    def copy_unchanged(self, path: str, fingerprint: str | None = None) -> WrittenTable:
        """Copy a table from the previous segment, with another fingerprint if one is given.

        Raises LookupError if the previous segment has no table of that path.
        """
        self._complete()
        earlier = self._previous.get(path)
        if earlier is None:
            raise LookupError(f"the previous segment has no table {path!r}; it has {sorted(self._previous)[:20]}")
        name = unique_name(earlier.suggested, path, self._taken)
        self._connection.execute(
            f"CREATE TABLE main.{quoted(name)} AS SELECT * FROM previous_segment.main.{quoted(earlier.name)}"  # noqa: S608
        )
        kept = earlier.fingerprint if fingerprint is None else fingerprint
        return self._record(msgspec.structs.replace(earlier, name=name, fingerprint=kept))

    def finish(self) -> WrittenTables:
        """Complete the last table, checkpoint and close the database."""
        self._complete()
        if self._previous:
            self._connection.execute("DETACH previous_segment")
        self._connection.execute("CHECKPOINT")
        self._connection.close()
        found = [finding for table in self._tables for finding in table.findings]
        return WrittenTables(tables=tuple(self._tables), findings=(*self._lost, *found))

    def _complete(self) -> None:
        staged, self._staged = self._staged, None
        if staged is None:
            return
        try:
            if staged.names:
                self._create(staged)
            else:
                text = "The table has no columns, so there is nothing to ask about; it was left out."
                self._lost.append(Problem(staged.schema.path, "no_columns", text))
        finally:
            staged.delete()

    def _create(self, staged: _Staged) -> None:
        schema = staged.schema
        name = unique_name(schema.name, schema.path, self._taken)
        self._make_room(len(staged.names))
        types, rows, totals = self._fill(name, staged)
        units = {column.name: column.unit for column in types.columns if column.unit}
        self._record(_written(staged, name, rows, units=units, findings=(*types.findings, *totals)))

    def _fill(self, name: str, staged: _Staged) -> tuple[TypedTable, int, tuple[Problem, ...]]:
        """Create the table without the totals at its end; its types, its rows, and what was found of totals."""
        import ingest.total_rows as total_rows

        relation, tail = staged.relation(), staged.tail
        count = 0 if staged.schema.typed else total_rows.labelled_rows(tail)
        body = staged.rows - count
        if not count or body < _FEWEST_TOTALLED:
            return self._select_into(name, staged, relation), staged.rows, ()
        labels = [str(next(cell for cell in row if cell and cell.strip())) for row in tail[-count:]]
        types = self._select_into(name, staged, f"(SELECT * FROM {relation} LIMIT {body})")  # noqa: S608
        last = f"(SELECT {types.select_list or '*'} FROM (SELECT * FROM {relation} OFFSET {body}))"  # noqa: S608
        if all(total_rows.agreeing(self._connection, name, last)):
            return types, body, (total_rows.removed(staged.schema.path, labels),)
        self._connection.execute(f"DROP TABLE main.{quoted(name)}")
        found = (total_rows.kept(staged.schema.path, labels),)
        return self._select_into(name, staged, relation), staged.rows, found

    def _select_into(self, name: str, staged: _Staged, relation: str) -> TypedTable:
        from ingest.column_types import TypedTable, type_table

        types = TypedTable((), ())
        if not staged.schema.typed:
            types = type_table(self._connection, relation, staged.schema, names=staged.names)
        self._connection.execute(
            f"CREATE TABLE main.{quoted(name)} AS SELECT {types.select_list or '*'} FROM {relation}"  # noqa: S608
        )
        return types

    def _make_room(self, columns: int) -> None:
        """Memory for a wide table: DuckDB holds at least a row group of every column at once."""
        if columns > _WIDE and not self._widened:
            self._connection.execute("SET threads = 1")
            self._connection.execute(f"SET memory_limit = '{columns * _BYTES_PER_WIDE_COLUMN}B'")
            self._widened = True

    def _record(self, table: WrittenTable) -> WrittenTable:
        comment = literal(msgspec.json.encode(table).decode())
        self._connection.execute(f"COMMENT ON TABLE main.{quoted(table.name)} IS {comment}")
        self._taken.add(table.name.casefold())
        self._tables.append(table)
        return table


def _renamed(schema: TableSchema, names: Iterable[str]) -> dict[str, str]:
    """The source's name of each column -> its name in the database."""
    return dict(zip((column.name for column in schema.columns), names, strict=False))


def _written(
    staged: _Staged, name: str, rows: int, units: Mapping[str, str] | None = None, findings: Iterable[Problem] = ()
) -> WrittenTable:
    schema, renamed = staged.schema, _renamed(staged.schema, staged.names)
    server = schema.server
    if server is not None:
        columns = tuple(replace(column, column=renamed[column.column]) for column in server.columns)
        server = replace(server, columns=columns)
    return WrittenTable(
        name=name, path=schema.path, suggested=schema.name, fingerprint=staged.fingerprint, rows=rows,
        typed=schema.typed, comment=schema.comment, units=dict(units or {}), server=server,
        primary_key=tuple(renamed.get(column, column) for column in schema.primary_key),
        foreign_keys=schema.foreign_keys,
        column_comments={renamed[c.name]: c.comment for c in schema.columns if c.comment},
        findings=(*staged.findings, *findings),
    )  # fmt: skip


class _Staged:
    """The Parquet staging of one table: a part per Arrow schema (batches of a table nearly always share one)."""

    def __init__(self, folder: Path, schema: TableSchema, fingerprint: str) -> None:
        self.schema = schema
        self.fingerprint = fingerprint
        self.rows = 0
        self.names: tuple[str, ...] = ()
        self.findings: list[Problem] = []
        self.tail: list[list[str | None]] = []
        """The last rows of an untyped table."""
        self._folder = folder
        self._parts: list[Path] = []
        self._buffer: list[pa.RecordBatch] = []
        self._buffered = 0
        self._writer: Any = None

    def add(self, rows: pa.RecordBatch) -> None:
        """Buffer the rows, and write them when there are enough."""
        import pyarrow as pa

        if not self.names:
            self.names, renamed = unique_columns(rows.schema.names)
            if renamed:
                text = "Columns got a name of their own: " + ", ".join(f"{a!r} -> {b!r}" for a, b in renamed[:20])
                self.findings.append(Problem(self.schema.path, "renamed_columns", text, "repaired"))
        columns = [_storable(column, self.schema.typed) for column in rows.columns]
        batch = pa.RecordBatch.from_arrays(columns, names=list(self.names))
        if self._buffer and self._buffer[0].schema != batch.schema:
            self._flush()
        self._buffer.append(batch)
        self._buffered += batch.nbytes
        self.rows += batch.num_rows
        if not self.schema.typed:
            last = batch.slice(max(0, batch.num_rows - _TAIL_ROWS)).to_pylist()
            self.tail = [*self.tail, *(list(row.values()) for row in last)][-_TAIL_ROWS:]
        if self._buffered >= _STAGED_BYTES:
            self._flush()

    def relation(self) -> str:
        """What `FROM` takes to read all staged rows."""
        self._flush()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        files = ", ".join(literal(str(part)) for part in self._parts)
        return f"read_parquet([{files}], union_by_name = {str(len(self._parts) > 1).lower()})"

    def delete(self) -> None:
        """Remove the staging files."""
        if self._writer is not None:
            self._writer.close()
        for part in self._parts:
            part.unlink(missing_ok=True)

    def _flush(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not self._buffer:
            return
        table = pa.Table.from_batches(self._buffer)
        self._buffer, self._buffered = [], 0
        if self._writer is None or self._writer.schema != table.schema:
            if self._writer is not None:
                self._writer.close()
            self._parts.append(self._folder / f"staging-{id(self):x}-{len(self._parts)}.parquet")
            self._writer = pq.ParquetWriter(self._parts[-1], table.schema, compression="lz4")
        self._writer.write_table(table)


def _storable(column: Any, typed: bool) -> Any:
    """The column in a type that Parquet and DuckDB share; zoned timestamps become UTC without a zone."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if not typed or pa.types.is_null(kind) or pa.types.is_large_string(kind):
        return column.cast(pa.string()) if kind != pa.string() else column
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("us"), safe=False)
    if pa.types.is_float16(kind):
        return column.cast(pa.float32())
    if pa.types.is_interval(kind) or pa.types.is_duration(kind) or pa.types.is_union(kind):
        return pa.array([None if cell is None else str(cell) for cell in column.to_pylist()], pa.string())
    return column


def unique_name(suggested: str, path: str, taken: Iterable[str]) -> str:
    """A table name as close to the suggested one as possible and not in `taken` (casefolded names).

    Without a file suffix; a second `orders` becomes `<folder>_orders`, then `orders_2`.
    """
    used = set(taken)
    bare = "".join(character for character in suggested if character.isprintable()).strip()
    while PurePosixPath(bare).suffix.lower() in _SUFFIXES and PurePosixPath(bare).stem:
        bare = bare[: -len(PurePosixPath(bare).suffix)]
    bare = bare or "table"
    folder = PurePosixPath(path.split("#", 1)[0]).parent.name
    options = [bare, *([f"{folder}_{bare}"] if folder else [])]
    for option in options:
        if option.casefold() not in used:
            return option
    return next(f"{bare}_{n}" for n in range(2, len(used) + 3) if f"{bare}_{n}".casefold() not in used)


def unique_columns(names: Iterable[str]) -> tuple[tuple[str, ...], list[tuple[str, str]]]:
    """Column names made unique case-insensitively and never blank, and those that had to change."""
    kept: list[str] = []
    renamed: list[tuple[str, str]] = []
    used: set[str] = set()
    listed = list(names)
    for position, name in enumerate(listed, 1):
        bare = "".join(c if c.isprintable() else " " for c in name).strip() or f"column_{position}"
        option, number = bare, 2
        while option.casefold() in used:
            option, number = f"{bare}_{number}", number + 1
        if option != name:
            renamed.append((name, option))
        used.add(option.casefold())
        kept.append(option)
    return tuple(kept), renamed
