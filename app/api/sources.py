"""`GET /v1/sources`: what can be asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litestar import get

from app.api.callers import Asker
from app.api.wire import ColumnView, ScheduleView, SourcesResponse, SourceView, TableSummary
from app.asking import counts, visible_sources
from app.engine import Engine
from app.planning.schema_index import visible
from app.values import Caller
from ingest.layout import Layout
from ingest.stores.catalog import Table
from ingest.stores.schedule import next_due, read_attempt

if TYPE_CHECKING:
    from ingest.stores.manifest import SourceEntry
    from ingest.stores.snapshot import SourceReader


@get("/v1/sources", tags=["sources"], sync_to_thread=True)
def sources(engine: Engine, asker: Asker) -> SourcesResponse:
    """The sources that the caller may ask, with their tables and columns."""
    snapshot = engine.store.snapshot()
    layout = Layout(engine.settings.home)
    seen = [source_view(source, asker.caller, layout) for source in visible_sources(snapshot, asker.caller)]
    return SourcesResponse(sources=seen, manifest=snapshot.id)


def source_view(source: SourceReader, caller: Caller, layout: Layout) -> SourceView:
    """A source with the tables and columns that a caller may see."""
    entry = source.entry
    documents, passages = counts(source, caller)
    return SourceView(
        name=source.name,
        kind=entry.kind,
        visibility=entry.visibility,
        documents=documents,
        passages=passages,
        tables=[_table(table) for table in visible(source.catalog, caller.visibilities).tables],
        synced_at=entry.synced_at,
        schedule=_schedule(entry, layout) if caller.role == "owner" else None,
    )


def _schedule(entry: SourceEntry, layout: Layout) -> ScheduleView | None:
    if entry.every_s is None:
        return None
    attempt = read_attempt(layout, entry.name)
    due = next_due(entry, attempt)
    failed = attempt is not None and attempt.failures > 0
    return ScheduleView(
        every_s=entry.every_s,
        next_due=due.isoformat(timespec="seconds") if due else None,
        last_attempt=attempt.started_at if attempt else None,
        failures=attempt.failures if attempt else 0,
        last_error=f"{attempt.code}: {attempt.message}" if attempt and failed else None,
    )


def _table(table: Table) -> TableSummary:
    columns = [
        ColumnView(name=column.name, type=column.type, description=column.description) for column in table.columns
    ]
    return TableSummary(name=table.name, rows=table.rows, description=table.description, columns=columns)
