"""Business questions made from the schemas of ingested databases: terse, with periods, top lists and metrics.

    python -m bench.synthetic_questions --data FOLDER --set spider_fit --out build/bench/synthetic_fit.jsonl

Public question sets ask in whole sentences and know no metrics; people at work type "net revenue per month in 2024".
Each question is worded from a plan drawn at random over one of the set's databases (seeded), so its gold SQL is known.
`bench.ranker_data --questions` judges the planner's candidates on them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import msgspec

from app.evals.text2sql import load_sql_cases
from app.planning.compile import CannotCompile, compile_plan
from app.planning.entities import date_columns, display_columns, key_columns
from app.planning.joins import JoinGraph
from app.planning.naming import named_items
from app.planning.plan import (
    Aggregate,
    ColumnRef,
    Condition,
    Expression,
    MetricRef,
    Ordering,
    Plan,
    Predicate,
    Related,
    Truncated,
)
from app.planning.schema_index import SchemaIndex
from app.planning.tokens import identifier_stems
from app.planning.wording import plural, singular, words
from bench.synthetic_forms import FORMS
from bench.text2sql import HOME
from ingest.request import slug
from ingest.stores.catalog import Catalog, Column, Metric, Table
from ingest.stores.snapshot import SourceReader, Store

SEED = 7
COMPUTED = 0.2
"""Share of draws that ask for computed values (`bench.synthetic_forms`)."""
EACH = 170
"""Questions tried for one database."""
METRICS = (
    "units sold",
    "net revenue",
    "gross margin",
    "turnover",
    "utilisation",
    "throughput",
    "return rate",
    "net score",
    "yield",
)
_NO_MEASURE = {"id", "code", "year", "number", "zip", "phone", "key", "no", "lat", "long"}
MONTHS = ("January", "March", "April", "June", "September", "November", "December")


def with_metrics(catalog: Catalog) -> Catalog:
    """The catalog with up to two made-up metrics over its numeric columns, the same ones at every call."""
    found = [(t, c) for t in catalog.tables for c in t.columns if measurable(t, c)]
    chosen = random.Random(catalog.source).sample(found, min(2, len(found)))
    names = random.Random(catalog.source + "names").sample(METRICS, len(chosen))
    return msgspec.structs.replace(
        catalog,
        metrics=tuple(
            Metric(name=name, table=table.name, expression=f'sum("{column.name}")')
            for name, (table, column) in zip(names, chosen, strict=True)
        ),
    )


def measurable(table: Table, column: Column) -> bool:
    """Whether sums and averages of a column mean something."""
    return (
        column.type in ("integer", "number")
        and not set(identifier_stems(column.name)) & _NO_MEASURE
        and column.name not in table.primary_key
        and column.distinct > 2
    )


class Maker:
    """Draws questions over one source."""

    def __init__(self, source: SourceReader, chance: random.Random) -> None:
        self.catalog = with_metrics(source.catalog)
        self.index = SchemaIndex(self.catalog, ("public", "internal"))
        self.graph = JoinGraph(self.catalog)
        self.chance = chance
        self.tables = [t for t in self.catalog.tables if t.rows >= 4 and words(t.name).replace(" ", "").isalpha()]

    def make(self) -> tuple[str, Plan] | None:
        """A question and its plan; None where this draw found nothing to ask."""
        kinds: tuple[Callable[[Table], tuple[str, Plan] | None], ...] = (
            self.counted, self.counted, self.aggregated, self.aggregated, self.per_grain, self.in_period, self.of_value,
            self.of_value, self.top, self.top, self.most_children, self.compared, self.by_parent, self.by_parent,
            self.metric, self.metric, self.metric_top, self.without_children, self.superlative, self.superlative,
            self.valued, self.valued, self.metric_of_value, self.metric_of_value, self.having, self.ranked_groups,
        )  # fmt: skip
        table = self.chance.choice(self.tables)
        if self.chance.random() < COMPUTED:
            return self.chance.choice(FORMS)(self, table)
        return self.chance.choice(kinds)(table)

    def pick(self, *texts: str) -> str:
        """One of the wordings."""
        return self.chance.choice(texts)

    def column(self, table: Table, kind: str) -> Column | None:
        """A column to group by or to measure; None if the table has none."""
        fits = {
            "category": lambda c: c.type == "text" and 2 <= c.distinct <= 40 and not c.unique,
            "measure": lambda c: measurable(table, c),
        }[kind]
        return self.chance.choice(found) if (found := [c for c in table.columns if fits(c)]) else None

    def plan(self, base: str, select: list[Expression], **parts: object) -> Plan:
        """A plan of this source with named outputs."""
        return Plan(source=self.catalog.source, base=base, select=named_items(select), **parts)  # type: ignore[arg-type]

    def period(self, table: Table) -> tuple[str, Predicate] | None:
        """A year or a month in which the table has dates, in words and as a condition."""
        dates = date_columns(table)
        if not dates:
            return None
        column = self.index.column(dates[0])
        first, last = int(str(column.minimum)[:4]), int(str(column.maximum)[:4])
        year = self.chance.randint(first, last)
        if self.chance.random() < 0.6:
            said, start, end = f"in {year}", date(year, 1, 1), date(year + 1, 1, 1)
        else:
            month = self.chance.choice(MONTHS)
            at = [
                "January",
                "February",
                "March",
                "April",
                "May",
                "June",
                "July",
                "August",
                "September",
                "October",
                "November",
                "December",
            ].index(month) + 1
            said, start = f"in {month} {year}", date(year, at, 1)
            end = date(year + at // 12, at % 12 + 1, 1)
        values = (start.isoformat(), end.isoformat())
        return said, Condition(dates[0], "between", values, until_exclusive=True)

    def counted(self, table: Table) -> tuple[str, Plan] | None:
        """ "orders per country": rows by a category."""
        column = self.column(table, "category")
        if column is None:
            return None
        things, by = plural(words(table.name)), words(column.name)
        said = self.pick(
            f"number of {things} by {by}", f"{things} per {by}", f"how many {things} per {by}", f"{things} by {by}",
            f"how many {things} are there in each {by}", f"count of {things} by {by}",
            f"how many {things} for each {by}",
        )  # fmt: skip
        ref = ColumnRef(table.name, column.name)
        where: tuple[Predicate, ...] = ()
        if self.chance.random() < 0.3 and (period := self.period(table)):
            said, where = f"{said} {period[0]}", (period[1],)
        return said, self.plan(table.name, [ref, Aggregate("count", table.name)], group_by=(ref,), where=where)

    def aggregated(self, table: Table) -> tuple[str, Plan] | None:
        """ "average price by category"."""
        measure, group = self.column(table, "measure"), self.column(table, "category")
        if measure is None:
            return None
        name, function = self.chance.choice(
            [("average", "avg"), ("total", "sum"), ("maximum", "max"), ("lowest", "min")]
        )
        value = Aggregate(function, table.name, ColumnRef(table.name, measure.name))  # type: ignore[arg-type]
        said = f"{name} {words(measure.name)}" + self.pick("", f" of {plural(words(table.name))}")
        where: tuple[Predicate, ...] = ()
        if self.chance.random() < 0.3 and (period := self.period(table)):
            said, where = f"{said} {period[0]}", (period[1],)
        if group is None or self.chance.random() < 0.3:
            return said, self.plan(table.name, [value], where=where)
        ref = ColumnRef(table.name, group.name)
        said = f"{said} {self.pick('by', 'per', 'for each', 'by')} {words(group.name)}"
        order: tuple[Ordering, ...] = ()
        if self.chance.random() < 0.3:
            said, order = f"{said}, {self.pick('highest first', 'descending')}", (Ordering(value, True),)
        return said, self.plan(table.name, [ref, value], group_by=(ref,), order_by=order, where=where)

    def per_grain(self, table: Table) -> tuple[str, Plan] | None:
        """ "orders per month in 2024"."""
        dates = date_columns(table)
        if not dates:
            return None
        grain = self.pick("month", "year", "quarter")
        key = Truncated(dates[0], grain)  # type: ignore[arg-type]
        things = plural(words(table.name))
        measure = self.column(table, "measure")
        value = Aggregate("count", table.name)
        said = self.pick(f"{things} per {grain}", f"number of {things} per {grain}", f"how many {things} each {grain}")
        if measure is not None and self.chance.random() < 0.4:
            value = Aggregate("sum", table.name, ColumnRef(table.name, measure.name))
            said = f"total {words(measure.name)} per {grain}"
        where: tuple[Predicate, ...] = ()
        if self.chance.random() < 0.4 and (period := self.period(table)):
            said, where = f"{said} {period[0]}", (period[1],)
        return said, self.plan(table.name, [key, value], group_by=(key,), where=where, order_by=(Ordering(key),))

    def in_period(self, table: Table) -> tuple[str, Plan] | None:
        """ "how many orders were there in March 2024"."""
        period = self.period(table)
        if period is None:
            return None
        things = plural(words(table.name))
        said = self.pick(f"how many {things} were there", f"number of {things}", f"how many {things} did we have")
        return f"{said} {period[0]}", self.plan(table.name, [Aggregate("count", table.name)], where=(period[1],))

    def of_value(self, table: Table) -> tuple[str, Plan] | None:
        """ "orders with status paid", counted or listed."""
        found = self.valued_condition(table)
        if found is None:
            return None
        value, condition = found
        things, name = plural(words(table.name)), words(condition.expression.column)  # type: ignore[union-attr]
        if self.chance.random() < 0.5:
            said = self.pick(
                f"how many {things} have {name} {value}", f"number of {things} with {name} {value}",
                f"how many {things} are there with {name} {value}", f"how many {value} {things} are there",
            )  # fmt: skip
            return said, self.plan(table.name, [Aggregate("count", table.name)], where=(condition,))
        said = self.pick(
            f"{things} with {name} {value}", f"which {things} have {name} {value}", f"list the {value} {things}"
        )
        return said, self.plan(table.name, list(display_columns(table)), where=(condition,))

    def ranking(self, table: Table, measured: str) -> tuple[str, int, bool]:
        """ "top 5 products by", with the number and whether high comes first."""
        count, high = self.chance.choice([1, 3, 5, 10]), self.chance.random() < 0.7
        things = plural(words(table.name))
        if count == 1:
            said = f"which {singular(words(table.name))} has the {'highest' if high else 'lowest'} {measured}"
        elif high:
            said = self.pick(
                f"top {count} {things} by {measured}", f"which {count} {things} have the highest {measured}"
            )
        else:
            said = self.pick(f"{count} {things} with the lowest {measured}", f"bottom {count} {things} by {measured}")
        return said, count, high

    def top(self, table: Table) -> tuple[str, Plan] | None:
        """ "top 5 products by price"."""
        measure = self.column(table, "measure")
        if measure is None:
            return None
        said, count, high = self.ranking(table, words(measure.name))
        key = ColumnRef(table.name, measure.name)
        return said, self.plan(table.name, list(display_columns(table)), order_by=(Ordering(key, high),), limit=count)

    def parent(self, table: Table) -> Table | None:
        """A table that each row refers to and that has a name to show."""
        parents = [
            other for other in self.tables
            if other.name != table.name and len(self.graph.path(table.name, other.name) or ()) == 1
            and self.graph.reaches_without_multiplying(table.name, other.name)
        ]  # fmt: skip
        return self.chance.choice(parents) if parents else None

    def grouped_by(self, parent: Table) -> tuple[list[Expression], tuple[Expression, ...]]:
        """What is shown of a parent and what is grouped by."""
        shown = list(display_columns(parent))
        return list(shown), tuple(dict.fromkeys([*shown, *key_columns(parent)]))

    def by_parent(self, table: Table) -> tuple[str, Plan] | None:
        """ "orders per customer", "total amount by customer"."""
        parent = self.parent(table)
        if parent is None:
            return None
        shown, keys = self.grouped_by(parent)
        things, by = plural(words(table.name)), singular(words(parent.name))
        measure = self.column(table, "measure")
        value = Aggregate("count", table.name)
        said = self.pick(f"number of {things} per {by}", f"how many {things} does each {by} have", f"{things} by {by}")
        if measure is not None and self.chance.random() < 0.5:
            name, function = self.chance.choice([("total", "sum"), ("average", "avg")])
            value = Aggregate(function, table.name, ColumnRef(table.name, measure.name))  # type: ignore[arg-type]
            said = f"{name} {words(measure.name)} {self.pick('by', 'per')} {by}"
        return said, self.plan(table.name, [*shown, value], group_by=keys)

    def most_children(self, table: Table) -> tuple[str, Plan] | None:
        """ "which customer has the most orders"."""
        parent = self.parent(table)
        if parent is None:
            return None
        shown, keys = self.grouped_by(parent)
        things, by = plural(words(table.name)), words(parent.name)
        count = self.chance.choice([1, 3, 5])
        said = self.pick(f"which {singular(by)} has the most {things}", f"the {singular(by)} with the most {things}")
        if count > 1:
            said = self.pick(
                f"top {count} {plural(by)} by number of {things}", f"which {count} {plural(by)} have the most {things}"
            )
        order = (Ordering(Aggregate("count", table.name), True),)
        return said, self.plan(table.name, shown, group_by=keys, order_by=order, limit=count)

    def compared(self, table: Table) -> tuple[str, Plan] | None:
        """ "products with price over 20"."""
        measure = self.column(table, "measure")
        if (
            measure is None
            or not isinstance(measure.minimum, int | float)
            or not isinstance(measure.maximum, int | float)
        ):
            return None
        number = round(self.chance.uniform(float(measure.minimum), float(measure.maximum)))
        operator, said = self.chance.choice([(">", "over"), (">", "more than"), ("<", "under"), (">=", "at least")])
        condition = Condition(ColumnRef(table.name, measure.name), operator, (number,))  # type: ignore[arg-type]
        things, name = plural(words(table.name)), words(measure.name)
        if self.chance.random() < 0.5:
            text = f"how many {things} have {name} {said} {number}"
            return text, self.plan(table.name, [Aggregate("count", table.name)], where=(condition,))
        text = self.pick(f"{things} with {name} {said} {number}", f"which {things} have {name} {said} {number}")
        return text, self.plan(table.name, list(display_columns(table)), where=(condition,))

    def metric(self, _table: Table) -> tuple[str, Plan] | None:
        """ "net revenue per month in 2024", "our turnover by country"."""
        if not self.catalog.metrics:
            return None
        found = self.chance.choice(self.catalog.metrics)
        table, value = self.index.table(found.table), MetricRef(found.name, found.table)
        said, where, keys = self.pick(found.name, f"our {found.name}", f"the {found.name}"), (), ()
        shown: list[Expression] = []
        order: tuple[Ordering, ...] = ()
        draw = self.chance.random()
        group, parent, dates = self.column(table, "category"), self.parent(table), date_columns(table)
        if draw < 0.3 and group is not None:
            shown = [ColumnRef(table.name, group.name)]
            keys, said = tuple(shown), f"{said} {self.pick('by', 'per', 'for each')} {words(group.name)}"
        elif draw < 0.5 and parent is not None:
            shown, keys = self.grouped_by(parent)
            said = f"{said} {self.pick('by', 'per')} {singular(words(parent.name))}"
        elif draw < 0.75 and dates:
            grain = self.pick("month", "year", "quarter")
            shown = [Truncated(dates[0], grain)]  # type: ignore[arg-type]
            keys, order, said = tuple(shown), (Ordering(shown[0]),), f"{said} per {grain}"
        if self.chance.random() < 0.5 and (period := self.period(table)):
            said, where = f"{said} {period[0]}", (period[1],)
        return said, self.plan(table.name, [*shown, value], group_by=keys, where=where, order_by=order)

    def metric_top(self, _table: Table) -> tuple[str, Plan] | None:
        """ "top 5 customers by net revenue in 2024"."""
        if not self.catalog.metrics:
            return None
        found = self.chance.choice(self.catalog.metrics)
        parent = self.parent(self.index.table(found.table))
        if parent is None:
            return None
        said, count, high = self.ranking(parent, found.name)
        shown, keys = self.grouped_by(parent)
        where: tuple[Predicate, ...] = ()
        if self.chance.random() < 0.4 and (period := self.period(self.index.table(found.table))):
            said, where = f"{said} {period[0]}", (period[1],)
        order = (Ordering(MetricRef(found.name, found.table), high),)
        return said, self.plan(found.table, shown, group_by=keys, order_by=order, limit=count, where=where)

    def without_children(self, table: Table) -> tuple[str, Plan] | None:
        """ "customers without orders"."""
        parent = self.parent(table)
        if parent is None:
            return None
        things, of = plural(words(table.name)), plural(words(parent.name))
        missing = (Related(table.name, negated=True),)
        if self.chance.random() < 0.5:
            said = self.pick(f"how many {of} have no {things}", f"number of {of} without {things}")
            return said, self.plan(parent.name, [Aggregate("count", parent.name)], where=missing)
        said = self.pick(f"{of} without {things}", f"which {of} have no {things}", f"{of} that have no {things}")
        return said, self.plan(parent.name, list(display_columns(parent)), where=missing)

    def superlative(self, table: Table) -> tuple[str, Plan] | None:
        """ "the cheapest tent": an adjective that speaks of one column, of all rows or of those with a value."""
        from app.planning.lexicon import SUPERLATIVES

        adjectives = [
            (adjective, direction, column)
            for adjective, (direction, topic) in SUPERLATIVES.items()
            for column in table.columns
            if column.type in ("integer", "number", "date", "timestamp") and column.distinct > 2
            and identifier_stems(column.name)[-1] in {word for word in topic.split() if "|" not in word}
        ]  # fmt: skip
        if not adjectives:
            return None
        adjective, direction, column = self.chance.choice(adjectives)
        things, where = singular(words(table.name)), ()
        found = self.valued_condition(table)
        if found is not None and self.chance.random() < 0.5:
            things, where = (f"{found[0]} {things}" if self.chance.random() < 0.5 else found[0]), (found[1],)
        count = self.chance.choice([1, 1, 3, 5])
        said = self.pick(
            f"what is the {adjective} {things}", f"the {adjective} {things}", f"which {things} is the {adjective}"
        )
        if count > 1:
            said = self.pick(f"the {count} {adjective} {plural(things)}", f"{count} {adjective} {plural(things)}")
        order = (Ordering(ColumnRef(table.name, column.name), direction == "desc"),)
        return said, self.plan(table.name, list(display_columns(table)), where=where, order_by=order, limit=count)

    def valued_condition(self, table: Table) -> tuple[str, Condition] | None:
        """A value that stands alone in the question, and what it means."""
        column = self.column(table, "category")
        if column is None or not column.frequent:
            return None
        value = str(self.chance.choice(column.frequent[:8]).value)
        if not 3 <= len(value) <= 30 or not value[:1].isalpha():
            return None
        return value, Condition(ColumnRef(table.name, column.name), "=", (value,))

    def valued(self, table: Table) -> tuple[str, Plan] | None:
        """Counts and lists of rows with a value, of the table or of what it refers to, in a period."""
        holder = self.chance.choice([table, self.parent(table) or table])
        found, things = self.valued_condition(holder), plural(words(table.name))
        if found is None:
            return None
        value, where = found[0], [found[1]]
        said = self.pick(
            f"how many {things} for {value}", f"how many {value} {things} were there",
            f"number of {things} from {value}", f"how many {things} are {value}", f"{things} in {value}",
        )  # fmt: skip
        counts = not said.startswith(things)
        if self.chance.random() < 0.5 and (period := self.period(table)):
            said, where = f"{said} {period[0]}", [*where, period[1]]  # type: ignore[list-item]
        select: list[Expression] = [Aggregate("count", table.name)] if counts else list(display_columns(table))
        return said, self.plan(table.name, select, where=tuple(where))

    def metric_of_value(self, _table: Table) -> tuple[str, Plan] | None:
        """ "net revenue in Germany in 2025", "turnover of Chai"."""
        if not self.catalog.metrics:
            return None
        metric = self.chance.choice(self.catalog.metrics)
        table = self.index.table(metric.table)
        found = self.valued_condition(self.chance.choice([table, self.parent(table) or table]))
        if found is None:
            return None
        if metric.name == "units sold" and self.chance.random() < 0.7:
            said, where = f"how many {plural(found[0])} did we sell", [found[1]]
            if self.chance.random() < 0.7 and (period := self.period(table)):
                said, where = f"{said} {period[0]}", [*where, period[1]]  # type: ignore[list-item]
            return said, self.plan(table.name, [MetricRef(metric.name, table.name)], where=tuple(where))
        said, where = f"{metric.name} {self.pick('in', 'of', 'for', 'from')} {found[0]}", [found[1]]
        if self.chance.random() < 0.5 and (period := self.period(table)):
            said, where = f"{said} {period[0]}", [*where, period[1]]  # type: ignore[list-item]
        return self.pick(said, f"what was the {said}"), self.plan(
            table.name, [MetricRef(metric.name, table.name)], where=tuple(where)
        )

    def having(self, table: Table) -> tuple[str, Plan] | None:
        """Parents by how many children they have, or by how much those measure."""
        parent = self.parent(table)
        if parent is None:
            return None
        shown, keys = self.grouped_by(parent)
        number, things, of = self.chance.choice([1, 2, 3, 5, 10]), plural(words(table.name)), plural(words(parent.name))
        value: Expression = Aggregate("count", table.name)
        said = self.pick(f"which {of} have more than {number} {things}", f"{of} with more than {number} {things}")
        if self.catalog.metrics and self.chance.random() < 0.4:
            metric = next((m for m in self.catalog.metrics if m.table == table.name), None)
            if metric is not None:
                value, said = MetricRef(metric.name, table.name), f"{of} with {metric.name} over {number}"
        return said, self.plan(table.name, shown, group_by=keys, having=(Condition(value, ">", (number,)),))

    def ranked_groups(self, table: Table) -> tuple[str, Plan] | None:
        """ "turnover by country, top 5"."""
        group, count = self.column(table, "category"), self.chance.choice([3, 5])
        metric = next((m for m in self.catalog.metrics if m.table == table.name), None)
        if group is None:
            return None
        ref = ColumnRef(table.name, group.name)
        value: Expression = Aggregate("count", table.name)
        said = f"number of {plural(words(table.name))}"
        if metric is not None:
            value, said = MetricRef(metric.name, table.name), metric.name
        by, where = words(group.name), ()
        said = f"{said} by {by}"
        if self.chance.random() < 0.4 and (period := self.period(table)):
            said, where = f"{said} {period[0]}", (period[1],)
        said = self.pick(f"{said}, top {count}", f"{said}, top {count} {plural(by)}")
        return said, self.plan(
            table.name, [ref, value], group_by=(ref,), where=where, order_by=(Ordering(value, True),), limit=count
        )


def worded(text: str, chance: random.Random) -> str:
    """The question as someone types it."""
    asking = text.startswith(("how", "which", "what"))
    if not asking:
        text = (
            chance.choice(("", "", "", "show me ", "show ", "what is the ", "give me ", "list ", "what was the "))
            + text
        )
        text = text.replace("the the ", "the ").replace("the our ", "our ")
    if chance.random() < 0.5:
        text = text[:1].upper() + text[1:]
    return text + chance.choice(("", "?", "?", "."))


def questions(source: SourceReader, chance: random.Random) -> Iterator[dict[str, object]]:
    """Distinct questions over a source, each with its gold SQL."""
    maker, seen = Maker(source, chance), set()
    if not maker.tables:
        return
    for _ in range(EACH):
        try:
            made = maker.make()
            if made is None:
                continue
            sql = compile_plan(made[1], maker.index, maker.graph)
        except (CannotCompile, KeyError, ValueError, OverflowError):
            continue
        if made[0] not in seen:
            seen.add(made[0])
            ordered = made[1].limit is not None
            yield {"question": worded(made[0], chance), "gold_sql": sql, "ordered": ordered}


def main() -> None:
    """Make and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("ANSWERABLE_BENCH_DATA"))
    parser.add_argument("--set", default="spider_fit", dest="name")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    if not arguments.data:
        sys.exit("give the folder of development data by --data or ANSWERABLE_BENCH_DATA")
    cases = load_sql_cases(Path(arguments.data) / "text2sql" / f"{arguments.name}.jsonl")
    sources, written = Store(HOME).snapshot().sources, 0
    with arguments.out.open("w", encoding="utf-8") as out:
        for db in sorted({case.db for case in cases}):
            chance = random.Random(f"{SEED} {db}")
            for number, question in enumerate(questions(sources[slug(db)], chance)):
                out.write(json.dumps({"id": f"made-{db}-{number}", "db": db, **question}) + "\n")
                written += 1
    print(json.dumps({"questions": written}))


if __name__ == "__main__":
    main()
