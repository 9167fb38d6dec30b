"""The typed logical query plan that every planner produces and only `app.planning.compile` turns into SQL."""

from __future__ import annotations

import operator
from typing import Literal, TypeAlias

import msgspec

AggregateName: TypeAlias = Literal["count", "count_distinct", "sum", "avg", "min", "max", "median"]
Grain: TypeAlias = Literal["day", "week", "month", "quarter", "year"]
ArithmeticName: TypeAlias = Literal["difference", "ratio", "percent_change"]
WindowName: TypeAlias = Literal["running_total", "moving_average", "change", "percent_change", "rank"]
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


class RowsOf(msgspec.Struct, frozen=True, tag="rows_of"):
    """The number of all rows of a table, whatever the query's conditions are: what a ratio is "per"."""

    table: str


class Filtered(msgspec.Struct, frozen=True, tag="filtered"):
    """An aggregate over the rows that fulfil all of `conditions`, whatever the query's other rows are."""

    measure: Aggregate | MetricRef
    conditions: tuple[Condition, ...]

    @property
    def table(self) -> str:
        """The table that is measured."""
        return self.measure.table


class Arithmetic(msgspec.Struct, frozen=True, tag="arithmetic"):
    """`left - right`, `left / right` or the percent by which `left` is above `right`; a division by zero is null."""

    operator: ArithmeticName
    left: Aggregate | MetricRef | Filtered
    right: Aggregate | MetricRef | Filtered | RowsOf

    @property
    def table(self) -> str:
        """The table that is measured first."""
        return self.left.table


class Windowed(msgspec.Struct, frozen=True, tag="windowed"):
    """A value computed over the rows of the result: along a calendar unit, or a rank by a measure.

    `change` and `percent_change` compare with the calendar unit just before, and are null where it has no row;
    `moving_average` spans `size` rows; equal values share a rank.
    """

    function: WindowName
    measure: Aggregate | MetricRef | ColumnRef
    along: Truncated | None = None
    size: int = 3
    descending: bool = True

    @property
    def table(self) -> str:
        """The table that is measured."""
        return self.measure.table


Measured: TypeAlias = Aggregate | MetricRef | Share | ShareOfTotal | Filtered | Arithmetic
Expression: TypeAlias = ColumnRef | Truncated | Measured | Windowed
MEASURED = (Aggregate, MetricRef, Share, ShareOfTotal, Filtered, Arithmetic)
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

    conditions: tuple[Condition | Related, ...]


class Related(msgspec.Struct, frozen=True, tag="related"):
    """Rows of `table` related to the base row exist (or, negated, do not), fulfilling `conditions`."""

    table: str
    negated: bool = False
    conditions: tuple[Condition, ...] = ()


class RelatedCount(msgspec.Struct, frozen=True, tag="related_count"):
    """How many rows of `table` that fulfil `conditions` are related to the base row, compared with a number; none
    counts as 0.
    """

    table: str
    operator: Literal["<", ">", "<=", ">=", "=", "!="]
    number: int | float
    conditions: tuple[Condition, ...] = ()

    @property
    def holds_without_any(self) -> bool:
        """Whether a row to which none is related is one that is asked for."""
        holds = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq}
        return self.number != 0 if self.operator == "!=" else holds[self.operator](0, self.number)


class AgainstAggregate(msgspec.Struct, frozen=True, tag="against_aggregate"):
    """A column compared with an aggregate of itself: over its whole table, its own group, or the rows that fulfil
    `conditions`.
    """

    column: ColumnRef
    operator: Literal["<", ">", "<=", ">=", "=", "!="]
    function: Literal["avg", "max", "min", "median"] = "avg"
    within: ColumnRef | None = None
    """The column of the same table whose value the compared rows share ("the average of their category")."""
    conditions: tuple[Condition, ...] = ()


class ComparedColumns(msgspec.Struct, frozen=True, tag="columns"):
    """Two columns of a row compared."""

    left: ColumnRef
    operator: Literal["<", ">", "<=", ">=", "=", "!="]
    right: ColumnRef


class Among(msgspec.Struct, frozen=True, tag="among"):
    """A column whose value occurs (or, negated, does not) in rows of its table that fulfil `conditions`.

    It says "countries with singers born before 1945 and singers born after 1955", "same country as Ada".
    """

    column: ColumnRef
    conditions: tuple[Condition, ...]
    negated: bool = False


Predicate: TypeAlias = Condition | AnyOf | Related | RelatedCount | AgainstAggregate | ComparedColumns | Among


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
    offset: int = 0
    """Rows skipped before the limit counts: 1 for the second best."""
    limit_within: tuple[ColumnRef | Truncated, ...] = ()
    """The limit counts anew for each combination of these: the best of each category."""
    distinct: bool = False

    @property
    def aggregated(self) -> bool:
        """Whether the output is one row per group rather than per base row."""
        return bool(self.group_by) or any(isinstance(i.expression, MEASURED) for i in self.select)
