"""Patterns of order: top-N, superlatives, "the most", sort keys and directions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.planning.draft import Draft, GroupKey, Measure, OrderKey, Slot
from app.planning.elements import Element
from app.planning.lexicon import LOWER_IS_BETTER
from app.planning.measures import at, note_table, read_extremes, read_measure, skip, slot_of

MAX_LIMIT = 10_000


OUTRIGHT = 0.95
"""Link score from which a mention is a column's whole name."""


def _small(element: Element) -> int | None:
    number = element.number
    return number if isinstance(number, int) and 0 < number <= MAX_LIMIT else None


def top(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "top 5", "the first 3", "5 most expensive"."""
    op = elements[i].as_op("top")
    if op is not None:
        number = _small(at(elements, i + 1))
        if number is None:
            following = at(elements, i + 1)
            if elements[i].text.lower().removeprefix("the ") not in ("top", "bottom") or following.kind not in (
                "table",
                "column",
            ):
                return None
            number = 1 if not following.text.lower().endswith("s") else 10
            draft.limit, draft.top_descending = number, op.value == "desc"
            draft.assumed *= 0.85
            return i + 1
        draft.limit, draft.top_descending = number, op.value == "desc"
        return i + 2
    number = _small(elements[i])
    if number is None:
        return None
    later = any(element.is_op("most", "superlative") for element in elements[i + 2 :])
    if not draft.filtering and at(elements, i + 1).kind == "table" and later and not draft.limit:
        draft.limit = number
        return i + 1
    if at(elements, i - 1).kind != "table" and at(elements, i + 1).is_op("superlative", "most", "common"):
        draft.limit = number
        return i + 1
    return None


def _limit_to_best(draft: Draft) -> None:
    if draft.limit is None:
        draft.limit = 1


def common(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "the most common category", "least popular"."""
    op = elements[i].as_op("common")
    if op is None:
        return None
    target_at = skip(elements, i + 1, "prep", "filler", "where")
    target = at(elements, target_at)
    end = i + 1
    if target.kind == "column" and not draft.filtering:
        draft.groups.append(GroupKey(slot=slot_of(elements, target_at)))
        end = target_at + 1
    elif target.kind == "table" and not draft.filtering:
        note_table(draft, target, target_at)
        draft.groups.append(GroupKey(table=target.table))
        end = target_at + 1
    elif not draft.items and not draft.groups:
        return None
    draft.orders.append(OrderKey(Measure("count", "count"), op.value == "desc", explicit=False))
    _limit_to_best(draft)
    return end


def most(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "the most orders", "the fewest employees", "the most revenue"."""
    op = elements[i].as_op("most")
    if op is None:
        return None
    target_at = skip(elements, i + 1, "filler", "prep", "distinct", "all_of")
    target = at(elements, target_at)
    descending = op.value == "desc"
    found = read_measure(draft, elements, target_at)
    if target.kind == "table":
        note_table(draft, target, target_at)
        measure, end = Measure("count", "count", table=target.table), target_at + 1
    elif found is not None and len(found[0]) == 1:
        measure, end = found[0][0], found[1]
    elif target.kind == "column":
        measure, end = Measure("column", slot=slot_of(elements, target_at)), target_at + 1
    else:
        return None
    draft.orders.append(OrderKey(measure, descending, explicit=False))
    _limit_to_best(draft)
    return end


def superlative(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "highest salary", "the oldest customer", "cheapest"."""
    op = elements[i].as_op("superlative")
    if op is None:
        return None
    several = read_extremes(draft, elements, i) if not draft.filtering else None
    if several is not None:
        draft.items.extend(several[0])
        return several[1]
    target_at = skip(elements, i + 1, "filler", "prep", "all_of")
    target = at(elements, target_at)
    ordered = target.kind == "column" and target.columns[0].type in ("integer", "number", "date", "timestamp")
    dated = target.kind == "column" and target.columns[0].type in ("date", "timestamp")
    whole = ordered and not dated and target_at == i + 1 and target.columns[0].score >= OUTRIGHT
    if target.kind == "column" and (not op.topic or _speaks_of(target, op.topic) or whole):
        descending = (op.value == "desc") != (_of_age(op.topic) and dated)
        return _superlative_column(draft, elements, target_at, descending)
    found = read_measure(draft, elements, target_at) if not op.topic or not target.is_op("count") else None
    if found is not None and len(found[0]) == 1:
        draft.orders.append(OrderKey(found[0][0], op.value == "desc", explicit=False))
        _limit_to_best(draft)
        return found[1]
    if not op.topic:
        return None
    draft.orders.append(
        OrderKey(Measure("column", slot=topic_slot(op.topic, elements, i)), op.value == "desc", explicit=False)
    )
    _limit_to_best(draft)
    return i + 1


def _of_age(topic: Sequence[str]) -> bool:
    """Whether a superlative ranks by age: the oldest has the first date."""
    return any(word.startswith("age|") for word in topic)


def _speaks_of(element: Element, topic: Sequence[str]) -> bool:
    from app.planning.tokens import identifier_stems, stem

    stems = {stem(word.rsplit("|asc", 1)[0].rsplit("|desc", 1)[0]) for word in topic}
    return any(stems & set(identifier_stems(option.ref.column)) for option in element.columns[:3])


def _superlative_column(draft: Draft, elements: Sequence[Element], i: int, descending: bool) -> int:
    """The extreme itself when it is all that is asked for; otherwise what has it."""
    following = at(elements, skip(elements, i + 1, "prep", "filler", "all_of"))
    alone = not draft.items and not draft.filtering and not draft.groups and draft.limit is None
    if draft.offset and not draft.items and not draft.tables and not draft.filtering:
        draft.items.append(Measure("column", slot=slot_of(elements, i)))
        draft.orders.append(OrderKey(draft.items[-1], descending))
        draft.distinct = True
        return i + 1
    if _extreme_of_each(draft, elements, i):
        draft.items.append(Measure("aggregate", "max" if descending else "min", slot=slot_of(elements, i)))
        return i + 1
    if alone and not draft.tables:
        draft.items.append(Measure("aggregate", "max" if descending else "min", slot=slot_of(elements, i)))
        draft.assumed *= 1.0 if following.kind != "column" else 0.7
        return i + 1
    draft.orders.append(OrderKey(Measure("column", slot=slot_of(elements, i)), descending, explicit=False))
    _limit_to_best(draft)
    return i + 1


def _extreme_of_each(draft: Draft, elements: Sequence[Element], i: int) -> bool:
    """ "for each city, the highest latitude": the extreme itself, of each group, as no rows are asked for."""
    named = {key.table for key in draft.groups if key.table}
    rows = [name for name, _, _ in draft.tables if name not in named]
    each = any(key.each for key in draft.groups)
    return each and not rows and not draft.items and not draft.filtering and draft.limit is None


def topic_slot(topic: Sequence[str], elements: Sequence[Element], i: int) -> Slot:
    """A slot whose options are found at resolution: `topic:` marks the stems that its columns must speak of."""
    near_at = skip(elements, i + 1, "filler", "prep")
    near = elements[near_at].table if at(elements, near_at).kind == "table" else None
    return Slot((), "topic:" + " ".join(topic), i, near)


def order(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "ordered by price descending", "in alphabetical order of name", "in descending order of …"."""
    start = i
    descending: bool | None = None
    if (op := elements[i].as_op("alphabetical")) is not None:
        after = skip(elements, i + 1, "prep", "by", "filler")
        if after > i + 1 and at(elements, after).kind == "column":
            draft.orders.append(OrderKey(Measure("column", slot=slot_of(elements, after)), op.value == "desc"))
            return after + 1
        draft.orders.append(OrderKey(None, op.value == "desc"))
        return i + 1
    if elements[i].is_op("direction") and elements[i].text.lower().endswith(" of"):
        op = elements[i].as_op("direction")
        descending = op is not None and op.value == "desc"
    elif elements[i].is_op("order"):
        i = skip(elements, i + 1, "by", "prep", "filler") - 1
        if (op := at(elements, i + 1).as_op("direction")) is not None:
            descending, i = op.value == "desc", skip(elements, i + 2, "by", "prep", "filler") - 1
        elif (op := at(elements, i + 1).as_op("alphabetical")) is not None:
            draft.orders.append(OrderKey(None, op.value == "desc"))
            return i + 2
    else:
        return None
    keys, end = _sort_keys(draft, elements, i + 1)
    if not keys:
        if descending is None or end <= start + 1:
            return None
        draft.orders.append(OrderKey(None, descending, explicit=False))
        return max(end, i + 1)
    draft.orders.extend(OrderKey(key, descending or False) for key in keys)
    if start == 0 and not draft.items:
        draft.items.extend(key for key in keys if key.kind == "column")
    return end


def _sort_keys(draft: Draft, elements: Sequence[Element], i: int) -> tuple[list[Measure], int]:
    keys: list[Measure] = []
    while True:
        i_next = skip(elements, i, "filler", "prep") if not keys else i
        found = read_measure(draft, elements, i_next)
        if found is not None and found[0]:
            keys.extend(found[0])
            i = found[1]
        elif at(elements, i_next).kind == "column":
            keys.append(Measure("column", slot=slot_of(elements, i_next)))
            i = i_next + 1
            tail = skip(elements, i, "prep", "filler", "all_of")
            if tail > i and at(elements, tail).kind == "table":
                i = tail + 1
        else:
            return keys, i
        after = skip(elements, i, "and", "comma", "by")
        if after == i or not (at(elements, after).kind == "column" or at(elements, after).is_op("count", "aggregate")):
            return keys, i
        i = after


def by_measure(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "top 5 products by net revenue", "the best customers by number of orders"."""
    if not elements[i].is_op("by", "prep") or draft.top_descending is None or draft.orders:
        return None
    if not elements[i].is_op("by") and elements[i].text.lower() not in ("in terms of", "in"):
        return None
    keys, end = _sort_keys(draft, elements, i + 1)
    if not keys:
        return None
    draft.orders.extend(OrderKey(key, draft.top_descending, explicit=False) for key in keys)
    return end


def direction(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "… descending" after the sort keys."""
    op = elements[i].as_op("direction")
    if op is None:
        return None
    if op.value in ("better", "worse"):
        descending = (op.value == "better") != _lower_is_better(draft)
        draft.assumed *= 0.95
    else:
        descending = op.value == "desc"
    if draft.orders:
        draft.orders[:] = [replace(key, descending=descending) for key in draft.orders]
    else:
        draft.orders.append(OrderKey(None, descending, explicit=False))
    return i + 1


def _lower_is_better(draft: Draft) -> bool:
    """Whether what is measured is something to have little of, by its name."""
    measured = [m.metric.name if m.metric is not None else m.slot.text if m.slot else "" for m in draft.items]
    return bool(LOWER_IS_BETTER & {word for name in measured for word in name.lower().replace("_", " ").split()})
