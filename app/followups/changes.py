"""Changes to a typed plan, each a function from a plan to the changed plan.

A change that the plan has no place for raises `NoChange` with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from app.planning.entities import date_columns, display_columns, key_columns
from app.planning.joins import JoinGraph
from app.planning.naming import named_items
from app.planning.plan import (
    MEASURED,
    AgainstAggregate,
    Aggregate,
    AggregateName,
    Among,
    Arithmetic,
    ColumnRef,
    ComparedColumns,
    Condition,
    Expression,
    Filtered,
    Measured,
    MetricRef,
    Ordering,
    Plan,
    Predicate,
    Related,
    Truncated,
)
from app.planning.schema_index import SchemaIndex

_NEGATIVE = ("!=", "not_in", "not_contains")
_UPPER, _LOWER = ("<", "<="), (">", ">=")


class NoChange(Exception):
    """The plan has no place for the change; the message says why."""


def rebuilt(plan: Plan, outputs: Sequence[Expression], **changes: object) -> Plan:
    """The plan with these outputs and changes; names and evidence follow from them."""
    changed = msgspec.structs.replace(plan, **changes)
    select = named_items(list(dict.fromkeys(outputs)))
    shown = {item.expression for item in select}
    extra = [o.expression for o in changed.order_by if o.expression not in shown]
    kept = extra if changed.limit is not None or changed.having else []
    evidence = named_items(list(dict.fromkeys(kept)), taken={item.alias for item in select})
    return msgspec.structs.replace(changed, select=select, evidence=evidence)


def outputs_of(plan: Plan) -> list[Expression]:
    """The expressions of the plan's output columns."""
    return [item.expression for item in plan.select]


def measures_of(plan: Plan) -> list[Measured]:
    """What the plan computes of each group, shown or only sorted by."""
    shown = [*outputs_of(plan), *(o.expression for o in plan.order_by)]
    return list(dict.fromkeys(e for e in shown if isinstance(e, MEASURED)))


def columns_of(predicate: Predicate) -> set[ColumnRef]:
    """The columns that a predicate tests."""
    if isinstance(predicate, Condition):
        expression = predicate.expression
        return {expression} if isinstance(expression, ColumnRef) else set()
    if isinstance(predicate, AgainstAggregate | Among):
        return {predicate.column}
    if isinstance(predicate, ComparedColumns):
        return {predicate.left, predicate.right}
    conditions: Sequence[Condition | Related] = predicate.conditions
    return {ref for condition in conditions for ref in columns_of(condition)}


def columns_compared(plan: Plan) -> set[ColumnRef]:
    """The columns that the plan's own measures test: those whose two sides a difference or a growth compares."""
    sides: list[Filtered] = []
    for measure in measures_of(plan):
        found = (measure.left, measure.right) if isinstance(measure, Arithmetic) else (measure,)
        sides += [side for side in found if isinstance(side, Filtered)]
    return {ref for side in sides for condition in side.conditions for ref in columns_of(condition)}


def columns_filtered(plan: Plan) -> set[ColumnRef]:
    """The columns that the plan's conditions test."""
    return {ref for predicate in plan.where for ref in columns_of(predicate)}


# -- conditions ---------------------------------------------------------------------


def with_conditions(plan: Plan, added: Iterable[Predicate]) -> Plan:
    """The plan with further conditions; each replaces what it cannot stand beside on the same column."""
    where = list(plan.where)
    compared = columns_compared(plan)
    for predicate in added:
        if columns_of(predicate) & compared:
            raise NoChange("a condition on what two sides are compared by")
        where = _with_condition(where, predicate)
    return msgspec.structs.replace(plan, where=tuple(where))


def _with_condition(where: Sequence[Predicate], added: Predicate) -> list[Predicate]:
    kept = [left for old in where if (left := _beside(old, added)) is not None]
    for at, old in enumerate(kept):
        if isinstance(old, Related) and isinstance(added, Related) and _same_rows(old, added):
            merged = msgspec.structs.replace(old, conditions=(*old.conditions, *added.conditions))
            return [*kept[:at], merged, *kept[at + 1 :]]
    return [*kept, added] if added not in kept else kept


def _same_rows(old: Related, added: Related) -> bool:
    return (old.table, old.negated) == (added.table, added.negated) and bool(old.conditions) == bool(added.conditions)


