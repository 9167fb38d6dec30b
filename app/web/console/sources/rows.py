"""What the pages of sources list, and export as it stands here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

import msgspec

from app.asking import checked_sources, counts
from app.ops.ingest_history import IngestHistory
from app.ops.source_health import health_of
from app.planning.schema_index import visible
from app.scrubbing import looks_personal
from ingest.layout import Layout
from ingest.stores.catalog import Catalog, Column, Scalar, Table

if TYPE_CHECKING:
    from app.engine import Engine
    from app.web.console.viewers import Viewer
    from ingest.stores.passages import StoredDocument
    from ingest.stores.snapshot import SourceReader

MASKED = "(personal data)"
"""Stands for a value that looks personal in a column that nobody called so."""
MOST_TOP = 8


class SourceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A source in the list. What only owners see is null for others."""

    name: str
    kind: str
    visibility: str
    documents: int
    passages: int
    tables: int
    rows: int
    synced_at: str
    state: Literal["ok", "running", "failing"] | None = None
    every: str | None = None
    next_due: str | None = None
    last_attempt: str | None = None
    failures: int | None = None
    last_error: str | None = None
    size_bytes: int | None = None


class DocumentRow(msgspec.Struct, frozen=True, kw_only=True):
    """A document as it is stored."""

    path: str
    title: str | None
    url: str | None
    visibility: str
    passages: int
    modified: str | None
    duplicate_of: str | None


class TableRow(msgspec.Struct, frozen=True, kw_only=True):
    """A table of a source."""

    name: str
    path: str
    rows: int
    columns: int
    visibility: str
    key: list[str]
    description: str | None


class ColumnRow(msgspec.Struct, frozen=True, kw_only=True):
    """A column with its profile; no value of a personal or hidden one."""

    name: str
    type: str
    sql_type: str
    description: str | None
    synonyms: list[str]
    unit: str | None
    key: bool
    visibility: str
    hidden: bool
    personal_data: str | None
    null_share: float
    distinct: int
    unique: bool
    minimum: Scalar
    maximum: Scalar
    top: list[tuple[Scalar, int]]
    """Frequent values with how many rows hold them."""


def source_named(name: str, engine: Engine, viewer: Viewer) -> SourceReader:
    """A source that the viewer may know of; raises `NotFound`."""
    snapshot = engine.store.snapshot()
    checked_sources([name], snapshot, viewer.caller)
    return snapshot.sources[name]


def seen_catalog(source: SourceReader, viewer: Viewer) -> Catalog:
    """The tables as the viewer may see them: hidden columns are named to owners, who edit the description."""
    return source.catalog if viewer.owns else visible(source.catalog, viewer.caller.visibilities)


def source_row(source: SourceReader, engine: Engine, viewer: Viewer, history: IngestHistory) -> SourceRow:
    """A source in the list."""
    entry = source.entry
    documents, passages = counts(source, viewer.caller)
    row = SourceRow(
        name=source.name,
        kind=entry.kind,
        visibility=entry.visibility,
        documents=documents,
        passages=passages,
        tables=len(seen_catalog(source, viewer).tables),
        rows=sum(table.rows for table in seen_catalog(source, viewer).tables),
        synced_at=entry.synced_at,
    )
    if viewer.caller.role != "owner":
        return row
    health, _ = health_of(source, Layout(engine.settings.home), history)
    told = {name: getattr(health, name) for name in SourceRow.__struct_fields__ if hasattr(health, name)}
    return msgspec.structs.replace(row, **told)


def documents_of(source: SourceReader, words: str = "") -> list[DocumentRow]:
    """The documents whose path or title holds the words, by path."""
    wanted = words.casefold().split()
    stored = source.passages.documents() if source.passages is not None else ()
    found = [_document(each) for each in stored if _holds(f"{each.path} {each.title or ''}".casefold(), wanted)]
    return sorted(found, key=lambda row: row.path)


def table_row(table: Table) -> TableRow:
    """A table in the list."""
    return TableRow(
        name=table.name,
        path=table.path,
        rows=table.rows,
        columns=len(table.columns),
        visibility=table.visibility,
        key=list(table.primary_key),
        description=table.description,
    )


def column_row(column: Column, table: Table) -> ColumnRow:
    """A column in its table's profile."""
    shown = column.pii is None and not column.hidden
    return ColumnRow(
        name=column.name,
        type=column.type,
        sql_type=column.sql_type,
        description=column.description,
        synonyms=list(column.synonyms),
        unit=column.unit,
        key=column.name in table.primary_key,
        visibility=column.visibility,
        hidden=column.hidden,
        personal_data=column.pii,
        null_share=column.nulls / table.rows if table.rows else 0.0,
        distinct=column.distinct,
        unique=column.unique,
        minimum=_safe(column.minimum) if shown else None,
        maximum=_safe(column.maximum) if shown else None,
        top=[(_safe(each.value), each.rows) for each in column.frequent[:MOST_TOP]] if shown else [],
    )


def table_path(source: str, table: str) -> str:
    """The address of a table's profile."""
    return f"/console/sources/{quote(source, safe='')}/tables/{quote(table, safe='')}"


def _document(stored: StoredDocument) -> DocumentRow:
    return DocumentRow(
        path=stored.path,
        title=stored.title,
        url=stored.url,
        visibility=stored.visibility,
        passages=stored.passages,
        modified=stored.modified,
        duplicate_of=stored.collapsed_into,
    )


def _holds(text: str, words: list[str]) -> bool:
    return all(word in text for word in words)


def _safe(value: Scalar) -> Scalar:
    return MASKED if isinstance(value, str) and looks_personal(value) else value
