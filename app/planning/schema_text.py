"""The schema as a model reads it: what the caller may see, the likeliest tables first, within a number of tokens.

    TABLE orders: One row per order; 24,110 rows; also called purchases
      order_id BIGINT, key
      customer_id BIGINT -> customers.customer_id
      order_date DATE: Day the order was placed; 2023-01-01 to 2026-06-30
      status VARCHAR: State of the order; 'P' (paid), 'S' (shipped)
    METRIC net revenue = sum(quantity * unit_price) of order_items where orders.status <> 'C'; EUR

Tables that the question's words link to come first, with the tables that join them; each is told whole if there is
room, else by its keys and linked columns, else by its name. Nothing hidden is named: not in joins, metrics or
descriptions. Values are told only of columns that hold no personal data.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

import msgspec
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from app.llm.token_counts import BYTES_A_TOKEN
from app.planning.elements import Element
from app.planning.joins import JoinGraph
from app.planning.plan import ColumnRef
from app.planning.schema_index import SchemaIndex
from app.scrubbing import looks_personal
from ingest.stores.catalog import Catalog, Column, Join, Metric, Scalar, Table

Personal: TypeAlias = Callable[[Sequence[str]], Sequence[bool]]
"""Which of some values hold personal data."""
SAMPLES = 5
LINKED_SAMPLES = 8
LONGEST_VALUE, LONGEST_TEXT = 40, 160
_FEW_VALUES = 30
"""Distinct values up to which a column's most frequent ones tell what it holds."""
_BETWEEN = re.compile(r"[\W_]+")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Linked(msgspec.Struct, frozen=True, kw_only=True):
    """What the words of a question link to: scores of tables and columns, and stored values by column."""

    tables: Mapping[str, float]
    columns: Mapping[ColumnRef, float]
    values: Mapping[ColumnRef, tuple[str, ...]]
    metrics: frozenset[str] = frozenset()


def linked(elements: Sequence[Element]) -> Linked:
    """The links of a question's elements; a word that may mean many tables says less of each (as by its rarity)."""
    tables: dict[str, float] = {}
    columns: dict[ColumnRef, float] = {}
    values: dict[ColumnRef, list[str]] = {}
    for best in _by_span(elements).values():
        rarity = 1 / (1 + math.log(max(1, len(best))))
        for name, score in best.items():
            tables[name] = tables.get(name, 0.0) + score * rarity
    for element in elements:
        for option in element.columns:
            columns[option.ref] = max(option.score, columns.get(option.ref, 0.0))
        for value in element.values:
            columns[value.ref] = max(value.score, columns.get(value.ref, 0.0))
            values.setdefault(value.ref, []).append(str(value.value))
    return Linked(
        tables=tables,
        columns=columns,
        values={ref: tuple(dict.fromkeys(found)) for ref, found in values.items()},
        metrics=frozenset(e.metric.name for e in elements if e.metric is not None),
    )


def _by_span(elements: Sequence[Element]) -> dict[tuple[int, int], dict[str, float]]:
    """Span -> table -> the best score with which the span means the table or something in it."""
    found: dict[tuple[int, int], dict[str, float]] = {}
    for element in elements:
        named = [(o.ref.table, 0.8 * o.score) for o in element.columns]
        named += [(v.ref.table, 0.9 * v.score) for v in element.values]
        if element.table is not None:
            named.append((element.table, element.score))
        if element.metric is not None:
            named.append((element.metric.table, element.score))
        for name, score in named:
            best = found.setdefault((element.start, element.end), {})
            best[name] = max(score, best.get(name, 0.0))
    return found


def schema_text(
    full: Catalog,
    index: SchemaIndex,
    graph: JoinGraph,
    links: Linked,
    *,
    tokens: int,
    personal: Personal,
) -> str:
    """The text over the visible part of a catalog (`index`), at most about `tokens` tokens long.

    `full` is the catalog with what the caller may not see: only to keep those names out of descriptions. `personal`
    says which values hold personal data.
    """
    return _Writer(full, index, graph, links, tokens * BYTES_A_TOKEN, personal).write()


