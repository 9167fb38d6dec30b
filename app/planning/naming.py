"""Names of output columns."""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.planning.plan import (
    Aggregate,
    Arithmetic,
    ColumnRef,
    Condition,
    Expression,
    Filtered,
    MetricRef,
    SelectItem,
    Share,
    ShareOfTotal,
    Truncated,
    Windowed,
)

_PREFIX = {
    "sum": "total",
    "avg": "average",
    "min": "min",
    "max": "max",
    "median": "median",
    "count_distinct": "count_distinct",
    "count": "count",
}


def alias_of(expression: Expression) -> str:
    """The name an expression appears under: the column's own, or `average_price`, `net_revenue`, `orders_count`."""
    if isinstance(expression, ColumnRef):
        return expression.column
    if isinstance(expression, Truncated):
        return expression.grain
    if isinstance(expression, MetricRef):
        return re.sub(r"\W+", "_", expression.name.strip().lower())
    if isinstance(expression, Share):
        return f"{_snake(expression.table)}_percent"
    if isinstance(expression, ShareOfTotal):
        return f"{alias_of(expression.measure)}_percent"
    if isinstance(expression, Filtered):
        return "_".join([alias_of(expression.measure), *(_period_alias(c) for c in expression.conditions)])
    if isinstance(expression, Arithmetic):
        measure = expression.left.measure if isinstance(expression.left, Filtered) else expression.left
        return f"{alias_of(measure)}_{_COMPUTED[expression.operator]}"
    if isinstance(expression, Windowed):
        if expression.function == "rank":
            return "rank"
        return f"{alias_of(expression.measure)}_{_COMPUTED[expression.function]}"
    return _aggregate_alias(expression)


_COMPUTED = {
    "difference": "difference",
    "ratio": "ratio",
    "percent_change": "change_percent",
    "change": "change",
    "running_total": "running_total",
    "moving_average": "moving_average",
}


def _period_alias(condition: Condition) -> str:
    """What a measure of some rows is told apart by: the year or first day, or the value."""
    first = str(condition.values[0]) if condition.values else condition.operator
    if condition.until_exclusive:
        first = first[:4] if first.endswith("-01-01") and str(condition.values[1]).endswith("-01-01") else first
        first = first[:7] if first.endswith("-01") else first
    return _snake(first)


def _aggregate_alias(expression: Aggregate) -> str:
    if expression.argument is None:
        return f"{_snake(expression.table)}_count"
    return f"{_PREFIX[expression.function]}_{_snake(expression.argument.column)}"


def _snake(name: str) -> str:
    return re.sub(r"\W+", "_", name.strip()).lower()


def named_items(expressions: Sequence[Expression], taken: set[str] | None = None) -> tuple[SelectItem, ...]:
    """Output columns with distinct names: a name used twice gets its table in front, then a number."""
    used = {name.casefold() for name in taken or ()}
    plain = [alias_of(e) for e in expressions]
    items = []
    for expression, alias in zip(expressions, plain, strict=True):
        if plain.count(alias) > 1 and isinstance(expression, ColumnRef):
            alias = f"{_snake(expression.table)}_{alias}"
        name, number = alias, 2
        while name.casefold() in used:
            name, number = f"{alias}_{number}", number + 1
        used.add(name.casefold())
        items.append(SelectItem(expression, name))
    return tuple(items)
