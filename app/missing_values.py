"""Conditions that no row can meet: values that a column does not hold, and numbers beyond its range.

A count of zero would be true and would mislead: the asker thinks that there is such a status, or such a price.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date

from app.guards import Objection
from app.planning.identifiers import identifier_stems
from app.planning.lexicon import OPERATORS
from app.planning.linking import link
from app.planning.plan import AnyOf, ColumnRef, Condition, Plan, Related
from app.planning.planner import Planned, Planner
from app.planning.wording import Wording, plural, words
from app.scrubbing import looks_personal
from app.sentences import said
from app.values import Figure
from app.verbalising.numbers import spoken
from ingest.stores.catalog import Column
from ingest.stores.values import MOST_VALUES, indexed, normalise

SHOWN = 5
"""Values of a column that are named."""
OUTRIGHT = 0.9
"""Link score from which a word is the name of a column, or a synonym of it."""
MOST_TRIED = 6
"""Columns that a word is tried as a value of, at most."""
_PLACES = {"countri", "citi", "state", "region", "town", "provinc", "locat", "address", "origin", "nation", "district"}
_PLACING = re.compile(r"\b(?:from|in|of|at)\s+(?:the\s+)?$", re.IGNORECASE)


def unknown_value(text: str, planned: Planned, planner: Planner, threshold: float, today: date) -> Objection | None:
    """The refusal for words that can only be a value of a column which does not hold it; None if that is not clear.

    The words are taken for a value of a column if the question can be answered with a value that the column has in
    their place. The column is the one named beside them, or after "from" and "in" the only one of places.
    """
    if planner.index.catalog.dialect != "duckdb":
        return None  # what a live table holds now is not known here
    for phrase in _phrases(text, planned.uncovered):
        fitting = [
            ref
            for ref in _columns_for(text, phrase, planned, planner, today)[:MOST_TRIED]
            if _answerable(text, phrase, ref, planner, threshold, today)
        ]
        if fitting:
            return not_held(fitting, phrase, planner)
    return None


def _phrases(text: str, uncovered: Sequence[str]) -> Iterator[str]:
    """All words that fit nothing as one phrase if they stand together, or the only one; "per" is no value's word."""
    if any((word.casefold(),) in OPERATORS for word in uncovered):
        return
    joined = r"\W+".join(re.escape(word) for word in uncovered)
    found = re.search(rf"(?<!\w){joined}(?!\w)", text, re.IGNORECASE) if uncovered else None
    if found is not None:
        yield found.group()


def _columns_for(text: str, phrase: str, planned: Planned, planner: Planner, today: date) -> list[ColumnRef]:
    """Text columns whose values may be named: those mentioned next to the phrase, else the places after "from"."""
    before, after = text.split(phrase, 1)
    _, elements = link(text, planner.index, planner.values, today)
    named = {e.table for e in elements if e.table is not None and e.score >= 0.9}
    placing = _PLACING.search(before) is not None
    rows = {e.text.lower() for e in elements if e.kind == "table" and e.table in named} if placing else set()
    beside = [
        option.ref
        for element in elements
        if element.kind == "column"
        and element.score >= OUTRIGHT
        and element.text.lower() not in rows  # "stores in X" asks for a place, though the name is a "store", too
        and re.search(_beside(element.text), f"{before}\0{after}", re.IGNORECASE)
        for option in element.columns
        if option.score >= element.score - 0.05
    ]
    listed = beside or (list(_places_of(named, planner)) if placing else [])
    texts = dict.fromkeys(ref for ref in listed if _all_looked_up(planner.index.column(ref)))
    if any(ref.table in named for ref in listed) and not any(ref.table in named for ref in texts):
        return []  # the table's own column may hold the value, and is not looked into
    return sorted(texts, key=lambda ref: ref.table not in named)


def _places_of(named: set[str], planner: Planner) -> Iterator[ColumnRef]:
    """Columns of places in the tables named, and in those that their rows lead to."""
    for table in planner.index.catalog.tables:
        if any(planner.graph.reaches_without_multiplying(name, table.name) for name in named):
            for column in table.columns:
                if _PLACES & set(identifier_stems(column.name)):
                    yield ColumnRef(table.name, column.name)


def _beside(mention: str) -> str:
    """The mention right before the phrase (with "is" and the like between them) or right after it."""
    name = re.escape(mention)
    between = r"(?:(?:is|are|was|were|of|the|a|an|called|named|in|equal|equals|to)\W+)*"
    return rf"(?<!\w){name}\W+{between}\0|\0\W+{name}(?!\w)"


