"""Whether a statement in an output is the one expected: by its text, its tables, and its rows on small tables.

Statements come from models: they are validated and run in the table sandbox, as those of answers are.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from app.llm.prompts.expectations import SqlExpectation, values_at
from app.values import Deadline

if TYPE_CHECKING:
    from sqlglot import exp

    from app.values import Rows
    from ingest.stores.catalog import Catalog

MOST_ROWS = 1000
TIMEOUT_S = 5.0
"""Seconds that one statement may run."""
MEMORY = "256MB"


class _Source(msgspec.Struct, frozen=True):
    tables_path: Path


class _Snapshot(msgspec.Struct, frozen=True):
    id: str
    sources: Mapping[str, _Source]


class Unsuitable(Exception):
    """A statement that cannot be checked; says why."""


class SqlChecks:
    """Checks statements on the tables of one case file. Use as a context manager."""

    def __init__(self, tables: Mapping[str, list[str]]) -> None:
        from app.execution.tables import TableExecutor

        self._statements = tables
        self._executor = TableExecutor(MEMORY, 1, TIMEOUT_S)
        self._folder = tempfile.TemporaryDirectory(prefix="answerable-prompts-")
        self._made: dict[str, tuple[_Snapshot, Catalog]] = {}

    def __enter__(self) -> SqlChecks:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def failures(self, output: Mapping[str, Any], path: str, wanted: SqlExpectation) -> Iterator[str]:
        """Where the statement at a path is not what is expected."""
        found = values_at(output, path)
        if len(found) != 1 or not isinstance(found[0], str):
            yield f"{path} is no statement"
            return
        try:
            tree = parsed(found[0])
            yield from _table_failures(tree, path, wanted)
            if wanted.same_as and normal(tree) not in {normal(parsed(other)) for other in wanted.same_as}:
                yield f"{path} is {normal(tree)!r}, which is not one of those expected"
            if wanted.same_rows_as and not self._same_rows(found[0], wanted):
                yield f"{path} does not give the rows of {wanted.same_rows_as!r}"
        except Unsuitable as error:
            yield f"{path}: {error}"

    def _same_rows(self, sql: str, wanted: SqlExpectation) -> bool:
        from app.evals.row_comparison import same_rows

        right = self._rows(wanted.same_rows_as, wanted.on)
        return same_rows(self._rows(sql, wanted.on).rows, right.rows, ordered=wanted.ordered)

    def _rows(self, sql: str, on: str) -> Rows:
        from app.errors import AppError
        from app.execution.tables import database_name
        from app.validation import Rejected, validate

        snapshot, catalog = self._tables(on)
        try:
            query = validate(sql, catalog, database=database_name(on), max_rows=MOST_ROWS)
            return self._executor.run(query, snapshot, Deadline.after(TIMEOUT_S))
        except Rejected as error:
            raise Unsuitable("; ".join(finding.message for finding in error.findings)) from error
        except AppError as error:
            raise Unsuitable(error.message) from error

    def _tables(self, name: str) -> tuple[_Snapshot, Catalog]:
        if name not in self._made:
            file = Path(self._folder.name) / f"{len(self._made)}.duckdb"
            catalog = _make(file, name, self._statements[name])
            self._made[name] = _Snapshot(name, {name: _Source(file)}), catalog
        return self._made[name]


def parsed(sql: str) -> exp.Expr:
    """The tree of exactly one statement; raises `Unsuitable`."""
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        trees = [tree for tree in sqlglot.parse(sql, dialect="duckdb") if tree is not None]
    except (SqlglotError, RecursionError, ValueError) as error:
        raise Unsuitable("it cannot be read as SQL") from error
    if len(trees) != 1:
        raise Unsuitable(f"it is {len(trees)} statements")
    return trees[0]


def normal(tree: exp.Expr) -> str:
    """The statement without what changes no row: case of names, quotes, white space, comments, names of outputs."""
    from sqlglot import exp

    copied = tree.copy()
    for select in copied.find_all(exp.Select):
        if select.parent is None:
            select.set("expressions", [each.unalias() for each in select.expressions])
    for name in copied.find_all(exp.Identifier):
        name.replace(exp.to_identifier(name.name.lower(), quoted=False))
    return copied.sql(dialect="duckdb", comments=False, normalize=True)


def _table_failures(tree: exp.Expr, path: str, wanted: SqlExpectation) -> Iterator[str]:
    from sqlglot import exp

    common = {cte.alias_or_name.casefold() for cte in tree.find_all(exp.CTE)}
    read = {table.name.casefold() for table in tree.find_all(exp.Table)} - common
    for table in wanted.tables:
        if table.casefold() not in read:
            yield f"{path} does not read {table}"
    for table in wanted.not_tables:
        if table.casefold() in read:
            yield f"{path} reads {table}"


def _make(file: Path, name: str, statements: list[str]) -> Catalog:
    """Make a DuckDB file by the case file's own statements; its catalog."""
    import duckdb

    from app.errors import ConfigurationError
    from app.execution.tables import type_name
    from ingest.stores.catalog import Catalog, Column, Table

    try:
        with duckdb.connect(str(file), config={"enable_external_access": "false"}) as connection:
            for statement in statements:
                connection.execute(statement)
            query = (
                "SELECT table_name, column_name, data_type FROM information_schema.columns ORDER BY 1, ordinal_position"
            )
            columns: dict[str, list[Column]] = {}
            for table, column, kind in connection.execute(query).fetchall():
                columns.setdefault(table, []).append(Column(name=column, type=type_name(kind), sql_type=kind))  # type: ignore[arg-type]
    except duckdb.Error as error:
        message = f"The tables {name!r} of the cases cannot be made: {str(error).splitlines()[0]}"
        raise ConfigurationError(message) from error
    tables = tuple(Table(name=table, path=table, columns=tuple(each), rows=0) for table, each in columns.items())
    return Catalog(source=name, tables=tables)
