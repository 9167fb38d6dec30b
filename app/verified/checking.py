"""Adding a verified query, and checking it again when the schema may have changed."""

from __future__ import annotations

import logging
import time
from datetime import date
from typing import TYPE_CHECKING

import msgspec
import sqlglot

from app.asking import check_text, checked_sources
from app.errors import DeadlineExceeded, ExecutionFailed, InvalidRequest, SourceUnavailable
from app.execution.tables import database_name
from app.guards import objection
from app.planning.schema_index import visible
from app.validation import Rejected, validate
from app.values import Caller, Deadline, ValidatedQuery
from app.verified.parameters import parameters_of
from app.verified.reading import read_sql
from app.verified.spans import Asked, periods, read_question, relative
from app.verified.store import new_identity
from app.verified.values import Parameter, Schema, VerifiedQuery
from app.verified.wording_key import question_key

if TYPE_CHECKING:
    from app.engine import Engine
    from ingest.stores.catalog import Catalog
    from ingest.stores.snapshot import Snapshot, SourceReader

_log = logging.getLogger("answerable.verified")

TRIED_ROWS = 100
NOTE_CHARS = 2000
EVERYTHING = Caller().visibilities


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A pair that somebody wants verified. `exact`: only this question with these values uses it."""

    source: str
    question: str
    sql: str
    note: str = ""
    exact: bool = False
    force: bool = False
    """Replace the verified query of the same question."""


def add_verified(
    proposal: Proposal, engine: Engine, caller: Caller, today: date, *, added_by: str | None = None
) -> VerifiedQuery:
    """Validate, run and keep a pair.

    Raises `Rejected` with every finding, `InvalidRequest` for what cannot be answered or fails, `DeadlineExceeded` for
    a statement that takes too long, `NotFound` for an unknown source and `AlreadyExists`.
    """
    check_text(proposal.question, limit=engine.settings.question_max_chars)
    refused = objection(proposal.question)
    if refused is not None:
        raise InvalidRequest(f"This question would be refused when asked: {refused.reason}")
    if len(proposal.note) > NOTE_CHARS:
        raise InvalidRequest(f"The note has {len(proposal.note)} characters; {NOTE_CHARS} are allowed.")
    snapshot = engine.store.snapshot()
    checked_sources([proposal.source], snapshot, caller)
    source = snapshot.sources[proposal.source]
    catalog = visible(source.catalog, caller.visibilities)
    validated = _tried(proposal.sql, source, catalog, engine, snapshot)
    written = _as_catalog_names(proposal.sql) if validated.dialect != "duckdb" else validated.text
    reading = read_sql(written, catalog)
    index = engine.planners.of(source, caller.visibilities).index
    asked = read_question(proposal.question, index, source.values, today)
    key = question_key(asked.forms)
    if not key:
        raise InvalidRequest("The question names nothing.", hint="Ask something in a sentence.")
    found = parameters_of(asked, reading, source.values)
    query = VerifiedQuery(
        id=new_identity(),
        source=source.name,
        question=proposal.question,
        sql=written,
        note=proposal.note,
        added_by=added_by,
        created_at=time.time(),
        changed_at=time.time(),
        schema=reading.schema,
        parameters=_moving(asked, found) if proposal.exact else found,
        segment=source.entry.segment,
    )
    return engine.verified.store.add(query, key, replace=proposal.force)


def _as_catalog_names(sql: str) -> str:
    """A validated statement of a live source as planning sees it: in DuckDB's SQL, with the catalog's names."""
    return str(sqlglot.parse_one(sql, dialect="duckdb").sql(dialect="duckdb"))


def _moving(asked: Asked, parameters: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    """The parameters that depend on the day of asking: fixed dates would make "last month" wrong."""
    moving = {
        (asked.tokens[span.start].start, asked.tokens[span.end - 1].end)
        for span in periods(asked)
        if relative(asked, span)
    }
    return tuple(p for p in parameters if p.kind == "period" and (p.start, p.end) in moving)


def _tried(
    sql: str, source: SourceReader, catalog: Catalog, engine: Engine, snapshot: Snapshot, seconds: float | None = None
) -> ValidatedQuery:
    """The validated statement, after it ran once."""
    if source.tables_path is None:
        raise InvalidRequest(f"Source {source.name!r} holds no tables.", hint="Name a source with tables.")
    validated = validate(sql, catalog, database=database_name(source.name), max_rows=TRIED_ROWS)
    limit = engine.settings.table_timeout_s if seconds is None else seconds
    try:
        engine.tables.run(validated, snapshot, Deadline.after(limit))
    except ExecutionFailed as error:
        raise InvalidRequest(error.message, hint="Correct the SQL so that it runs.", code="sql_failed") from error
    return validated


def current(
    query: VerifiedQuery, engine: Engine, snapshot: Snapshot, deadline: Deadline | None = None
) -> VerifiedQuery:
    """The query as it stands under a snapshot: checked again only if its source has another segment.

    Tables and columns that it relies on unchanged: it stands. Otherwise it is validated and run again, and becomes
    stale, with the reason, if that fails; a stale one that works again becomes active. Raises `DeadlineExceeded` if the
    question's time is up, which says nothing about the query.
    """
    source = snapshot.sources.get(query.source)
    segment = source.entry.segment if source is not None else ""
    if query.segment == segment:
        return query
    if source is None:
        found = _stale(query, segment, f"The source {query.source} is not there.")
    elif query.status == "active" and not changes(query.schema, visible(source.catalog, EVERYTHING)):
        found = msgspec.structs.replace(query, segment=segment)
    else:
        found = checked(query, engine, snapshot, source, deadline)
    return noted(query, found, engine)


def noted(old: VerifiedQuery, new: VerifiedQuery, engine: Engine) -> VerifiedQuery:
    """Keep what a check found; a query that became stale is logged."""
    if new != old:
        engine.verified.store.note_check(old, new)
        if new.status == "stale" and old.status == "active":
            _log.warning("verified query %s of source %s is stale and not used", new.id, new.source)
    return new


def checked(
    query: VerifiedQuery, engine: Engine, snapshot: Snapshot, source: SourceReader, deadline: Deadline | None = None
) -> VerifiedQuery:
    """The query after it was validated and run, whatever changed."""
    catalog = visible(source.catalog, EVERYTHING)
    segment = source.entry.segment
    changed = "; ".join(changes(query.schema, catalog)[:5])
    said = f" ({changed})" if changed else ""
    try:
        _tried(query.sql, source, catalog, engine, snapshot, None if deadline is None else deadline.left())
        reading = read_sql(query.sql, catalog)
    except SourceUnavailable:
        return query  # that a server is down says nothing about the query
    except Rejected as rejected:
        return _stale(query, segment, f"The SQL is no longer allowed: {rejected.message}{said}")
    except InvalidRequest as error:
        return _stale(query, segment, f"The SQL fails: {error.message}{said}")
    except DeadlineExceeded as error:
        if deadline is not None:
            raise
        return _stale(query, segment, f"The SQL takes too long: {error.message}")
    return msgspec.structs.replace(query, schema=reading.schema, segment=segment, status="active", reason=None)


def _stale(query: VerifiedQuery, segment: str, reason: str) -> VerifiedQuery:
    return msgspec.structs.replace(query, segment=segment, status="stale", reason=reason)


def changes(schema: Schema, catalog: Catalog) -> list[str]:
    """How a catalog differs from what a statement relies on, in words; empty if it does not."""
    found: list[str] = []
    for name, columns in schema.items():
        table = catalog.table(name)
        if table is None:
            found.append(f"the table {name} is gone")
            continue
        types = {column.name: column.sql_type for column in table.columns}
        for column, kind in columns.items():
            if column not in types:
                found.append(f"{name}.{column} is gone")
            elif types[column] != kind:
                found.append(f"{name}.{column} was {kind} and is {types[column]}")
    return found
