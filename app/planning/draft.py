"""The draft that the grammar fills in: roles of mentions, before columns are decided and tables are joined."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from app.planning.dates import Period
from app.planning.elements import ColumnOption, Element
from app.planning.plan import AggregateName, Grain, Literal_, MetricRef, Operator


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
    """What is computed or listed: a column, an aggregate of one, a count of a table's rows, or a metric."""

    kind: Literal["column", "aggregate", "count", "metric", "share"]
    function: AggregateName | None = None
    slot: Slot | None = None
    table: str | None = None
    metric: MetricRef | None = None


FilterKind: TypeAlias = Literal["value", "compare", "period", "null", "like", "having", "average", "related", "boolean"]


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
    at: int = 0
    """Position of the condition among the elements."""
    either: int = 0
    """Conditions with the same number above 0 are alternatives: one of them must hold."""
    each: bool = False
    """One of several values that must all be found, in rows of their own ("both cats and dogs")."""
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
