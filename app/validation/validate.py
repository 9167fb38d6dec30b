"""Validation's main path: parse, apply every rule, qualify, and only then make a `ValidatedQuery`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import TypeAlias

import msgspec
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify

from app.validation.bounded_joins import bounded_joins
from app.validation.context import Context
from app.validation.findings import Finding, Rejected
from app.validation.known_functions import known_functions
from app.validation.known_nodes import known_nodes
from app.validation.known_tables import known_tables
from app.validation.named_columns import named_columns
from app.validation.personal import personal_kinds
from app.validation.servers import translated
from app.validation.single_query import single_query
from app.values import ValidatedQuery
from ingest.stores.catalog import Catalog

Rule: TypeAlias = Callable[[exp.Expr, Context], Iterator[Finding]]
RULES: tuple[Rule, ...] = (single_query, known_nodes, known_functions, known_tables)
QUALIFIED_RULES: tuple[Rule, ...] = (named_columns, bounded_joins)
"""Rules that need every column to know its table."""
logging.getLogger("sqlglot").setLevel(
    logging.ERROR
)  # it warns, with the statement, of syntax that the rules reject anyway
MAX_SQL_CHARS = 50_000
MAX_DEPTH = 120


class SqlCheck(msgspec.Struct, frozen=True):
    """The answer of `/v1/sql/check`: whether a statement would run, why not, and its normal form."""

    allowed: bool
    findings: tuple[Finding, ...]
    sql: str | None


def validate(sql: str, catalog: Catalog, *, database: str, max_rows: int) -> ValidatedQuery:
    """The validated form of a statement over the visible `catalog`.

    `database` is the name under which the source's tables are attached in the sandbox; `max_rows` bounds the rows that
    come back. Raises `Rejected` with every finding.
    """
    tree, qualified = _checked(sql, Context(catalog))
    personal = personal_kinds(qualified, Context(catalog))
    tables = tuple(dict.fromkeys(t.name for t in _stored_tables(qualified)))
    text, executable, shadow = tree.sql(dialect="duckdb"), "", None
    if catalog.dialect != "duckdb":
        written = translated(qualified, Context(catalog), max_rows + 1)
        text, executable = written.text, written.executable
        shadow = _executable(qualified, database, max_rows + 1)
    return ValidatedQuery(
        source=catalog.source,
        text=text,
        executable=executable or _executable(qualified, database, max_rows + 1),
        max_rows=max_rows,
        tables=tables,
        personal=personal,
        dialect=catalog.dialect,
        shadow=shadow,
    )


def check_sql(sql: str, catalog: Catalog) -> SqlCheck:
    """Whether a statement would be allowed to run over the visible `catalog`; it is never run."""
    try:
        tree, qualified = _checked(sql, Context(catalog))
        if catalog.dialect != "duckdb":
            return SqlCheck(True, (), translated(qualified, Context(catalog), 1).text)
    except Rejected as rejected:
        return SqlCheck(False, rejected.findings, None)
    return SqlCheck(True, (), tree.sql(dialect="duckdb"))


def _checked(sql: str, context: Context) -> tuple[exp.Expr, exp.Expr]:
    tree = _parsed(sql)
    findings = tuple(finding for rule in RULES for finding in rule(tree, context))
    if findings:
        raise Rejected(findings)
    qualified = _qualified(tree, context)
    findings = tuple(finding for rule in QUALIFIED_RULES for finding in rule(qualified, context))
    if findings:
        raise Rejected(findings)
    return tree, qualified


def _parsed(sql: str) -> exp.Expr:
    if len(sql) > MAX_SQL_CHARS:
        raise Rejected((Finding("parse", f"The statement is over {MAX_SQL_CHARS} characters."),))
    try:
        trees = [tree for tree in sqlglot.parse(sql, dialect="duckdb") if tree is not None]
    except (SqlglotError, RecursionError, ValueError) as error:
        raise Rejected(
            (Finding("parse", f"The statement cannot be read as SQL: {str(error).splitlines()[0][:200]}"),)
        ) from error
    if len(trees) != 1:
        raise Rejected((Finding("parse", f"Exactly one statement may run, not {len(trees)}."),))
    tree = trees[0]
    if max((node.depth for node in tree.walk()), default=0) > MAX_DEPTH:
        raise Rejected((Finding("parse", "The statement is nested too deeply."),))
    return tree


def _qualified(tree: exp.Expr, context: Context) -> exp.Expr:
    """Every column with its table, stars expanded to the visible columns; an unknown column is a finding."""
    try:
        return qualify(
            tree.copy(),
            schema=context.schema,
            dialect="duckdb",
            quote_identifiers=True,
            identify=True,
            validate_qualify_columns=True,
        )
    except (SqlglotError, RecursionError) as error:
        raise Rejected((Finding("known_columns", str(error).splitlines()[0][:300]),)) from error


def _stored_tables(tree: exp.Expr) -> list[exp.Table]:
    common = {cte.alias_or_name.casefold() for cte in tree.find_all(exp.CTE)}
    return [t for t in tree.find_all(exp.Table) if t.name.casefold() not in common]


def _executable(qualified: exp.Expr, database: str, limit: int) -> str:
    """The qualified statement with each stored table in `database`.main, under a row limit."""
    for table in _stored_tables(qualified):
        table.set("db", exp.to_identifier("main", quoted=True))
        table.set("catalog", exp.to_identifier(database, quoted=True))
    if (
        isinstance(qualified, exp.Select)
        and qualified.args.get("limit") is None
        and qualified.args.get("offset") is None
    ):
        return qualified.limit(limit, copy=False).sql(dialect="duckdb")
    wrapped = exp.select("*").from_(
        exp.Subquery(this=qualified, alias=exp.TableAlias(this=exp.to_identifier("answer")))
    )
    return wrapped.limit(limit).sql(dialect="duckdb")
