"""Rule `named_columns`: every value is read from a column by its name, so that each is known to be visible or personal.

DuckDB lets the name of a table stand for whole rows (`SELECT p FROM products p`) and columns be renamed by position
(`products AS p(a, b)`); both reach columns that the audience's catalog does not hold.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from app.validation.context import Context
from app.validation.findings import Finding


def named_columns(tree: exp.Expr, context: Context) -> Iterator[Finding]:
    """No row is read as a whole, and no column of a table by its position."""
    seen: set[str] = set()
    for column in tree.find_all(exp.TableColumn, exp.Column):
        name = column.name
        if column.args.get("table") or name in seen or not _is_a_source(name, column) or _is_an_output(name, column):
            continue
        seen.add(name)
        yield Finding("named_columns", f"{name!r} names whole rows here. Name a column.")
    for table in tree.find_all(exp.Table):
        alias = table.args.get("alias")
        if isinstance(alias, exp.TableAlias) and alias.columns:
            yield Finding("named_columns", f"The columns of {table.name!r} cannot be renamed by their position.")


def _is_a_source(name: str, column: exp.Expr) -> bool:
    """Whether a table, sub-query or CTE of that name is read where the column stands, or around it."""
    select = column.find_ancestor(exp.Select)
    while select is not None:
        if name.casefold() in _sources(select):
            return True
        select = select.find_ancestor(exp.Select)
    return False


def _sources(select: exp.Select) -> set[str]:
    parts = [part for part in (select.args.get("from_"), *(select.args.get("joins") or ())) if part is not None]
    return {part.this.alias_or_name.casefold() for part in parts}


def _is_an_output(name: str, column: exp.Expr) -> bool:
    """Whether it stands in the order of a query that has an output of that name."""
    order = column.find_ancestor(exp.Order, exp.Select)
    select = order.parent if isinstance(order, exp.Order) else None
    outputs = select.selects if isinstance(select, exp.Select) else ()
    return any(output.alias_or_name.casefold() == name.casefold() for output in outputs)
