"""Conditions that exclude each other: found before a query runs, so that nobody reads a silent 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from app.planning.plan import ColumnRef, Condition, Literal_


def contradiction(conditions: Sequence[Condition]) -> tuple[Condition, Condition, str] | None:
    """Two conditions that no single row can meet, with what to say about them; None if all can be met."""
    for at, first in enumerate(conditions):
        for second in conditions[at + 1 :]:
            if first.expression == second.expression and _exclude(first, second):
                name = first.expression.column if isinstance(first.expression, ColumnRef) else "value"
                said = f"{_said(first)} and {_said(second)}"
                return first, second, f"No row can be both: {str(name).replace('_', ' ')} {said}."
    return None


def _exclude(first: Condition, second: Condition) -> bool:
    operators = {first.operator, second.operator}
    if operators == {"="}:
        return first.values != second.values
    if operators == {"=", "!="}:
        return first.values == second.values
    if operators == {"is_null", "not_null"}:
        return True
    if operators == {"=", "in"} or operators == {"in"}:
        return not set(first.values) & set(second.values)
    low, high = _bounds(first), _bounds(second)
    if low is None or high is None:
        return False
    return _apart(low, high) or _apart(high, low)


_Bound: TypeAlias = tuple[Literal_ | None, bool, Literal_ | None, bool]
"""Lower bound, whether it is itself allowed, upper bound, whether it is itself allowed."""


def _bounds(condition: Condition) -> _Bound | None:
    values = condition.values
    if condition.operator in (">", ">="):
        return values[0], condition.operator == ">=", None, False
    if condition.operator in ("<", "<="):
        return None, False, values[0], condition.operator == "<="
    if condition.operator == "between":
        return values[0], True, values[1], not condition.until_exclusive
    if condition.operator == "=" and not isinstance(values[0], str | bool):
        return values[0], True, values[0], True
    return None


def _apart(first: _Bound, second: _Bound) -> bool:
    """Whether the first range ends before the second begins."""
    high, low = first[2], second[0]
    if isinstance(high, str) and isinstance(low, str):
        return high < low or (high == low and not (first[3] and second[1]))
    if isinstance(high, int | float) and isinstance(low, int | float):
        return high < low or (high == low and not (first[3] and second[1]))
    return False


_SIGNS = {">": "over", ">=": "at least", "<": "under", "<=": "at most", "=": "", "!=": "not"}


def _said(condition: Condition) -> str:
    values = condition.values
    if condition.operator == "between":
        return f"from {values[0]} to {values[1]}"
    if condition.operator in ("is_null", "not_null"):
        return "missing" if condition.operator == "is_null" else "known"
    said = " or ".join(f"“{v}”" if isinstance(v, str) else str(v) for v in values)
    return f"{_SIGNS.get(condition.operator, '')} {said}".strip()
