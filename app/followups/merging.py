"""A fragment and the plan before it become plans of the whole: read by the question grammar, bound, and merged."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date

import msgspec

from app.followups import changes
from app.followups.changes import NoChange
from app.followups.fragment import Fragment
from app.followups.reading import drawn_to, readings
from app.planning.binding import Bound, bind
from app.planning.draft import Draft, Measure
from app.planning.elements import Element
from app.planning.plan import (
    MEASURED,
    Aggregate,
    ColumnRef,
    Condition,
    Expression,
    Ordering,
    Plan,
    Predicate,
    Related,
    Truncated,
)
from app.planning.planner import Planner
from app.planning.resolve import Resolver, Unresolvable, tables_of, tables_of_plan
from app.planning.schema_index import phrase_key
from app.planning.tokens import identifier_stems

BINDINGS = 4
COMMANDED, MERGED, CHANGED_MEASURE = 0.98, 0.98, 0.93
"""Trust in a command, in added conditions, groups and columns, and in a question asked again of another measure."""
FURTHER_TABLE = 0.93
"""Trust left for each table that only the fragment brings in, as in the planner's first guess."""


class Merge(msgspec.Struct, frozen=True):
    """A plan of the whole and the trust in it, in [0, 1], given that the plan before was right."""

    plan: Plan
    trust: float


def merges(fragment: Fragment, plan: Plan, planner: Planner, today: date) -> list[Merge]:
    """Plans of the fragment after `plan`, the most trusted first; empty if it does not fit."""
    best: dict[Plan, float] = {}
    for merge in _all_merges(fragment, plan, planner, today):
        if merge.plan != plan and merge.trust > best.get(merge.plan, 0.0):
            best[merge.plan] = merge.trust
    return [Merge(found, trust) for found, trust in sorted(best.items(), key=lambda item: -item[1])]


def _all_merges(fragment: Fragment, plan: Plan, planner: Planner, today: date) -> Iterator[Merge]:
    if fragment.command is not None:
        with suppress(NoChange):
            yield Merge(_commanded(fragment, plan, planner), COMMANDED)
        if fragment.command not in ("ranked", "aggregate"):
            return
    if fragment.every is not None:
        try:
            yield Merge(changes.without_conditions_on(plan, _columns_called(fragment.every, plan, planner)), COMMANDED)
            return
        except NoChange:
            pass
    for draft, elements, read_so in readings(fragment.text, plan, planner, today):
        for merge in _merged(fragment, draft, elements, plan, planner):
            yield Merge(merge.plan, merge.trust * read_so)


def _commanded(fragment: Fragment, plan: Plan, planner: Planner) -> Plan:
    index = planner.index
    match fragment.command:
        case "reverse":
            return changes.reversed_order(plan)
        case "list":
            return changes.listed(plan, index)
        case "count":
            return changes.counted(plan)
        case "ungrouped":
            return changes.ungrouped(plan)
        case "unfiltered":
            return changes.unfiltered(plan)
        case "all_time":
            dated = {r for r in changes.columns_filtered(plan) if index.column(r).type in ("date", "timestamp")}
            return changes.without_conditions_on(plan, dated)
        case "aggregate":
            return changes.aggregated(plan, fragment.word, index)
        case _:
            return changes.ranked(plan, fragment.word, fragment.number or 1)


def _columns_called(name: str, plan: Plan, planner: Planner) -> set[ColumnRef]:
    """The columns that the plan's conditions test and that a phrase may name, or whose table it may name."""
    key = phrase_key(identifier_stems(name))
    options = {option.ref for option in planner.index.column_options(key) if option.score >= 0.6}
    tables = planner.index.tables.get(key, {})
    filtered = changes.columns_filtered(plan)
    return (filtered & options) or {ref for ref in filtered if ref.table in tables and ref.table != plan.base}


class _Addition(Resolver):
    """Resolves the parts of a fragment's draft against the plan that they are added to."""

    def __init__(self, draft: Draft, bound: Bound, planner: Planner, plan: Plan) -> None:
        super().__init__(draft, bound, planner.index, planner.graph)
        self.before = plan

    def conditions(self) -> tuple[Predicate, ...]:
        """The fragment's conditions, on rows of the plan's base table."""
        plan = self.before
        return self._where(plan.base, changes.outputs_of(plan), plan.group_by, plan.order_by)

    def having(self) -> bool:
        """Whether the fragment puts a condition on groups."""
        return bool(self._having(self.before.base))

    def order(self) -> tuple[Ordering, ...]:
        """The fragment's sort keys."""
        return self._order(self.before.base, changes.outputs_of(self.before))

    def keys(self) -> tuple[tuple[Expression, ...], tuple[Expression, ...]]:
        """What the fragment groups by: the keys that are shown, and those with what identifies their rows."""
        shown = self._groups(self.before.base, None)
        return shown, self._grouping(shown, None, shown, aggregated=True)

    def expression(self, measure: Measure) -> Expression:
        """What an output of the fragment computes."""
        return self._expression(measure, self.before.base)

    def _existing(self, base: str, shown: set[str], filtered: set[str]) -> list[Related]:
        return []  # tables are named here to draw mentions to them, not as conditions

    def _default_date(self, base: str) -> ColumnRef:
        plan = self.before
        for expression in plan.group_by:
            if isinstance(expression, Truncated):
                return expression.column
        dated = [r for r in changes.columns_filtered(plan) if self.index.column(r).type in ("date", "timestamp")]
        return min(dated, key=lambda ref: (ref.table, ref.column)) if dated else super()._default_date(base)