def _beside(old: Predicate, added: Predicate) -> Predicate | None:
    """What is left of an earlier condition beside a new one; None if nothing."""
    if isinstance(old, Related):
        if isinstance(added, Related) and not added.conditions and added.table == old.table:
            return None  # "without returns" after "with returns"
        left = tuple(c for c in old.conditions if not _clash(c, added))
        return msgspec.structs.replace(old, conditions=left) if left or not old.conditions else None
    return None if _clash(old, added) else old


def _clash(old: Predicate, added: Predicate) -> bool:
    """Whether a new condition takes an earlier one's place: the same column, unless both can hold and narrow."""
    if not columns_of(old) & columns_of(added):
        return False
    if isinstance(old, Condition) and isinstance(added, Condition):
        if old.operator in _NEGATIVE and added.operator in _NEGATIVE and old.values != added.values:
            return False
        sides = {old.operator, added.operator}
        if sides & set(_UPPER) and sides & set(_LOWER):
            low = old if old.operator in _LOWER else added
            high = added if low is old else old
            return not low.values[0] < high.values[0]  # type: ignore[operator]
    return True


def without_conditions_on(plan: Plan, columns: Iterable[ColumnRef]) -> Plan:
    """The plan without its conditions on these columns; raises `NoChange` if it has none."""
    gone = set(columns)
    where: list[Predicate] = []
    for predicate in plan.where:
        if isinstance(predicate, Related) and predicate.conditions:
            left = tuple(c for c in predicate.conditions if not columns_of(c) & gone)
            if left:
                where.append(msgspec.structs.replace(predicate, conditions=left))
        elif not columns_of(predicate) & gone:
            where.append(predicate)
    if tuple(where) == plan.where:
        raise NoChange("there is no such condition")
    return msgspec.structs.replace(plan, where=tuple(where))


def unfiltered(plan: Plan) -> Plan:
    """The plan without any condition; raises `NoChange` if it has none."""
    if not plan.where and not plan.having:
        raise NoChange("there is no condition")
    return msgspec.structs.replace(plan, where=(), having=())


# -- groups ---------------------------------------------------------------------


def regrouped(plan: Plan, shown: Sequence[Expression], grouping: Sequence[Expression], *, add: bool) -> Plan:
    """The plan's measures by other keys, or with `add` by further ones; `grouping` holds `shown` and their key."""
    measures = measures_of(plan)
    if not measures:
        raise NoChange("there is nothing to group")
    kept = [e for e in outputs_of(plan) if not isinstance(e, MEASURED)] if add else []
    keys = [*plan.group_by] if add else []
    times = [e for e in shown if isinstance(e, Truncated)]
    if times:
        kept = [e for e in kept if not isinstance(e, Truncated)]
        keys = [e for e in keys if not isinstance(e, Truncated)]
    outputs = [*kept, *shown, *measures]
    order = tuple(o for o in plan.order_by if o.expression in outputs and not times)
    fixed = {e for e in shown if isinstance(e, ColumnRef)} & _held_equal(plan)
    cleared = without_conditions_on(plan, fixed) if fixed else plan
    return rebuilt(
        cleared,
        outputs,
        group_by=tuple(dict.fromkeys([*keys, *grouping])),
        order_by=order or tuple(Ordering(e) for e in times[:1]),
        limit=plan.limit if order else None,
        offset=plan.offset if order else 0,
    )


def ungrouped(plan: Plan) -> Plan:
    """The plan's count, sum or metric over all groups; raises `NoChange` for what does not add up."""
    measures = measures_of(plan)
    if plan.having or not plan.group_by or not all(_adds_up(m) for m in measures):
        raise NoChange("these groups have no total")
    return rebuilt(plan, measures, group_by=(), order_by=(), limit=None, offset=0)


def _adds_up(measure: Measured) -> bool:
    return isinstance(measure, MetricRef) or (isinstance(measure, Aggregate) and measure.function in ("count", "sum"))


def _held_equal(plan: Plan) -> set[ColumnRef]:
    """Columns that a condition holds at one value: grouping by one of them leaves a single group."""
    return {ref for p in plan.where if isinstance(p, Condition) and p.operator == "=" for ref in columns_of(p)} | {
        ref for p in plan.where if isinstance(p, Related) and not p.negated for ref in columns_of(p)
    }


# -- order and limit ---------------------------------------------------------------------


def reordered(plan: Plan, order: Sequence[Ordering]) -> Plan:
    """The plan in another order."""
    if plan.aggregated and not plan.group_by:
        raise NoChange("there is a single row")
    if plan.aggregated and any(
        isinstance(o.expression, ColumnRef) and o.expression not in plan.group_by for o in order
    ):
        raise NoChange("groups have no such column")
    return rebuilt(plan, outputs_of(plan), order_by=tuple(order))


