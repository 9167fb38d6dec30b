"""Compilation: a typed plan becomes a DuckDB syntax tree, built with sqlglot and never by string concatenation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

import sqlglot
from sqlglot import exp

from app.planning.computed_trees import along_time, computed, of_rows_where, ranked
from app.planning.joins import JoinGraph, Step
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
    Ordering,
    Plan,
    Predicate,
    Related,
    RelatedCount,
    RowsOf,
    Share,
    ShareOfTotal,
    Truncated,
    Windowed,
)
from app.planning.schema_index import SchemaIndex


class CannotCompile(Exception):
    """The plan would need a join that does not exist or that multiplies what is summed."""


class Compiler:
    """Compiles one plan against one catalog."""

    def __init__(self, plan: Plan, index: SchemaIndex, graph: JoinGraph) -> None:
        self.plan = plan
        self.index = index
        self.graph = graph
        self.needed = self._needed_tables()
        spanning = graph.spanning(plan.base, self.needed)
        if spanning is None:
            raise CannotCompile(f"no join connects {plan.base} with {', '.join(sorted(self.needed))}")
        self.steps = spanning
        self.multiplied = any(step.multiplies for step in spanning)

    def select(self) -> exp.Select:
        """The whole statement."""
        query = exp.select(
            *[self._aliased(item.expression, item.alias) for item in (*self.plan.select, *self.plan.evidence)]
        )
        query = query.from_(_table(self.plan.base), copy=False)
        for step in self.steps:
            query.append("joins", _joined(step))
        for tree in (*(self._predicate(p) for p in self.plan.where), *self._metric_filters()):
            query = query.where(tree, copy=False)
        if self.plan.group_by:
            query = query.group_by(*[self._expression(e) for e in self.plan.group_by], copy=False)
        for condition in self.plan.having:
            query = query.having(self._condition(condition), copy=False)
        for ordering in self.plan.order_by:
            query = query.order_by(self._ordering(ordering), copy=False)
        if self.plan.distinct or (self.multiplied and not self.plan.aggregated and not self._shows_many_side()):
            query = query.distinct(copy=False)
        return self._limited(query)

    def _limited(self, query: exp.Select) -> exp.Select:
        """The query with its limit, which may count anew in each group (see `_best_of_each`)."""
        plan = self.plan
        if plan.limit is None:
            return query
        if not plan.limit_within:
            query.set("limit", exp.Limit(expression=exp.Literal.number(plan.limit)))
            if plan.offset:
                query.set("offset", exp.Offset(expression=exp.Literal.number(plan.offset)))
            return query
        return self._best_of_each(query, plan.limit)

    def _best_of_each(self, query: exp.Select, limit: int) -> exp.Select:
        """`SELECT … FROM (SELECT …, row_number() OVER (…) AS place …) WHERE place <= n`: every engine has it."""
        plan = self.plan
        query.set("order", None)
        shown = [item.alias for item in (*plan.select, *plan.evidence)]
        aliases = {item.expression: item.alias for item in (*plan.select, *plan.evidence)}
        place = _fresh("place", shown)
        number = exp.Window(
            this=exp.RowNumber(),
            partition_by=[self._expression(e) for e in plan.limit_within],
            order=exp.Order(expressions=[*(self._ordering(o) for o in plan.order_by), *self._ties()]),
        )
        query.select(exp.alias_(number, place, quoted=True), copy=False)
        groups: list[str] = []
        for expression in plan.limit_within:
            if expression not in aliases:
                aliases[expression] = _fresh("group", (*shown, place, *groups))
                query.select(self._aliased(expression, aliases[expression]), copy=False)
            groups.append(aliases[expression])
        ranked = _output(place)
        kept: exp.Expr = exp.LTE(this=ranked, expression=exp.Literal.number(limit + plan.offset))
        if plan.offset:
            kept = exp.and_(exp.GT(this=ranked.copy(), expression=exp.Literal.number(plan.offset)), kept)
        outer = exp.select(*[_output(alias) for alias in shown]).from_(query.subquery("ranked", copy=False))
        order = [exp.Ordered(this=_output(name)) for name in (*groups, place)]
        return outer.where(kept, copy=False).order_by(*order, copy=False)

    def _ties(self) -> list[exp.Ordered]:
        """Of equal rows the first by what is shown comes first, so that an answer is the same each time."""
        ordered = {o.expression for o in self.plan.order_by}
        shown = [i.expression for i in self.plan.select if isinstance(i.expression, ColumnRef)]
        return [exp.Ordered(this=self._expression(e)) for e in shown if e not in ordered]

    # -- tables ------------------------------------------------------------------------------------------------------

    def _shows_many_side(self) -> bool:
        many: set[str] = set()
        for step in self.steps:
            if step.multiplies or step.table in many:
                many.add(step.to_table)
        return any(table in many for item in self.plan.select for table in self._expression_tables(item.expression))

    def _expression_tables(self, expression: Expression) -> tuple[str, ...]:
        if isinstance(expression, Truncated):
            return (expression.column.table,)
        if isinstance(expression, MetricRef):
            return (expression.table, *self._metric_columns(expression))
        if isinstance(expression, ShareOfTotal | Windowed):
            return self._expression_tables(expression.measure)
        if isinstance(expression, Share):
            return (expression.table, *(t for c in expression.conditions for t in _direct_tables(c)))
        if isinstance(expression, Filtered):
            within = (t for c in expression.conditions for t in _direct_tables(c))
            return (*self._expression_tables(expression.measure), *within)
        if isinstance(expression, Arithmetic):
            right = () if isinstance(expression.right, RowsOf) else self._expression_tables(expression.right)
            return (*self._expression_tables(expression.left), *right)
        return (expression.table,)

    def _metric_columns(self, metric: MetricRef) -> tuple[str, ...]:
        tree = self._metric_tree(metric)
        parts = [tree, *self._metric_filter_tree(metric)]
        return tuple({column.table for part in parts for column in part.find_all(exp.Column) if column.table})

    def _needed_tables(self) -> set[str]:
        plan = self.plan
        expressions: list[Expression] = [
            *(i.expression for i in (*plan.select, *plan.evidence)),
            *plan.group_by,
            *(o.expression for o in plan.order_by),
            *(c.expression for c in plan.having),
        ]
        tables = {t for e in expressions for t in self._expression_tables(e)}
        for predicate in plan.where:
            tables |= set(_direct_tables(predicate))
        return tables

    # -- expressions -------------------------------------------------------------------------------------------------

    def _aliased(self, expression: Expression, alias: str) -> exp.Expr:
        return exp.alias_(self._expression(expression), alias, quoted=True)

    def _expression(self, expression: Expression) -> exp.Expr:
        if isinstance(expression, ColumnRef):
            return _column(expression)
        if isinstance(expression, Truncated):
            return self._truncated(expression)
        if isinstance(expression, MetricRef):
            if self.multiplied and self._multiplies(expression.table):
                raise CannotCompile(f"{expression.name} would count rows twice")
            return self._metric_tree(expression)
        if isinstance(expression, ShareOfTotal):
            return self._share_of_total(expression)
        if isinstance(expression, Share):
            return self._share(expression)
        if isinstance(expression, Filtered):
            return self._filtered(expression)
        if isinstance(expression, Arithmetic):
            return self._arithmetic(expression)
        if isinstance(expression, Windowed):
            return self._windowed(expression)
        return self._aggregate(expression)

    def _filtered(self, filtered: Filtered) -> exp.Expr:
        """The aggregate of `CASE WHEN … THEN …`, which every SQL dialect knows."""
        tree = self._expression(filtered.measure)
        return of_rows_where(tree, exp.and_(*[self._condition(c) for c in filtered.conditions]))

    def _arithmetic(self, found: Arithmetic) -> exp.Expr:
        left = self._expression(found.left)
        if isinstance(found.right, RowsOf):
            if self.plan.where or self.plan.group_by:
                raise CannotCompile(f"all {found.right.table} are no measure of some of them")
            right: exp.Expr = exp.select(exp.Count(this=exp.Star())).from_(_table(found.right.table)).subquery()
        else:
            right = self._expression(found.right)
        return computed(found.operator, left, right)

    def _windowed(self, found: Windowed) -> exp.Expr:
        measure = self._expression(found.measure)
        if found.function == "rank":
            return ranked(measure, found.descending)
        if found.along is None:
            raise CannotCompile("nothing to go along")
        others = [self._expression(e) for e in self.plan.group_by if e != found.along]
        return along_time(found.function, measure, self._truncated(found.along), found.along.grain, others, found.size)

    def _share(self, share: Share) -> exp.Expr:
        """Percent of rows: `100.0 * count(*) FILTER (WHERE …) / nullif(count(*), 0)`."""
        if self.multiplied or share.table != self.plan.base:
            raise CannotCompile(f"a share of {share.table} would count rows twice")
        counted = exp.Filter(
            this=exp.Count(this=exp.Star()),
            expression=exp.Where(this=exp.and_(*[self._predicate(c) for c in share.conditions])),
        )
        return _percent(counted, exp.Count(this=exp.Star()))

    def _share_of_total(self, share: ShareOfTotal) -> exp.Expr:
        """Percent of the sum over all groups: `100.0 * m / nullif(sum(m) OVER (), 0)`."""
        part = self._expression(share.measure)
        return _percent(part, exp.Window(this=exp.Sum(this=part.copy())))

    @staticmethod
    def _truncated(expression: Truncated) -> exp.Expr:
        cut = exp.func("date_trunc", exp.Literal.string(expression.grain), _column(expression.column))
        return exp.cast(cut, "date")

    def _multiplies(self, table: str) -> bool:
        """Whether the joins repeat rows of `table`."""
        return any(not self.graph.reaches_without_multiplying(table, step.to_table) for step in self.steps) or (
            table != self.plan.base and not self.graph.reaches_without_multiplying(table, self.plan.base)
        )

    def _aggregate(self, aggregate: Aggregate) -> exp.Expr:
        function, argument = aggregate.function, aggregate.argument
        repeats = self._multiplies(aggregate.table)
        if function == "count" and argument is None:
            return self._count_rows(aggregate.table) if repeats else exp.Count(this=exp.Star())
        assert argument is not None
        column = _column(argument)
        if function == "count_distinct" or (function == "count" and repeats):
            return exp.Count(this=exp.Distinct(expressions=[column]))
        if repeats and function in ("sum", "avg", "median"):
            raise CannotCompile(f"the {function} of {argument.column} would count rows twice")
        return _AGGREGATES[function](this=column)

    def _count_rows(self, table: str) -> exp.Expr:
        key = self.index.table(table).primary_key
        if not key:
            raise CannotCompile(f"{table} has no key to count by")
        columns = [_column(ColumnRef(table, name)) for name in key]
        return exp.Count(
            this=exp.Distinct(expressions=[columns[0] if len(columns) == 1 else exp.Tuple(expressions=columns)])
        )

    # -- metrics -----------------------------------------------------------------------------------------------------

    def _metric_tree(self, metric: MetricRef) -> exp.Expr:
        found = next(m for m in self.index.catalog.metrics if m.name == metric.name)
        return self._qualified(found.expression, found.table)

    def _metric_filter_tree(self, metric: MetricRef) -> list[exp.Expr]:
        found = next(m for m in self.index.catalog.metrics if m.name == metric.name)
        return [self._qualified(found.filter, found.table)] if found.filter else []

    def _metric_filters(self) -> list[exp.Expr]:
        expressions = [i.expression for i in (*self.plan.select, *self.plan.evidence)]
        expressions += [c.expression for c in self.plan.having] + [o.expression for o in self.plan.order_by]
        metrics = dict.fromkeys(metric for e in expressions for metric in _metrics_of(e))
        trees = [tree for metric in metrics for tree in self._metric_filter_tree(metric)]
        return list(dict.fromkeys(trees))

    def _qualified(self, text: str, table: str) -> exp.Expr:
        tree = _parsed(text).copy()
        for column in tree.find_all(exp.Column):
            owner = self.index.catalog.table(column.table) if column.table else self.index.catalog.table(table)
            if owner is None:
                raise CannotCompile(f"a metric names the unknown table {column.table}")
            column.set("table", exp.to_identifier(owner.name, quoted=True))
            name = next((c.name for c in owner.columns if c.name.casefold() == column.name.casefold()), None)
            if name is None:
                raise CannotCompile(f"a metric names the unknown column {column.name}")
            column.set("this", exp.to_identifier(name, quoted=True))
        return _without_infinity(tree)

    # -- conditions --------------------------------------------------------------------------------------------------

    def _ordering(self, ordering: Ordering) -> exp.Expr:
        return exp.Ordered(this=self._expression(ordering.expression), desc=ordering.descending, nulls_first=False)

    def _predicate(self, predicate: Predicate) -> exp.Expr:
        if isinstance(predicate, Condition):
            return self._condition(predicate)
        if isinstance(predicate, AnyOf):
            return exp.or_(*[self._predicate(c) for c in predicate.conditions])
        if isinstance(predicate, AgainstAggregate):
            return self._against_aggregate(predicate)
        if isinstance(predicate, ComparedColumns):
            return _COMPARISONS[predicate.operator](this=_column(predicate.left), expression=_column(predicate.right))
        if isinstance(predicate, Among):
            return self._among(predicate)
        if isinstance(predicate, RelatedCount):
            return self._related_count(predicate)
        return self._related(predicate)

    def _against_aggregate(self, predicate: AgainstAggregate) -> exp.Expr:
        """`column > (SELECT avg(column) FROM …)`; within a group, of the rows that share the group's value."""
        column, function = predicate.column, _AGGREGATES[predicate.function]
        if predicate.within is None:
            inner = self._rows_where(column.table, predicate.conditions, once=predicate.function in ("avg", "median"))
            inner = inner.select(function(this=_column(column)), append=False)
        else:
            peers = exp.to_identifier("peers", quoted=True)
            same = exp.column(exp.to_identifier(predicate.within.column, quoted=True), table=peers)
            inner = exp.select(
                function(this=exp.column(exp.to_identifier(column.column, quoted=True), table=peers.copy()))
            ).from_(exp.alias_(_table(column.table), "peers", quoted=True, table=True))
            inner = inner.where(exp.EQ(this=same, expression=_column(predicate.within)))
        return _COMPARISONS[predicate.operator](this=_column(column), expression=inner.subquery())

    def _among(self, predicate: Among) -> exp.Expr:
        """`column [NOT] IN (SELECT column FROM … WHERE …)`."""
        column = predicate.column
        inner = self._rows_where(column.table, predicate.conditions).select(_column(column), append=False)
        if predicate.negated:
            inner = inner.where(exp.not_(exp.Is(this=_column(column), expression=exp.Null())))
        found: exp.Expr = exp.In(this=_column(column), query=inner.subquery())
        return exp.not_(found) if predicate.negated else found

    def _rows_where(self, table: str, conditions: Sequence[Condition], *, once: bool = False) -> exp.Select:
        """A sub-query over the rows of a table that fulfil conditions; with `once`, none may be repeated."""
        steps = self.graph.spanning(table, {t for c in conditions for t in _direct_tables(c)})
        if steps is None or (once and any(step.multiplies for step in steps)):
            raise CannotCompile(f"the conditions on {table} repeat its rows or cannot be joined")
        inner = exp.select().from_(_table(table))
        for step in steps:
            inner = inner.join(_table(step.to_table), on=_on(step), join_type="inner")
        for condition in conditions:
            inner = inner.where(self._condition(condition))
        return inner

    def _condition(self, condition: Condition) -> exp.Expr:
        left = self._expression(condition.expression)
        return _compare(left, condition, self._literals(condition))

    def _literals(self, condition: Condition) -> list[exp.Expr]:
        expression = condition.expression
        if isinstance(expression, ColumnRef):
            kind = self.index.column(expression).type
            if kind in ("date", "timestamp"):
                return [exp.cast(exp.Literal.string(str(v)), kind) for v in condition.values]
        return [literal(v) for v in condition.values]

    def _along_path(self, table: str) -> exp.Select:
        """A sub-query over the rows of a table that belong to the row of the base outside."""
        path = self.graph.path(self.plan.base, table)
        if not path:
            raise CannotCompile(f"no join connects {self.plan.base} with {table}")
        first, rest = path[0], path[1:]
        inner = exp.select().from_(_table(first.to_table), copy=False)
        for step in rest:
            inner.append("joins", _joined(step))
        return inner.where(_on(first), copy=False)

    def _related_count(self, related: RelatedCount) -> exp.Expr:
        """`(SELECT count(*) FROM … WHERE …) > n` along the path from the base to the counted table."""
        path = self.graph.path(self.plan.base, related.table) or ()
        if len(path) == 1 and len(path[0].columns) == 1:
            return self._counted_apart(related, path[0])
        if any(before.multiplies and not after.multiplies for before, after in pairwise(path)):
            counted = self._count_rows(related.table)  # a row may be met by several ways
        else:
            counted = exp.Count(this=exp.Star())
        inner = self._along_path(related.table).select(counted, append=False, copy=False)
        for condition in related.conditions:
            inner = inner.where(self._condition(condition), copy=False)
        return _COMPARISONS[related.operator](this=inner.subquery(), expression=literal(related.number))

    def _counted_apart(self, related: RelatedCount, step: Step) -> exp.Expr:
        """`key [NOT] IN (SELECT key FROM … GROUP BY key HAVING count(*) > n)`: counted once, not for each row.

        Where none is few enough, those with too many are excluded instead, as rows without any are in no group.
        """
        with_none = related.holds_without_any
        compared = _OPPOSITE[related.operator] if with_none else related.operator
        key = _column(ColumnRef(step.to_table, step.to_columns[0]))
        own = ColumnRef(step.table, step.columns[0])
        known = exp.not_(exp.Is(this=key.copy(), expression=exp.Null()))
        grouped = exp.select(key).from_(_table(step.to_table), copy=False).where(known, copy=False)
        for condition in related.conditions:
            grouped = grouped.where(self._condition(condition), copy=False)
        counted = _COMPARISONS[compared](this=exp.Count(this=exp.Star()), expression=literal(related.number))
        inside: exp.Expr = exp.In(this=_column(own), query=grouped.group_by(key.copy()).having(counted).subquery())
        if not with_none:
            return inside
        outside = exp.not_(inside)
        if self.index.column(own).nulls == 0:
            return outside
        return exp.or_(outside, exp.Is(this=_column(own), expression=exp.Null()))

    def _related(self, related: Related) -> exp.Expr:
        """`[NOT] EXISTS (SELECT 1 FROM … WHERE …)` along the path from the base to the related table."""
        inner = self._along_path(related.table).select(exp.Literal.number(1), append=False, copy=False)
        for condition in related.conditions:
            inner = inner.where(self._condition(condition), copy=False)
        exists: exp.Expr = exp.Exists(this=inner)
        return exp.not_(exists) if related.negated else exists


