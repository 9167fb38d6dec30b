"""Rule `bounded_joins`: joins are connected by conditions, so that a query cannot multiply tables without bound."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from app.validation.context import Context
from app.validation.findings import Finding

MAX_UNCONNECTED = 2
MAX_TABLES = 40
MAX_PRODUCT = 50_000_000
"""Rows: the most that two unconnected tables may multiply to."""


def bounded_joins(tree: exp.Expr, context: Context) -> Iterator[Finding]:
    """At most two unconnected groups of stored tables in one SELECT, with a bounded product of rows."""
    if sum(1 for _ in tree.find_all(exp.Table)) > MAX_TABLES:
        yield Finding("bounded_joins", f"More than {MAX_TABLES} tables in one query.")
    for select in tree.find_all(exp.Select):
        groups = _groups(select, context)
        if len(groups) < 2:
            continue
        product = 1
        for group in groups:
            product *= max(context.tables[table].rows for table in group.values())
        if len(groups) > MAX_UNCONNECTED or product > MAX_PRODUCT:
            names = ", ".join(sorted(alias for group in groups for alias in group))
            yield Finding("bounded_joins", f"No condition connects {names}: every row would meet every other row.")


def _groups(select: exp.Select, context: Context) -> list[dict[str, str]]:
    """Groups of stored tables (alias -> table) connected by any comparison in the SELECT."""
    sources = [s for s in (select.args.get("from_"), *(select.args.get("joins") or ())) if s is not None]
    aliases = {
        s.this.alias_or_name.casefold(): s.this.name.casefold()
        for s in sources
        if isinstance(s.this, exp.Table) and s.this.name.casefold() in context.tables
    }
    parent = {alias: alias for alias in aliases}

    def find(alias: str) -> str:
        while parent[alias] != alias:
            alias = parent[alias]
        return alias

    for node in select.walk():
        if isinstance(
            node,
            exp.EQ
            | exp.LT
            | exp.LTE
            | exp.GT
            | exp.GTE
            | exp.Between
            | exp.In
            | exp.NullSafeEQ
            | exp.Or
            | exp.Like
            | exp.ILike,
        ):
            touched = [c.table.casefold() for c in node.find_all(exp.Column) if c.table.casefold() in parent]
            for other in touched[1:]:
                parent[find(other)] = find(touched[0])
        elif isinstance(node, exp.Join) and node.args.get("using"):
            for other in list(parent)[1:]:
                parent[find(other)] = find(next(iter(parent)))
    groups: dict[str, dict[str, str]] = {}
    for alias, table in aliases.items():
        groups.setdefault(find(alias), {})[alias] = table
    return list(groups.values())
