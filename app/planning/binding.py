"""Binding: which column each mention of a draft means, decided for all mentions together (beam search).

A table named right beside a mention, or anywhere in the question, draws the mention to it; every further table costs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from app.planning.draft import Draft, Filter, Measure, Slot
from app.planning.elements import ColumnOption
from app.planning.entities import date_columns, key_columns, year_columns
from app.planning.joins import JoinGraph
from app.planning.plan import ColumnRef
from app.planning.schema_index import SchemaIndex
from app.planning.tokens import identifier_stems, stem

BEAM = 16
NEAR_BONUS, NAMED_BONUS, NEW_TABLE_COST, FAR_COST, LOSS_COST = 0.35, 0.18, 0.14, 0.06, 0.1
_NUMERIC = ("integer", "number")
_IDENTIFYING = frozenset({"id", "ids", "number", "numbers", "code", "codes", "key", "keys"})
_MOMENTS = frozenset({"date", "day", "time", "month", "year", "week", "moment", "datetime", "timestamp"})
_ORDERED = ("integer", "number", "date", "timestamp", "time")


class Bound(msgspec.Struct, frozen=True):
    """A choice of column for every slot key, with link score of each and the total score of the choice."""

    refs: dict[int, ColumnRef]
    links: tuple[float, ...]
    tables: frozenset[str]
    score: float
    flips: frozenset[int] = frozenset()
    """Slots whose direction turns round (the oldest has the smallest birth date)."""


@dataclass(frozen=True)
class Task:
    """A slot to bind: `key` is its identity in the draft."""

    key: int
    options: tuple[ColumnOption, ...]
    near: str | None
    flipped: frozenset[ColumnRef] = frozenset()


def bind(draft: Draft, index: SchemaIndex, graph: JoinGraph) -> list[Bound]:
    """Choices of columns for a draft, best first; empty if a mention has no column that fits its role."""
    named = {name: score for name, _, score in draft.tables}
    measured = {m.metric.table for m in _measures(draft) if m.metric is not None}
    states = [Bound({}, (), frozenset(named) | measured, 0.0)]
    for task in _tasks(draft, index, graph):
        states = _extend(states, task, named, graph)
        if not states:
            return []
    return states


def _extend(states: Sequence[Bound], task: Task, named: dict[str, float], graph: JoinGraph) -> list[Bound]:
    grown: list[Bound] = []
    for state in states:
        for option in task.options:
            gain = _gain(state, option, task, named, graph)
            if gain is None:
                continue
            flips = state.flips | {task.key} if option.ref in task.flipped else state.flips
            grown.append(
                Bound(
                    {**state.refs, task.key: option.ref},
                    (*state.links, option.score),
                    state.tables | {option.ref.table},
                    state.score + gain,
                    flips,
                )
            )
    grown.sort(key=lambda state: -state.score)
    return grown[:BEAM]


def _gain(state: Bound, option: ColumnOption, task: Task, named: dict[str, float], graph: JoinGraph) -> float | None:
    table, gain = option.ref.table, option.score
    if task.near is not None:
        gain += NEAR_BONUS if table == task.near else -NEAR_BONUS / 2
    if table in named:
        gain += NAMED_BONUS * named[table]
    if table not in state.tables and state.tables:
        lengths = [len(path) for other in state.tables if (path := graph.path(other, table)) is not None]
        if not lengths:
            return None
        gain -= NEW_TABLE_COST + FAR_COST * (min(lengths) - 1) + LOSS_COST * _lost(state, table, graph)
    return gain


def _lost(state: Bound, table: str, graph: JoinGraph) -> float:
    """The share of rows that joining `table` loses, by the best path from a table already there."""
    paths = [path for other in state.tables if (path := graph.path(other, table)) is not None]
    return min((max((step.empty for step in path), default=0.0) for path in paths), default=0.0)


def _tasks(draft: Draft, index: SchemaIndex, graph: JoinGraph) -> Iterator[Task]:
    for measure in _measures(draft):
        if measure.slot is not None:
            yield _measure_task(measure, measure.slot, index)
    for key in draft.groups:
        if key.slot is not None:
            yield _slot_task(key.slot, index, ())
    for condition in _conditions(draft):
        yield from _filter_tasks(condition, draft, index, graph)
        if condition.within is not None:
            yield _slot_task(condition.within, index, ())
    if draft.happened is not None and not any(f.slot is draft.happened for f in draft.filters):
        yield _slot_task(draft.happened, index, ("date", "timestamp"))


def _measures(draft: Draft) -> Iterator[Measure]:
    named = [
        *draft.items,
        *(key.measure for key in draft.orders if key.measure is not None),
        *(condition.measure for condition in draft.filters if condition.measure is not None),
    ]
    seen: set[int] = set()
    for measure in (part for whole in named for part in (whole, *whole.parts)):
        if id(measure) not in seen:
            seen.add(id(measure))
            yield measure


def _conditions(draft: Draft) -> Iterator[Filter]:
    """The conditions of a draft with those inside its computed measures and comparisons."""
    for condition in draft.filters:
        yield condition
        yield from condition.sides
    seen: set[int] = set()
    for measure in _measures(draft):
        for side in measure.sides:
            if id(side) not in seen:
                seen.add(id(side))
                yield side


def _measure_task(measure: Measure, slot: Slot, index: SchemaIndex) -> Task:
    """Columns that a measure may be of: no extremes of identifiers, no counts of moments, unless they are called so."""
    function = measure.function
    types = _NUMERIC if function in ("sum", "avg", "median") else _ORDERED if function in ("min", "max") else ()
    task = _slot_task(slot, index, types)
    last = slot.text.lower().split(" ")[-1]
    options = task.options
    if function in ("min", "max") and last not in _IDENTIFYING:
        options = tuple(o for o in options if not _identifies(o.ref, index))
    if function in ("count", "count_distinct") and last.removesuffix("s") not in _MOMENTS:
        options = tuple(o for o in options if index.column(o.ref).type not in ("date", "timestamp"))
    return Task(task.key, options, task.near, task.flipped)


def _slot_task(slot: Slot, index: SchemaIndex, types: Sequence[str]) -> Task:
    if slot.text.startswith("topic:"):
        return _topic_task(slot, index)
    if slot.text.startswith("key:"):
        keys = key_columns(index.table(slot.near or ""))
        return Task(id(slot), tuple(ColumnOption(ref, 0.9) for ref in keys if len(keys) == 1), slot.near)
    options = (*slot.options, *_namesakes(slot, index))
    if slot.text.startswith("flag:"):
        types = ("boolean",)
    if types:
        options = tuple(option for option in options if index.column(option.ref).type in types)
    if types == _NUMERIC:
        options = tuple(option for option in options if not _identifies(option.ref, index))
    return Task(id(slot), options, slot.near)


NAMESAKE = 0.8
"""Trust left in a synonym for a column of the same name in another table."""


def _namesakes(slot: Slot, index: SchemaIndex) -> Iterator[ColumnOption]:
    """Columns named like one that a synonym led to: where "pieces" are a quantity, they are so in every table."""
    known = {option.ref for option in slot.options}
    said = {stem(word) for word in slot.text.lower().split()}
    for option in slot.options[:1]:
        if option.score < NAMESAKE or said & set(identifier_stems(option.ref.column)):
            continue
        for table in index.catalog.tables:
            for column in table.columns:
                ref = ColumnRef(table.name, column.name)
                if column.name == option.ref.column and column.type == option.type and ref not in known:
                    yield ColumnOption(ref, option.score * NAMESAKE, column.type)


def _identifies(ref: ColumnRef, index: SchemaIndex) -> bool:
    """Whether a column holds identifiers, whose sums and averages mean nothing."""
    return identifier_stems(ref.column)[-1] in ("id", "key") or ref in key_columns(index.table(ref.table))


def _measurable(ref: ColumnRef, index: SchemaIndex, said: str) -> bool:
    """Whether "more than 3" may be said of a column: an identifier only if it is called one."""
    if index.column(ref).type not in _NUMERIC:
        return False
    return not _identifies(ref, index) or said.lower().split(" ")[-1] in _IDENTIFYING


def _topic_task(slot: Slot, index: SchemaIndex) -> Task:
    wanted: dict[str, tuple[float, bool]] = {}
    flipped = False
    for position, word in enumerate(slot.text.removeprefix("topic:").split()):
        name, _, _rest = word.partition("|")
        wanted[stem(name)] = (0.92 - 0.03 * position, flipped)
        if "|" in word:
            flipped = True
            following = word.partition("|")[2]
            if following.isalpha() and following not in ("asc", "desc"):
                wanted[stem(following)] = (0.85, True)
    options: list[ColumnOption] = []
    turned: set[ColumnRef] = set()
    for table in index.catalog.tables:
        for column in table.columns:
            if column.type not in _ORDERED:
                continue
            stems = identifier_stems(column.name)
            best = max(((score, turn) for word, (score, turn) in wanted.items() if word in stems), default=None)
            if best is not None:
                ref = ColumnRef(table.name, column.name)
                options.append(ColumnOption(ref, best[0] * (1.0 if len(stems) <= 2 else 0.9)))
                if best[1]:
                    turned.add(ref)
    options.sort(key=lambda o: (o.ref.table != slot.near, -o.score))
    return Task(id(slot), tuple(options[:12]), slot.near, frozenset(turned))


def _filter_tasks(condition: Filter, draft: Draft, index: SchemaIndex, graph: JoinGraph) -> Iterator[Task]:
    if condition.kind == "value" and condition.element is not None:
        yield _value_task(condition, draft)
    elif condition.kind == "period":
        yield _period_task(condition, draft, index, graph)
    elif condition.slot is not None:
        numeric = condition.kind in ("compare", "average") and all(not isinstance(v, str) for v in condition.values)
        types: Sequence[str] = ()
        if condition.kind == "average":
            types = _NUMERIC if condition.function in ("avg", "median") else _ORDERED
        if condition.kind == "compare" and numeric and condition.operator == "=":
            types = ("integer", "number", "text")
        task = _slot_task(condition.slot, index, types)
        if numeric and condition.kind == "compare" and condition.operator != "=":
            task = Task(
                task.key,
                tuple(o for o in task.options if _measurable(o.ref, index, condition.slot.text)),
                task.near,
                task.flipped,
            )
        if condition.kind == "null" and condition.slot.text.startswith("topic:"):
            task = Task(task.key, tuple(o for o in task.options if _ends_a_state(o.ref, index)), task.near)
        if condition.kind == "like":
            task = Task(task.key, tuple(o for o in task.options if index.column(o.ref).type == "text"), task.near)
        yield task
    elif condition.kind == "like":
        names = [ref for name, _, _ in draft.tables for ref in _text_display(name, index)]
        yield Task(id(condition), tuple(ColumnOption(ref, 0.8) for ref in names), None)


def _ends_a_state(ref: ColumnRef, index: SchemaIndex) -> bool:
    column = index.column(ref)
    return column.type in ("date", "timestamp") and column.nulls > 0


def _text_display(name: str, index: SchemaIndex) -> list[ColumnRef]:
    from app.planning.entities import display_columns

    return [ref for ref in display_columns(index.table(name)) if index.column(ref).type == "text"]


def _value_task(condition: Filter, draft: Draft) -> Task:
    element, slot = condition.element, condition.slot
    assert element is not None
    shared = {v.ref for v in element.values}
    for other in condition.more:
        shared &= {v.ref for v in other.values}
    mentioned = {o.ref: o.score for o in slot.options} if slot is not None else {}
    options = []
    for value in element.values:
        if value.ref in shared:
            bonus = mentioned.get(value.ref, 0.0)
            if slot is not None and not bonus:
                continue
            score = value.score * (0.9 if slot is None else 1.0) + 0.1 * bonus + _cue_bonus(condition.cue, value.ref)
            options.append(ColumnOption(value.ref, min(1.0, score)))
    near = slot.near if slot is not None else None
    return Task(id(condition), tuple(options), near)


_CUES = {
    "from": {"origin", "sourc", "src", "depart", "departur", "from", "start", "sender", "home"},
    "to": {"destin", "dest", "arriv", "to", "end", "receiv", "target"},
}


def _cue_bonus(cue: str, ref: ColumnRef) -> float:
    """ "from" draws a value to an origin column, "to" to a destination."""
    stems = set(identifier_stems(ref.column))
    return (
        sum(0.1 if word == cue else -0.2 for word, topics in _CUES.items() if stems & topics) if cue in _CUES else 0.0
    )


def _period_task(condition: Filter, draft: Draft, index: SchemaIndex, graph: JoinGraph) -> Task:
    """Date columns that a period may speak of: those of what happened rather than of what it happened to.

    Of "orders of the Munich store in 2025" the orders are dated: of the tables named the finest, from whose rows the
    others follow, is meant, or the nearest one with a date that its rows lead to.
    """
    year_only = condition.period is not None and condition.period.year_only
    if condition.slot is not None:
        kinds = ("date", "timestamp", "integer") if year_only else ("date", "timestamp")
        options = tuple(o for o in condition.slot.options if o.type in kinds)
        return Task(id(condition), options, condition.slot.near)
    anchor = _anchor(draft, graph)
    options = tuple(
        ColumnOption(
            ref, score * (0.8 if anchor and not graph.reaches_without_multiplying(anchor, table.name) else 1.0)
        )
        for table in index.catalog.tables
        for ref, score in _period_options(index, table.name, year_only)
    )
    return Task(id(condition), options, _dated_from(anchor, options, graph) if anchor else None)


def _anchor(draft: Draft, graph: JoinGraph) -> str | None:
    """The finest of the tables named or measured."""
    measured = [table for m in _measures(draft) if (table := _measured_table(m, draft)) is not None]
    tables = list(dict.fromkeys([*measured, *(name for name, _, _ in draft.tables)]))
    finest = [t for t in tables if all(graph.reaches_without_multiplying(t, other) for other in tables)]
    return next(iter([*finest, *tables]), None)


def _measured_table(measure: Measure, draft: Draft) -> str | None:
    """The table that a metric, an aggregate or a rank is computed from, as far as it is settled before binding."""
    if measure.metric is not None:
        return measure.metric.table
    ranks = any(key.measure is measure for key in draft.orders)
    if measure.slot is None or not measure.slot.options or not (ranks or measure.kind == "aggregate"):
        return None
    best, *others = measure.slot.options
    clear = all(best.score - other.score > 0.05 for other in others if other.ref.table != best.ref.table)
    return best.ref.table if clear else None


def _dated_from(anchor: str, options: Sequence[ColumnOption], graph: JoinGraph) -> str | None:
    """The nearest table with a date that each row of `anchor` leads to."""
    tables = {o.ref.table for o in options if graph.reaches_without_multiplying(anchor, o.ref.table)}
    return min(tables, key=lambda t: (len(graph.path(anchor, t) or ()), t), default=None)


def _period_options(index: SchemaIndex, name: str, year_only: bool) -> Iterator[tuple[ColumnRef, float]]:
    table = index.table(name)
    dates = date_columns(table)
    for position, ref in enumerate(dates):
        own = set(identifier_stems(table.name)) & set(identifier_stems(ref.column))
        preferred = table.default_date == ref.column or len(dates) == 1
        yield ref, (0.95 if preferred else 0.86 if own else 0.72) if position == 0 else 0.72
    if year_only:
        years = year_columns(table)
        for ref in years:
            yield ref, 0.9 if len(years) == 1 and not dates else 0.75
