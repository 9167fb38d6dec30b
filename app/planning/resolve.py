"""Resolution: a draft with bound columns becomes a typed plan, or nothing when its parts do not fit together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import msgspec

from app.planning.binding import Bound
from app.planning.contradictions import contradiction
from app.planning.draft import Draft, Filter, Measure
from app.planning.entities import date_columns, display_columns, key_columns
from app.planning.joins import JoinGraph
from app.planning.naming import named_items
from app.planning.plan import (
    AgainstAggregate,
    Aggregate,
    Among,
    AnyOf,
    Arithmetic,
    ColumnRef,
    ComparedColumns,
    Condition,
    Expression,
    Filtered,
    Literal_,
    MetricRef,
    Operator,
    Ordering,
    Plan,
    Predicate,
    Related,
    RelatedCount,
    RowsOf,
    SelectItem,
    Share,
    ShareOfTotal,
    Truncated,
    Windowed,
)
from app.planning.quantities import converted, unit_in_name
from app.planning.schema_index import SchemaIndex
from app.planning.tokens import identifier_words


class Unresolvable(Exception):
    """The parts of a draft do not make one query; the message says why."""


class Contradictory(Unresolvable):
    """The conditions exclude each other: no row can meet them all. The message says which, for a person.

    `decisive`: they speak of one column in so many words; of two values, one may be meant of another column.
    """

    def __init__(self, reason: str, *, decisive: bool) -> None:
        super().__init__(reason)
        self.decisive = decisive


class Resolver:
    """Builds one plan from one draft under one binding."""

    def __init__(self, draft: Draft, bound: Bound, index: SchemaIndex, graph: JoinGraph) -> None:
        self.draft = draft
        self.bound = bound
        self.index = index
        self.graph = graph
        self.shared: list[Filter] = []
        """The conditions of a share, which select what is counted rather than what it is a share of."""
        self.counted_related: list[RelatedCount] = []
        self.named = list(dict.fromkeys(name for name, _, _ in draft.tables))

    def plan(self) -> Plan:
        """The plan; raises `Unresolvable`."""
        self._settle()
        self._count_related()
        measures = self._aggregate_measures()
        base = self._measured_table(measures) if measures else self._listed_table()
        entity = self._entity(base, bool(measures))
        groups = self._groups(base, entity) if measures else ()
        outputs = self._outputs(base, entity, groups, measures)
        order = self._order(base, outputs)
        where = self._where(base, outputs, groups, order)
        within = self._limit_within(outputs)
        select = named_items(outputs)
        evidence = self._evidence(order, outputs) if self.draft.limit is not None or self._having_measures() else ()
        among = any(isinstance(p, Among) for p in where) and not entity
        distinct = (self.draft.distinct or among) and not measures
        grouping = self._grouping(groups, entity, outputs, bool(measures))
        if measures:
            grouping = self._with_dependents(grouping, [*outputs, *(o.expression for o in order)])
        alone = [e for e in outputs if isinstance(e, Windowed)]
        if (measures or alone) and not grouping and not self._plain_rank() and (order or self.draft.limit is not None):
            raise Unresolvable("an order of a single row")
        if not grouping and self._having_measures():
            raise Unresolvable("a condition on groups without groups")
        return Plan(
            source=self.index.catalog.source,
            base=base,
            select=select,
            evidence=evidence,
            where=where,
            group_by=grouping,
            having=self._having(base),
            order_by=order,
            limit=self.draft.limit,
            offset=self.draft.offset,
            limit_within=within,
            distinct=distinct,
        )

    def _limit_within(self, outputs: Sequence[Expression]) -> tuple[ColumnRef | Truncated, ...]:
        """The groups in each of which the limit counts: "the best-selling product in *each category*"."""
        if not self._best_of_each():
            return ()
        found: list[ColumnRef | Truncated] = []
        for key in self.draft.groups:
            if not key.each:
                continue
            if key.slot is not None:
                found.append(self.bound.refs[id(key.slot)])
            elif key.table is not None:
                found += [*display_columns(self.index.table(key.table)), *key_columns(self.index.table(key.table))]
            else:
                found += [e for e in outputs if isinstance(e, Truncated)]
        within = tuple(dict.fromkeys(found))
        listed = [e for e in outputs if isinstance(e, ColumnRef) and e not in within]
        return within if listed else ()

    def _best_of_each(self) -> bool:
        """Whether a superlative is asked for of each group."""
        ranked = any(not key.explicit for key in self.draft.orders)
        return self.draft.limit is not None and ranked and any(key.each for key in self.draft.groups)

    def _plain_rank(self) -> bool:
        """Whether rows are ranked by a column of their own."""
        return any(m.computed == "rank" and m.parts[0].kind == "column" for m in self.draft.items)

    def _settle(self) -> None:
        """Make explicit what the wording left open: what "orders per year" counts, what "how many … sold" measures."""
        items, draft = list(self.draft.items), self.draft
        if not items and self.named and any(key.grain or key.divides for key in draft.groups):
            items = [Measure("count", "count", table=self.named[0])]
        if any(m.metric is not None for m in items):
            items = [m for m in items if m.kind != "count" or m.table is not None]
        self.draft = replace(draft, items=items, filters=[self._summed(f) for f in draft.filters])
        if any(m.kind == "share" for m in items):
            self._settle_share()

    def _count_related(self) -> None:
        """Of "how many customers have more than 2 orders" each customer's orders are counted, then the customers.

        Customers that are listed are grouped instead, which shows the count, but for "fewer than 2": those without
        any order are in no group.
        """
        having = [f for f in self.draft.filters if f.kind == "having"]
        tables = [f.measure.table for f in having if f.measure is not None and f.measure.kind == "count"]
        base = self._whose_related(tables)
        if not having or self.draft.groups or base is None:
            return
        if len(tables) != len(having) or not all(t and t != base for t in tables):
            return
        related = []
        for condition, table in zip(having, tables, strict=True):
            number = condition.values[0]
            assert table is not None and isinstance(number, int | float)
            related.append(RelatedCount(table, condition.operator, number))  # type: ignore[arg-type]
        counting = any(m.kind == "count" for m in self.draft.items)
        if not counting and not any(each.holds_without_any for each in related):
            return
        if any(self.graph.reaches_without_multiplying(base, t) for t in tables if t):
            raise Unresolvable("a count of rows of which there is one")
        self.counted_related += related
        kept = [f for f in self.draft.filters if f.kind != "having"]
        items = [replace(m, table=base) if m.kind == "count" else m for m in self.draft.items]
        if not counting:
            self.named = [name for name in self.named if name not in tables]
        self.draft = replace(self.draft, items=items, filters=kept)

    def _whose_related(self, counted: Sequence[str | None]) -> str | None:
        """The table of whose rows the question tells how many others belong to them; None if that is not clear."""
        items = self.draft.items
        if len(items) == 1 and items[0].kind == "count":
            return items[0].table or next(iter(self.named), None)
        if self.draft.orders or any(m.kind != "column" for m in items):
            return None
        listed = set(self._item_tables()) if items else {name for name in self.named if name not in counted}
        return listed.pop() if len(listed) == 1 else None

    def _settle_share(self) -> None:
        """Divide the conditions of a share: what follows its "are" or "have" is counted, periods restrict both."""
        draft = self.draft
        after = draft.filters[draft.shared_from or 0 :]
        if all(f.kind == "period" for f in after):
            after = draft.filters
        self.shared = [f for f in after if f.kind not in ("period", "having")]
        named = [m for m in draft.items if m.kind == "column" and m.slot is not None]
        items = [m for m in draft.items if m.kind != "column"]
        self.shared += [Filter("null", m.slot, operator="not_null") for m in named]
        kept = [f for f in draft.filters if f not in self.shared]
        self.draft = replace(draft, items=items, filters=kept)

    def _summed(self, condition: Filter) -> Filter:
        """A limit beyond every single value ("sold more than 8,000 pieces") is one on the sum."""
        if condition.kind != "compare" or condition.slot is None or condition.operator not in (">", ">=", "<", "<="):
            return condition
        ref = self.bound.refs[id(condition.slot)]
        highest, number = self.index.column(ref).maximum, condition.values[0]
        if not isinstance(number, int | float) or not isinstance(highest, int | float) or number <= highest:
            return condition
        others = self.bound.tables - {ref.table}
        if all(self.graph.reaches_without_multiplying(table, ref.table) for table in others):
            return condition
        measure = Measure("aggregate", "sum", slot=condition.slot)
        return Filter("having", operator=condition.operator, values=condition.values, measure=measure)

    # -- what is aggregated ------------------------------------------------------------------------------------------

    def _having_measures(self) -> list[Measure]:
        return [f.measure for f in self.draft.filters if f.kind == "having" and f.measure is not None]

    def _aggregate_measures(self) -> list[Measure]:
        ordered = [key.measure for key in self.draft.orders if key.measure is not None]
        everything = [*self.draft.items, *ordered, *self._having_measures()]
        if self._plain_rank():
            return []
        found = [m for m in everything if m.kind != "column"]
        if not found and (self.draft.limit or 0) and any(self._must_sum(m) for m in ordered):
            found = [m for m in ordered if self._must_sum(m)]
        return found

    def _must_sum(self, measure: Measure) -> bool:
        """A superlative's column lies on the many side of what is listed: its sum is meant."""
        if measure.kind != "column" or measure.slot is None:
            return False
        table = self._ref(measure).table
        listed = self._item_tables() or self.named[:1]
        return any(t != table and not self.graph.reaches_without_multiplying(t, table) for t in listed) and (
            self.index.column(self._ref(measure)).type in ("integer", "number")
        )

    def _item_tables(self) -> list[str]:
        return list(dict.fromkeys(self._ref(m).table for m in self.draft.items if m.kind == "column"))

    def _ref(self, measure: Measure) -> ColumnRef:
        return self.bound.refs[id(measure.slot)]

    def _measured_table(self, measures: Sequence[Measure]) -> str:
        tables: list[str] = []
        for measure in (part for m in measures for part in (m.parts if m.kind == "computed" else (m,))):
            if measure.kind == "rows_of":
                continue
            if measure.metric is not None:
                tables.append(measure.metric.table)
            elif measure.slot is not None:
                tables.append(self._ref(measure).table)
            elif measure.table is not None:
                tables.append(measure.table)
        tables = list(dict.fromkeys(tables)) or [self._counted_table()]
        finest = [t for t in tables if all(self.graph.reaches_without_multiplying(t, other) for other in tables)]
        if len(tables) > 1 and not self._only_counts_differ(measures, tables, finest):
            raise Unresolvable("measures of several tables")
        return finest[0] if finest else tables[0]

    def _only_counts_differ(self, measures: Sequence[Measure], tables: Sequence[str], finest: Sequence[str]) -> bool:
        """Several tables may be measured together when only distinct counts speak of the coarser ones."""
        if not finest:
            return False
        measures = [part for m in measures for part in (m.parts if m.kind == "computed" else (m,))]
        return all(
            m.function in ("count", "count_distinct", "min", "max")
            for m in measures
            if m.metric is None and m.kind != "rows_of" and (m.table or (m.slot and self._ref(m).table)) != finest[0]
        ) and not any(m.metric is not None and m.metric.table != finest[0] for m in measures)

    def _counted_table(self) -> str:
        grouped = {key.table for key in self.draft.groups if key.table}
        free = [name for name in self.named if name not in grouped]
        if free:
            return free[0]
        for refs in (
            self._item_tables(),
            [self.bound.refs[id(k.slot)].table for k in self.draft.groups if k.slot is not None],
            self._filter_tables(),
            self.named,
        ):
            if refs:
                return refs[0]
        raise Unresolvable("nothing to count")

    def _filter_tables(self) -> list[str]:
        return [
            self.bound.refs[key].table
            for f in self.draft.filters
            for key in (id(f), id(f.slot))
            if key in self.bound.refs
        ]

    # -- what is listed ----------------------------------------------------------------------------------------------

    def _listed_table(self) -> str:
        tables = self._item_tables()
        ordered = [
            self._ref(k.measure).table
            for k in self.draft.orders
            if k.measure is not None and k.measure.slot is not None
        ]
        if not tables:
            grouped = [k.table for k in self.draft.groups if k.table] + [
                self.bound.refs[id(k.slot)].table for k in self.draft.groups if k.slot is not None
            ]
            tables = self.named[:1] or grouped[:1] or ordered[:1] or self._filter_tables()[:1]
        if not tables:
            raise Unresolvable("nothing to list")
        candidates = list(dict.fromkeys([*tables, *ordered]))
        finest = [t for t in candidates if all(self.graph.reaches_without_multiplying(t, o) for o in candidates)]
        return finest[0] if finest else tables[0]

    def _entity(self, base: str, aggregated: bool) -> str | None:
        """The table whose rows are named in the output because no column was asked for."""
        if self.draft.items and not (aggregated and not self.draft.aggregating and not self._item_tables()):
            return None
        measured = {
            m.table for m in (*self._having_measures(), *(k.measure for k in self.draft.orders if k.measure)) if m.table
        }
        free = [name for name in self.named if name not in measured]
        grouped = [k.table for k in self.draft.groups if k.table]
        if aggregated and self._best_of_each():
            return next(iter(free), None)
        if aggregated:
            keyed = any(k.slot or k.grain for k in self.draft.groups)
            return next(iter([*grouped, *free]), None) if not keyed else None
        if self.draft.groups and not free:
            return grouped[0] if grouped else None
        return (free or [base])[0]

    def _groups(self, base: str, entity: str | None) -> tuple[Expression, ...]:
        keys: list[Expression] = []
        for key in self.draft.groups:
            if key.slot is not None:
                keys.append(self.bound.refs[id(key.slot)])
            elif key.table is not None:
                keys.extend(display_columns(self.index.table(key.table)))
            elif key.grain is not None:
                keys.append(Truncated(self._default_date(base), key.grain))
        if entity is not None and not any(key.table == entity for key in self.draft.groups):
            keys.extend(display_columns(self.index.table(entity)))
        return tuple(dict.fromkeys(keys))

    def _default_date(self, base: str) -> ColumnRef:
        for condition in self.draft.filters:
            if condition.kind == "period":
                ref = self.bound.refs.get(id(condition)) or self.bound.refs[id(condition.slot)]
                if self.index.column(ref).type in ("date", "timestamp"):
                    return ref
        reachable = [
            t
            for t in self.index.catalog.tables
            if t.name == base or self.graph.reaches_without_multiplying(base, t.name)
        ]
        reachable.sort(key=lambda t: len(self.graph.path(base, t.name) or ()))
        for table in reachable:
            dates = date_columns(table)
            if dates:
                return dates[0]
        raise Unresolvable("no date to group by")

    def _outputs(
        self, base: str, entity: str | None, groups: tuple[Expression, ...], measures: Sequence[Measure]
    ) -> list[Expression]:
        asked = [expression for m in self.draft.items for expression in self._expressions(m, base)]
        if self.draft.everything or not (asked or groups or entity):
            table = self.index.table(entity or base)
            return [ColumnRef(table.name, column.name) for column in table.columns]
        if not measures:
            if entity is not None and not [e for e in asked if isinstance(e, ColumnRef)]:
                asked = [*display_columns(self.index.table(entity)), *asked]
            if self._plain_rank():
                named = [k.table for k in self.draft.groups if k.table]
                asked = [*(ref for t in named for ref in display_columns(self.index.table(t))), *asked]
            loose = [self.bound.refs[id(k.slot)] for k in self.draft.groups if k.slot is not None]
            if any(k.grain for k in self.draft.groups):
                raise Unresolvable("a calendar unit without anything to aggregate")
            return list(dict.fromkeys([*loose, *asked]))
        return list(dict.fromkeys([*groups, *asked]))

    def _expressions(self, measure: Measure, base: str) -> list[Expression]:
        """What is shown for an output: a growth is shown with what it is computed from."""
        if measure.kind != "computed":
            return [self._expression(measure, base)]
        plain = self._expression(measure.parts[0], base)
        if measure.computed == "rank":
            assert isinstance(plain, Aggregate | MetricRef | ColumnRef)
            return [Windowed("rank", plain)]
        assert isinstance(plain, Aggregate | MetricRef)
        if measure.sides:
            left, right = (self._filtered(plain, side, base) for side in measure.sides)
            if measure.computed == "percent_change":
                return [right, left, Arithmetic("difference", left, right), Arithmetic("percent_change", left, right)]
            return [Arithmetic(measure.computed, left, right)]  # type: ignore[arg-type]
        if len(measure.parts) == 2:
            return [Arithmetic(measure.computed, plain, self._second(measure.parts[1], base))]  # type: ignore[arg-type]
        return self._along_time(measure, plain, base)

    def _second(self, measure: Measure, base: str) -> Aggregate | MetricRef | RowsOf:
        if measure.kind == "rows_of":
            assert measure.table is not None
            return RowsOf(measure.table)
        found = self._expression(measure, base)
        if not isinstance(found, Aggregate | MetricRef):
            raise Unresolvable("no measure to compare with")
        return found

    def _along_time(self, measure: Measure, plain: Aggregate | MetricRef, base: str) -> list[Expression]:
        grains = [key.grain for key in self.draft.groups if key.grain]
        if len(grains) != 1:
            raise Unresolvable("no calendar unit to go along")
        along = Truncated(self._default_date(base), grains[0])
        if measure.computed == "percent_change":
            return [plain, Windowed("change", plain, along), Windowed("percent_change", plain, along)]
        return [Windowed(measure.computed, plain, along, measure.size)]  # type: ignore[arg-type]

    def _filtered(self, measure: Aggregate | MetricRef, side: Filter, base: str) -> Filtered:
        """A measure over the rows of one side; raises `Unresolvable` where rows would multiply."""
        condition = self._predicate(side)
        if not isinstance(condition, Condition):
            raise Unresolvable("no plain condition on a side")
        table = tables_of(condition.expression)[0]
        if table != base and not self.graph.reaches_without_multiplying(base, table):
            raise Unresolvable("a side on rows of the many side")
        return Filtered(measure, (condition,))

    def _expression(self, measure: Measure, base: str) -> Expression:
        if measure.kind != "share" and measure.metric is not None:
            return measure.metric
        if measure.kind == "count":
            return Aggregate("count", measure.table or base)
        if measure.kind == "share":
            return self._share(measure, base)
        ref = self._ref(measure)
        if measure.kind == "column":
            return ref
        assert measure.function is not None
        if measure.function == "count_distinct" and self.index.column(ref).unique:
            return Aggregate("count", ref.table, ref)
        return Aggregate(measure.function, ref.table, ref)

    def _share(self, measure: Measure, base: str) -> Expression:
        """The percentage of rows that fulfil the share's conditions, or of the total that a group makes up."""
        if self.shared:
            if measure.table is None:
                raise Unresolvable("a share of a sum under conditions")
            return Share(base, tuple(self._counted(f, base) for f in self.shared))
        if not self.draft.groups:
            raise Unresolvable("a share of nothing")
        if measure.metric is not None:
            return ShareOfTotal(measure.metric)
        if measure.table is not None:
            return ShareOfTotal(Aggregate("count", measure.table))
        ref = self._ref(measure)
        return ShareOfTotal(Aggregate("sum", ref.table, ref))

    def _counted(self, condition: Filter, base: str) -> Condition | Related:
        predicate = self._predicate(condition)
        if isinstance(predicate, Related):
            return predicate
        if not isinstance(predicate, Condition):
            raise Unresolvable("a share under a comparison with an average")
        table = tables_of(predicate.expression)[0]
        if table != base and not self.graph.reaches_without_multiplying(base, table):
            return Related(table, conditions=(predicate,))
        return predicate

    def _grouping(
        self, groups: tuple[Expression, ...], entity: str | None, outputs: Sequence[Expression], aggregated: bool
    ) -> tuple[Expression, ...]:
        if not aggregated:
            return ()
        keys = [e for e in outputs if isinstance(e, ColumnRef | Truncated)]
        entities = [t for t in (entity, *(k.table for k in self.draft.groups)) if t]
        listed = self._item_tables()
        if not self.draft.aggregating and not entities:
            entities = [t for t in listed if self._names_entity(t, outputs)]
        for name in dict.fromkeys(entities):
            if not self.index.table(name).primary_key or any(r in keys for r in key_columns(self.index.table(name))):
                continue
            keys.extend(key_columns(self.index.table(name)))
        return tuple(dict.fromkeys([*groups, *keys]))

    def _with_dependents(self, grouping: tuple[Expression, ...], shown: Sequence[Expression]) -> tuple[Expression, ...]:
        """The grouping with the columns that its keys determine; raises `Unresolvable` for any other ungrouped one."""
        loose = [e for e in dict.fromkeys(shown) if isinstance(e, ColumnRef | Truncated) and e not in grouping]
        for expression in loose:
            table = tables_of(expression)[0]
            keys = key_columns(self.index.table(table))
            if not keys or not all(key in grouping for key in keys):
                raise Unresolvable("a column that has many values in a group")
        return (*grouping, *loose)

    def _names_entity(self, table: str, outputs: Sequence[Expression]) -> bool:
        return any(ref in outputs for ref in display_columns(self.index.table(table)))

    # -- order, conditions -------------------------------------------------------------------------------------------

    def _order(self, base: str, outputs: Sequence[Expression]) -> tuple[Ordering, ...]:
        order: list[Ordering] = []
        for key in self.draft.orders:
            if key.measure is None:
                plain = [e for e in outputs if isinstance(e, ColumnRef | Truncated)]
                measured = [e for e in outputs if e not in plain]
                first = (plain or measured)[0] if key.explicit else (measured or plain)[0]
                order.append(Ordering(first, key.descending))
                continue
            descending = key.descending != (id(key.measure.slot) in self.bound.flips)
            expression = self._expression(key.measure, base)
            if isinstance(expression, ColumnRef) and not key.explicit and self._must_sum(key.measure):
                expression = Aggregate("sum", expression.table, expression)
            order.append(Ordering(expression, descending))
        if self.draft.limit is not None and not order and self.draft.top_descending is not None:
            order.extend(self._top_order(outputs))
        grains = [e for e in outputs if isinstance(e, Truncated)]
        if grains and not order:
            order.append(Ordering(grains[0]))
        return tuple(order)

    def _top_order(self, outputs: Sequence[Expression]) -> list[Ordering]:
        measured = [e for e in outputs if not isinstance(e, ColumnRef | Truncated)]
        if not measured:
            raise Unresolvable("a top without a measure")
        return [Ordering(measured[0], bool(self.draft.top_descending))]

    @staticmethod
    def _evidence(order: Sequence[Ordering], outputs: Sequence[Expression]) -> tuple[SelectItem, ...]:
        extra = [o.expression for o in order if o.expression not in outputs]
        return named_items(extra, taken={item.alias for item in named_items(list(outputs))})

    def _having(self, base: str) -> tuple[Condition, ...]:
        found = []
        for condition in self.draft.filters:
            if condition.kind == "having" and condition.measure is not None:
                expression = self._expression(condition.measure, base)
                found.append(Condition(expression, condition.operator, self._measured_in_unit(expression, condition)))
        return tuple(found)

    def _measured_in_unit(self, expression: Expression, condition: Filter) -> tuple[Literal_, ...]:
        if isinstance(expression, Aggregate) and expression.argument is not None:
            return self._in_unit(expression.argument, condition)
        metrics = {m.name: m.unit for m in self.index.catalog.metrics}
        unit = metrics.get(expression.name) if isinstance(expression, MetricRef) else None
        values = converted(condition.values, condition.unit, unit) if condition.unit else condition.values
        if values is None:
            raise Unresolvable(f"not in {condition.unit}")
        return values

    def _where(
        self, base: str, outputs: Sequence[Expression], groups: Iterable[Expression], order: Sequence[Ordering]
    ) -> tuple[Predicate, ...]:
        shown = {t for e in (*outputs, *groups, *(o.expression for o in order)) for t in tables_of(e)} | {base}
        direct: list[Predicate] = [*self._alternatives(base), *self._each(base), *self.counted_related]
        beyond: dict[str, list[Condition]] = {}
        counted: dict[str, list[Condition]] = {each.table: [] for each in self.counted_related}
        for condition in self.draft.filters:
            if condition.either or condition.each:
                continue
            predicate = self._predicate(condition)
            if predicate is None:
                continue
            table = _table_of(predicate)
            many = table != base and not self.graph.reaches_without_multiplying(base, table)
            negative = condition.kind == "value" and condition.operator in _NEGATIVE
            if isinstance(predicate, Condition) and many and negative:
                positive = Condition(predicate.expression, _NEGATIVE[predicate.operator], predicate.values)
                direct.append(Related(table, negated=True, conditions=(positive,)))
            elif isinstance(predicate, Condition) and many and condition.kind == "period" and table in counted:
                counted[table].append(predicate)
            elif isinstance(predicate, Condition) and table not in shown and many:
                beyond.setdefault(table, []).append(predicate)
            else:
                direct.append(predicate)
        direct = [_within(p, counted) if isinstance(p, RelatedCount) else p for p in direct]
        direct = [*(_with_conditions(p, beyond) for p in direct), *self._happened()]
        direct = self._reconciled(direct, outputs)
        related = [Related(table, conditions=tuple(conditions)) for table, conditions in beyond.items()]
        return (*direct, *related, *self._existing(base, shown, {*beyond, *(_table_of(p) for p in direct)}))

    def _alternatives(self, base: str) -> list[AnyOf]:
        """Each group of conditions of which one must hold; on rows of the many side, that such a row exists."""
        groups: dict[int, list[Condition | Related]] = {}
        for condition in self.draft.filters:
            if condition.either:
                predicate = self._predicate(condition)
                if not isinstance(predicate, Condition | Related):
                    raise Unresolvable("an alternative that is no plain condition")
                table = _table_of(predicate)
                many = table != base and not self.graph.reaches_without_multiplying(base, table)
                if isinstance(predicate, Condition) and many:
                    predicate = Related(table, conditions=(predicate,))
                groups.setdefault(condition.either, []).append(predicate)
        return [AnyOf(tuple(conditions)) for conditions in groups.values()]

    def _each(self, base: str) -> list[Related]:
        """Values that must all be found: one related row for each; raises `Unresolvable` if one row holds them."""
        found = []
        for condition in self.draft.filters:
            if condition.each:
                predicate = self._predicate(condition)
                if not isinstance(predicate, Condition):
                    raise Unresolvable("no plain condition")
                table = tables_of(predicate.expression)[0]
                if table == base or self.graph.reaches_without_multiplying(base, table):
                    raise Unresolvable("one row cannot hold both values")
                found.append(Related(table, conditions=(predicate,)))
        return found

    def _happened(self) -> list[Predicate]:
        """For "have been discontinued": the date is there. Nothing if it always is."""
        slot = self.draft.happened
        if slot is None or any(f.slot is slot for f in self.draft.filters):
            return []
        ref = self.bound.refs.get(id(slot))
        return [Condition(ref, "not_null")] if ref is not None and self.index.column(ref).nulls else []

    def _existing(self, base: str, shown: set[str], filtered: set[str]) -> list[Related]:
        """Tables named but not used otherwise: rows must be related to them ("customers with orders")."""
        measured = {m.table for m in self._aggregate_measures() if m.table}
        unused = [t for t in self.named if t not in shown | filtered | measured]
        on_the_way = {step.to_table for t in (*shown, *filtered) for step in self.graph.path(base, t) or ()}
        missing = [t for t in unused if t not in on_the_way]
        if any(self.graph.path(base, t) is None for t in missing):
            raise Unresolvable(f"{missing[0]} is not connected")
        return [Related(t) for t in missing]

    def _predicate(self, condition: Filter) -> Predicate | None:
        if condition.kind == "having":
            return None
        if condition.kind == "related":
            assert condition.table is not None
            return Related(condition.table, negated=True)
        ref = self.bound.refs[id(condition) if id(condition) in self.bound.refs else id(condition.slot)]
        if condition.kind == "average":
            return self._against(ref, condition)
        if condition.kind == "columns":
            return ComparedColumns(ref, condition.operator, self.bound.refs[id(condition.within)])  # type: ignore[arg-type]
        if condition.kind == "same":
            return Among(ref, tuple(self._plain(side) for side in condition.sides))
        if condition.kind == "period":
            return self._period(ref, condition)
        if condition.kind == "value":
            return Condition(ref, condition.operator, self._stored_values(ref, condition))
        if condition.kind == "compare" and condition.values and self.index.column(ref).type == "text":
            return Condition(ref, condition.operator, tuple(str(v) for v in condition.values))
        return Condition(ref, condition.operator, self._in_unit(ref, condition))

    def _in_unit(self, ref: ColumnRef, condition: Filter) -> tuple[Literal_, ...]:
        """The values in the column's unit; raises `Unresolvable` where they are of another kind."""
        if not condition.unit:
            return condition.values
        unit = self.index.column(ref).unit or unit_in_name(tuple(identifier_words(ref.column)))
        values = converted(condition.values, condition.unit, unit)
        if values is None:
            raise Unresolvable(f"{ref.column} is not in {condition.unit}")
        return values

    def _against(self, ref: ColumnRef, condition: Filter) -> AgainstAggregate:
        """A comparison with an aggregate of the same column; raises `Unresolvable` if its group is of another table."""
        within = self.bound.refs[id(condition.within)] if condition.within is not None else None
        if within is not None and within.table != ref.table:
            raise Unresolvable("a group of another table")
        sides = tuple(self._plain(side) for side in condition.sides)
        return AgainstAggregate(ref, condition.operator, condition.function, within, sides)  # type: ignore[arg-type]

    def _plain(self, condition: Filter) -> Condition:
        found = self._predicate(condition)
        if not isinstance(found, Condition):
            raise Unresolvable("no plain condition")
        return found

    def _reconciled(self, direct: list[Predicate], outputs: Sequence[Expression]) -> list[Predicate]:
        """Conditions that no single row can meet, as conditions on rows that share the value asked for.

        Of "countries with customers over 40 and customers under 30" each country has both. Raises `Contradictory` where
        the question asks for the rows themselves.
        """
        conditions = [p for p in direct if isinstance(p, Condition)]
        clash = contradiction(conditions)
        if clash is None:
            return direct
        first, second, reason = clash
        shared = [e for e in outputs if isinstance(e, ColumnRef) and not self.index.column(e).unique]
        counted = [e.argument for e in outputs if isinstance(e, Aggregate) and e.function == "count_distinct"]
        shared += [ref for ref in counted if ref is not None]
        tables = {t for c in (first, second) for t in tables_of(c.expression)}
        decisive = {first.operator, second.operator} - {"=", "in"} != set()
        if len(outputs) != 1 or len(shared) != 1 or first.operator == second.operator == "between":
            raise Contradictory(reason, decisive=decisive)
        table = shared[0].table
        if tables != {table} and not all(self.graph.path(table, t) for t in tables):
            raise Contradictory(reason, decisive=decisive)
        kept: list[Predicate] = [p for p in direct if p is not second]
        return [*kept, Among(shared[0], (second,))]

    @staticmethod
    def _stored_values(ref: ColumnRef, condition: Filter) -> tuple[Literal_, ...]:
        elements = [e for e in (condition.element, *condition.more) if e is not None]
        return tuple(dict.fromkeys(v.value for e in elements for v in e.values if v.ref == ref))

    def _period(self, ref: ColumnRef, condition: Filter) -> Predicate:
        period = condition.period
        assert period is not None
        if self.index.column(ref).type == "integer":
            return _year_condition(ref, condition)
        if condition.operator == "!=":
            raise Unresolvable("a negated period")
        if period.start is None:
            return Condition(ref, "<", (str(period.end),))
        if period.end is None:
            return Condition(ref, ">=", (str(period.start),))
        return Condition(ref, "between", (period.start.isoformat(), period.end.isoformat()), until_exclusive=True)


