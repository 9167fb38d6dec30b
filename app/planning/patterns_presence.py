"""Patterns of presence: what is missing, what never was, what is there, states that have not ended, flags."""

from __future__ import annotations

from collections.abc import Sequence

from app.planning.draft import Draft, Filter, Slot
from app.planning.elements import Element
from app.planning.lexicon import STATES
from app.planning.measures import at, skip, slot_of
from app.planning.patterns_filter import add
from app.planning.patterns_order import topic_slot
from app.planning.plan import Operator

_HAVING = {
    "with",
    "with a",
    "with an",
    "have",
    "has",
    "had",
    "having",
    "in",
    "use",
    "used",
    "using",
    "which have",
    "that have",
    "who have",
    "that has",
    "who has",
}


def missing(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "email is missing", "without an email", "missing email"."""
    element = elements[i]
    if element.kind == "column":
        j = (
            skip(elements, i + 1, "where", "prep", "filler")
            if not at(elements, i + 1).is_op("null", "not_null")
            else i + 1
        )
        for k in dict.fromkeys((i + 1, j)):
            if at(elements, k).is_op("null", "not_null"):
                operator: Operator = "is_null" if at(elements, k).is_op("null") else "not_null"
                add(draft, Filter("null", slot_of(elements, i), operator=operator))
                return k + 1
        return None
    if element.is_op("null") or (element.is_op("never") and (draft.filtering or draft.tables)):
        j = skip(elements, i + 1, "filler", "prep", "all_of")
        target = at(elements, j)
        if target.kind != "column" or is_event(target) or (_names_deed(target) and at(elements, j + 1).kind == "table"):
            return None
        if target.columns[0].type == "boolean":
            slot = slot_of(elements, j)
            draft.filters.append(
                Filter("boolean", Slot(slot.options, f"flag:{slot.text}", j, slot.near), values=(False,))
            )
        else:
            add(draft, Filter("null", slot_of(elements, j), operator="is_null"))
        return j + 1
    return None


EVENT_VERBS = frozenset(
    {"bought", "born", "sent back", "sent", "made", "sold", "began", "begun", "left", "signed up", "paid", "built"}
)


def is_event(element: Element) -> bool:
    """Whether a mention is a verb that names a date column: "ordered", "opened", "signed up"."""
    return _names_deed(element) and bool(element.columns) and element.columns[0].type in ("date", "timestamp")


def _dates_something(element: Element) -> bool:
    dated = element.kind == "column" and element.columns[0].type in ("date", "timestamp")
    return dated or (element.kind == "column" and _names_deed(element))


def _names_deed(element: Element) -> bool:
    """Whether a word is a verb in the past, whatever column has it in its name: "built", "hired"."""
    word = element.text.lower()
    return word.endswith("ed") or word in EVENT_VERBS


def _joins(element: Element) -> bool:
    """Whether a word may stand between "never" and what was never: "did not *hire any* staff"."""
    verb = _dates_something(element) or (element.kind == "unknown" and element.text.isalpha())
    return verb or element.is_op("filler", "prep", "all_of", "where", "order")


def never(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "customers who never ordered", "products without returns"."""
    if not elements[i].is_op("never", "not") or not draft.tables:
        return None
    j, verbs = i + 1, 0
    while _joins(at(elements, j)):
        verbs += at(elements, j).kind in ("unknown", "column") or any(op.value == "verb" for op in at(elements, j).ops)
        j += 1
    target = at(elements, j)
    if verbs > 1 or (not elements[i].is_op("never") and not verbs):
        return None
    if target.kind != "table" or target.table == draft.tables[0][0]:
        return None
    held = skip(elements, j + 1, "prep", "filler", "all_of")
    if at(elements, held).kind == "value":
        draft.negate = True  # "who never ordered a tent": of what is missing, the value says which
        return held
    draft.filters.append(Filter("related", table=target.table, operator="not_in", at=i))
    return j + 1


def absent(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "customers who are not in the loyalty programme": what a negated column speaks of is missing."""
    if not draft.negate or not _may_be_missing(elements[i]):
        return None
    draft.negate = False
    draft.filters.append(Filter("null", slot_of(elements, i), operator="is_null"))
    draft.assumed *= 0.9
    return i + 1


def present(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "orders with a promo code", "customers in the loyalty programme": what the column speaks of is there."""
    before = i - 1
    while at(elements, before).is_op("filler", "all_of") and not at(elements, before).is_op("where", "prep"):
        before -= 1
    said = at(elements, before).text.lower()
    if not draft.filtering or not _may_be_missing(elements[i]) or said not in _HAVING:
        return None
    draft.filters.append(Filter("null", slot_of(elements, i), operator="not_null"))
    draft.assumed *= 0.85
    return i + 1


def _may_be_missing(element: Element) -> bool:
    return element.kind == "column" and not _dates_something(element) and element.columns[0].type != "boolean"


def state(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "open tickets", "invoices that are still unpaid": the date at which the state ended is missing."""
    element, before_table = elements[i], at(elements, i + 1).kind == "table"
    if not (element.is_op("state") and (draft.filtering or draft.tables or before_table)) and not (
        element.kind == "column" and before_table and element.columns[0].type in ("date", "timestamp")
    ):
        return None
    topic = STATES.get(element.text.lower())
    if topic is None:
        return None
    add(draft, Filter("null", topic_slot(topic.split(), elements, i), operator="is_null"))
    draft.assumed *= 0.95
    return i + 1


def flag(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """A yes/no column named as a property: "orders that are gift wrapped"."""
    boolean = elements[i].kind == "column" and any(option.type == "boolean" for option in elements[i].columns)
    if not boolean or not draft.filtering:
        return None
    slot = slot_of(elements, i)
    marked = Slot(slot.options, f"flag:{slot.text}", slot.at, slot.near)
    add(draft, Filter("boolean", marked, values=(True,)))
    return i + 1
