"""A fragment and the plan before it become plans of the whole: read by the question grammar, bound, and merged.

The fragment is read as if it followed "how many ORDERS" or "show ORDERS", ORDERS being what the plan before is
about, so that the grammar's patterns and the binding's nearness hold for it as they do for a whole question.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date

import msgspec
from dateutil.relativedelta import relativedelta

from app.followups import changes
from app.followups.changes import NoChange
from app.followups.fragment import Fragment
from app.planning.binding import Bound, bind
from app.planning.dates import Period
from app.planning.draft import Draft, Filter, Measure, Slot
from app.planning.elements import ColumnOption, Element
from app.planning.grammar import read
from app.planning.lexicon import Op
from app.planning.linking import link
from app.planning.plan import Aggregate, ColumnRef, Condition, Expression, Ordering, Plan, Predicate, Related, Truncated
from app.planning.planner import Planner
from app.planning.resolve import Resolver, Unresolvable, tables_of, tables_of_plan
from app.planning.schema_index import phrase_key
from app.planning.segmentation import segment
from app.planning.tokens import identifier_stems

READINGS, BINDINGS = 12, 4
COMMANDED, MERGED, CHANGED_MEASURE = 0.98, 0.98, 0.93
"""Trust in a command, in added conditions, groups and columns, and in a question asked again of another measure."""
AS_CONDITION = 0.93
"""Trust in words that are no condition as they stand being one."""
FURTHER_TABLE = 0.93
"""Trust left for each table that only the fragment brings in, as in the planner's first guess."""


class Merge(msgspec.Struct, frozen=True):
    """A plan of the whole and the trust in it, in [0, 1], given that the plan before was right."""

    plan: Plan
    trust: float


class Subject(msgspec.Struct, frozen=True):
    """What a fragment's words say themselves of what they ask, and whether they add more to it."""

    tables: frozenset[str] = frozenset()
    metric: bool = False
    restricted: bool = False

    @property
    def named(self) -> bool:
        """Whether they name something to ask of."""
        return bool(self.tables) or self.metric


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


# -- reading ---------------------------------------------------------------------


def readings(
    text: str, plan: Plan, planner: Planner, today: date
) -> Iterator[tuple[Draft, tuple[Element, ...], float]]:
    """Drafts that account for every word of a fragment, with its elements and the trust in reading it so.

    A draft begins with the plan's subject. What is no condition as it stands is read as one too ("waterproof").
    """
    tokens, linked = link(text, planner.index, planner.values, today)
    about = Element(kind="table", start=0, end=0, weight=1.0, table=plan.base, text=plan.base)
    compared = _compared(plan, planner)
    found = segment(tokens, linked)[:READINGS]
    for weight, reading in found:
        likely = max(0.1, 1 + 1.5 * (weight - found[0][0]) / max(1, len(tokens)))
        elements = tuple(e for e in reading if not _mere_filler(e))
        lead = _lead(plan)
        sequences = [((lead, about, *elements), 1.0), ((lead, about, _THAT_ARE, *elements), AS_CONDITION)]
        if compared is not None:
            sequences.append(((lead, about, _THAT_ARE, compared, *elements), AS_CONDITION))
        for sequence, trust in sequences:
            draft = read(sequence)
            if not draft.uncovered:
                yield draft, elements, trust * likely


def _compared(plan: Plan, planner: Planner) -> Element | None:
    """The only number that the plan's conditions compare, as a mention: what "less than 50" is said of."""
    refs = {
        c.expression
        for c in plan.where
        if isinstance(c, Condition) and c.operator in ("<", "<=", ">", ">=", "between") and not c.until_exclusive
        if isinstance(c.expression, ColumnRef) and planner.index.column(c.expression).type in ("integer", "number")
    }
    if len(refs) != 1:
        return None
    ref = refs.pop()
    option = ColumnOption(ref, 1.0, planner.index.column(ref).type)
    return Element(kind="column", start=0, end=0, weight=1.0, columns=(option,), text=ref.column)


_THAT_ARE = Element(kind="op", start=0, end=0, weight=1.0, ops=(Op("where"),), text="that are")


def _lead(plan: Plan) -> Element:
    op = Op("count") if plan.aggregated else Op("ask")
    return Element(kind="op", start=0, end=0, weight=1.0, ops=(op,), text="how many" if plan.aggregated else "show")


def _mere_filler(element: Element) -> bool:
    return element.kind == "op" and all(op.kind in ("filler", "all_of") for op in element.ops)


