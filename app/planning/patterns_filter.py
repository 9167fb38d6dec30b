"""Patterns of conditions: values, comparisons, periods, missing values, text matches, negation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from app.planning.draft import Draft, Filter, Measure, Slot
from app.planning.elements import Element
from app.planning.measures import at, note_table, read_measure, skip, slot_of
from app.planning.patterns_order import topic_slot
from app.planning.plan import Literal_, Operator
from app.planning.quantities import UNITS
from app.terms import STOP_WORDS

_NEGATED: dict[str, Operator] = {
    "=": "!=",
    "in": "not_in",
    ">": "<=",
    "<": ">=",
    ">=": "<",
    "<=": ">",
    "contains": "not_contains",
    "is_null": "not_null",
}
_LINKING = {
    "is",
    "are",
    "was",
    "were",
    "be",
    "been",
    "that is",
    "that are",
    "which is",
    "which are",
    "who is",
    "who are",
    "of",
    "in",
    "at",
    "as",
    "than",
    "named",
    "called",
    "equal",
    "located in",
    "titled",
    "to",
    "from",
    "for",
    "on",
    "the",
    "a",
    "an",
    "has",
    "have",
}
_DATING = {"in", "for", "from", "of", "on"}
"""Words after which a number like a year is one, rather than a code."""
_OR_AFTER = {
    "or more",
    "or above",
    "or higher",
    "or over",
    "or less",
    "or fewer",
    "or below",
    "or under",
    "or lower",
    "or greater",
}


def add(draft: Draft, condition: Filter) -> None:
    """Add a condition, turned round if a "not" stands before it."""
    if draft.negate:
        import dataclasses

        negated = _NEGATED.get(condition.operator)
        condition = dataclasses.replace(condition, operator=negated or condition.operator)
        draft.assumed *= 1.0 if negated else 0.3
        draft.negate = False
    draft.filters.append(condition)


def _shares_column(mention: Element, value: Element) -> bool:
    return bool({o.ref for o in mention.columns} & {v.ref for v in value.values})


def _literal(element: Element) -> Literal_ | None:
    if element.number is not None:
        return element.number
    return element.text if element.kind == "quoted" else None


def column_condition(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "country is France", "status not paid", "order id 17", "price between …" with the column named first."""
    if elements[i].kind != "column":
        return None
    slot = slot_of(elements, i)
    j = i + 1
    negated = False
    while (
        _is_glue(at(elements, j))
        or at(elements, j).is_op("not")
        or (at(elements, j).as_op("compare") is not None and _is_equal(at(elements, j)))
    ):
        if at(elements, j).is_op("not") and not at(elements, j).is_op("never"):
            negated = True
        j += 1
    target = at(elements, j)
    draft_negate = draft.negate
    draft.negate = draft.negate or negated
    end = _condition_after(draft, elements, i, slot, target, j)
    if end is None:
        draft.negate = draft_negate
    return end


def _is_glue(element: Element) -> bool:
    """Whether a word may stand between a column and what it is compared with."""
    return element.kind == "op" and (element.text.lower() in _LINKING)


def _skip_glue(elements: Sequence[Element], i: int) -> int:
    while _is_glue(at(elements, i)):
        i += 1
    return i


def _is_equal(element: Element) -> bool:
    op = element.as_op("compare")
    return op is not None and op.value == "="


def _condition_after(
    draft: Draft, elements: Sequence[Element], i: int, slot: Slot, target: Element, j: int
) -> int | None:
    mention = elements[i]
    if target.kind == "value" and _shares_column(mention, target):
        more, end = _more_values(elements, j + 1, target)
        add(draft, Filter("value", slot, element=target, more=more, operator="in" if more else "="))
        return end
    dated = any(option.type in ("date", "timestamp", "integer") for option in mention.columns)
    if (
        target.kind == "period"
        and dated
        and (draft.filtering or j > i + 1 or not target.period or not target.period.year_only)
    ):
        if not draft.filtering and _is_output(elements, i, j):
            return None
        add(draft, Filter("period", slot, period=target.period, at=i))
        return j + 1
    literal = _literal(target)
    if (
        literal is not None
        and target.kind == "number"
        and not at(elements, j + 1).is_op("top", "superlative")
        and (j == i + 1 or draft.filtering or _is_equal(at(elements, j - 1)))
    ):
        if at(elements, j + 1).kind in ("table", "column") and not draft.filtering:
            return None
        if _dates(target) and any(at(elements, k).text.lower() in _DATING for k in range(i + 1, j)):
            return None
        numbers, end = _more_numbers(elements, j + 1)
        add(draft, Filter("compare", slot, operator="in" if numbers else "=", values=(literal, *numbers)))
        return end
    if (
        literal is not None
        and target.kind == "quoted"
        and (draft.filtering or j == i + 1 or _is_equal(at(elements, j - 1)))
    ):
        add(draft, Filter("compare", slot, operator="=", values=(literal,)))
        return j + 1
    return None


