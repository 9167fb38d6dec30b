"""Made questions of values computed from others: growth, running totals, ranks, the best of each group, differences.

Each function draws one question over a table with `bench.synthetic_questions.Maker` and gives its words and its plan,
or None where the table has nothing to ask so.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from app.planning.entities import date_columns, display_columns
from app.planning.naming import named_items
from app.planning.plan import (
    AgainstAggregate,
    Aggregate,
    Arithmetic,
    ColumnRef,
    Condition,
    Expression,
    Filtered,
    MetricRef,
    Ordering,
    Plan,
    RelatedCount,
    Truncated,
    Windowed,
)
from app.planning.wording import plural, singular, words
from ingest.stores.catalog import Table

if TYPE_CHECKING:
    from bench.synthetic_questions import Maker


def measured(maker: Maker, table: Table) -> tuple[str, Aggregate | MetricRef]:
    """Something to measure of a table: its rows, the sum of a column, or a metric."""
    metric = next((m for m in maker.catalog.metrics if m.table == table.name), None)
    column = maker.column(table, "measure")
    if metric is not None and maker.chance.random() < 0.4:
        return metric.name, MetricRef(metric.name, table.name)
    if column is not None and maker.chance.random() < 0.5:
        return f"total {words(column.name)}", Aggregate("sum", table.name, ColumnRef(table.name, column.name))
    things = plural(words(table.name))
    return maker.pick(things, f"number of {things}"), Aggregate("count", table.name)


def grown_between(maker: Maker, table: Table) -> tuple[str, Plan] | None:
    """ "how did net revenue grow from 2024 to 2025", "how many more orders in 2025 than in 2024"."""
    dates = date_columns(table)
    if not dates:
        return None
    column = maker.index.column(dates[0])
    first, last = int(str(column.minimum)[:4]), int(str(column.maximum)[:4])
    year = maker.chance.randint(first, last)
    said, value = measured(maker, table)

    def of(year: int) -> Filtered:
        values = (date(year, 1, 1).isoformat(), date(year + 1, 1, 1).isoformat())
        return Filtered(value, (Condition(dates[0], "between", values, until_exclusive=True),))

    now, before = of(year), of(year - 1)
    if isinstance(value, Aggregate) and value.argument is None and maker.chance.random() < 0.4:
        text = f"how many more {plural(words(table.name))} in {year} than in {year - 1}"
        return text, maker.plan(table.name, [Arithmetic("difference", now, before)])
    shown: list[Expression] = [
        before, now, Arithmetic("difference", now, before), Arithmetic("percent_change", now, before)
    ]  # fmt: skip
    text = maker.pick(
        f"how did {said} grow from {year - 1} to {year}", f"growth of {said} from {year - 1} to {year}",
        f"how did {said} change from {year - 1} to {year}", f"change in {said} between {year - 1} and {year}",
        f"{said} growth in {year}",
    )  # fmt: skip
    return text, maker.plan(table.name, shown)


def along_time(maker: Maker, table: Table) -> tuple[str, Plan] | None:
    """ "running total of orders by month", "month over month growth of net revenue"."""
    dates = date_columns(table)
    if not dates:
        return None
    grain = maker.pick("month", "year", "quarter")
    along = Truncated(dates[0], grain)  # type: ignore[arg-type]
    said, value = measured(maker, table)
    kind = maker.pick("running", "running", "moving", "growth", "growth")
    if kind == "running":
        text = maker.pick(f"running total of {said} by {grain}", f"cumulative {said} per {grain}")
        shown: list[Expression] = [along, Windowed("running_total", value, along)]
    elif kind == "moving":
        text = maker.pick(f"moving average of {said} per {grain}", f"3-{grain} moving average of {said}")
        shown = [along, Windowed("moving_average", value, along, 3)]
    else:
        text = maker.pick(f"{grain} over {grain} growth of {said}", f"{grain} over {grain} change in {said}")
        shown = [along, value, Windowed("change", value, along), Windowed("percent_change", value, along)]
    return text, maker.plan(table.name, shown, group_by=(along,), order_by=(Ordering(along),))


def ranked(maker: Maker, table: Table) -> tuple[str, Plan] | None:
    """ "rank customers by net revenue", "rank products by price"."""
    parent, column = maker.parent(table), maker.column(table, "measure")
    metric = next((m for m in maker.catalog.metrics if m.table == table.name), None)
    start = maker.pick("rank", "rank the", "ranking of")
    if parent is not None and (metric is not None or maker.chance.random() < 0.5):
        shown, keys = maker.grouped_by(parent)
        value: Aggregate | MetricRef = Aggregate("count", table.name)
        said = f"number of {plural(words(table.name))}"
        if metric is not None:
            value, said = MetricRef(metric.name, table.name), metric.name
        text = f"{start} {plural(words(parent.name))} by {said}"
        select = [*shown, value, Windowed("rank", value)]
        return text, maker.plan(table.name, select, group_by=keys, order_by=(Ordering(value, True),))
    if column is None:
        return None
    ref = ColumnRef(table.name, column.name)
    text = f"{start} {plural(words(table.name))} by {words(column.name)}"
    select = [*display_columns(table), ref, Windowed("rank", ref)]
    return text, maker.plan(table.name, list(dict.fromkeys(select)), order_by=(Ordering(ref, True),))


def best_of_each(maker: Maker, table: Table) -> tuple[str, Plan] | None:
    """ "the product with the highest price in each category"."""
    column, group = maker.column(table, "measure"), maker.column(table, "category")
    shown = list(display_columns(table))
    if column is None or group is None or ColumnRef(table.name, group.name) in shown:
        return None
    key, ref = ColumnRef(table.name, group.name), ColumnRef(table.name, column.name)
    high, by, name = maker.chance.random() < 0.6, words(group.name), words(column.name)
    thing, word = singular(words(table.name)), "highest" if high else "lowest"
    text = maker.pick(
        f"the {thing} with the {word} {name} in each {by}", f"which {thing} has the {word} {name} for each {by}",
        f"for each {by}, the {thing} with the {word} {name}",
    )  # fmt: skip
    order = (Ordering(ref, high),)
    return text, maker.plan(table.name, [key, *shown], order_by=order, limit=1, limit_within=(key,))


def extremes_apart(maker: Maker, table: Table) -> tuple[str, Plan] | None:
    """ "difference between the highest and the lowest price"; "the second highest price"."""
    column = maker.column(table, "measure")
    if column is None:
        return None
    ref = ColumnRef(table.name, column.name)
    name = words(column.name)
    if maker.chance.random() < 0.5:
        number, said = maker.chance.choice([(1, "second"), (2, "third"), (1, "2nd"), (2, "3rd")])
        order = (Ordering(ref, True),)
        text = f"the {said} highest {name}"
        return text, maker.plan(table.name, [ref], order_by=order, limit=1, offset=number, distinct=True)
    value = Arithmetic("difference", Aggregate("max", table.name, ref), Aggregate("min", table.name, ref))
    text = maker.pick(
        f"difference between the highest and the lowest {name}", f"difference between the maximum and minimum {name}"
    )
    return text, maker.plan(table.name, [value])


def with_children(maker: Maker, table: Table) -> tuple[str, Plan] | None:
    """ "how many customers have more than 2 orders"."""
    parent, number = maker.parent(table), maker.chance.choice([1, 2, 3, 5])
    if parent is None:
        return None
    things, of = plural(words(table.name)), plural(words(parent.name))
    operator, said = maker.chance.choice([(">", "more than"), (">=", "at least"), ("=", "exactly")])
    text = maker.pick(f"how many {of} have {said} {number} {things}", f"number of {of} with {said} {number} {things}")
    condition = RelatedCount(table.name, operator, number)  # type: ignore[arg-type]
    return text, maker.plan(parent.name, [Aggregate("count", parent.name)], where=(condition,))


def above_their_group(maker: Maker, table: Table) -> tuple[str, Plan] | None:
    """ "products with a price above the average of their category"."""
    column, group = maker.column(table, "measure"), maker.column(table, "category")
    if column is None:
        return None
    ref, name, things = ColumnRef(table.name, column.name), words(column.name), plural(words(table.name))
    operator, said = maker.chance.choice([(">", "above"), ("<", "below"), (">", "higher than")])
    text, within = f"{things} with {name} {said} the average", None
    if group is not None and maker.chance.random() < 0.6:
        text, within = f"{text} of their {words(group.name)}", ColumnRef(table.name, group.name)
    condition = AgainstAggregate(ref, operator, "avg", within)  # type: ignore[arg-type]
    return text, Plan(
        source=maker.catalog.source, base=table.name, select=named_items(display_columns(table)), where=(condition,)
    )


FORMS = (
    grown_between, along_time, ranked, best_of_each, extremes_apart, with_children, above_their_group, grown_between,
)  # fmt: skip