def _merged(
    fragment: Fragment, draft: Draft, elements: Sequence[Element], plan: Plan, planner: Planner
) -> Iterator[Merge]:
    named = [name for name, _, _ in draft.tables[1:]]
    prepared = drawn_to(plan, fragment.text, draft, planner)
    bounds = bind(prepared, planner.index, planner.graph)
    for bound in bounds[:BINDINGS]:
        addition = _Addition(prepared, bound, planner, plan)
        try:
            merged, measured = _applied(fragment, addition, named, elements, planner)
        except (NoChange, Unresolvable, KeyError):
            continue
        behind = min(0.5, max(0.0, bounds[0].score - bound.score))
        trust = (CHANGED_MEASURE if measured else MERGED) * draft.assumed * (1 - behind)
        further = len(tables_of_plan(merged) - tables_of_plan(plan) - {merged.base})
        yield Merge(merged, trust * FURTHER_TABLE**further * (0.7 + 0.3 * min(bound.links, default=1.0)))


_WITH = re.compile(r"(?:(?:those|the ones) )?(?:with|having|that have|who have|which have)\b", re.IGNORECASE)


def _applied(
    fragment: Fragment, addition: _Addition, named: Sequence[str], elements: Sequence[Element], planner: Planner
) -> tuple[Plan, bool]:
    """The plan with all that the fragment adds, and whether it is asked of another measure; raises `NoChange`."""
    draft, plan = addition.draft, addition.before
    if addition.having():
        raise NoChange("a condition on groups")
    conditions = addition.conditions()
    if any(_never_missing(p, planner) for p in conditions):
        raise NoChange("what is never missing")
    own = draft.items[1:] if plan.aggregated else draft.items
    free = _unused_tables(named, addition, conditions)
    merged, measured = _with_items(fragment, addition, own, free, elements, planner)
    if free and not measured:
        if not _WITH.match(fragment.text) or len(free) > 1:
            raise NoChange("a table that says nothing of the rows")
        conditions = (*conditions, *(Related(table) for table in free if table != plan.base))
    merged = changes.with_conditions(merged, conditions)
    if draft.groups:
        shown, grouping = addition.keys()
        if any(not planner.graph.reaches_without_multiplying(plan.base, t) for e in shown for t in tables_of(e)):
            raise NoChange("a group of which a row may be in several")
        merged = changes.regrouped(merged, shown, grouping, add=_adds(fragment, merged, shown))
    return _ordered(addition, merged, planner), measured


def _never_missing(predicate: Predicate, planner: Planner) -> bool:
    """Whether a condition asks for missing values of a column that has none, which nobody means."""
    if not isinstance(predicate, Condition) or predicate.operator != "is_null":
        return False
    return isinstance(predicate.expression, ColumnRef) and not planner.index.column(predicate.expression).nulls


def _unused_tables(named: Sequence[str], addition: _Addition, conditions: Sequence[Predicate]) -> list[str]:
    """Tables that the fragment names for their own sake, not to say where a column or value is."""
    groups = {key.table for key in addition.draft.groups if key.table}
    used = {ref.table for ref in addition.bound.refs.values()} | groups
    used |= {p.table for p in conditions if isinstance(p, Related)}
    return [table for table in dict.fromkeys(named) if table not in used]


def _adds(fragment: Fragment, plan: Plan, shown: Sequence[Expression]) -> bool:
    """Whether further keys stand beside the plan's, rather than in their place."""
    if fragment.instead or not plan.group_by:
        return False
    return fragment.also or any(isinstance(e, Truncated) for e in shown)