class _Writer:
    def __init__(
        self, full: Catalog, index: SchemaIndex, graph: JoinGraph, links: Linked, room: int, personal: Personal
    ) -> None:
        self.personal = personal
        self.catalog, self.graph, self.links, self.room = index.catalog, graph, links, room
        self.hidden = hidden_names(full, self.catalog)
        self.order = ranked_tables(self.catalog, graph, links)
        self.joins: dict[str, list[Join]] = {}
        for join in self.catalog.joins:
            self.joins.setdefault(join.left_table, []).append(join)

    def write(self) -> str:
        head = f"Source {_name(self.catalog.source)}{self._described(self.catalog.description)}"
        self.room -= len(head) + 1
        metrics = [self._metric(m) for m in self._metrics()]
        wanted = self._wanted()
        first = [t for t in self.order if t.name in wanted]
        told = {t.name: text for t in first if (text := self._fitting(self._table(t, whole=False)))}
        metrics = [text for text in metrics if self._fitting(text)]
        for table in self.order:
            if table.name not in told and self.room < _least(table):
                continue
            whole = self._table(table, whole=True)
            more = len(whole) - len(told[table.name]) if table.name in told else len(whole) + 1
            if more <= self.room:
                self.room -= more
                told[table.name] = whole
        rest = [_name(t.name) for t in self.order if t.name not in told]
        tables = [told[t.name] for t in self.order if t.name in told]
        return "\n".join([head, *tables, *metrics, *self._names(rest)])

    def _wanted(self) -> set[str]:
        """Tables that the question links to, with those that join them."""
        named = [t.name for t in self.order if self.links.tables.get(t.name)]
        return set(named) | on_the_way(named, self.graph)

    def _fitting(self, text: str) -> str:
        """The text if there is room for it, which is then taken."""
        if len(text) + 1 > self.room:
            return ""
        self.room -= len(text) + 1
        return text

    def _names(self, rest: Sequence[str]) -> Iterator[str]:
        head, shown = "Other tables:", []
        left = self.room - len(head) - 1
        for name in rest:
            left -= len(name) + 2
            if left < 0:
                break
            shown.append(name)
        if shown:
            yield f"{head} {', '.join(shown)}"

    def _table(self, table: Table, *, whole: bool) -> str:
        said = f"TABLE {_name(table.name)}{self._described(table.description)}; {table.rows:,} rows"
        said += self._also(table.synonyms)
        joins = self._joins(table)
        kept = [c for c in table.columns if whole or self._matters(table, c, joins)]
        lines = [self._column(table, column, joins) for column in kept]
        if len(kept) < len(table.columns):
            lines.append(f"  and {len(table.columns) - len(kept)} more columns")
        return "\n".join([said, *lines, *self._wide_joins(table)])

    def _matters(self, table: Table, column: Column, joins: Mapping[str, str]) -> bool:
        keys = {*table.primary_key, *joins, table.default_date}
        return column.name in keys or ColumnRef(table.name, column.name) in self.links.columns

    def _joins(self, table: Table) -> dict[str, str]:
        """Column -> what it refers to, for joins by one column."""
        return {
            j.left_columns[0]: f"{_name(j.right_table)}.{_name(j.right_columns[0])}"
            for j in self.joins.get(table.name, ())
            if len(j.left_columns) == 1
        }

    def _wide_joins(self, table: Table) -> Iterator[str]:
        for j in self.joins.get(table.name, ()):
            if len(j.left_columns) > 1:
                left, right = (", ".join(map(_name, names)) for names in (j.left_columns, j.right_columns))
                yield f"  ({left}) -> {_name(j.right_table)}({right})"

    def _column(self, table: Table, column: Column, joins: Mapping[str, str]) -> str:
        said = f"  {_name(column.name)} {column.sql_type}"
        said += ", key" if column.name in table.primary_key else ""
        said += f" -> {joins[column.name]}" if column.name in joins else ""
        said += self._described(column.description)
        said += f"; in {_flat(column.unit)}" if column.unit else ""
        said += self._also(column.synonyms)
        return said + self._values(ColumnRef(table.name, column.name), column)

    def _values(self, ref: ColumnRef, column: Column) -> str:
        """Values that tell what a column holds, or its range; nothing of personal columns."""
        if column.pii is not None:
            return "; personal data"
        if column.type in ("date", "timestamp") and column.minimum is not None:
            return f"; {str(column.minimum)[:10]} to {str(column.maximum)[:10]}"
        if column.labels:
            named = [f"{_quoted(value)} ({_flat(label)})" for value, label in column.labels.items()]
            return f"; {', '.join(named[:_FEW_VALUES])}"
        if column.type == "text":
            few = [str(f.value) for f in column.frequent[:SAMPLES]] if column.distinct <= _FEW_VALUES else []
            asked = self.links.values.get(ref, ())[:LINKED_SAMPLES]
            values = list(dict.fromkeys([*asked, *few]))
            hits = zip(values, self.personal(values), strict=True)
            shown = [v for v, hit in hits if not (hit or looks_personal(v))]
            return f"; e.g. {', '.join(map(_quoted, shown))}" if shown else ""
        if column.type in ("integer", "number") and _is_number(column.minimum) and not column.unique:
            return f"; {column.minimum} to {column.maximum}"
        return ""

    def _metrics(self) -> list[Metric]:
        found = [m for m in self.catalog.metrics if reads_only(m, self.catalog) and not self._names_hidden(m.name)]
        return sorted(found, key=lambda m: m.name not in self.links.metrics)

    def _metric(self, metric: Metric) -> str:
        where = f" where {_one_line(metric.filter)}" if metric.filter else ""
        said = f"METRIC {_flat(metric.name)} = {_one_line(metric.expression)} of {_name(metric.table)}{where}"
        said += f"; in {_flat(metric.unit)}" if metric.unit else ""
        return said + self._described(metric.description, "; ") + self._also(metric.synonyms)

    def _described(self, text: str | None, before: str = ": ") -> str:
        """A description after a mark, or nothing; one that names what is hidden is left out."""
        return f"{before}{_flat(text)}" if text and not self._names_hidden(text) else ""

    def _also(self, synonyms: Sequence[str]) -> str:
        said = [_flat(s) for s in synonyms if not self._names_hidden(s)]
        return f"; also called {', '.join(said)}" if said else ""

    def _names_hidden(self, text: str) -> bool:
        return names_any(text, self.hidden)


