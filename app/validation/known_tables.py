"""Rule `known_tables`: every table is one of the source's that the caller may see, or a CTE of the same statement."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from app.validation.context import Context
from app.validation.findings import Finding


def known_tables(tree: exp.Expr, context: Context) -> Iterator[Finding]:
    """Files, URLs, system catalogs and other databases are unknown tables."""
    common = {cte.alias_or_name.casefold() for cte in tree.find_all(exp.CTE)}
    seen: set[str] = set()
    for table in tree.find_all(exp.Table):
        name = table.name
        qualified = bool(table.catalog) or (bool(table.db) and table.db.casefold() != "main")
        if not qualified and (name.casefold() in context.tables or (name.casefold() in common and not table.db)):
            continue
        label = ".".join(part for part in (table.catalog, table.db, name) if part)
        if label not in seen:
            seen.add(label)
            yield Finding("known_tables", f"There is no table {label!r} in this source.")