def _with_items(
    fragment: Fragment,
    addition: _Addition,
    own: Sequence[Measure],
    free: Sequence[str],
    elements: Sequence[Element],
    planner: Planner,
) -> tuple[Plan, bool]:
    """The plan with the fragment's outputs: other measures, the same of other rows, or further columns."""
    plan, index, graph = addition.before, planner.index, planner.graph
    computed = [m for m in own if m.kind != "column"]
    if len(computed) > 1 or (computed and len(own) > 1):
        raise NoChange("several measures")
    if computed:
        return _remeasured(computed[0], addition, free, planner)
    columns = [e for m in own if isinstance(e := addition.expression(m), ColumnRef)]
    if columns:
        return _with_columns(fragment, plan, columns, planner), False
    asks_rows = fragment.asks and fragment.points and any(e.is_op("ask") for e in elements[:1])
    if asks_rows and addition.draft.filters and not addition.draft.groups and plan.aggregated and not plan.group_by:
        return changes.listed(plan, index), False
    if len(free) == 1 and free[0] != plan.base and (fragment.also or fragment.about) and not fragment.relates:
        if not all(isinstance(m, Aggregate) and m.function == "count" for m in changes.measures_of(plan)):
            raise NoChange("rows of another table have no such measure")
        return changes.remeasured(plan, Aggregate("count", free[0]), index, graph), True
    return plan, False


def _remeasured(measure: Measure, addition: _Addition, free: Sequence[str], planner: Planner) -> tuple[Plan, bool]:
    plan = addition.before
    counts_again = measure.kind == "count" and measure.table in (None, plan.base)
    if counts_again and not plan.aggregated:
        return changes.counted(plan), False
    if counts_again and all(isinstance(m, Aggregate) and m.function == "count" for m in changes.measures_of(plan)):
        return plan, False
    expression = addition.expression(measure)
    if measure.kind not in ("metric", "aggregate", "count") or not isinstance(expression, MEASURED):
        raise NoChange("no measure that can take another's place")
    if measure.kind == "count" and measure.table is None:
        raise NoChange("it is open what is counted")
    if not plan.aggregated and isinstance(expression, Aggregate) and expression.table == plan.base:
        return changes.rebuilt(plan, [expression], order_by=(), limit=None, offset=0, distinct=False), False
    return changes.remeasured(plan, expression, planner.index, planner.graph), True


def _with_columns(fragment: Fragment, plan: Plan, columns: Sequence[ColumnRef], planner: Planner) -> Plan:
    """A listing with further columns, or an aggregate of another column ("and the weight?")."""
    measures = changes.measures_of(plan)
    only = measures[0] if len(measures) == 1 else None
    if isinstance(only, Aggregate) and only.argument is not None and not fragment.points and len(columns) == 1:
        numeric = planner.index.column(columns[0]).type in ("integer", "number")
        if numeric and only.function in ("sum", "avg", "min", "max"):
            other = Aggregate(only.function, columns[0].table, columns[0])
            return changes.remeasured(plan, other, planner.index, planner.graph)
    if any(planner.index.column(ref).type == "boolean" for ref in columns) and not fragment.asks:
        raise NoChange("a property rather than a column")
    if fragment.change and not plan.aggregated:
        return changes.rebuilt(plan, columns)
    if plan.aggregated and not plan.group_by and not fragment.points and not fragment.asks:
        raise NoChange("a single figure has no columns")
    return changes.with_columns(plan, columns, planner.index, planner.graph)


def _ordered(addition: _Addition, plan: Plan, planner: Planner) -> Plan:
    """The plan in the order and with the limit that the fragment asks for."""
    draft = addition.draft
    if draft.orders and plan.aggregated and not plan.group_by:
        plan = changes.listed(plan, planner.index)
    if draft.orders:
        order = addition.order() if all(o.measure for o in draft.orders) else _direction(addition, plan, planner)
        plan = msgspec.structs.replace(changes.reordered(plan, order), offset=0)
        if draft.limit is not None and not (draft.limit == 1 and draft.orders[0].explicit):
            plan = changes.rebuilt(plan, changes.outputs_of(plan), limit=draft.limit, offset=0)
    elif draft.limit is not None:
        plan = changes.ranked(plan, "bottom" if draft.top_descending is False else "top", draft.limit)
    return plan


def _direction(addition: _Addition, plan: Plan, planner: Planner) -> tuple[Ordering, ...]:
    """ "highest first" of a plan that says what is high: its measure, its order, or its only number."""
    key = addition.draft.orders[0]
    if key.explicit:  # alphabetically
        named = [e for e in changes.outputs_of(plan) if isinstance(e, ColumnRef | Truncated)]
        if named:
            return (Ordering(named[0], key.descending),)
    measures = changes.measures_of(plan)
    if measures or plan.order_by:
        return (Ordering(measures[0] if measures else plan.order_by[0].expression, key.descending),)
    numbers = [
        e
        for e in changes.outputs_of(plan)
        if isinstance(e, ColumnRef) and planner.index.column(e).type in ("integer", "number")
    ]
    if len(numbers) != 1:
        raise NoChange("it is open what to sort by")
    return (Ordering(numbers[0], key.descending),)
