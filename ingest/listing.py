"""Views of the sources for `list`, `show` and `report`: as JSON-able values and as rich tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from ingest.errors import SegmentCorrupt
from ingest.report import IngestReport
from ingest.request import shown_location
from ingest.stores.catalog import Catalog, Table
from ingest.stores.manifest import SourceEntry
from ingest.stores.passages import StoredDocument
from ingest.stores.snapshot import Snapshot, SourceReader


def listed(snapshot: Snapshot) -> list[dict[str, Any]]:
    """All sources."""
    return [_entry(entry) for entry in snapshot.manifest.sources] if snapshot.manifest else []


def source_rows(snapshot: Snapshot) -> Iterator[Any]:
    """All sources as a table."""
    from rich.table import Table as Grid

    if snapshot.manifest is None or not snapshot.manifest.sources:
        yield "There are no sources yet. Add one: answerable ingest add PATH"
        return
    grid = Grid(box=None, pad_edge=False)
    for heading in ("name", "kind", "visibility", "documents", "passages", "tables", "rows", "synced", "location"):
        grid.add_column(heading, justify="right" if heading in _NUMBERS else "left", no_wrap=heading == "name")
    for entry in snapshot.manifest.sources:
        view = _entry(entry)
        grid.add_row(*(f"{view[key]:,}" if key in _NUMBERS else str(view[key]) for key in _COLUMNS))
    yield grid


def shown(reader: SourceReader) -> dict[str, Any]:
    """One source with its documents, tables, keys and joins."""
    documents = [_document(each) for each in reader.passages.documents()] if reader.passages else []
    catalog = msgspec.to_builtins(reader.catalog)
    view = _entry(reader.entry) | {"segment": reader.segment.id, "created_at": reader.segment.created_at}
    return view | {"documents": documents} | {key: catalog[key] for key in ("tables", "joins", "metrics")}


def source_details(reader: SourceReader) -> Iterator[Any]:
    """One source with its documents, tables, keys and joins, for a person."""
    entry = reader.entry
    yield f"{entry.name} ({entry.kind}, {entry.visibility}), synced {entry.synced_at}"
    yield f"  {shown_location(entry.location)}"
    documents = list(reader.passages.documents()) if reader.passages else []
    if documents:
        yield f"\n{len(documents)} documents, {entry.passages} passages"
        yield from (f"  {_document_line(each)}" for each in documents)
    for table in reader.catalog.tables:
        yield from _table_lines(table)
    yield from _join_lines(reader.catalog)


def last_report(reader: SourceReader) -> IngestReport:
    """The report of the sync that built what is served. Raises `SegmentCorrupt` if it cannot be read."""
    path = reader.report_path
    if path is None:
        raise SegmentCorrupt(f"Segment {reader.segment.id} has no report.", hint="Sync the source again.")
    try:
        found = msgspec.json.decode(path.read_bytes(), type=IngestReport)
    except (OSError, msgspec.DecodeError) as error:
        raise SegmentCorrupt(f"{path} cannot be read: {error}.", hint="Sync the source again.") from error
    return msgspec.structs.replace(found, segment=reader.segment.id)


_COLUMNS = ("name", "kind", "visibility", "documents", "passages", "tables", "rows", "synced_at", "location")
_NUMBERS = frozenset({"documents", "passages", "tables", "rows"})


def _entry(entry: SourceEntry) -> dict[str, Any]:
    view = {key: getattr(entry, key) for key in _COLUMNS}
    return view | {"location": shown_location(entry.location), "description_path": entry.description_path}


def _document(document: StoredDocument) -> dict[str, Any]:
    view: dict[str, Any] = msgspec.to_builtins(document)
    view.pop("id")
    return view


def _document_line(document: StoredDocument) -> str:
    parts = [document.path, f"({document.passages} passages, {document.visibility})"]
    if document.collapsed_into:
        parts.append(f"duplicate of {document.collapsed_into}")
    if newer := document.metadata.get("newer_version"):
        parts.append(f"older version of {newer}")
    return " ".join(parts)


def _table_lines(table: Table) -> Iterator[str]:
    yield f"\n{table.name}: {table.rows:,} rows ({table.visibility}), from {table.path}"
    if table.description:
        yield f"  {table.description}"
    width = max((len(column.name) for column in table.columns), default=0)
    for column in table.columns:
        marks = ["key"] if column.name in table.primary_key else []
        marks += [f"personal data: {column.pii}"] if column.pii else []
        marks += ["hidden"] if column.hidden else []
        marks += [column.unit] if column.unit else []
        marks += [f"{column.nulls:,} empty"] if column.nulls else []
        yield f"  {column.name:{width}}  {column.type:9} {column.sql_type:16} {', '.join(marks)}".rstrip()


def _join_lines(catalog: Catalog) -> Iterator[str]:
    if catalog.joins:
        yield "\nJoins"
    for join in catalog.joins:
        left = ", ".join(f"{join.left_table}.{column}" for column in join.left_columns)
        right = ", ".join(f"{join.right_table}.{column}" for column in join.right_columns)
        yield f"  {left} -> {right} ({join.evidence}, {join.score:.2f})"
    for metric in catalog.metrics:
        yield f"  metric {metric.name}: {metric.expression} over {metric.table}"
