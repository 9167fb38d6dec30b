"""The main path from a qualified DuckDB statement to a server's statement.

    types -> columns -> rewriting -> tables -> text -> parsed again

Nothing is passed on that the writer does not know. The text is read back and must name the same tables and no others:
a mistake in quoting would show there, before any server sees it.
"""

from __future__ import annotations

import msgspec
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types

from app.validation.context import Context
from app.validation.findings import Finding, Rejected
from app.validation.servers import expressions, functions, queries
from app.validation.servers.columns import stored_columns
from app.validation.servers.kinds import NotPortable
from app.validation.servers.writer import Writer

REGISTRY = {**queries.REWRITINGS, **expressions.REWRITINGS, **functions.REWRITINGS}


class Translated(msgspec.Struct, frozen=True):
    """A statement in a server's dialect: as readers see it, and with a row limit, as it is run."""

    text: str
    executable: str


def translated(qualified: exp.Expr, context: Context, limit: int) -> Translated:
    """The statement for the server of the catalog's tables. Raises `Rejected` if it cannot be put faithfully."""
    dialect = context.catalog.dialect
    try:
        tree = _written(qualified.copy(), context, dialect)
    except NotPortable as refused:
        reason = f"This cannot be asked of a live source: {refused}. Copying the source (mode=copy) allows it."
        raise Rejected((Finding("dialect", reason),)) from refused
    text = tree.sql(dialect=dialect)
    executable = _limited(tree, limit).sql(dialect=dialect)
    _require_the_same_tables(executable, tree, dialect)
    return Translated(text, executable)


def _written(tree: exp.Expr, context: Context, dialect: str) -> exp.Expr:
    annotate_types(tree, schema=context.schema, dialect="duckdb")
    if tree.find(exp.Table) is None:
        raise NotPortable("a query without a table")
    server = next(t.server for t in context.catalog.tables if t.server is not None)
    writer = Writer(dialect, server.binary, server.casing, stored_columns(tree, context), REGISTRY)
    written = writer.write(tree)
    queries.tables_in_their_schema(written, context)
    return written


def _limited(tree: exp.Expr, limit: int) -> exp.Expr:
    if isinstance(tree, exp.Select) and tree.args.get("limit") is None and tree.args.get("offset") is None:
        return tree.limit(limit)
    alias = exp.TableAlias(this=exp.to_identifier("answer", quoted=True))
    return exp.select("*").from_(exp.Subquery(this=tree.copy(), alias=alias)).limit(limit)


def _require_the_same_tables(text: str, tree: exp.Expr, dialect: str) -> None:
    try:
        again = [each for each in sqlglot.parse(text, dialect=dialect) if each is not None]
    except SqlglotError:
        again = []
    if len(again) != 1 or _tables(again[0]) != _tables(tree):
        raise Rejected((Finding("dialect", "The statement cannot be written safely for this server."),))


def _tables(tree: exp.Expr) -> list[tuple[str, str]]:
    return sorted((table.db, table.name) for table in tree.find_all(exp.Table))
