"""Checking a described metric: that its SQL can be read, aggregates, and names only columns that exist."""

from __future__ import annotations

import sqlglot
from sqlglot import exp

from ingest.description import MetricDescription, Names
from ingest.stores.catalog import Metric, Table


def checked_metric(said: MetricDescription, names: Names) -> Metric:
    """The metric with its table as the catalog spells it. Raises `DescriptionError`."""
    metric = said.metric
    table = names.table(metric.table, said.line)
    expression = _parsed(metric.expression, "expression", said, names)
    if expression.find(exp.AggFunc) is None:
        hint = "Write an aggregate such as sum(quantity * unit_price)."
        raise names.error(said.line, f"the expression of metric {metric.name!r} does not aggregate", hint)
    _check_columns(expression, table, said, names)
    if metric.filter:
        _check_columns(_parsed(metric.filter, "filter", said, names), table, said, names)
    return Metric(
        name=metric.name, table=table.name, expression=metric.expression, filter=metric.filter,
        synonyms=metric.synonyms, unit=metric.unit, description=metric.description,
    )  # fmt: skip


def _parsed(text: str, part: str, said: MetricDescription, names: Names) -> exp.Expr:
    try:
        found = sqlglot.parse_one(text, dialect="duckdb")
    except sqlglot.errors.SqlglotError as error:
        message = str(error).splitlines()[0]
        raise names.error(
            said.line, f"the {part} of metric {said.metric.name!r} cannot be read", f"DuckDB SQL is expected: {message}"
        ) from error
    if found.find(exp.Select, exp.Subquery, exp.Command, exp.DDL, exp.DML) is not None:
        raise names.error(
            said.line, f"the {part} of metric {said.metric.name!r} holds a query", "Use columns and functions only."
        )
    return found


def _check_columns(expression: exp.Expr, table: Table, said: MetricDescription, names: Names) -> None:
    for column in expression.find_all(exp.Column):
        owner = names.table(column.table, said.line) if column.table else table
        names.column(owner, column.name, said.line)
