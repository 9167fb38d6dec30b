"""Views of the sources for `list`, `show` and `report`: as JSON-able values and as rich tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ingest.errors import SegmentCorrupt
from ingest.layout import Layout
from ingest.report import IngestReport
from ingest.request import shown_location
from ingest.stores.catalog import Catalog, Table
from ingest.stores.manifest import SourceEntry
from ingest.stores.passages import StoredDocument
from ingest.stores.quality import QualityReport
from ingest.stores.schedule import interval_text, next_due, read_attempt
from ingest.stores.snapshot import Snapshot, SourceReader


def listed(snapshot: Snapshot, home: Path) -> list[dict[str, Any]]:
    """All sources, with their schedules."""
    entries = snapshot.manifest.sources if snapshot.manifest else ()
    return [_entry(entry) | _schedule(entry, Layout(home)) for entry in entries]


def source_rows(sources: Sequence[Mapping[str, Any]]) -> Iterator[Any]:
    """All sources, as `listed` gives them, as a table; schedules are shown if there are any."""
    from rich.table import Table as Grid

    if not sources:
        yield "There are no sources yet. Add one: answerable ingest add PATH"
        return
    grid = Grid(box=None, pad_edge=False)
    columns = (*_COLUMNS, *_SCHEDULE) if any(view["every"] for view in sources) else _COLUMNS
    for key in columns:
        heading = _HEADINGS.get(key, key.replace("_", " "))
        grid.add_column(heading, justify="right" if key in _NUMBERS else "left", no_wrap=heading == "name")
    for view in sources:
        grid.add_row(*(f"{view[key]:,}" if key in _NUMBERS else _text(view[key]) for key in columns))
    yield grid


def shown(reader: SourceReader) -> dict[str, Any]:
    """One source with its documents, tables, keys and joins."""
    documents = [_document(each) for each in reader.passages.documents()] if reader.passages else []
    catalog = msgspec.to_builtins(reader.catalog)
    view = _entry(reader.entry) | {"segment": reader.segment.id, "created_at": reader.segment.created_at}
    view |= {"models": "allowed" if reader.sendable else "never"}
    return view | {"documents": documents} | {key: catalog[key] for key in ("tables", "joins", "metrics")}


def source_details(reader: SourceReader) -> Iterator[Any]:
    """One source with its documents, tables, keys and joins, for a person."""
    entry = reader.entry
    yield f"{entry.name} ({entry.kind}, {entry.visibility}), synced {entry.synced_at}"
    yield f"  {shown_location(entry.location)}"
    if not reader.sendable:
        yield "  never sent to a language model"
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


def quality_lines(report: QualityReport) -> Iterator[str]:
    """The quality of a source's documents, for a person."""
    languages = ", ".join(f"{count} {language}" for language, count in report.languages.items()) or "none"
    yield f"{report.source}: {report.documents} documents ({languages}), looked at in {report.seconds:.1f} s."
    if not report.complete:
        yield "  The source is too large to compare every paragraph; the first ones were."
    for check, count in report.counts.items():
        if count:
            yield f"\n{check.replace('_', ' ')}: {count}"
            shown = [finding for finding in report.findings if finding.check == check]
            yield from (f"  {finding.documents[0]}: {finding.message}" for finding in shown)
    if not report.findings:
        yield "  Nothing to mend was found."


_COLUMNS = ("name", "kind", "visibility", "documents", "passages", "tables", "rows", "synced_at", "location")
_SCHEDULE = ("every", "next_due", "last_error")
_HEADINGS = {"synced_at": "synced"}
_NUMBERS = frozenset({"documents", "passages", "tables", "rows"})


def _entry(entry: SourceEntry) -> dict[str, Any]:
    view = {key: getattr(entry, key) for key in _COLUMNS}
    return view | {"location": shown_location(entry.location), "description_path": entry.description_path}


def _schedule(entry: SourceEntry, layout: Layout) -> dict[str, Any]:
    """The source's interval, when it is due, and how the last scheduled attempt went."""
    attempt = read_attempt(layout, entry.name)
    due = next_due(entry, attempt)
    failed = attempt is not None and attempt.failures > 0
    return {
        "every": interval_text(entry.every_s) if entry.every_s else None,
        "next_due": due.isoformat(timespec="seconds") if due else None,
        "last_attempt": attempt.started_at if attempt else None,
        "failures": attempt.failures if attempt else 0,
        "last_error": f"{attempt.code}: {attempt.message}" if attempt and failed else None,
    }


def _text(value: object) -> str:
    return "" if value is None else str(value)


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
