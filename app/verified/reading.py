"""An approved statement read for its literals and columns: the tree as written, and its qualified form."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope

from app.planning.plan import ColumnRef
from app.verified.values import Schema
from ingest.stores.catalog import Catalog, Column

ORDINAL = "ordinal"
"""Where a literal's position is kept in its node; qualifying copies it, and may move or drop literals."""


class SqlReading(msgspec.Struct, frozen=True):
    """A validated statement: `tree` as written, `qualified` with every column's table, both with numbered literals."""

    tree: exp.Expr
    qualified: exp.Expr
    columns: dict[int, ColumnRef]
    """`id` of a column node of `qualified` -> the stored column that it reads."""
    catalog: Catalog

    def column(self, node: exp.Expr) -> ColumnRef | None:
        """The stored column that a node reads, if it is a plain column."""
        return self.columns.get(id(node))

    def profile(self, ref: ColumnRef) -> Column:
        """The catalog's entry of a stored column."""
        table = self.catalog.table(ref.table)
        assert table is not None
        return next(c for c in table.columns if c.name == ref.column)

    @property
    def schema(self) -> Schema:
        """Tables and columns that the statement relies on, with their types."""
        found: Schema = {name: {} for name in _stored_tables(self.qualified, self.catalog)}
        for ref in self.columns.values():
            found.setdefault(ref.table, {})[ref.column] = self.profile(ref).sql_type
        return {table: dict(sorted(columns.items())) for table, columns in sorted(found.items())}


def read_sql(sql: str, catalog: Catalog) -> SqlReading:
    """The reading of a statement that `app.validation` allowed over the same catalog."""
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    for position, literal in enumerate(tree.find_all(exp.Literal)):
        literal.meta[ORDINAL] = position
    schema: dict[str, object] = {t.name: {c.name: c.sql_type for c in t.columns} for t in catalog.tables}
    qualified = qualify(tree.copy(), schema=schema, dialect="duckdb", quote_identifiers=True, identify=True)
    columns: dict[int, ColumnRef] = {}
    for scope in traverse_scope(qualified):
        for node in scope.columns:
            ref = _stored(node, scope, catalog)
            if ref is not None:
                columns[id(node)] = ref
    return SqlReading(tree, qualified, columns, catalog)


def ordinal(literal: exp.Expr) -> int | None:
    """The position of a literal of the statement as written; None for one that qualifying made."""
    found = literal.meta.get(ORDINAL)
    return found if isinstance(found, int) else None


def _stored(node: exp.Column, scope: Scope | None, catalog: Catalog) -> ColumnRef | None:
    """The stored column behind a column node, through sub-queries that hand it on unchanged."""
    while scope is not None:
        source = scope.sources.get(node.table)
        if isinstance(source, exp.Table):
            return _of_catalog(source.name, node.name, catalog)
        if isinstance(source, Scope):
            inner = next((p for p in _projections(source) if p.alias_or_name.casefold() == node.name.casefold()), None)
            plain = inner.unalias() if inner is not None else None
            return _stored(plain, source, catalog) if isinstance(plain, exp.Column) else None
        scope = scope.parent
    return None


def _projections(scope: Scope) -> Iterator[exp.Expr]:
    yield from getattr(scope.expression, "selects", ())


def _of_catalog(table: str, name: str, catalog: Catalog) -> ColumnRef | None:
    found = catalog.table(table)
    for column in found.columns if found is not None else ():
        if found is not None and column.name.casefold() == name.casefold():
            return ColumnRef(found.name, column.name)
    return None


def _stored_tables(tree: exp.Expr, catalog: Catalog) -> Iterator[str]:
    for node in tree.find_all(exp.Table):
        found = catalog.table(node.name)
        if found is not None:
            yield found.name
