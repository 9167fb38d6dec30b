"""Phrases that name something to compute: "the number of orders", "average price", "net revenue"."""

from __future__ import annotations

from collections.abc import Sequence

from app.planning.draft import Draft, Measure, Slot
from app.planning.elements import Element
from app.planning.plan import AggregateName
from app.planning.tokens import identifier_stems, stem

_LINKS = ("prep", "all_of", "filler", "group", "ask")
_COUNTS = frozenset(map(stem, ("quantity", "qty", "units", "pieces", "count", "copies", "seats")))
END = Element(kind="unknown", start=-1, end=-1, weight=0.0)


def at(elements: Sequence[Element], position: int) -> Element:
    """The element at a position; an empty one past the end."""
    return elements[position] if 0 <= position < len(elements) else END


def skip(elements: Sequence[Element], position: int, *kinds: str) -> int:
    """The first position from `position` that is no operator of these kinds."""
    while at(elements, position).is_op(*kinds):
        position += 1
    return position


def slot_of(elements: Sequence[Element], position: int) -> Slot:
    """The column mention at a position, with the table named beside it."""
    element = elements[position]
    near = None
    after = skip(elements, position + 1, "prep", "filler", "all_of", "group")
    if after > position + 1 and at(elements, after).kind == "table":
        near = elements[after].table
    before_at = position - 1
    while at(elements, before_at).is_op("where", "filler"):
        before_at -= 1
    if near is None and at(elements, before_at).kind == "table":
        near = elements[before_at].table
    return Slot(element.columns, element.text, position, near)


def read_measure(draft: Draft, elements: Sequence[Element], position: int) -> tuple[list[Measure], int] | None:
    """Measures named at a position and the position after them; None if none is named there."""
    element = at(elements, position)
    if element.metric is not None:
        return [Measure("metric", metric=element.metric)], position + 1
    if element.is_op("count"):
        return _read_count(draft, elements, position + 1)
    if element.is_op("aggregate"):
        return _read_aggregates(draft, elements, position)
    return None


def _read_count(draft: Draft, elements: Sequence[Element], position: int) -> tuple[list[Measure], int]:
    position = skip(elements, position, "prep", "all_of", "filler")
    distinct = at(elements, position).is_op("distinct") or draft.distinct
    position = skip(elements, position, "distinct", "filler", "all_of")
    element = at(elements, position)
    if element.kind == "table":
        note_table(draft, element, position)
        return [Measure("count", "count", table=element.table)], position + 1
    if element.kind == "column":
        function: AggregateName = "count_distinct"
        if not distinct and (_holds_counts(element) or _holds_amounts(element)):
            function = "sum"
        elif not distinct:
            draft.assumed *= 0.93
        return [Measure("aggregate", function, slot=slot_of(elements, position))], position + 1
    return [Measure("count", "count")], position


_NO_AMOUNT = frozenset(map(stem, ("id", "code", "number", "key", "year", "date", "name", "rank", "age", "zip")))


def _holds_amounts(element: Element) -> bool:
    """Whether a column holds amounts of something ("hours played") rather than names or keys of it."""
    best = element.columns[0]
    return best.type in ("integer", "number") and not _NO_AMOUNT & set(identifier_stems(best.ref.column))


def _holds_counts(element: Element) -> bool:
    """Whether a column holds numbers of things, so that "how many units" asks for their sum."""
    best = element.columns[0]
    return best.type in ("integer", "number") and bool(_COUNTS & set(identifier_stems(best.ref.column)))


def _read_aggregates(draft: Draft, elements: Sequence[Element], position: int) -> tuple[list[Measure], int] | None:
    functions: list[AggregateName] = []
    while (function := function_of(at(elements, position))) is not None:
        functions.append(function)
        after = skip(elements, position + 1, "and", "comma", "filler")
        position = after if function_of(at(elements, after)) is not None else position + 1
    position = skip(elements, position, *_LINKS)
    target = at(elements, position)
    if target.is_op("count") and functions != ["sum"]:
        counted = skip(elements, position + 1, *_LINKS)  # "the average number of rooms", where a column holds it
        if at(elements, counted).kind == "column" and _numeric(at(elements, counted)):
            return _aggregate_columns(draft, elements, counted, functions)
    if target.metric is not None and functions == ["sum"]:
        return [Measure("metric", metric=target.metric)], position + 1
    if target.is_op("count") and functions == ["sum"]:
        return _read_count(draft, elements, position + 1)
    if target.kind == "table" and functions == ["sum"] and _counts_rows(elements, position):
        note_table(draft, target, position)
        return [Measure("count", "count", table=target.table)], position + 1
    return _aggregate_columns(draft, elements, position, functions)


def function_of(element: Element) -> AggregateName | None:
    """The aggregate that a word asks for: "average", "highest"."""
    op = element.as_op("aggregate")
    if op is not None:
        return op.value  # type: ignore[return-value]
    op = element.as_op("superlative")
    return None if op is None else "max" if op.value == "desc" else "min"


def read_extremes(draft: Draft, elements: Sequence[Element], position: int) -> tuple[list[Measure], int] | None:
    """ "the highest and lowest price", "oldest and average age": several aggregates of one column."""
    after = skip(elements, position + 1, "and", "comma", "filler")
    if after == position + 1 or function_of(at(elements, after)) is None:
        return None
    found = _read_aggregates(draft, elements, position)
    return found if found is not None and len(found[0]) > 1 else None


def _numeric(element: Element) -> bool:
    return element.columns[0].type in ("integer", "number")


def _aggregate_columns(
    draft: Draft, elements: Sequence[Element], position: int, functions: list[AggregateName]
) -> tuple[list[Measure], int] | None:
    if at(elements, position).kind == "table":
        note_table(draft, elements[position], position)
        position = skip(elements, position + 1, "prep", "filler")
    if at(elements, position).kind != "column":
        return None
    slots = [slot_of(elements, position)]
    position += 1
    while True:
        after = skip(elements, position, "and", "comma", "filler")
        if after == position or at(elements, after).kind != "column":
            break
        slots.append(slot_of(elements, after))
        position = after + 1
    if len(functions) > 1 and len(slots) > 1:
        draft.assumed *= 0.8
    return [Measure("aggregate", function, slot=slot) for slot in slots for function in functions], position


def _counts_rows(elements: Sequence[Element], position: int) -> bool:
    """Whether "total" before a table counts its rows: "total orders", but not "total amount of the order"."""
    said = at(elements, position - 1).text.lower()
    plural = elements[position].text.lower().endswith("s")
    following = at(elements, skip(elements, position + 1, "and", "comma"))
    return plural and said in ("total", "the total", "in total") and following.kind != "column"


def note_table(draft: Draft, element: Element, position: int) -> None:
    """Remember that a table was named."""
    if element.table is not None:
        draft.tables.append((element.table, position, element.score))
