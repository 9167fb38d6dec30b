"""Syntax trees of values computed from aggregates: of chosen rows, differences and ratios, and along time."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from app.planning.plan import ArithmeticName, Grain, WindowName


def of_rows_where(tree: exp.Expr, condition: exp.Expr) -> exp.Expr:
    """A copy of an expression whose aggregates see only the rows that fulfil the condition."""

    def chosen(value: exp.Expr) -> exp.Expr:
        kept = exp.Literal.number(1) if isinstance(value, exp.Star) else value.copy()
        return exp.Case().when(condition.copy(), kept)

    tree = tree.copy()
    for aggregate in list(tree.find_all(exp.AggFunc)):
        inner = aggregate.this
        if isinstance(inner, exp.Distinct):
            inner.set("expressions", [chosen(e) for e in inner.expressions])
        else:
            aggregate.set("this", chosen(inner))
    return tree


def computed(operator: ArithmeticName, left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """`left - right`, `left / right` as a decimal, or the percent by which left is above right; null over zero."""
    difference = exp.Sub(this=exp.paren(left), expression=exp.paren(right))
    if operator == "difference":
        return difference
    divisor = exp.func("nullif", right.copy(), exp.Literal.number(0))
    if operator == "ratio":
        return exp.Div(this=exp.Mul(this=exp.Literal.number("1.0"), expression=exp.paren(left)), expression=divisor)
    return exp.Div(this=exp.Mul(this=exp.Literal.number("100.0"), expression=exp.paren(difference)), expression=divisor)


def ranked(measure: exp.Expr, descending: bool) -> exp.Expr:
    """`rank() OVER (ORDER BY measure)`: equal values share a rank."""
    order = exp.Order(expressions=[exp.Ordered(this=measure, desc=descending, nulls_first=False)])
    return exp.Window(this=exp.Rank(), order=order)


def along_time(
    function: WindowName, measure: exp.Expr, moment: exp.Expr, grain: Grain, apart: Sequence[exp.Expr], size: int
) -> exp.Expr:
    """A running total, moving average or change of `measure` from one calendar unit to the next.

    `moment` is the calendar unit of a row; `apart` are other groups, each with a series of its own. A change is null
    where the unit before has no row.
    """

    def over(inner: exp.Expr, back: int | None = None) -> exp.Expr:
        rows = None
        if back is not None:
            start = {"start": "UNBOUNDED"} if back == 0 else {"start": exp.Literal.number(back - 1)}
            rows = exp.WindowSpec(kind="ROWS", **start, start_side="PRECEDING", end="CURRENT ROW")
        return exp.Window(
            this=inner,
            partition_by=[e.copy() for e in apart],
            order=exp.Order(expressions=[exp.Ordered(this=moment.copy())]),
            spec=rows,
        )

    if function == "running_total":
        return over(exp.Sum(this=measure), 0)
    if function == "moving_average":
        return over(exp.Avg(this=measure), size)
    before = over(exp.Lag(this=measure.copy()))
    unit = exp.Interval(this=exp.Literal.string("1"), unit=exp.var(grain.upper()))
    follows = exp.EQ(
        this=over(exp.Lag(this=moment.copy())),
        expression=exp.cast(exp.Sub(this=moment.copy(), expression=unit), "date"),
    )
    change = computed("difference" if function == "change" else "percent_change", measure, before)
    return exp.Case().when(follows, change)
