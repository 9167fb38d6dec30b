"""`GET /v1/sources`: what can be asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litestar import get

from app.api.callers import Asker
from app.api.wire import ColumnView, SourcesResponse, SourceView, TableSummary
from app.asking import counts, visible_sources
from app.engine import Engine
from app.planning.schema_index import visible
from app.values import Caller
from ingest.stores.catalog import Table

if TYPE_CHECKING:
    from ingest.stores.snapshot import SourceReader


@get("/v1/sources", tags=["sources"], sync_to_thread=True)
def sources(engine: Engine, asker: Asker) -> SourcesResponse:
    """The sources that the caller may ask, with their tables and columns."""
    snapshot = engine.store.snapshot()
    seen = [source_view(source, asker.caller) for source in visible_sources(snapshot, asker.caller)]
    return SourcesResponse(sources=seen, manifest=snapshot.id)


def source_view(source: SourceReader, caller: Caller) -> SourceView:
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
    )


def _table(table: Table) -> TableSummary:
    columns = [
        ColumnView(name=column.name, type=column.type, description=column.description) for column in table.columns
    ]
    return TableSummary(name=table.name, rows=table.rows, description=table.description, columns=columns)
