"""The grammar: a sequence of linked spans becomes a draft, by an ordered tuple of patterns.

Each pattern looks at one position and either reads something there and returns the position after it, or returns None.
What no pattern reads and what is not a mere function word is uncovered, and an uncovered word forbids an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TypeAlias

from app.planning import patterns_computed as computed
from app.planning import patterns_filter as filters
from app.planning import patterns_nested as nested
from app.planning import patterns_order as orders
from app.planning import patterns_presence as presence
from app.planning.draft import Draft, Filter, GroupKey, Measure, Slot
from app.planning.elements import ColumnOption, Element
from app.planning.measures import at, note_table, read_measure, skip, slot_of
from app.planning.tokens import identifier_stems

Pattern: TypeAlias = Callable[[Draft, Sequence[Element], int], int | None]

DROPPED = ("filler", "prep", "where", "ask", "all_of", "and", "comma", "than", "with_their")
"""Kinds of operators that may go unread: they structure a question without adding to its meaning."""
DROPPED_VERB = 0.93
"""Trust left when a verb between two linked words goes unread ("the orders that the store *took*")."""


def everything(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "all details of the …": every column."""
    if not elements[i].is_op("everything"):
        return None
    draft.everything = True
    return i + 1


def distinct(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "different", "distinct"."""
    if not elements[i].is_op("distinct"):
        return None
    draft.distinct = True
    return i + 1


def share(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "what percentage of orders …", "share of net revenue by category"."""
    if not elements[i].is_op("share") or draft.filtering:
        return None
    j = skip(elements, i + 1, "prep", "filler", "all_of")
    target = at(elements, j)
    if target.is_op("aggregate", "count"):
        j = skip(elements, j + 1, "prep", "filler", "all_of")
        target = at(elements, j)
    if target.kind == "table":
        draft.items.append(Measure("share", table=target.table))
        return i + 1  # the table is read by its own pattern
    if target.metric is not None:
        draft.items.append(Measure("share", metric=target.metric))
        return j + 1
    if target.kind == "column" and target.columns[0].type in ("integer", "number"):
        draft.items.append(Measure("share", "sum", slot=slot_of(elements, j)))
        return j + 1
    if target.kind in ("value", "column") and at(elements, j + 1).kind == "table":
        draft.items.append(Measure("share", table=elements[j + 1].table))
        return i + 1
    return None


def measure(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """An aggregate, a count or a metric as an output."""
    if draft.filtering and elements[i].kind != "metric" and not _again_selecting(elements, i):
        return None
    found = read_measure(draft, elements, i)
    if found is None:
        return None
    draft.items.extend(found[0])
    return found[1]


def _again_selecting(elements: Sequence[Element], i: int) -> bool:
    """Whether the words before put the reader back among the outputs: "with their number of …", "and the total …"."""
    return at(elements, i - 1).is_op("with_their", "and", "comma", "group", "ask", "where")


def grain(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "per month", "monthly"."""
    op = elements[i].as_op("grain")
    if op is None:
        return None
    draft.groups.append(GroupKey(grain=op.value, after=len(draft.items), each=True))  # type: ignore[arg-type]
    return i + 1


def group(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "per country", "for each customer", "by category" beside an aggregate."""
    named_by = elements[i].is_op("by")
    if not elements[i].is_op("group") and not named_by:
        return None
    after = skip(elements, i + 1, "distinct", "filler", "prep", "all_of")
    target = at(elements, after)
    if elements[i].text.lower() == "across" and at(elements, i + 1).is_op("all_of"):
        return None  # "the average age across all gymnasts" is one figure
    if target.kind not in ("table", "column") or (named_by and not _groups_by(draft, elements, after)):
        return None
    keys, end = _group_keys(draft, elements, after)
    divides = named_by or elements[i].text.lower() in ("per", "grouped by", "split by", "broken down by")
    draft.groups.extend(replace(key, divides=divides, each=True, after=len(draft.items)) for key in keys)
    return end


def _groups_by(draft: Draft, elements: Sequence[Element], after: int) -> bool:
    """ "by X" groups beside an aggregate unless it is the order of a top-N."""
    if draft.top_descending is not None and not draft.orders:
        return False
    return draft.aggregating and at(elements, after + 1).kind not in ("value", "quoted")


def _group_keys(draft: Draft, elements: Sequence[Element], i: int) -> tuple[list[GroupKey], int]:
    keys: list[GroupKey] = []
    while True:
        element = at(elements, i)
        if element.kind == "table":
            note_table(draft, element, i)
            following = skip(elements, i + 1, "filler", "prep")
            if following == i + 1 and at(elements, following).kind == "column" and not draft.filtering:
                keys.append(GroupKey(slot=slot_of(elements, following)))
                i = following
            else:
                keys.append(GroupKey(table=element.table))
        elif element.kind == "column":
            keys.append(GroupKey(slot=slot_of(elements, i)))
        elif (op := element.as_op("grain")) is not None:
            keys.append(GroupKey(grain=op.value))  # type: ignore[arg-type]
        after = skip(elements, i + 1, "and", "comma", "by", "group", "filler")
        more = at(elements, after)
        if (
            after == i + 1
            or not (more.kind in ("table", "column") or more.is_op("grain"))
            or at(elements, i + 1).is_op("ask")
        ):
            return keys, i + 1
        if at(elements, i + 1).is_op("comma") and not draft.items:
            return keys, i + 1
        i = after


def ask_again(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "… located in Rome? Give me …": outputs follow again."""
    element = elements[i]
    if not draft.filtering or not element.is_op("ask") or element.is_op("where") or element.text.lower() not in _ASKS:
        return None
    draft.filtering = False
    return i + 1


_ASKS = frozenset(
    {"show", "show me", "list", "give", "give me", "find", "return", "tell me", "what is", "what are", "report"}
)


def begin_filters(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "who", "whose", "with", "that have": conditions follow, if something was asked for before."""
    element = elements[i]
    if element.is_op("with_their") and _names_output(elements, i + 1):
        draft.filtering = False
        return i + 1
    seen = draft.items or draft.tables or draft.groups or draft.orders
    if not element.is_op("where") or not seen:
        return None
    if draft.shared_from is None:
        draft.shared_from = len(draft.filters)
    draft.filtering = True
    return i + 1


def _names_output(elements: Sequence[Element], i: int) -> bool:
    following = at(elements, skip(elements, i, "filler", "all_of"))
    return following.kind in ("column", "metric") or following.is_op("count", "aggregate")


def table(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """A table's name."""
    element = elements[i]
    if element.kind != "table":
        return None
    note_table(draft, element, i)
    return i + 1


def alternative(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "older than 60 or without an address": the conditions on both sides are alternatives."""
    if not elements[i].is_op("or") or not draft.filters or elements[i].text.lower() == "either":
        return None
    draft.alternatives.append((len(draft.filters), elements[i]))
    return i + 1


def event(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """A verb that names a date column ("ordered", "opened"): no output, but the date that a later period means."""
    element = elements[i]
    if element.kind != "column" or not presence.is_event(element):
        return None
    draft.date_hint = slot_of(elements, i)
    if draft.filtering or at(elements, i - 1).is_op("where", "filler"):
        draft.happened = draft.date_hint
    return i + 1


def column(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """A column among the outputs."""
    if elements[i].kind != "column":
        return None
    if draft.filtering and not at(elements, i - 1).is_op("with_their", "and", "comma", "ask"):
        return None
    if draft.filtering:
        draft.assumed *= 0.85
    draft.items.append(Measure("column", slot=slot_of(elements, i)))
    return i + 1


_IDENTIFIERS = frozenset({"id", "ids", "identifier", "identifiers"})


def identifier(draft: Draft, elements: Sequence[Element], i: int) -> int | None:
    """ "the id of the employee" where no column is called so: the key of the table."""
    if elements[i].kind != "unknown" or elements[i].text.lower() not in _IDENTIFIERS:
        return None
    after = at(elements, skip(elements, i + 1, "prep", "filler", "all_of", "group"))
    before = at(elements, i - 1)
    named = [e.table for e in (before, after) if e.kind == "table"] or [name for name, _, _ in draft.tables]
    later = [e.table for e in elements[i:] if e.kind == "table"]
    table = next(iter([*named, *later]), None)
    if table is None:
        return None
    slot = Slot((), f"key:{table}", i, table)
    number_at = i + 1
    while at(elements, number_at).is_op("where", "filler", "compare"):
        number_at += 1
    number = at(elements, number_at).number
    if number is not None:
        draft.filters.append(Filter("compare", slot, operator="=", values=(number,)))
        return number_at + 1
    if draft.filtering:
        return None
    draft.items.append(Measure("column", slot=slot))
    return i + 1


PATTERNS: tuple[Pattern, ...] = (
    everything,
    computed.growth,
    computed.running,
    computed.moving,
    computed.rank,
    computed.difference,
    computed.ratio,
    computed.against,
    computed.ordinal,
    nested.against_aggregate,
    nested.same_as,
    nested.columns_compared,
    filters.compared,
    filters.counted_more,
    filters.column_condition,
    filters.between,
    presence.missing,
    presence.never,
    filters.matching,
    filters.contained,
    filters.comparative,
    orders.top,
    orders.common,
    orders.most,
    orders.superlative,
    orders.order,
    orders.by_measure,
    grain,
    group,
    filters.period,
    filters.negation,
    filters.both,
    filters.value,
    filters.key_number,
    distinct,
    share,
    measure,
    ask_again,
    begin_filters,
    alternative,
    event,
    presence.state,
    presence.absent,
    presence.present,
    presence.flag,
    identifier,
    table,
    column,
    orders.direction,
)


_BEGUN_BY_OPERATOR: dict[Pattern, frozenset[str]] = {
    everything: frozenset({"everything"}),
    computed.running: frozenset({"running"}),
    computed.rank: frozenset({"rank"}),
    computed.difference: frozenset({"difference", "more_of"}),
    computed.against: frozenset({"against"}),
    computed.ordinal: frozenset({"ordinal"}),
    nested.same_as: frozenset({"same"}),
    presence.never: frozenset({"never", "not"}),
    filters.comparative: frozenset({"comparative"}),
    orders.common: frozenset({"common"}),
    orders.most: frozenset({"most"}),
    orders.superlative: frozenset({"superlative"}),
    orders.by_measure: frozenset({"by", "prep"}),
    grain: frozenset({"grain"}),
    group: frozenset({"by", "group"}),
    filters.negation: frozenset({"not"}),
    filters.both: frozenset({"both"}),
    distinct: frozenset({"distinct"}),
    share: frozenset({"share"}),
    ask_again: frozenset({"ask"}),
    alternative: frozenset({"or"}),
    orders.direction: frozenset({"direction"}),
}
"""Patterns that begin with an operator of one of these kinds, and need not be tried elsewhere."""
_BEGUN_BY_KIND: dict[Pattern, frozenset[str]] = {
    nested.columns_compared: frozenset({"column"}),
    filters.column_condition: frozenset({"column"}),
    filters.contained: frozenset({"unknown", "quoted", "value"}),
    filters.period: frozenset({"period"}),
    filters.value: frozenset({"value"}),
    filters.key_number: frozenset({"number"}),
    event: frozenset({"column"}),
    presence.flag: frozenset({"column"}),
    identifier: frozenset({"unknown"}),
    table: frozenset({"table"}),
    column: frozenset({"column"}),
}
"""The same by kind of element."""


@lru_cache(maxsize=4096)
def _possible(kind: str, operators: tuple[str, ...]) -> tuple[Pattern, ...]:
    """The patterns, in order, that may begin with an element of that kind which may be these operators."""
    return tuple(
        pattern
        for pattern in PATTERNS
        if not _BEGUN_BY_OPERATOR.get(pattern, frozenset()).isdisjoint(operators)
        or kind in _BEGUN_BY_KIND.get(pattern, ())
        or (pattern not in _BEGUN_BY_OPERATOR and pattern not in _BEGUN_BY_KIND)
    )


def read(elements: Sequence[Element]) -> Draft:
    """The draft of one reading of a question; what was not understood is in `draft.uncovered`."""
    draft = Draft()
    i = 0
    while i < len(elements):
        begun = elements[i]
        for pattern in _possible(begun.kind, tuple([op.kind for op in begun.ops])):
            end = pattern(draft, elements, i)
            if end is not None:
                i = end
                break
        else:
            element = elements[i]
            if _generic(elements, i) or _unread_verb(draft, elements, i):
                draft.assumed *= DROPPED_VERB
            elif not _droppable(draft, element, at(elements, i + 1)):
                draft.uncovered.append(element)
            elif all(op.value == "verb" for op in element.ops) and element.ops:
                draft.assumed *= DROPPED_VERB
            i += 1
    if draft.negate:
        draft.uncovered.append(next(e for e in elements if e.is_op("not")))
    computed.settle(draft, elements)
    _join_alternatives(draft)
    _check_asked_for(draft, elements)
    return draft


_PLACES = frozenset(
    {
        *("citi", "countri", "address", "locat", "place", "region", "state", "district", "venu", "build", "town"),
        *("hometown", "site", "street", "area", "counti", "provinc", "headquart", "campus", "room", "offic", "airport"),
    }
)
"""Stems of columns that say where something is."""


def _check_asked_for(draft: Draft, elements: Sequence[Element]) -> None:
    """A "when" without a date among the outputs, and a "where" without a place, are uncovered."""
    first = at(elements, 0)
    word = first.text.lower().split(" ")[0]
    if word not in ("when", "where"):
        return
    options = [option for item in draft.items if item.slot is not None for option in item.slot.options]
    if word == "when" and any(o.type in ("date", "timestamp", "time") or _is_year(o) for o in options):
        return
    if word == "where" and any(_PLACES & set(identifier_stems(o.ref.column)) for o in options):
        return
    draft.uncovered.append(first)


def _is_year(option: ColumnOption) -> bool:
    return bool({"year", "date", "time", "day"} & set(identifier_stems(option.ref.column)))


def _join_alternatives(draft: Draft) -> None:
    """Number the conditions on both sides of each "or" alike; an "or" without a condition after it is uncovered."""
    for number, (before, element) in enumerate(draft.alternatives, start=1):
        several = before > 1 and before + 1 < len(draft.filters)
        if before >= len(draft.filters) or several:
            draft.uncovered.append(element)  # nothing follows, or it is open what belongs to which side
            continue
        group = draft.filters[before - 1].either or number
        for at_ in (before - 1, before):
            draft.filters[at_] = replace(draft.filters[at_], either=group)


_GENERIC_NOUNS = frozenset({"member", "members", "table", "record", "records", "value", "values", "item", "items"})
_BEFORE_VERBS = frozenset({"who", "that", "which", "does", "do", "did", "can", "to", "they", "we", "he", "she", "it"})


def _generic(elements: Sequence[Element], i: int) -> bool:
    """Whether a word adds nothing to the name before it: "staff *members*", "the item *table*"."""
    return elements[i].text.lower() in _GENERIC_NOUNS and at(elements, i - 1).kind in ("table", "column")


def _unread_verb(draft: Draft, elements: Sequence[Element], i: int) -> bool:
    """Whether a word is an unknown verb that only joins what stands around it: "airlines that *fly* to Rome"."""
    element, following = elements[i], at(elements, skip(elements, i + 1, "prep", "filler", "all_of"))
    word = element.text.lower()
    if element.kind not in ("unknown", "column") or not word.isalpha() or not (draft.tables or draft.items):
        return False
    if element.kind == "column":
        return draft.filtering and word.endswith("ed")
    verb = word.endswith(("ed", "ing", "ied", "en")) or at(elements, i - 1).text.lower().split(" ")[-1] in _BEFORE_VERBS
    if verb and following.kind in ("value", "quoted", "table", "column"):
        return True
    return _closing_verb(draft, elements, i)


def _closing_verb(draft: Draft, elements: Sequence[Element], i: int) -> bool:
    """Whether a verb closes a relation of two things: "the number of students *affected*" by each allergy.

    Never of what the question is about: "how many customers churned" asks for a condition that must not go unread.
    """
    before = at(elements, i - 1)
    about = draft.tables[0][0] if draft.tables else None
    word = elements[i].text.lower()
    if not word.endswith("ed") or before.kind != "table" or before.table == about or elements[i].kind != "unknown":
        return False
    draft.assumed *= DROPPED_VERB
    return bool(draft.orders or draft.groups or any(f.kind == "having" for f in draft.filters))


def _droppable(draft: Draft, element: Element, following: Element) -> bool:
    if element.is_op("both"):
        return not draft.filtering or following.kind not in ("value", "quoted")
    if element.kind == "unknown":
        return not any(character.isalnum() for character in element.text)
    if element.text.lower() == "either":
        return True
    if element.text.lower() == "by":
        return following.kind in ("value", "quoted", "table") or following.is_op("most")
    return element.is_op(*DROPPED)
