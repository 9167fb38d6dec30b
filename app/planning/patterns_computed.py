"""Patterns of values computed from others: growth, running totals, moving averages, ranks, differences and ratios.

Growth and differences are read in two steps: a pattern notes what is measured, and once the whole question is read
`settle` takes the two periods or values that it is compared between from the conditions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.planning.dates import Period, add_unit
from app.planning.draft import Draft, Filter, GroupKey, Measure, OrderKey
from app.planning.elements import Element
from app.planning.measures import at, note_table, read_measure, skip, slot_of
from app.planning.plan import Grain

_LIGHT = ("prep", "filler", "all_of", "where", "ask")
_GRAINS: tuple[Grain, ...] = ("day", "week", "month", "quarter", "year")
FARTHEST = 7
"""Elements between a "how" and the "grow" that it belongs to, at most."""


def growth(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "how did revenue grow from 2024 to 2025", "month over month growth of orders", "change in orders"."""
    if draft.filtering:
        return None
    if elements[i].text.lower() in ("how", "how much", "by how much", "how has", "how have"):
        reach = range(i + 1, min(i + FARTHEST, len(elements)))
        grows = next((j for j in reach if elements[j].is_op("growth")), None)
        found = _measured(draft, elements, skip(elements, i + 1, *_LIGHT)) if grows is not None else None
        if grows is None or found is None or found[1] > grows:
            return None
        draft.items.append(Measure("computed", computed="percent_change", parts=(found[0],)))
        return found[1]
    if not elements[i].is_op("growth"):
        return None
    if draft.items and draft.items[-1].computed == "percent_change":
        return i + 1  # the "grow" of a "how did …"
    found = _measured(draft, elements, skip(elements, i + 1, *_LIGHT))
    if found is None:
        if not draft.items or draft.items[-1].kind in ("column", "computed"):
            return None
        draft.items[-1] = Measure("computed", computed="percent_change", parts=(draft.items[-1],))
        return i + 1
    draft.items.append(Measure("computed", computed="percent_change", parts=(found[0],)))
    return found[1]


def _measured(draft: Draft, elements: Sequence[Element], i: int) -> tuple[Measure, int] | None:
    """What is measured at a position: an aggregate or metric, the rows of a table, or the sum of a column."""
    found = read_measure(draft, elements, i)
    if found is not None:
        return (found[0][0], found[1]) if len(found[0]) == 1 else None
    element = at(elements, i)
    if element.kind == "table":
        note_table(draft, element, i)
        return Measure("count", "count", table=element.table), i + 1
    if element.kind == "column" and element.columns[0].type in ("integer", "number"):
        return Measure("aggregate", "sum", slot=slot_of(elements, i)), i + 1
    return None