def _more_numbers(elements: Sequence[Element], i: int) -> tuple[tuple[int | float, ...], int]:
    """Further numbers joined by "or": "district 1 or 2"."""
    more: list[int | float] = []
    while at(elements, i).is_op("or", "comma") and (number := at(elements, skip(elements, i, "or", "comma")).number):
        after = skip(elements, i, "or", "comma") + 1
        if at(elements, after).kind in ("table", "column") or at(elements, after).is_op("compare", "top"):
            break
        more.append(number)
        i = after
    return tuple(more), i


def _dates(element: Element) -> bool:
    """Whether a bare number may be a year."""
    return isinstance(element.number, int) and 1900 <= element.number <= 2100


def _is_output(elements: Sequence[Element], i: int, j: int) -> bool:
    """In "names of orders in 2024" the column is asked for and the period speaks of something else."""
    return any(element.kind == "table" for element in elements[i + 1 : j]) or all(
        e.is_op("prep") for e in elements[i + 1 : j]
    )


def _more_values(elements: Sequence[Element], i: int, first: Element) -> tuple[tuple[Element, ...], int]:
    more: list[Element] = []
    while True:
        after = skip(elements, i, "or", "comma", "and", "prep", "filler")
        target = at(elements, after)
        joined = any(at(elements, k).is_op("or", "comma", "and") for k in range(i, after))
        if not joined or target.kind != "value" or not ({v.ref for v in target.values} & {v.ref for v in first.values}):
            return tuple(more), i
        more.append(target)
        i = after + 1