@lru_cache(maxsize=256)
def _parsed(text: str) -> exp.Expr:
    """The tree of a metric's expression, to be copied before it is changed."""
    return sqlglot.parse_one(text, dialect="duckdb")


def _joined(step: Step) -> exp.Join:
    return exp.Join(this=_table(step.to_table), on=_on(step), kind="INNER")


def _without_infinity(tree: exp.Expr) -> exp.Expr:
    """Divisions by zero give NULL rather than the engine's infinity, which would lead every ranking."""
    for division in list(tree.find_all(exp.Div, exp.IntDiv, exp.Mod)):
        divisor = division.expression
        if not isinstance(divisor, exp.Literal | exp.Nullif):
            division.set("expression", exp.Nullif(this=divisor.copy(), expression=exp.Literal.number(0)))
    return tree


_OPPOSITE = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "=": "!=", "!=": "="}
_AGGREGATES: dict[str, type[exp.Func]] = {
    "count": exp.Count,
    "sum": exp.Sum,
    "avg": exp.Avg,
    "min": exp.Min,
    "max": exp.Max,
    "median": exp.Median,
}


def _metrics_of(expression: Expression) -> tuple[MetricRef, ...]:
    """The metrics that an expression is computed from."""
    if isinstance(expression, MetricRef):
        return (expression,)
    if isinstance(expression, ShareOfTotal | Filtered | Windowed):
        return _metrics_of(expression.measure)
    if isinstance(expression, Arithmetic):
        right = () if isinstance(expression.right, RowsOf) else _metrics_of(expression.right)
        return (*_metrics_of(expression.left), *right)
    return ()


