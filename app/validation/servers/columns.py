"""Which columns of a statement are those of stored tables, and what each is on its server."""

from __future__ import annotations

import msgspec
from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from app.validation.context import Context
from app.validation.servers.kinds import NotPortable
from ingest.stores.servers import ServerColumn, ServerTable, reading


class Stored(msgspec.Struct, frozen=True):
    """A column of a stored table within a statement; `alias` is the table's name there."""

    alias: str
    table: ServerTable
    column: ServerColumn

    def bare(self) -> exp.Expr:
        """The column as the server has it."""
        return exp.column(
            exp.to_identifier(self.column.name, quoted=True), table=exp.to_identifier(self.alias, quoted=True)
        )

    def read(self) -> exp.Expr:
        """The column as it is read."""
        column = self.column
        return reading(self.bare(), column.reading, self.table.dialect, column.collation, self.table.binary)


def stored_columns(tree: exp.Expr, context: Context) -> dict[int, Stored]:
    """Every reference to a column of a stored table, by the id of its node. Raises `NotPortable` for an unknown one."""
    found: dict[int, Stored] = {}
    for scope in traverse_scope(tree):
        for node in scope.columns:
            source = _source(scope, node.table)
            if isinstance(source, exp.Table):
                found[id(node)] = _stored(node, source, context)
    return found


def server_table(name: str, context: Context) -> ServerTable:
    """The server's table of a catalog table's name. Raises `NotPortable` if there is none."""
    table = context.tables.get(name.casefold())
    if table is None or table.server is None:
        raise NotPortable(f"the table {name} is not on the server")
    return table.server


def _source(scope: Scope | None, alias: str) -> object:
    while scope is not None:
        if alias in scope.sources:
            return scope.sources[alias]
        scope = scope.parent
    return None


def _stored(node: exp.Column, source: exp.Table, context: Context) -> Stored:
    table, column = server_table(source.name, context), context.column(source.name, node.name)
    found = next((each for each in table.columns if column is not None and each.column == column.name), None)
    if found is None:
        raise NotPortable(f"the column {node.name} of {source.name} is not on the server")
    return Stored(node.table, table, found)
