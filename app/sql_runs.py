"""A statement that somebody wrote, run for them: validated, executed and scrubbed as every other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.asking import check_text, checked_sources
from app.errors import ExecutionFailed, InvalidRequest, NotPermitted
from app.execution.tables import database_name
from app.planning.schema_index import visible
from app.scrubbing import scrub_rows
from app.validation import validate
from app.values import Caller, Deadline, SqlView, TableView

if TYPE_CHECKING:
    from app.engine import Engine


def run_sql(
    sql: str, source: str, engine: Engine, caller: Caller, *, max_rows: int, deadline: Deadline
) -> tuple[TableView, SqlView]:
    """The rows of a SELECT over the tables of a source that a caller may see, and the statement as it was run.

    Raises `NotPermitted` for visitors, `NotFound` for an unknown source, `Rejected` with every finding,
    `InvalidRequest` for a statement that fails and `DeadlineExceeded`.
    """
    if caller.role == "visitor":
        raise NotPermitted("A visitor's key may not run SQL.", hint="Use an analyst's key.")
    check_text(sql, limit=engine.settings.body_max_bytes)
    if not 1 <= max_rows <= engine.settings.max_rows:
        raise InvalidRequest(f"max_rows is {max_rows}; it may be 1 to {engine.settings.max_rows}.")
    snapshot = engine.store.snapshot()
    checked_sources([source], snapshot, caller)
    reader = snapshot.sources[source]
    if reader.tables_path is None:
        raise InvalidRequest(f"Source {source!r} holds no tables.", hint="Name a source with tables.")
    catalog = visible(reader.catalog, caller.visibilities)
    query = validate(sql, catalog, database=database_name(source), max_rows=max_rows)
    try:
        rows = engine.tables.run(query, snapshot, deadline)
    except ExecutionFailed as error:
        raise InvalidRequest(error.message, hint="Correct the SQL so that it runs.", code="sql_failed") from error
    scrubbed, _tokens = scrub_rows(query, rows, sees_personal_data=caller.sees_personal_data)
    table = TableView(columns=scrubbed.columns, rows=scrubbed.rows, truncated=scrubbed.truncated)
    return table, SqlView(text=query.text, dialect=query.dialect, source=source)