def value(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """A stored value alone, or several joined by "or": the columns that hold it say what it means."""
    element = elements[i]
    if element.kind != "value":
        return None
    more, end = _more_values(elements, i + 1, element)
    following = at(elements, end)
    slot = None
    if following.kind == "column" and _shares_column(following, element):
        slot = slot_of(elements, end)
        end += 1
    cue = at(elements, i - 1).text.lower()
    add(draft, Filter("value", slot, element=element, more=more, operator="in" if more else "=", at=i, cue=cue))
    return end


def both(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "both cats and dogs": each of the values must be found, in rows of their own."""
    if not elements[i].is_op("both"):
        return None
    first_at = skip(elements, i + 1, "prep", "filler", "all_of")
    slot = None
    if at(elements, first_at).kind == "column":
        slot = slot_of(elements, first_at)
        first_at = _skip_glue(elements, first_at + 1)
    elif at(elements, first_at).kind == "table" and at(elements, first_at + 1).kind == "value":
        note_table(draft, elements[first_at], first_at)
        first_at += 1
    first = at(elements, first_at)
    second_at = skip(elements, first_at + 1, "and", "prep", "filler")
    second = at(elements, second_at)
    shared = {v.ref for v in first.values} & {v.ref for v in second.values}
    if first.kind != "value" or second.kind != "value" or not shared:
        return None
    for position, element in ((first_at, first), (second_at, second)):
        options = tuple(v for v in element.values if v.ref in shared)
        element = msgspec.structs.replace(element, values=options)
        draft.filters.append(Filter("value", slot, element=element, at=position, each=True))
    return second_at + 1


def compared(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "price over 50", "more than 3 orders", "weighs at least 2", "5 or more tickets"."""
    slot, j = None, i
    measure: Measure | None = None
    if elements[i].kind == "column":
        slot = slot_of(elements, i)
        j = _skip_glue(elements, i + 1)
    elif (draft.filtering or draft.items or draft.tables) and elements[i].is_op("aggregate", "count"):
        found = read_measure(draft, elements, i)
        if found is None or len(found[0]) != 1:
            return None
        measure, j = found[0][0], _skip_glue(elements, found[1])
    elif elements[i].kind == "table" and draft.filtering:
        j = i + 1
    read = _comparison(elements, j)
    if read is None:
        return None
    operator, number, end = read
    counted = at(elements, skip(elements, end, "filler", "distinct")).kind == "table"
    if slot is not None and counted and not any(o.type in ("integer", "number") for o in slot.options):
        return None  # "which countries have more than 2 airports": the airports are counted
    if measure is not None:
        add(draft, Filter("having", operator=operator, values=(number,), measure=measure))
        return _with_unit(draft, elements, end)
    if slot is not None:
        add(draft, Filter("compare", slot, operator=operator, values=(number,)))
        return _with_unit(draft, elements, end)
    return _compared_after(draft, elements, i, j, operator, number, end)


def _comparison(elements: Sequence[Element], j: int) -> tuple[Operator, int | float, int] | None:
    op = at(elements, j).as_op("compare")
    if op is not None:
        number_at = skip(elements, j + 1, "than", "filler", "prep")
        number = at(elements, number_at).number
        return (op.value, number, number_at + 1) if number is not None else None  # type: ignore[return-value]
    number = at(elements, j).number
    after = at(elements, j + 1)
    op = after.as_op("compare")
    if number is not None and op is not None and after.text.lower() in _OR_AFTER:
        return op.value, number, j + 2  # type: ignore[return-value]
    return None


def _compared_after(
    draft: Draft, elements: Sequence[Element], i: int, j: int, operator: Operator, number: int | float, end: int
) -> int | None:
    """The number came first: what it counts or measures follows."""
    target_at = skip(elements, end, "filler", "distinct", "prep")
    target = at(elements, target_at)
    if j > i and elements[i].kind == "table" and target.is_op("times"):
        note_table(draft, elements[i], i)
        add(
            draft,
            Filter(
                "having",
                operator=operator,
                values=(number,),
                measure=Measure("count", "count", table=elements[i].table),
            ),
        )
        return target_at + 1
    if j > i:
        return None
    if target.kind == "table":
        note_table(draft, target, target_at)
        add(
            draft,
            Filter(
                "having", operator=operator, values=(number,), measure=Measure("count", "count", table=target.table)
            ),
        )
        return target_at + 1
    if target.kind == "column":
        add(draft, Filter("compare", slot_of(elements, target_at), operator=operator, values=(number,)))
        return target_at + 1
    if target.metric is not None:
        add(
            draft,
            Filter("having", operator=operator, values=(number,), measure=Measure("metric", metric=target.metric)),
        )
        return target_at + 1
    return _compared_too(draft, elements, i, operator, number, end)


def _compared_too(
    draft: Draft, elements: Sequence[Element], i: int, operator: Operator, number: int | float, end: int
) -> int | None:
    """ "above 80 or *below 50*": the column of the comparison before it."""
    before = at(elements, i - 1)
    last = draft.filters[-1] if draft.filters else None
    if not before.is_op("or", "and") or last is None or last.kind != "compare" or last.slot is None:
        return None
    add(draft, Filter("compare", last.slot, operator=operator, values=(number,)))
    return _with_unit(draft, elements, end)


def _with_unit(draft: Draft, elements: Sequence[Element], i: int) -> int:
    """Note the unit of the condition just added, where one stands at `i`."""
    unit = at(elements, i)
    if unit.kind not in ("unknown", "column") or unit.text.lower() not in UNITS:
        return i
    draft.filters[-1] = replace(draft.filters[-1], unit=unit.text.lower())
    return i + 1


def counted_more(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "who placed two orders": a bare number before a table in a condition is an exact count."""
    number = elements[i].number
    if number is None or not draft.filtering or at(elements, i + 1).kind != "table" or not isinstance(number, int):
        return None
    note_table(draft, elements[i + 1], i + 1)
    add(
        draft,
        Filter(
            "having", operator="=", values=(number,), measure=Measure("count", "count", table=elements[i + 1].table)
        ),
    )
    draft.assumed *= 0.9
    return i + 2


def between(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "price between 10 and 20", "between 10 and 20 employees"."""
    slot, j = None, i
    if elements[i].kind == "column":
        slot, j = slot_of(elements, i), _skip_glue(elements, i + 1)
    if not at(elements, j).is_op("between") and not (slot is not None and at(elements, j).text.lower() == "from"):
        return None
    j = skip(elements, j + 1, "filler", "prep")
    low, joint, high = at(elements, j).number, at(elements, j + 1), at(elements, j + 2).number
    if low is None or high is None or not (joint.is_op("and", "prep") or joint.text in ("to", "-")):
        return None
    unit = at(elements, j + 3)
    end = j + 4 if unit.kind in ("unknown", "column") and unit.text.lower() in UNITS else j + 3
    if slot is None and at(elements, end).kind == "column":
        slot, end = slot_of(elements, end), end + 1
    if slot is None:
        return None
    add(draft, Filter("compare", slot, operator="between", values=(low, high)))
    _with_unit(draft, elements, j + 3)
    return end


def contained(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "have Merino in their name": a text inside a text column."""
    if elements[i].kind not in ("unknown", "quoted", "value") or elements[i].text.lower() in STOP_WORDS:
        return None
    column_at = skip(elements, i + 1, "prep", "filler", "with_their", "all_of")
    inside = " ".join(element.text.lower() for element in elements[i + 1 : column_at])
    column = at(elements, column_at)
    if column.kind != "column" or not inside.startswith("in"):
        return None
    if at(elements, column_at + 1).kind in ("value", "quoted", "number"):
        return None
    texts = tuple(option for option in column.columns if option.type == "text")
    if not texts or (elements[i].kind == "value" and _shares_column(column, elements[i])):
        return None
    slot = Slot(texts, column.text, column_at, slot_of(elements, column_at).near)
    add(draft, Filter("like", slot, operator="contains", values=(elements[i].text,)))
    return column_at + 1


def matching(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "name contains 'rain'", "starting with A", "whose title has the word Star"."""
    slot, j = None, i
    if elements[i].kind == "column":
        slot = slot_of(elements, i)
        j = i + 1
        while at(elements, j).is_op("where", "prep", "filler") and not at(elements, j).is_op("like"):
            j += 1
    negated = False
    if at(elements, j).is_op("not") and at(elements, j + 1).is_op("like"):
        negated, j = True, j + 1
    op = at(elements, j).as_op("like")
    if op is None:
        return None
    text_at = skip(elements, j + 1, "filler")
    text_at = text_at if at(elements, text_at).kind in ("quoted", "unknown", "value", "number") else j + 1
    target = at(elements, text_at)
    if target.kind not in ("quoted", "unknown", "value", "number") or not (
        draft.filtering or slot is not None or at(elements, j).is_op("where")
    ):
        return None
    if slot is None and target.kind != "quoted":
        return None
    operator: Operator = op.value  # type: ignore[assignment]
    draft.negate = draft.negate or negated
    add(draft, Filter("like", slot, operator=operator, values=(target.text,)))
    return text_at + 1


def comparative(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "older than 20", "cheaper than 50 euros"."""
    op = elements[i].as_op("comparative")
    if op is None:
        return None
    number_at = skip(elements, i + 1, "filler", "prep")
    number = at(elements, number_at).number
    if number is None:
        return None
    slot = topic_slot(op.topic, elements, i)
    add(draft, Filter("compare", slot, operator=op.value, values=(number,)))  # type: ignore[arg-type]
    return _with_unit(draft, elements, number_at + 1)


def period(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "in March 2025" without a column: the default date."""
    if elements[i].kind != "period":
        return None
    add(draft, Filter("period", draft.date_hint, period=elements[i].period, at=i))
    return i + 1


def negation(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "not", "except": turns the next condition round."""
    if not elements[i].is_op("not"):
        return None
    j = skip(elements, i + 1, "prep", "filler", "where")
    held = skip(elements, j + 1, "prep", "filler", "all_of")
    if at(elements, held).kind == "value" and _may_be_verb(draft, at(elements, j)):
        draft.negate = True
        return held
    if at(elements, j).kind not in ("value", "column", "quoted") and not at(elements, j).is_op("compare"):
        return None
    draft.negate = True
    return i + 1


def _may_be_verb(draft: Draft, element: Element) -> bool:
    """Whether a word only says how two things are related: "did not *order* a tent"."""
    if element.kind == "table":
        return bool(draft.tables) and element.table != draft.tables[0][0]
    past = element.kind == "column" and element.text.lower().endswith("ed")
    event = past and element.columns[0].type != "boolean"
    unknown = element.kind == "unknown" and element.text.isalpha()
    return event or unknown or element.is_op("order") or any(op.value == "verb" for op in element.ops)


def key_number(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "order 1234", "customer 17": a number right after a table is its key."""
    number = elements[i].number
    if elements[i].kind != "number" or at(elements, i - 1).kind != "table" or number is None:
        return None
    draft.filters.append(
        Filter(
            "compare",
            Slot((), f"key:{elements[i - 1].table}", i, elements[i - 1].table),
            operator="=",
            values=(number,),
        )
    )
    draft.assumed *= 0.95
    return i + 1
