"""What each output column of a table answer is to a reader: its role, its words, its unit.

The plan says it where there is one; a query without a plan is judged by its column types alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from app.planning.entities import key_columns
from app.planning.plan import (
    MEASURED,
    Aggregate,
    Arithmetic,
    ColumnRef,
    Expression,
    Filtered,
    Grain,
    MetricRef,
    Plan,
    ShareOfTotal,
    Truncated,
    Windowed,
)
from app.planning.plan import Share as ShareOf
from app.planning.schema_index import SchemaIndex
from app.planning.tokens import identifier_stems
from app.values import Cell, ColumnInfo

Role: TypeAlias = Literal["time", "year", "category", "ordinal", "measure"]
"""`ordinal`: numbers that name groups (ratings, sizes); `measure`: amounts."""

NUMERIC = ("integer", "number")
RATIO_UNITS = frozenset({"ratio", "fraction", "share", "rate"})
"""Units of shares in 0..1, which readers see as percent."""
_UNITS: dict[str, str | None] = {"percent_change": "%", "ratio": None, "rank": None}
"""Units of what is computed, where they are not those of what it is computed from."""
_LABELS = {"year", "id", "code", "number", "zip"}
_UNIT_WORDS = {"m²": "m2", "m³": "m3", "€": "eur", "$": "usd", "£": "gbp", "%": "percent"}


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """One output column."""

    name: str
    title: str
    """In words, without unit: `net revenue`."""
    role: Role
    unit: str | None = None
    grain: Grain | None = None
    """Of a time: the calendar unit of its values."""
    additive: bool = False
    """Parts of it add up to a whole: a count or a sum."""
    computed: bool = False
    """Not stored in a row: an aggregate or a metric."""
    labels: dict[str, str] = {}

    @property
    def ratio(self) -> bool:
        """Values are shares in 0..1 that readers see as percent."""
        return self.unit in RATIO_UNITS


def planned_outputs(
    plan: Plan, columns: Sequence[ColumnInfo], titles: Sequence[str], index: SchemaIndex
) -> list[Output]:
    """The outputs of a plan's `select`; `titles` are its expressions in words."""
    return [
        Output(
            name=column.name,
            title=title,
            role=_role(item.expression, column, plan, index),
            unit=unit_of(item.expression, index),
            grain=_grain(item.expression, column),
            additive=isinstance(item.expression, Aggregate) and item.expression.function in ("count", "sum"),
            computed=isinstance(item.expression, (*MEASURED, Windowed)),
            labels=index.column(item.expression).labels if isinstance(item.expression, ColumnRef) else {},
        )
        for item, column, title in zip(plan.select, columns, titles, strict=True)
    ]


def typed_outputs(columns: Sequence[ColumnInfo]) -> list[Output]:
    """The outputs of a query of which no plan is known."""
    return [
        Output(
            name=column.name,
            title=" ".join(column.name.replace("_", " ").split()) or "value",
            role=_typed_role(column),
            grain="day" if column.type in ("date", "timestamp") else None,
        )
        for column in columns
    ]


def unit_of(expression: Expression, index: SchemaIndex) -> str | None:
    """The unit of an expression's values; `%` for shares in 0..100, one of `RATIO_UNITS` for shares in 0..1."""
    if isinstance(expression, ShareOf | ShareOfTotal):
        return "%"
    if isinstance(expression, Filtered):
        return unit_of(expression.measure, index)
    if isinstance(expression, Arithmetic):
        return _UNITS[expression.operator] if expression.operator in _UNITS else unit_of(expression.left, index)
    if isinstance(expression, Windowed):
        return _UNITS[expression.function] if expression.function in _UNITS else unit_of(expression.measure, index)
    if isinstance(expression, MetricRef):
        return next((m.unit for m in index.catalog.metrics if m.name == expression.name), None)
    if isinstance(expression, Aggregate):
        counted = expression.function in ("count", "count_distinct")
        return None if counted or expression.argument is None else index.column(expression.argument).unit
    return index.column(expression).unit if isinstance(expression, ColumnRef) else None


def is_label(expression: Expression, index: SchemaIndex) -> bool:
    """Whether numbers of an expression are names, not amounts: years, keys, codes."""
    if isinstance(expression, Aggregate) and expression.function in ("min", "max") and expression.argument is not None:
        expression = expression.argument
    if not isinstance(expression, ColumnRef):
        return isinstance(expression, Truncated)
    stems = identifier_stems(expression.column)
    return bool(_LABELS & set(stems)) or expression in key_columns(index.table(expression.table))


def without_unit(words: str, unit: str | None) -> str:
    """A column's words without its unit at the end: `floor area m2` of unit m² is floor area."""
    if not unit:
        return words
    names = {unit.casefold(), _UNIT_WORDS.get(unit, unit).casefold()}
    head, _, last = words.rpartition(" ")
    if head and last.casefold() in names:
        return head
    parts = head.rpartition(" ")
    return parts[0] if parts[0] and f"{parts[2]}{last}".casefold() in names else words


def amount(cell: Cell) -> float | None:
    """A cell as a finite number; None if it is none. Exact decimals come as digits."""
    if isinstance(cell, bool) or cell is None:
        return None
    if isinstance(cell, str):
        if not re.fullmatch(r"-?\d{1,40}(\.\d{1,40})?", cell):
            return None
        return float(cell)
    try:
        value = float(cell)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None


def _role(expression: Expression, column: ColumnInfo, plan: Plan, index: SchemaIndex) -> Role:
    if isinstance(expression, Truncated):
        return "time"
    if not isinstance(expression, ColumnRef):
        if isinstance(expression, (*MEASURED, Windowed)) and column.type not in ("date", "timestamp"):
            return "category" if column.type == "text" else "measure"
        return _typed_role(column)
    if column.type in NUMERIC:
        if "year" in identifier_stems(expression.column):
            return "year"
        if is_label(expression, index):
            return "category"
        return "ordinal" if plan.aggregated else "measure"
    return _typed_role(column)


def _typed_role(column: ColumnInfo) -> Role:
    if column.type in ("date", "timestamp"):
        return "time"
    if column.type in NUMERIC:
        stems = set(identifier_stems(column.name))
        return "year" if "year" in stems else "category" if _LABELS & stems else "measure"
    return "category"


def _grain(expression: Expression, column: ColumnInfo) -> Grain | None:
    if isinstance(expression, Truncated):
        return expression.grain
    return "day" if column.type in ("date", "timestamp") else None
