"""Reading a fragment by the question grammar, as if it followed "how many ORDERS" or "show ORDERS".

ORDERS stands for what the plan before is about, so that the grammar's patterns and the binding's nearness hold for a
fragment as they do for a whole question.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from datetime import date

import msgspec
from dateutil.relativedelta import relativedelta

from app.followups import changes
from app.planning.dates import Period
from app.planning.draft import Draft, Filter, Measure, Slot
from app.planning.elements import ColumnOption, Element
from app.planning.grammar import read
from app.planning.lexicon import Op
from app.planning.linking import link
from app.planning.plan import ColumnRef, Condition, Plan, Truncated
from app.planning.planner import Planner
from app.planning.resolve import tables_of_plan
from app.planning.segmentation import segment

MOST_READINGS = 12
AS_CONDITION = 0.93
"""Trust in words that are no condition as they stand being one."""


class Subject(msgspec.Struct, frozen=True):
    """What a fragment's words say themselves of what they ask, and whether they add more to it."""

    tables: frozenset[str] = frozenset()
    metric: bool = False
    restricted: bool = False

    @property
    def named(self) -> bool:
        """Whether they name something to ask of."""
        return bool(self.tables) or self.metric


def readings(
    text: str, plan: Plan, planner: Planner, today: date
) -> Iterator[tuple[Draft, tuple[Element, ...], float]]:
    """Drafts that account for every word of a fragment, with its elements and the trust in reading it so.

    A draft begins with the plan's subject. What is no condition as it stands is read as one too ("waterproof").
    """
    tokens, linked = link(text, planner.index, planner.values, today)
    about = Element(kind="table", start=0, end=0, weight=1.0, table=plan.base, text=plan.base)
    compared = _compared(plan, planner)
    found = segment(tokens, linked)[:MOST_READINGS]
    for weight, reading in found:
        likely = max(0.1, 1 + 1.5 * (weight - found[0][0]) / max(1, len(tokens)))
        elements = tuple(e for e in reading if not _mere_filler(e))
        lead = _lead(plan)
        sequences = [((lead, about, *elements), 1.0), ((lead, about, _THAT_ARE, *elements), AS_CONDITION)]
        if compared is not None:
            sequences.append(((lead, about, _THAT_ARE, compared, *elements), AS_CONDITION))
        for sequence, trust in sequences:
            draft = read(sequence)
            if not draft.uncovered:
                yield draft, elements, trust * likely


def _compared(plan: Plan, planner: Planner) -> Element | None:
    """The only number that the plan's conditions compare, as a mention: what "less than 50" is said of."""
    refs = {
        c.expression
        for c in plan.where
        if isinstance(c, Condition) and c.operator in ("<", "<=", ">", ">=", "between") and not c.until_exclusive
        if isinstance(c.expression, ColumnRef) and planner.index.column(c.expression).type in ("integer", "number")
    }
    if len(refs) != 1:
        return None
    ref = refs.pop()
    option = ColumnOption(ref, 1.0, planner.index.column(ref).type)
    return Element(kind="column", start=0, end=0, weight=1.0, columns=(option,), text=ref.column)


_THAT_ARE = Element(kind="op", start=0, end=0, weight=1.0, ops=(Op("where"),), text="that are")


def _lead(plan: Plan) -> Element:
    op = Op("count") if plan.aggregated else Op("ask")
    return Element(kind="op", start=0, end=0, weight=1.0, ops=(op,), text="how many" if plan.aggregated else "show")


def _mere_filler(element: Element) -> bool:
    return element.kind == "op" and all(op.kind in ("filler", "all_of") for op in element.ops)


def subject_of(text: str, plan: Plan, planner: Planner, today: date) -> Subject:
    """What a fragment says itself of its subject, by the first reading that accounts for all its words."""
    for draft, elements, _trust in readings(text, plan, planner, today):
        return Subject(
            tables=frozenset(e.table for e in elements if e.table is not None),
            metric=any(e.metric is not None for e in elements),
            restricted=bool(draft.filters or draft.groups or draft.orders or draft.limit),
        )
    return Subject()