def reversed_order(plan: Plan) -> Plan:
    """The plan with every sort key turned round; raises `NoChange` without one."""
    if not plan.order_by:
        raise NoChange("there is no order")
    turned = tuple(msgspec.structs.replace(o, descending=not o.descending) for o in plan.order_by)
    return msgspec.structs.replace(plan, order_by=turned)


_FROM_THE_TOP = {"best", "highest", "largest", "biggest", "greatest", "most"}
_FROM_THE_BOTTOM = {"bottom", "worst", "lowest", "smallest", "least", "fewest"}


def ranked(plan: Plan, word: str, number: int) -> Plan:
    """The first rows of the plan by its measure or order; raises `NoChange` if it has neither."""
    if plan.aggregated and not plan.group_by:
        raise NoChange("there is a single row")
    measures = measures_of(plan)
    order = plan.order_by[:1]
    if measures and (not order or not isinstance(order[0].expression, MEASURED)):
        order = (Ordering(measures[0], descending=True),)
    if not order:
        raise NoChange("there is no order")
    descending = order[0].descending
    if word in _FROM_THE_TOP or (word == "top" and measures and not plan.order_by):
        descending = True
    elif word in _FROM_THE_BOTTOM:
        descending = False
    elif word == "last":
        descending = not descending
    first = msgspec.structs.replace(order[0], descending=descending)
    return rebuilt(plan, outputs_of(plan), order_by=(first, *plan.order_by[1:]), limit=number, offset=0)


# -- outputs ---------------------------------------------------------------------


def counted(plan: Plan) -> Plan:
    """How many rows a listing has."""
    if plan.aggregated or plan.limit is not None:
        raise NoChange("this is no listing")
    measure = Aggregate("count", plan.base)
    outputs = outputs_of(plan)
    if plan.distinct:
        if len(outputs) != 1 or not isinstance(outputs[0], ColumnRef):
            raise NoChange("several columns that differ")
        measure = Aggregate("count_distinct", outputs[0].table, outputs[0])
    return rebuilt(plan, [measure], order_by=(), distinct=False)


def listed(plan: Plan, index: SchemaIndex) -> Plan:
    """The rows that a count has counted."""
    only = outputs_of(plan)
    if plan.group_by or len(only) != 1 or not isinstance(only[0], Aggregate) or plan.having:
        raise NoChange("this is no count")
    counted_, base = only[0], plan.base
    if counted_.function == "count_distinct" and counted_.argument is not None:
        return rebuilt(plan, [counted_.argument], distinct=True)
    if counted_.function != "count" or counted_.table != base:
        raise NoChange("this is no count of rows")
    return rebuilt(plan, display_columns(index.table(base)))


def with_columns(plan: Plan, added: Sequence[ColumnRef], index: SchemaIndex, graph: JoinGraph) -> Plan:
    """A listing with further columns; a count becomes the listing of what it counted."""
    if plan.aggregated and not plan.group_by:
        plan = listed(plan, index)
    tables = {e.table for e in plan.group_by if isinstance(e, ColumnRef)} if plan.aggregated else {plan.base}
    for ref in added:
        if not any(t == ref.table or graph.reaches_without_multiplying(t, ref.table) for t in tables):
            raise NoChange("a column that has many values in a row")
        if plan.aggregated and not _has_key(plan, ref.table, index):
            raise NoChange("a column that has many values in a group")
    outputs = outputs_of(plan)
    first_measure = next((i for i, e in enumerate(outputs) if isinstance(e, MEASURED)), len(outputs))
    outputs[first_measure:first_measure] = [ref for ref in added if ref not in outputs]
    grouping = tuple(dict.fromkeys([*plan.group_by, *added])) if plan.aggregated else ()
    return rebuilt(plan, outputs, group_by=grouping)


def _has_key(plan: Plan, table: str, index: SchemaIndex) -> bool:
    keys = key_columns(index.table(table))
    return bool(keys) and all(key in plan.group_by for key in keys)


_FUNCTIONS: dict[str, AggregateName] = {
    "average": "avg",
    "mean": "avg",
    "total": "sum",
    "sum": "sum",
    **dict.fromkeys(("minimum", "min", "lowest", "smallest"), "min"),
    **dict.fromkeys(("maximum", "max", "highest", "largest"), "max"),
}


