"""The typed logical query plan that every planner produces and only `app.planning.compile` turns into SQL."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

AggregateName: TypeAlias = Literal["count", "count_distinct", "sum", "avg", "min", "max"]
Grain: TypeAlias = Literal["day", "week", "month", "quarter", "year"]
Operator: TypeAlias = Literal[
    "=",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "between",
    "in",
    "not_in",
    "contains",
    "starts",
    "ends",
    "not_contains",
    "is_null",
    "not_null",
]
Literal_: TypeAlias = str | int | float | bool


class ColumnRef(msgspec.Struct, frozen=True, tag="column"):
    """A column of a catalog table, both names as in the catalog."""

    table: str
    column: str


class Truncated(msgspec.Struct, frozen=True, tag="truncated"):
    """A date or timestamp column cut to a calendar unit."""

    column: ColumnRef
    grain: Grain


class Aggregate(msgspec.Struct, frozen=True, tag="aggregate"):
    """An aggregate; `argument` None only for `count`, which then counts rows of `table`."""

    function: AggregateName
    table: str
    argument: ColumnRef | None = None


class MetricRef(msgspec.Struct, frozen=True, tag="metric"):
    """A metric of the catalog, by name."""

    name: str
    table: str


class ShareOfTotal(msgspec.Struct, frozen=True, tag="share_of_total"):
    """Percent that a group's measure is of the sum over all groups."""

    measure: Aggregate | MetricRef

    @property
    def table(self) -> str:
        """The table that is measured."""
        return self.measure.table


class Share(msgspec.Struct, frozen=True, tag="share"):
    """Percent of the rows of `table` that fulfil `conditions`."""

    table: str
    conditions: tuple[Condition | Related, ...]


Measured: TypeAlias = Aggregate | MetricRef | Share | ShareOfTotal
Expression: TypeAlias = ColumnRef | Truncated | Measured
MEASURED = (Aggregate, MetricRef, Share, ShareOfTotal)
"""For `isinstance`: expressions with one value a group."""


class SelectItem(msgspec.Struct, frozen=True):
    """An output column: an expression and the name that readers see."""

    expression: Expression
    alias: str


class Condition(msgspec.Struct, frozen=True, tag="condition"):
    """`expression operator values`; dates are ISO text; `between` is inclusive and has two values."""

    expression: Expression
    operator: Operator
    values: tuple[Literal_, ...] = ()
    until_exclusive: bool = False
    """For `between` on dates: the second value is the first moment after the period."""


class AnyOf(msgspec.Struct, frozen=True, tag="any"):
    """At least one of the conditions holds."""

    conditions: tuple[Condition, ...]


class Related(msgspec.Struct, frozen=True, tag="related"):
    """Rows of `table` related to the base row exist (or, negated, do not), fulfilling `conditions`."""

    table: str
    negated: bool = False
    conditions: tuple[Condition, ...] = ()


class AboveAverage(msgspec.Struct, frozen=True, tag="average"):
    """A column compared with an aggregate of itself over its whole table."""

    column: ColumnRef
    operator: Literal["<", ">", "<=", ">="]
    function: Literal["avg", "max", "min"] = "avg"


Predicate: TypeAlias = Condition | AnyOf | Related | AboveAverage


class Ordering(msgspec.Struct, frozen=True):
    """A sort key."""

    expression: Expression
    descending: bool = False


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One logical query over one source.

    `base` is the table whose rows are listed, counted or aggregated: its grain is the query's. Tables that other parts
    name are joined along the catalog's join graph; tables on the many side that only conditions name become semi-joins,
    so that no row of `base` counts twice.
    """

    source: str
    base: str
    select: tuple[SelectItem, ...]
    evidence: tuple[SelectItem, ...] = ()
    """Output columns that nobody asked for but that show why (a superlative's measure); cut from the answer's table."""
    where: tuple[Predicate, ...] = ()
    group_by: tuple[Expression, ...] = ()
    having: tuple[Condition, ...] = ()
    order_by: tuple[Ordering, ...] = ()
    limit: int | None = None
    distinct: bool = False

    @property
    def aggregated(self) -> bool:
        """Whether the output is one row per group rather than per base row."""
        return bool(self.group_by) or any(isinstance(i.expression, MEASURED) for i in self.select)