def _with_conditions(predicate: Predicate, beyond: dict[str, list[Condition]]) -> Predicate:
    """A "has no …" with the conditions that the question puts on what is missing."""
    bare = isinstance(predicate, Related) and predicate.negated and not predicate.conditions
    if bare and isinstance(predicate, Related) and predicate.table in beyond:
        return Related(predicate.table, negated=True, conditions=tuple(beyond.pop(predicate.table)))
    return predicate


_NEGATIVE: dict[str, Operator] = {"!=": "=", "not_in": "in"}


def _year_condition(ref: ColumnRef, condition: Filter) -> Condition:
    period = condition.period
    assert period is not None
    if period.start is None and period.end is not None:
        return Condition(ref, "<", (period.end.year,))
    if period.end is None and period.start is not None:
        return Condition(ref, ">=", (period.start.year,))
    assert period.start is not None and period.end is not None
    first, last = period.start.year, period.end.year - 1
    if first == last:
        return Condition(ref, "!=" if condition.operator == "!=" else "=", (first,))
    return Condition(ref, "between", (first, last))


def tables_of(expression: Expression) -> tuple[str, ...]:
    """The tables that an expression reads."""
    if isinstance(expression, Truncated):
        return (expression.column.table,)
    if isinstance(expression, Arithmetic) and not isinstance(expression.right, RowsOf):
        return (*tables_of(expression.left), *tables_of(expression.right))
    if isinstance(expression, Filtered):
        return (expression.table, *(t for c in expression.conditions for t in tables_of(c.expression)))
    return (expression.table,)


def tables_of_plan(plan: Plan) -> set[str]:
    """All tables that a plan names, those joined on the way between them left out."""
    expressions = [*(i.expression for i in plan.select), *plan.group_by, *(o.expression for o in plan.order_by)]
    return {plan.base, *(t for e in expressions for t in tables_of(e)), *(_table_of(p) for p in plan.where)}


def _within(related: RelatedCount, periods: Mapping[str, Sequence[Condition]]) -> RelatedCount:
    """The count of related rows within the periods that the question tells."""
    return msgspec.structs.replace(related, conditions=tuple(periods[related.table]))


def _table_of(predicate: Predicate) -> str:
    if isinstance(predicate, Related | RelatedCount):
        return predicate.table
    if isinstance(predicate, AgainstAggregate | Among):
        return predicate.column.table
    if isinstance(predicate, ComparedColumns):
        return predicate.left.table
    if isinstance(predicate, AnyOf):
        return _table_of(predicate.conditions[0])
    return tables_of(predicate.expression)[0]


def resolve(draft: Draft, bound: Bound, index: SchemaIndex, graph: JoinGraph) -> Plan:
    """The plan of a draft under a binding; raises `Unresolvable`."""
    return Resolver(draft, bound, index, graph).plan()