def subject_of(text: str, plan: Plan, planner: Planner, today: date) -> Subject:
    """What a fragment says itself of its subject, by the first reading that accounts for all its words."""
    for draft, elements, _trust in readings(text, plan, planner, today):
        return Subject(
            tables=frozenset(e.table for e in elements if e.table is not None),
            metric=any(e.metric is not None for e in elements),
            restricted=bool(draft.filters or draft.groups or draft.orders or draft.limit),
        )
    return Subject()


# -- merging ---------------------------------------------------------------------


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
    prepared = _drawn_to(plan, _in_the_same_year(fragment.text, draft, plan), planner)
    if any(order.measure is None for order in draft.orders):
        prepared = _sorted_by(fragment.text, prepared)
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


def _drawn_to(plan: Plan, draft: Draft, planner: Planner) -> Draft:
    """The draft with periods on the date that the plan speaks of, and values in columns that it uses, where it does."""
    index = planner.index
    filtered = changes.columns_filtered(plan)
    grains = [e.column for e in plan.group_by if isinstance(e, Truncated)]
    dates = [*grains, *sorted((r for r in filtered if _is_date(r, planner)), key=lambda r: (r.table, r.column))]
    grouped = {e for e in plan.group_by if isinstance(e, ColumnRef)}
    filters: list[Filter] = []
    for condition in draft.filters:
        if condition.kind == "period" and condition.slot is None and dates:
            option = ColumnOption(dates[0], 1.0, index.column(dates[0]).type)
            condition = dataclasses.replace(condition, slot=Slot((option,), dates[0].column, 0))
        elif condition.kind == "value" and condition.element is not None and condition.slot is None:
            condition = _narrowed(condition, filtered) or _narrowed(condition, grouped) or condition
        filters.append(condition)
    tables = [*draft.tables, *((name, 0, 1.0) for name in sorted(tables_of_plan(plan)) if name != plan.base)]
    return dataclasses.replace(draft, filters=filters, tables=tables)


_WITH = re.compile(r"(?:(?:those|the ones) )?(?:with|having|that have|who have|which have)\b", re.IGNORECASE)
_DATED = re.compile(
    r"\b(?:\d{4}|last|this|next|past|previous|current|preceding|today|yesterday|tomorrow)\b", re.IGNORECASE
)


def _in_the_same_year(text: str, draft: Draft, plan: Plan) -> Draft:
    """The draft with "April" after "March 2025" as April 2025: a period without a year is in the plan's."""
    years = {
        date.fromisoformat(str(c.values[0])[:10]).year
        for c in plan.where
        if isinstance(c, Condition) and c.operator == "between" and c.until_exclusive
    }
    if len(years) != 1 or _DATED.search(text):
        return draft
    year = years.pop()
    return dataclasses.replace(
        draft,
        filters=[
            dataclasses.replace(f, period=_moved(f.period, year)) if f.period is not None else f for f in draft.filters
        ],
    )


def _moved(period: Period, year: int) -> Period:
    """A period of days moved to the year that it is said to lie in."""
    start, end = period.start, period.end
    if start is None or end is None or start.year == year:
        return period
    return Period(start + relativedelta(years=year - start.year), end + relativedelta(years=year - start.year), "")


def _is_date(ref: ColumnRef, planner: Planner) -> bool:
    return planner.index.column(ref).type in ("date", "timestamp")


def _narrowed(condition: Filter, columns: set[ColumnRef]) -> Filter | None:
    """The condition with its value only in these columns; None if it is in none of them."""
    assert condition.element is not None
    kept = tuple(option for option in condition.element.values if option.ref in columns)
    if not kept:
        return None
    return dataclasses.replace(condition, element=msgspec.structs.replace(condition.element, values=kept))


_TOPICS = {
    "price cost fee rate amount": ("cheap", "expensive", "pric", "costl"),
    "date time day year": ("newest", "oldest", "latest", "earliest", "recent", "chronolog"),
}


def _sorted_by(text: str, draft: Draft) -> Draft:
    """The draft with "cheapest first" as an order by a price and "newest first" as one by a date."""
    lowered = text.lower()
    topic = next((topic for topic, words in _TOPICS.items() if any(word in lowered for word in words)), None)
    if topic is None:
        return draft
    measure = Measure("column", slot=Slot((), f"topic:{topic}", 0))
    return dataclasses.replace(draft, orders=[dataclasses.replace(o, measure=measure) for o in draft.orders])


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
    if measure.kind not in ("metric", "aggregate", "count") or isinstance(expression, ColumnRef | Truncated):
        raise NoChange("no measure that can take another's place")
    if measure.kind == "count" and measure.table is None:
        raise NoChange("it is open what is counted")
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
        plan = changes.reordered(plan, order)
        if draft.limit is not None and not (draft.limit == 1 and draft.orders[0].explicit):
            plan = changes.rebuilt(plan, changes.outputs_of(plan), limit=draft.limit)
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