def drawn_to(plan: Plan, text: str, draft: Draft, planner: Planner) -> Draft:
    """The draft with periods on the date that the plan speaks of, and values in columns that it uses, where it does."""
    index, draft = planner.index, _in_the_same_year(text, draft, plan)
    filtered = changes.columns_filtered(plan)
    grains = [e.column for e in plan.group_by if isinstance(e, Truncated)]
    dates = [*grains, *sorted((r for r in filtered if _is_date(r, planner)), key=lambda r: (r.table, r.column))]
    grouped = {e for e in plan.group_by if isinstance(e, ColumnRef)}
    filters: list[Filter] = []
    for condition in draft.filters:
        if condition.kind == "period" and condition.slot is None and dates:
            option = ColumnOption(dates[0], 1.0, index.column(dates[0]).type)
            condition = dataclasses.replace(condition, slot=Slot((option,), dates[0].column, 0))
        elif condition.kind == "value" and condition.element is not None and condition.slot is None:
            condition = _narrowed(condition, filtered) or _narrowed(condition, grouped) or condition
        filters.append(condition)
    tables = [*draft.tables, *((name, 0, 1.0) for name in sorted(tables_of_plan(plan)) if name != plan.base)]
    drawn = dataclasses.replace(draft, filters=filters, tables=tables)
    return _sorted_by(text, drawn) if any(order.measure is None for order in draft.orders) else drawn


_DATED = re.compile(
    r"\b(?:\d{4}|last|this|next|past|previous|current|preceding|today|yesterday|tomorrow)\b", re.IGNORECASE
)


def _in_the_same_year(text: str, draft: Draft, plan: Plan) -> Draft:
    """The draft with "April" after "March 2025" as April 2025: a period without a year is in the plan's."""
    years = {
        date.fromisoformat(str(c.values[0])[:10]).year
        for c in plan.where
        if isinstance(c, Condition) and c.operator == "between" and c.until_exclusive
    }
    if len(years) != 1 or _DATED.search(text):
        return draft
    year = years.pop()
    return dataclasses.replace(
        draft,
        filters=[
            dataclasses.replace(f, period=_moved(f.period, year)) if f.period is not None else f for f in draft.filters
        ],
    )


def _moved(period: Period, year: int) -> Period:
    """A period of days moved to the year that it is said to lie in."""
    start, end = period.start, period.end
    if start is None or end is None or start.year == year:
        return period
    return Period(start + relativedelta(years=year - start.year), end + relativedelta(years=year - start.year), "")


def _is_date(ref: ColumnRef, planner: Planner) -> bool:
    return planner.index.column(ref).type in ("date", "timestamp")


def _narrowed(condition: Filter, columns: set[ColumnRef]) -> Filter | None:
    """The condition with its value only in these columns; None if it is in none of them."""
    assert condition.element is not None
    kept = tuple(option for option in condition.element.values if option.ref in columns)
    if not kept:
        return None
    return dataclasses.replace(condition, element=msgspec.structs.replace(condition.element, values=kept))


_TOPICS = {
    "price cost fee rate amount": ("cheap", "expensive", "pric", "costl"),
    "date time day year": ("newest", "oldest", "latest", "earliest", "recent", "chronolog"),
}


def _sorted_by(text: str, draft: Draft) -> Draft:
    """The draft with "cheapest first" as an order by a price and "newest first" as one by a date."""
    lowered = text.lower()
    topic = next((topic for topic, words in _TOPICS.items() if any(word in lowered for word in words)), None)
    if topic is None:
        return draft
    measure = Measure("column", slot=Slot((), f"topic:{topic}", 0))
    return dataclasses.replace(draft, orders=[dataclasses.replace(o, measure=measure) for o in draft.orders])