def running(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "running total of net revenue by month", "cumulative number of orders per month"."""
    if not elements[i].is_op("running"):
        return None
    found = _measured(draft, elements, skip(elements, i + 1, *_LIGHT))
    if found is None:
        return None
    draft.items.append(Measure("computed", computed="running_total", parts=(found[0],)))
    return found[1]


def moving(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "moving average of orders per month", "3-month moving average of net revenue"."""
    size, j = 3, i
    unit_at = i + 1 + (at(elements, i + 1).text == "-")
    number, unit = elements[i].number, at(elements, unit_at).text.lower().removesuffix("s")
    if isinstance(number, int) and 1 < number <= 366 and unit in _GRAINS:
        size, j = number, unit_at + 1
    if not at(elements, j).is_op("moving"):
        return None
    found = _measured(draft, elements, skip(elements, j + 1, *_LIGHT))
    if found is None:
        return None
    if j > i:
        draft.groups.append(GroupKey(grain=unit))  # type: ignore[arg-type]
    draft.items.append(Measure("computed", computed="moving_average", parts=(found[0],), size=size))
    return found[1]


def rank(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "rank customers by net revenue", "ranking of products by price"."""
    if not elements[i].is_op("rank") or draft.items or draft.tables:
        return None
    table_at = skip(elements, i + 1, *_LIGHT)
    named = at(elements, table_at)
    by_at = table_at + 1
    if named.kind not in ("table", "column") or not (
        at(elements, by_at).is_op("by") or at(elements, by_at).text.lower() in ("in terms of", "according to", "on")
    ):
        return None
    measured_at = skip(elements, by_at + 1, "prep", "filler", "all_of")
    found = read_measure(draft, elements, measured_at)
    if found is not None and len(found[0]) == 1:
        measure, end = found[0][0], found[1]
    elif at(elements, measured_at).kind == "column":
        measure, end = Measure("column", slot=slot_of(elements, measured_at)), measured_at + 1
    else:
        return None
    if named.kind == "table":
        note_table(draft, named, table_at)
        draft.groups.append(GroupKey(table=named.table))
    else:
        draft.groups.append(GroupKey(slot=slot_of(elements, table_at)))
    draft.items += [measure, Measure("computed", computed="rank", parts=(measure,))]
    draft.orders.append(OrderKey(measure, descending=True))
    return end


def difference(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "difference between the highest and the lowest price", "how many more orders in 2025 than in 2024"."""
    if draft.filtering or not elements[i].is_op("difference", "more_of"):
        return None
    j = skip(elements, i + 1, *_LIGHT)
    more = elements[i].as_op("more_of")
    extremes = None if more else _extremes(elements, j)
    if extremes is not None:
        high, low, end = extremes
        draft.items.append(Measure("computed", computed="difference", parts=(high, low)))
        return end
    found = _measured(draft, elements, j)
    if found is None:
        return None
    first, end = found
    second_at = skip(elements, end, "and", "filler", "prep")
    second = read_measure(draft, elements, second_at) if at(elements, end).is_op("and") and not more else None
    if second is not None and len(second[0]) == 1:
        draft.items.append(Measure("computed", computed="difference", parts=(first, second[0][0])))
        return second[1]
    turned = more is not None and more.value == "asc"
    draft.items.append(Measure("computed", computed="difference", parts=(first,), turned=turned))
    return end


def _extremes(elements: Sequence[Element], i: int) -> tuple[Measure, Measure, int] | None:
    """The highest and the lowest of one column, in the order named, and the position after it."""
    first = _direction(at(elements, i))
    joint = i + 1
    if not at(elements, joint).is_op("and"):
        joint = next((j for j in range(i + 1, i + 4) if at(elements, j).is_op("and")), joint)
    second_at = skip(elements, joint + 1, "filler")
    second = _direction(at(elements, second_at))
    if first is None or second is None or not at(elements, joint).is_op("and"):
        return None
    column_at = skip(elements, second_at + 1, "filler", "prep")
    if at(elements, column_at).kind != "column":
        return None
    slot = slot_of(elements, column_at)
    return Measure("aggregate", first, slot=slot), Measure("aggregate", second, slot=slot), column_at + 1  # type: ignore[arg-type]


def _direction(element: Element) -> str | None:
    """Whether a word asks for the largest or the smallest."""
    op = element.as_op("aggregate")
    if op is not None:
        return op.value if op.value in ("min", "max", "avg", "median") else None
    op = element.as_op("superlative")
    return {"desc": "max", "asc": "min"}[op.value] if op is not None else None


def ratio(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "ratio of paid to cancelled orders", "average number of items per order"."""
    if draft.filtering:
        return None
    per = _per_row(draft, elements, i)
    if per is not None:
        return per
    if not elements[i].is_op("ratio"):
        return None
    first_at = skip(elements, i + 1, "filler", "prep", "all_of")
    first = at(elements, first_at)
    joint = first_at + 1 + (at(elements, first_at + 1).kind == "table")
    second_at = skip(elements, joint + 1, "filler", "all_of")
    second = at(elements, second_at)
    if at(elements, joint).text.lower() not in ("to", "and", "vs", "versus"):
        return None
    if first.kind == "table" == second.kind:
        note_table(draft, first, first_at)
        parts = (Measure("count", "count", table=first.table), Measure("rows_of", table=second.table))
        draft.items.append(Measure("computed", computed="ratio", parts=parts))
        return second_at + 1
    if first.kind == "value" == second.kind and at(elements, second_at + 1).kind == "table":
        counted = elements[second_at + 1]
        note_table(draft, counted, second_at + 1)
        sides = tuple(Filter("value", element=e, at=p) for e, p in ((first, first_at), (second, second_at)))
        part = Measure("count", "count", table=counted.table)
        draft.items.append(Measure("computed", computed="ratio", parts=(part,), sides=sides))
        return second_at + 2
    return None


def _per_row(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "average number of items per order": the rows of one table for each row of the other."""
    average = elements[i].as_op("aggregate")
    count_at = skip(elements, i + 1, "filler", "prep", "all_of")
    if average is None or average.value != "avg" or not at(elements, count_at).is_op("count"):
        return None
    counted_at = skip(elements, count_at + 1, "filler", "prep", "all_of")
    per_at = counted_at + 1
    each_at = skip(elements, per_at + 1, "filler")
    counted, each = at(elements, counted_at), at(elements, each_at)
    if counted.kind != "table" or each.kind != "table" or not at(elements, per_at).is_op("group", "by"):
        return None
    note_table(draft, counted, counted_at)
    parts = (Measure("count", "count", table=counted.table), Measure("rows_of", table=each.table))
    draft.items.append(Measure("computed", computed="ratio", parts=parts))
    return each_at + 1


def against(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "compared to", "versus" beside a growth or a difference: the other side follows."""
    if not elements[i].is_op("against") or not any(m.kind == "computed" for m in draft.items):
        return None
    return i + 1


def ordinal(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "the second highest price", "the 3rd best product"."""
    op = elements[i].as_op("ordinal")
    if op is None or not (at(elements, i + 1).is_op("superlative", "most", "common", "top")):
        return None
    draft.offset, draft.limit = int(op.value) - 1, 1
    if at(elements, i + 1).is_op("top") and not at(elements, i + 1).is_op("superlative"):
        draft.top_descending = elements[i + 1].as_op("top").value == "desc"  # type: ignore[union-attr]
        return i + 2
    return i + 1


def settle(draft: Draft, elements: Sequence[Element]) -> None:
    """Give growths and differences what they are compared between; what cannot be settled is uncovered."""
    for position, item in enumerate(draft.items):
        if item.kind != "computed" or item.sides or len(item.parts) != 1 or item.computed in ("rank", "ratio"):
            continue
        along = any(key.grain for key in draft.groups)
        if item.computed in ("running_total", "moving_average") and along:
            continue
        if item.computed == "percent_change" and along:
            continue
        sides = _sides(draft, item) if item.computed in ("percent_change", "difference") else None
        if sides is None:
            draft.uncovered.append(next(e for e in elements if e.is_op(*_CUES)))
            continue
        draft.items[position] = replace(item, sides=sides)


_CUES = ("growth", "running", "moving", "difference", "more_of")


def _sides(draft: Draft, item: Measure) -> tuple[Filter, Filter] | None:
    """The two conditions between which a value is compared, taken out of the draft: the one to subtract second."""
    periods = [f for f in draft.filters if f.kind == "period" and f.period is not None]
    if 1 <= len(periods) <= 2:
        pair = _two_periods(periods, item)
        if pair is None:
            return None
        draft.filters[:] = [f for f in draft.filters if f not in periods]
        return pair
    values = [f for f in draft.filters if f.kind == "value" and f.element is not None]
    if item.computed != "difference":
        return None
    if len(values) == 1 and len(values[0].more) == 1:
        both = (values[0], replace(values[0], element=values[0].more[0]))
        pair = tuple(replace(f, more=(), operator="=") for f in both)  # type: ignore[assignment]
    elif len(values) == 2:
        pair = (values[0], values[1])
    else:
        return None
    draft.filters[:] = [f for f in draft.filters if f not in values]
    assert pair is not None
    return (pair[1], pair[0]) if item.turned else (pair[0], pair[1])


def _two_periods(found: Sequence[Filter], item: Measure) -> tuple[Filter, Filter] | None:
    """The later and the earlier period; as said for "how many more in … than in …"."""
    first = found[0].period
    assert first is not None
    if len(found) == 2:
        second = found[1].period
        assert second is not None
    elif first.parts is not None:
        first, second = first.parts
    else:
        before = _before(first)
        if before is None or item.computed == "difference":
            return None
        second = before
    pair = (replace(found[0], period=first), replace(found[-1], period=second))
    if item.computed == "difference" and len(found) == 2:
        return (pair[1], pair[0]) if item.turned else pair
    return pair if (first.start or first.end) > (second.start or second.end) else (pair[1], pair[0])  # type: ignore[operator]


def _before(period: Period) -> Period | None:
    """The calendar unit just before one."""
    if period.start is None or period.end is None:
        return None
    for unit in _GRAINS:
        if add_unit(period.start, unit, 1) == period.end:
            return Period(add_unit(period.start, unit, -1), period.start, "the one before", period.year_only)
    return None
