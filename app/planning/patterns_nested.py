"""Patterns of comparisons with other rows: an average, all or any of some rows, another column, another row's value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from app.planning.draft import Draft, Filter, Slot
from app.planning.elements import Element
from app.planning.lexicon import Op
from app.planning.measures import at, note_table, skip, slot_of
from app.planning.patterns_order import topic_slot

Function: TypeAlias = Literal["avg", "min", "max", "median"]
_LIGHT = ("prep", "filler", "all_of")
_OWN = frozenset({"their", "its", "same", "each", "every", "own", "his", "her"})


def against_aggregate(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "above the average price", "older than the average of their team", "cheaper than all jackets"."""
    slot, j = (slot_of(elements, i), _to_comparison(elements, i)) if elements[i].kind == "column" else (None, i)
    compare = at(elements, j).as_op("compare") or at(elements, j).as_op("comparative")
    if compare is None or compare.value == "=":
        return None
    named, k = _named_again(elements, skip(elements, j + 1, "filler", "than", "prep"))
    function = _function(at(elements, k), compare)
    if function is None:
        return None
    quantified = _quantifier(at(elements, k)) is not None and not _aggregate(at(elements, k))
    after = skip(elements, k + 1, *_LIGHT)
    if named is None and at(elements, after).kind == "column" and not _own_group(elements, k, after):
        named, k = slot_of(elements, after), after
    if slot is None:
        slot = named
    if slot is None and compare.topic:
        slot = topic_slot(compare.topic, elements, i)
    if slot is None:
        return None
    within, sides, end = _of_which(draft, elements, k + 1)
    if quantified and not sides:
        return None
    draft.filters.append(
        Filter("average", slot, operator=compare.value, function=function, within=within, sides=sides)  # type: ignore[arg-type]
    )
    return end


def _to_comparison(elements: Sequence[Element], i: int) -> int:
    return skip(elements, i + 1, "where", "filler", "prep")


def _named_again(elements: Sequence[Element], k: int) -> tuple[Slot | None, int]:
    """The column in "than the *revenue* of all companies in Rome", and where the "all" stands."""
    after = skip(elements, k + 1, "prep", "filler")
    if at(elements, k).kind == "column" and after > k + 1 and _quantifier(at(elements, after)) is not None:
        return slot_of(elements, k), after
    return None, k


def _quantifier(element: Element) -> str | None:
    op = element.as_op("any")
    return op.value if op is not None else None


def _aggregate(element: Element) -> bool:
    return element.is_op("average_ref", "aggregate", "superlative")


def _function(element: Element, compare: Op) -> Function | None:
    """The aggregate that is compared with: of "cheaper than all" the lowest, of "cheaper than any" the highest."""
    if element.is_op("average_ref"):
        return "avg"
    op = element.as_op("aggregate")
    if op is not None:
        return op.value if op.value in ("avg", "min", "max", "median") else None  # type: ignore[return-value]
    op = element.as_op("superlative")
    if op is not None:
        return "max" if op.value == "desc" else "min"
    said = _quantifier(element)
    if said is None:
        return None
    return "max" if (said == "all") == (compare.value in (">", ">=")) else "min"


def _own_group(elements: Sequence[Element], start: int, end: int) -> bool:
    """Whether "their", "its" or "the same" stands before a mention: the group of the row itself is meant."""
    return any(_OWN & set(at(elements, k).text.lower().split()) for k in range(start, end))


def _of_which(draft: Draft, elements: Sequence[Element], i: int) -> tuple[Slot | None, tuple[Filter, ...], int]:
    """The group or the rows that an aggregate is taken of, and the position after them."""
    j = skip(elements, i, "prep", "filler", "all_of", "group", "same", "any")
    if at(elements, j).kind == "column" and _own_group(elements, i - 1, j):
        return slot_of(elements, j), (), j + 1
    end = i
    if j > i and at(elements, j).kind == "table":
        note_table(draft, at(elements, j), j)
        i, end = j + 1, j + 1
        j = skip(elements, i, "prep", "filler", "where")
    if j > i - (end == i) and at(elements, j).kind == "value" and (j > i or end == i):
        held = elements[j]
        end = j + 1
        if at(elements, end).kind in ("table", "column"):
            end += 1
        return None, (Filter("value", element=held, at=j),), end
    return None, (), end


def columns_compared(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "whose shipped date is later than its due date": two columns of one row."""
    if elements[i].kind != "column" or not draft.filtering:
        return None
    j = _to_comparison(elements, i)
    compare = at(elements, j).as_op("compare")
    if compare is None:
        return None
    other_at = skip(elements, j + 1, "filler", "than", "prep")
    other = at(elements, other_at)
    if other.kind != "column" or at(elements, other_at + 1).kind in ("number", "value", "quoted"):
        return None
    left, right = slot_of(elements, i), slot_of(elements, other_at)
    draft.filters.append(Filter("columns", left, operator=compare.value, within=right))  # type: ignore[arg-type]
    return other_at + 1


def same_as(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "products in the same category as the Fell Tent": the value that another row has."""
    if not elements[i].is_op("same"):
        return None
    column_at = skip(elements, i + 1, "filler")
    column = at(elements, column_at)
    as_at = column_at + 1
    held_at = skip(elements, as_at + 1, "filler", "all_of")
    if at(elements, held_at).kind in ("table", "column") and at(elements, held_at + 1).kind == "value":
        held_at += 1
    held = at(elements, held_at)
    if column.kind != "column" or at(elements, as_at).text.lower() not in ("as", "like", "of") or held.kind != "value":
        return None
    if not (draft.tables or draft.items):
        return None
    side = Filter("value", element=held, at=held_at)
    draft.filters.append(Filter("same", slot_of(elements, column_at), sides=(side,)))
    return held_at + 1