def aggregated(plan: Plan, word: str, index: SchemaIndex) -> Plan:
    """The average, total, least or greatest of the one number that the plan computes, shows or sorts by."""
    function = _FUNCTIONS[word]
    if plan.aggregated:
        measures = measures_of(plan)
        if function == "sum" and plan.group_by:
            return ungrouped(plan)
        if len(measures) != 1 or not isinstance(measures[0], Aggregate) or measures[0].argument is None:
            raise NoChange("there is no column to aggregate")
        old = measures[0]
        if old.function in ("count", "count_distinct") or old.function == function:
            raise NoChange("a count has no average")
        return _with_measure(plan, old, Aggregate(function, old.table, old.argument))
    shown = [*outputs_of(plan), *(o.expression for o in plan.order_by)]
    numbers = dict.fromkeys(e for e in shown if isinstance(e, ColumnRef) and _is_number(e, index))
    if len(numbers) != 1:
        raise NoChange("it is open which number")
    ref = next(iter(numbers))
    return rebuilt(plan, [Aggregate(function, ref.table, ref)], order_by=(), limit=None, offset=0, distinct=False)


def _is_number(ref: ColumnRef, index: SchemaIndex) -> bool:
    keys = key_columns(index.table(ref.table))
    return index.column(ref).type in ("integer", "number") and ref not in keys and not ref.column.endswith("_id")


def _with_measure(plan: Plan, old: Measured, new: Measured) -> Plan:
    outputs = [new if e == old else e for e in outputs_of(plan)]
    order = tuple(Ordering(new, o.descending) if o.expression == old else o for o in plan.order_by)
    return rebuilt(plan, outputs, order_by=order)


# -- another measure ---------------------------------------------------------------------


def remeasured(plan: Plan, measure: Measured, index: SchemaIndex, graph: JoinGraph) -> Plan:
    """The same question of another measure, over its own table: conditions and groups are carried along."""
    old = measures_of(plan)
    if len(old) != 1 or plan.having or not plan.aggregated:
        raise NoChange("there is no single measure")
    base = measure.table
    carry = _Carry(plan.base, base, index, graph)
    keys = [carry.expression(e) for e in plan.group_by]
    outputs = [measure if isinstance(e, MEASURED) else carry.expression(e) for e in outputs_of(plan)]
    order = tuple(
        Ordering(measure if isinstance(o.expression, MEASURED) else carry.expression(o.expression), o.descending)
        for o in plan.order_by
    )
    where = tuple(carry.predicate(p) for p in plan.where)
    return rebuilt(plan, outputs, base=base, where=where, group_by=tuple(keys), order_by=order)


class _Carry:
    """Takes parts of a plan over from one base table to another; raises `NoChange` for what has no place there."""

    def __init__(self, old: str, new: str, index: SchemaIndex, graph: JoinGraph) -> None:
        self.old, self.new, self.index, self.graph = old, new, index, graph

    def expression(self, expression: Expression) -> Expression:
        if self.old == self.new:
            return expression
        if isinstance(expression, Truncated):
            return Truncated(self.date(expression.column), expression.grain)
        if not isinstance(expression, ColumnRef) or not self._reaches(expression.table):
            raise NoChange("a group that the other table has not")
        return expression

    def predicate(self, predicate: Predicate) -> Predicate:
        if self.old == self.new:
            return predicate
        if isinstance(predicate, Condition) and isinstance(predicate.expression, ColumnRef):
            ref = predicate.expression
            if self.index.column(ref).type in ("date", "timestamp"):
                return msgspec.structs.replace(predicate, expression=self.date(ref))
            return predicate if self._reaches(ref.table) else self._related(ref.table, (predicate,))
        single = isinstance(predicate, Related) and not predicate.negated and len(predicate.conditions) == 1
        if single and isinstance(predicate, Related) and self._reaches(predicate.table):
            return predicate.conditions[0]
        raise NoChange("a condition that the other table has not")

    def date(self, ref: ColumnRef) -> ColumnRef:
        """The date that is meant of the other table: its own default one where the old table's default was meant."""
        own = date_columns(self.index.table(self.new))
        was_default = ref in date_columns(self.index.table(ref.table))[:1]
        if own and was_default:
            return own[0]
        if not self._reaches(ref.table):
            raise NoChange("a date that the other table has not")
        return ref

    def _reaches(self, table: str) -> bool:
        return table == self.new or self.graph.reaches_without_multiplying(self.new, table)

    def _related(self, table: str, conditions: tuple[Condition, ...]) -> Related:
        if self.graph.path(self.new, table) is None or self.graph.siblings(self.new, table):
            raise NoChange("a condition on rows that the other table does not lead to")
        return Related(table, conditions=conditions)