def _output(alias: str) -> exp.Column:
    return exp.column(exp.to_identifier(alias, quoted=True))


def _fresh(name: str, taken: Iterable[str]) -> str:
    """The name, or with a number the first that is not taken."""
    used = {each.casefold() for each in taken}
    return next(n for n in (name, *(f"{name}_{i}" for i in range(2, len(used) + 3))) if n.casefold() not in used)


def _percent(part: exp.Expr, whole: exp.Expr) -> exp.Expr:
    return exp.Div(
        this=exp.Mul(this=exp.Literal.number("100.0"), expression=exp.paren(part)),
        expression=exp.func("nullif", whole, exp.Literal.number(0)),
    )


_COMPARISONS: dict[str, type[exp.Binary]] = {
    "=": exp.EQ,
    "!=": exp.NEQ,
    "<": exp.LT,
    "<=": exp.LTE,
    ">": exp.GT,
    ">=": exp.GTE,
}


def _compare(left: exp.Expr, condition: Condition, values: Sequence[exp.Expr]) -> exp.Expr:
    operator = condition.operator
    if operator in _COMPARISONS:
        return _COMPARISONS[operator](this=left, expression=values[0])
    if operator == "between":
        if condition.until_exclusive:
            return exp.and_(exp.GTE(this=left, expression=values[0]), exp.LT(this=left.copy(), expression=values[1]))
        return exp.Between(this=left, low=values[0], high=values[1])
    if operator in ("in", "not_in"):
        inside: exp.Expr = exp.In(this=left, expressions=list(values))
        return exp.not_(inside) if operator == "not_in" else inside
    if operator in ("is_null", "not_null"):
        null: exp.Expr = exp.Is(this=left, expression=exp.Null())
        return exp.not_(null) if operator == "not_null" else null
    pattern = escape_like(str(condition.values[0]))
    shaped = {"starts": f"{pattern}%", "ends": f"%{pattern}"}.get(operator, f"%{pattern}%")
    text: exp.Expr = exp.ILike(this=left, expression=exp.Literal.string(shaped))
    if pattern != str(condition.values[0]):
        text = exp.Escape(this=text, expression=exp.Literal.string("\\"))
    return exp.not_(text) if operator == "not_contains" else text


