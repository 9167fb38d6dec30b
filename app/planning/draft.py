"""The draft that the grammar fills in: roles of mentions, before columns are decided and tables are joined."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from app.planning.dates import Period
from app.planning.elements import ColumnOption, Element
from app.planning.plan import AggregateName, ArithmeticName, Grain, Literal_, MetricRef, Operator, WindowName


@dataclass(frozen=True)
class Slot:
    """A mention of a column whose table is yet to be decided among `options`."""

    options: tuple[ColumnOption, ...]
    text: str
    at: int
    """Position of the mention among the elements, to weigh nearness to tables."""
    near: str | None = None
    """A table named right beside it ("name of the customer")."""


@dataclass(frozen=True)
class Measure:
    """What is computed or listed: a column, an aggregate of one, a count of a table's rows, or a metric.

    A `computed` one is made of other measures: `parts` are subtracted or divided, or one part is taken on both `sides`
    (the first minus the second), or along the calendar unit that the question groups by.
    """

    kind: Literal["column", "aggregate", "count", "metric", "share", "computed", "rows_of"]
    function: AggregateName | None = None
    slot: Slot | None = None
    table: str | None = None
    metric: MetricRef | None = None
    computed: ArithmeticName | WindowName | None = None
    parts: tuple[Measure, ...] = ()
    sides: tuple[Filter, ...] = ()
    size: int = 3
    """Rows that a moving average spans."""
    turned: bool = False
    """The second side minus the first: "how many fewer"."""


FilterKind: TypeAlias = Literal[
    "value", "compare", "period", "null", "like", "having", "average", "related", "boolean", "columns", "same"
]


@dataclass(frozen=True)
class Filter:
    """One condition of the question."""

    kind: FilterKind
    slot: Slot | None = None
    operator: Operator = "="
    values: tuple[Literal_, ...] = ()
    element: Element | None = None
    """The value mention: its options say which columns hold it."""
    more: tuple[Element, ...] = ()
    """Further value mentions joined by "or"."""
    measure: Measure | None = None
    table: str | None = None
    period: Period | None = None
    function: Literal["avg", "min", "max", "median"] = "avg"
    """Of a comparison with an aggregate: which one."""
    within: Slot | None = None
    """Of a comparison with an aggregate: the group that it is taken of ("of their category")."""
    sides: tuple[Filter, ...] = ()
    """Of a comparison with an aggregate: the conditions on the rows that it is taken of."""
    at: int = 0
    """Position of the condition among the elements."""
    either: int = 0
    """Conditions with the same number above 0 are alternatives: one of them must hold."""
    each: bool = False
    """One of several values that must all be found, in rows of their own ("both cats and dogs")."""
    unit: str = ""
    """The unit said with the values ("3 kg")."""
    cue: str = ""
    """The word before a value ("from", "to"), which may say which of two columns is meant."""


@dataclass(frozen=True)
class GroupKey:
    """One thing to group by: a column, a table's entity or a calendar unit."""

    slot: Slot | None = None
    table: str | None = None
    grain: Grain | None = None
    divides: bool = False
    """Named by "per" or "by", and so in want of something to count or sum."""
    each: bool = False
    """Named as "each" or "per": what is ranked is ranked in each group."""
    after: int = 0
    """How many outputs were named before it."""


@dataclass(frozen=True)
class OrderKey:
    """One sort key; `alphabetical` sorts by the first output column."""

    measure: Measure | None
    descending: bool
    explicit: bool = True
    """False for superlatives, whose measure is evidence rather than output."""


@dataclass
class Draft:
    """What the grammar understood so far. Mutable while one reading is parsed, then handed to resolution."""

    items: list[Measure] = field(default_factory=list)
    filters: list[Filter] = field(default_factory=list)
    groups: list[GroupKey] = field(default_factory=list)
    orders: list[OrderKey] = field(default_factory=list)
    tables: list[tuple[str, int, float]] = field(default_factory=list)
    """Tables named, with position and link score."""
    limit: int | None = None
    offset: int = 0
    """Rows to skip: 1 for "the second highest"."""
    top_descending: bool | None = None
    distinct: bool = False
    everything: bool = False
    negate: bool = False
    shared_from: int | None = None
    """Of a share: how many filters stood before its conditions began ("of paid orders, what share *are from* …")."""
    filtering: bool = False
    """Past a "who", "with", "whose": mentions are conditions now."""
    alternatives: list[tuple[int, Element]] = field(default_factory=list)
    """For each "or" between two conditions: how many stood before it, and the word itself."""
    date_hint: Slot | None = None
    """The date column that a verb spoke of ("placed", "opened"): a period that follows is meant of it."""
    happened: Slot | None = None
    """The same where the verb is a condition: "have been discontinued" means that there is a date."""
    uncovered: list[Element] = field(default_factory=list)
    assumed: float = 1.0
    """Product of trust in interpretations that the wording did not settle."""

    @property
    def aggregating(self) -> bool:
        """Whether an aggregate, a count or a metric is among the outputs."""
        return any(item.kind != "column" for item in self.items)
