"""Where a table question that was not answered rightly went wrong: linking, grammar, ranking or execution."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify

from app.errors import AppError
from app.evals.row_comparison import same_rows
from app.evals.text2sql import Cause, RowsOf, SqlCase
from app.planning.entities import display_columns, key_columns
from app.planning.linking import link
from app.planning.planner import Candidate, Planner
from app.validation import Rejected, validate
from app.values import Answer, Deadline

if TYPE_CHECKING:
    from app.engine import Engine
    from ingest.stores.snapshot import Snapshot

NAMED = 3
"""Columns or words that a detail names."""


class Diagnosis:
    """Looks for the first stage that lost the right answer, over one snapshot."""

    def __init__(self, engine: Engine, snapshot: Snapshot, today: date, max_rows: int) -> None:
        self._engine = engine
        self._snapshot = snapshot
        self._today = today
        self._max_rows = max_rows

    def cause(self, case: SqlCase, source: str, answer: Answer, gold: RowsOf) -> tuple[Cause, str]:
        """The stage that is to blame, and why."""
        if answer.status in ("partial", "failed"):
            return "execution", f"status {answer.status}: {answer.text[:200]}"
        reader = self._snapshot.sources[source]
        planner = self._engine.planners.of(reader, ("public", "internal"))
        planned = planner.plan(case.question, self._today)
        errors: list[str] = []
        for place, candidate in enumerate(planned.candidates, start=1):
            rows = self._rows(candidate, planner, source, errors)
            if rows is not None and same_rows(rows, gold, ordered=case.ordered):
                return (
                    "ranking",
                    f"a right plan is number {place} at {candidate.confidence:.2f}; status {answer.status}",
                )
        if errors and len(errors) == len(planned.candidates):
            return "execution", errors[0]
        if not planned.candidates and planned.uncovered:
            words = ", ".join(f"“{word}”" for word in planned.uncovered[:NAMED])
            return "linking", f"nothing is understood by {words}"
        missing = self._not_linked(case, planner)
        if missing:
            return "linking", f"not linked: {', '.join(missing[:NAMED])}"
        count = len(planned.candidates)
        return "grammar", f"of {count} candidates none is right" if count else "no candidate was built"

    def _rows(self, candidate: Candidate, planner: Planner, source: str, errors: list[str]) -> RowsOf | None:
        from app.execution.tables import database_name

        try:
            query = validate(
                candidate.sql, planner.index.catalog, database=database_name(source), max_rows=self._max_rows
            )
            deadline = Deadline.after(self._engine.settings.table_timeout_s)
            found = self._engine.tables.run(query, self._snapshot, deadline)
        except Rejected as rejected:
            errors.append(f"not allowed: {rejected.message}")
            return None
        except AppError as error:
            errors.append(error.message)
            return None
        return [row[: len(candidate.plan.select)] for row in found.rows]

    def _not_linked(self, case: SqlCase, planner: Planner) -> list[str]:
        """The columns of the gold query, joins apart, that no reading of the question's words may mean."""
        _, elements = link(case.question, planner.index, planner.values, self._today)
        refs = {option.ref for e in elements for option in e.columns} | {o.ref for e in elements for o in e.values}
        tables = {e.table for e in elements if e.table is not None} | {ref.table for ref in refs}
        for table in planner.index.catalog.tables:
            if table.name in tables:  # a table that is named stands for its rows' names and keys
                refs |= {*display_columns(table), *key_columns(table)}
        linked = {(ref.table.casefold(), ref.column.casefold()) for ref in refs}
        return [
            f"{t}.{c}" for t, c in gold_columns(case.gold_sql, planner) if (t.casefold(), c.casefold()) not in linked
        ]


def gold_columns(sql: str, planner: Planner) -> Sequence[tuple[str, str]]:
    """Table and column of every column that a query uses outside its joins; empty if it cannot be resolved."""
    schema: dict[str, object] = {t.name: {c.name: c.sql_type for c in t.columns} for t in planner.index.catalog.tables}
    try:
        tree = qualify(sqlglot.parse_one(sql, dialect="duckdb"), schema=schema, dialect="duckdb")
    except (SqlglotError, RecursionError):
        return []
    found: dict[tuple[str, str], None] = {}
    for select in tree.find_all(exp.Select):
        names = {t.alias_or_name: t.name for t in select.find_all(exp.Table)}
        for column in select.find_all(exp.Column):
            if column.find_ancestor(exp.Join) is None and column.table in names:
                found[names[column.table], column.name] = None
    return list(found)