def escape_like(text: str) -> str:
    """A text with LIKE's wildcards escaped by a backslash."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def literal(value: Literal_) -> exp.Expr:
    """A literal of the value's type; a text can only ever become a quoted string."""
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, int | float):
        return exp.Literal.number(value) if value >= 0 else exp.Neg(this=exp.Literal.number(-value))
    return exp.Literal.string(value)


def _table(name: str) -> exp.Table:
    return exp.table_(exp.to_identifier(name, quoted=True))


def _column(ref: ColumnRef) -> exp.Column:
    return exp.column(exp.to_identifier(ref.column, quoted=True), table=exp.to_identifier(ref.table, quoted=True))


def _on(step: Step) -> exp.Expr:
    pairs = zip(step.columns, step.to_columns, strict=True)
    return exp.and_(
        *[
            exp.EQ(this=_column(ColumnRef(step.table, left)), expression=_column(ColumnRef(step.to_table, right)))
            for left, right in pairs
        ]
    )


def _direct_tables(predicate: Predicate) -> Iterable[str]:
    if isinstance(predicate, Related | RelatedCount):
        return ()
    if isinstance(predicate, AgainstAggregate | Among):
        return (predicate.column.table,)
    if isinstance(predicate, ComparedColumns):
        return {predicate.left.table, predicate.right.table}
    conditions = predicate.conditions if isinstance(predicate, AnyOf) else (predicate,)
    expressions = [c.expression for c in conditions if isinstance(c, Condition)]
    return {e.column.table if isinstance(e, Truncated) else e.table for e in expressions}


def compile_plan(plan: Plan, index: SchemaIndex, graph: JoinGraph) -> str:
    """The plan as DuckDB SQL; raises `CannotCompile`."""
    return Compiler(plan, index, graph).select().sql(dialect="duckdb")