def ranked_tables(catalog: Catalog, graph: JoinGraph, links: Linked) -> list[Table]:
    """All tables: the linked ones by score, those on the way between them, their neighbours, the rest by joins."""
    named = sorted((n for n, s in links.tables.items() if s > 0), key=lambda n: (-links.tables[n], n))
    between, degree = on_the_way(named, graph), dict.fromkeys((t.name for t in catalog.tables), 0)
    near: set[str] = set()
    for join in catalog.joins:
        ends = (join.left_table, join.right_table)
        near |= {*ends} if {*ends} & {*named} else set()
        for end in ends:
            degree[end] = degree.get(end, 0) + 1

    def key(table: Table) -> tuple[bool, float, bool, bool, int, str]:
        name = table.name
        score = links.tables.get(name, 0.0)
        return score <= 0, -score, name not in between, name not in near, -degree[name], name

    return sorted(catalog.tables, key=key)


def on_the_way(named: Sequence[str], graph: JoinGraph) -> set[str]:
    """Tables on the join paths between the best-linked table and the others."""
    found: set[str] = set()
    for other in named[1:8]:
        for step in graph.path(named[0], other) or ():
            found |= {step.table, step.to_table}
    return found


def reads_only(metric: Metric, catalog: Catalog) -> bool:
    """Whether a metric's expression and filter read nothing but a catalog's tables and columns."""
    columns = {t.name.casefold(): {c.name.casefold() for c in t.columns} for t in catalog.tables}
    for text in (metric.expression, metric.filter):
        try:
            tree = sqlglot.parse_one(text, dialect="duckdb") if text else None
        except SqlglotError:
            return False
        for column in tree.find_all(exp.Column) if tree is not None else ():
            table = (column.table or metric.table).casefold()
            if column.name.casefold() not in columns.get(table, set()):
                return False
    return True


def hidden_names(full: Catalog, seen: Catalog) -> frozenset[str]:
    """Names of tables and columns that a catalog holds and its visible part does not, casefolded."""
    return frozenset(_names_of(full) - _names_of(seen))


def names_any(text: str, names: frozenset[str]) -> bool:
    """Whether a text holds one of the names as a word, also with blanks for its underscores."""
    said = _spaced(text)
    return any(_spaced(name) in said for name in names)


def _spaced(text: str) -> str:
    return " " + _BETWEEN.sub(" ", text).casefold().strip() + " "


def _names_of(catalog: Catalog) -> set[str]:
    return {t.name.casefold() for t in catalog.tables} | {c.name.casefold() for t in catalog.tables for c in t.columns}


def _least(table: Table) -> int:
    """Characters that a table told whole takes at least: one that cannot fit need not be written."""
    return sum(len(column.name) + len(column.sql_type) + 4 for column in table.columns)


def _is_number(value: Scalar) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _name(name: str) -> str:
    """An identifier as SQL writes it."""
    return name if _PLAIN.fullmatch(name) else '"' + _one_line(name).replace('"', '""') + '"'


def _quoted(value: str) -> str:
    flat = _one_line(value)
    cut = flat if len(flat) <= LONGEST_VALUE else f"{flat[: LONGEST_VALUE - 1]}…"
    return "'" + cut.replace("'", "''") + "'"


def _flat(text: str) -> str:
    flat = _one_line(text).rstrip(". ")
    return flat if len(flat) <= LONGEST_TEXT else f"{flat[: LONGEST_TEXT - 1]}…"


def _one_line(text: str) -> str:
    """The text without control characters and line breaks: it stays on the line of what it describes."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