def _answerable(text: str, phrase: str, ref: ColumnRef, planner: Planner, threshold: float, today: date) -> bool:
    """Whether the question has a sure answer with a value of the column in place of the phrase."""
    frequent = [f.value for f in planner.index.column(ref).frequent if isinstance(f.value, str) and f.value.strip()]
    if not frequent:
        return False
    candidates = planner.plan(text.replace(phrase, str(frequent[0]), 1), today).candidates
    if not candidates or candidates[0].confidence < threshold:
        return False
    return any(c.expression == ref and str(frequent[0]) in map(str, c.values) for c in conditions(candidates[0].plan))


def not_held(refs: Sequence[ColumnRef], value: str, planner: Planner) -> Objection:
    """Says that columns do not hold a value, and what they hold: what is spelt like it, else the most frequent."""
    columns = tuple(dict.fromkeys(words(ref.column) for ref in refs))
    missing = said("not_held", table=plural(words(refs[0].table)), columns=columns, value=value)
    fewest = min(refs, key=lambda ref: planner.index.column(ref).distinct)
    column = planner.index.column(fewest)
    known = dict.fromkeys((*_spelt_alike(refs, value, planner), *(str(f.value) for f in column.frequent)))
    shown = [each for each in known if not looks_personal(each)][:SHOWN]
    if not shown:
        return Objection("no_such_value", missing)
    more = column.distinct - len(shown)
    listed = tuple(column.labels.get(value, value) for value in shown)
    others = "" if more <= 0 else said("one_more") if more == 1 else said("more", count=more)
    return Objection("no_such_value", said("not_held_known", not_held=missing, known=listed, more=others))


def _spelt_alike(refs: Sequence[ColumnRef], value: str, planner: Planner) -> Iterator[str]:
    if planner.values is None:
        return
    for ref in refs:
        for hit in planner.values.nearest(normalise(value), table=ref.table, column=ref.column, limit=SHOWN):
            yield hit.value


def conditions(plan: Plan) -> Iterator[Condition]:
    """All conditions of a plan's rows, those of alternatives and of related rows included."""
    for predicate in plan.where:
        if isinstance(predicate, Condition):
            yield predicate
        elif isinstance(predicate, Related):
            yield from predicate.conditions
        elif isinstance(predicate, AnyOf):
            yield from (c for c in predicate.conditions if isinstance(c, Condition))


def value_not_held(plan: Plan, planner: Planner) -> Objection | None:
    """The refusal for a plan that compares a column with a quoted text which the column does not hold."""
    for condition in conditions(plan):
        ref = condition.expression
        if not isinstance(ref, ColumnRef) or condition.operator not in ("=", "in") or planner.values is None:
            continue
        if not _all_looked_up(planner.index.column(ref)):
            continue
        missing = [v for v in condition.values if isinstance(v, str) and not _held(ref, v, planner)]
        if missing and len(missing) == len(condition.values):
            return not_held([ref], missing[0], planner)
    return None


def _all_looked_up(column: Column) -> bool:
    """Whether the value index has every value of the column."""
    return column.type == "text" and indexed(column) and 0 < column.distinct <= MOST_VALUES and bool(column.frequent)


def _held(ref: ColumnRef, value: str, planner: Planner) -> bool:
    assert planner.values is not None
    hits = planner.values.lookup([normalise(value)])
    return any((hit.table, hit.column) == (ref.table, ref.column) for hit in hits)


def beyond_range(plan: Plan, planner: Planner) -> tuple[str, tuple[Figure, ...]] | None:
    """Where a comparison with a number keeps no row, what the column's range is, with its figures."""
    wording = Wording(planner.index)
    for condition in plan.where:
        if not isinstance(condition, Condition) or not isinstance(condition.expression, ColumnRef):
            continue
        column = planner.index.column(condition.expression)
        low, high = column.minimum, column.maximum
        if isinstance(low, int | float) and isinstance(high, int | float) and _outside(condition, low, high):
            name = wording.expression(condition.expression)
            ends = [(end, spoken(value, column.unit)) for end, value in (("min", low), ("max", high))]
            figures = tuple(
                Figure(text=text, row=None, column=None, formula=f"{end}({column.name}) at the last sync")
                for end, text in ends
            )
            return f"The {name} runs from {ends[0][1]} to {ends[1][1]}.", figures
    return None


def _outside(condition: Condition, low: float, high: float) -> bool:
    """Whether no number from `low` to `high` meets the condition."""
    numbers = [v for v in condition.values if isinstance(v, int | float) and not isinstance(v, bool)]
    if not numbers or len(numbers) != len(condition.values):
        return False
    first, last = numbers[0], numbers[-1]
    return {
        ">": first >= high,
        ">=": first > high,
        "<": first <= low,
        "<=": first < low,
        "between": last < low or first > high,
        "=": not low <= first <= high,
    }.get(condition.operator, False)
