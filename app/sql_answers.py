"""Answers of statements that no typed plan stands behind: approved ones, and those that a model wrote."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

import msgspec

from app.guards import Objection
from app.planning.plan import ColumnRef
from app.table_answers import TableAnswer, nothing_then
from app.values import ScrubbedRows, SqlView, TableView, ValidatedQuery

if TYPE_CHECKING:
    from app.verified.reading import SqlReading


def worded_rows(
    rows: ScrubbedRows, query: ValidatedQuery, reading: SqlReading, source: str, confidence: float
) -> TableAnswer:
    """The rows as an answer: words and chart from the columns' names and types, figures with their cells."""
    from app.verbalising.charts import chart_of
    from app.verbalising.outputs import typed_outputs
    from app.verbalising.plain_rows import word_rows
    from app.verified.outputs import outputs_of

    outputs = outputs_of(reading)
    columns = tuple(msgspec.structs.replace(c, name=o.name) for c, o in zip(rows.columns, outputs, strict=True))
    named = msgspec.structs.replace(rows, columns=columns)
    ordered = reading.tree.args.get("order") is not None
    return TableAnswer(
        worded=word_rows(named, outputs),
        chart=chart_of(typed_outputs(columns), named.rows, truncated=named.truncated, ordered=ordered),
        table=TableView(columns=columns, rows=named.rows, truncated=named.truncated),
        sql=SqlView(text=query.text, dialect=query.dialect, source=source),
        masked=named.masked,
        confidence=confidence,
    )


def outside_the_data(
    periods: Iterable[tuple[ColumnRef, date | None, date | None]], reading: SqlReading
) -> Objection | None:
    """A period in which the tables hold nothing at all: a count of zero would mislead."""
    for ref, start, end in periods:
        column = reading.profile(ref)
        first, last = str(column.minimum or "")[:10], str(column.maximum or "")[:10]
        before = end is not None and str(end) <= first
        after = start is not None and str(start) > last
        if first and last and (before or after):
            return nothing_then(ref, first, last)
    return None
