"""MAIN PATH: from a source to a published segment.

    read -> clean -> deduplicate -> chunk, detect, embed (in groups) -> index -> profile -> seal -> publish -> collect

Everything is built in a folder of its own; readers see nothing of it until the manifest is switched, in one atomic
step. A crash before leaves the old manifest whole, and the next run deletes the leftovers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from connectors.base import Connector
from connectors.registry import open_connector
from ingest.build import Build, open_build
from ingest.described import described_by
from ingest.documents import clean_documents, collapse_duplicates
from ingest.errors import HomeNotWritable, disk_full_reported
from ingest.hooks import IngestHooks, IngestOptions
from ingest.layout import Layout
from ingest.passages import write_passages
from ingest.reading import read_source
from ingest.report import IngestReport, ItemCounts, PassageCounts
from ingest.request import (
    SourceRequest,
    connector_options,
    holds_password,
    known_entry,
    request_of,
    resolve,
    shown_location,
)
from ingest.scrub import scrubs
from ingest.stores import segment as files
from ingest.stores.collect import clear_leftovers, collect, purge
from ingest.stores.descriptions import forget_descriptions
from ingest.stores.locking import ingest_lock
from ingest.stores.manifest import Manifest, SourceEntry, current, publish, rollback
from ingest.stores.schedule import forget_attempts
from ingest.stores.segment import Segment, seal
from ingest.table_catalog import profile_tables

_NO_HOOKS = IngestHooks()


def ingest_source(
    home: Path, request: SourceRequest, hooks: IngestHooks = _NO_HOOKS, options: IngestOptions | None = None
) -> IngestReport:
    """Add a source, or bring a known one up to date, and publish it.

    Raises a `ConnectorError` if the source cannot be read, an `EmbeddingError` if the model cannot be used and an
    `IngestError` for everything else; nothing is published then.
    """
    options = options or IngestOptions()
    with _ingesting(home) as layout:
        manifest = current(layout)
        request = resolve(request, manifest)
        connector = open_connector(request.location, kind=request.kind, options=connector_options(request.options))
        inputs = _inputs_of_scrubbing(request, connector)
        connector.check()
        entry = manifest.source(request.name or "") if manifest else None
        description, described = described_by(request, layout)
        known = (description, described | inputs)
        with open_build(layout, request, connector.kind, entry, known, hooks, options) as build:
            read_source(build, connector)
            clean_documents(build)
            if entry is not None and _nothing_changed(build):
                build.passages = PassageCounts(total=entry.passages, reused=entry.passages)
                manifest = _rescheduled(layout, manifest, entry, request.every_s)
                return _report(build, entry.segment, manifest, changed=False)
            collapse_duplicates(build)
            write_passages(build)
            profile_tables(build)
            segment = _seal(build)
            manifest = _publish(build, segment, manifest)
            with build.step("collect"):
                collect(layout, keep=options.keep_manifests, grace_s=options.grace_s)
                if build.newly_scrubbed:
                    purge(layout, build.name)
            return _report(build, segment.info.id, manifest, changed=True)


def sync_source(
    home: Path,
    name: str,
    hooks: IngestHooks = _NO_HOOKS,
    options: IngestOptions | None = None,
    *,
    description_path: str | None = None,
) -> IngestReport:
    """Bring a known source up to date, with another description file if one is given.

    Raises `UnknownSource`, and what `ingest_source` raises.
    """
    request = request_of(known_entry(current(Layout(home)), name))
    if description_path is not None:
        request = replace(request, description_path=description_path)
    return ingest_source(home, request, hooks, options)


def schedule_source(home: Path, name: str, every_s: int | None) -> SourceEntry:
    """Have a source synchronised every so many seconds by the service, or (None) by hand only.

    Raises `UnknownSource`.
    """
    with _ingesting(home) as layout:
        manifest = current(layout)
        entry = known_entry(manifest, name)
        _rescheduled(layout, manifest, entry, every_s)
        return msgspec.structs.replace(entry, every_s=every_s)


def remove_source(home: Path, name: str) -> Manifest:
    """Take a source out of the manifest and delete every segment of it, at once. Raises `UnknownSource`."""
    with _ingesting(home) as layout:
        manifest = current(layout)
        known_entry(manifest, name)
        kept = {entry.name: entry for entry in (manifest.sources if manifest else ()) if entry.name != name}
        published = publish(layout, kept)
        purge(layout, name)
        forget_attempts(layout, name)
        forget_descriptions(layout, name)
        return published


def purge_source(home: Path, name: str) -> list[str]:
    """Delete the earlier segments of a source at once, rather than after the grace period; returns their ids."""
    with _ingesting(home) as layout:
        known_entry(current(layout), name)
        return purge(layout, name)


def rollback_manifest(home: Path, to: str | None = None) -> Manifest:
    """Publish an earlier manifest's sources again. Raises `NothingToRollBackTo`."""
    with _ingesting(home) as layout:
        return rollback(layout, to)


@contextmanager
def _ingesting(home: Path) -> Iterator[Layout]:
    """The lock of a home folder, cleared of what an earlier crash left."""
    layout = Layout(home)
    with disk_full_reported(home):
        try:
            layout.store.mkdir(parents=True, exist_ok=True)
        except (PermissionError, FileExistsError, NotADirectoryError) as error:
            raise HomeNotWritable(home, error) from error
        with ingest_lock(layout.lock):
            clear_leftovers(layout)
            yield layout


def _inputs_of_scrubbing(request: SourceRequest, connector: Connector) -> dict[str, str]:
    """What a segment records of a source whose documents are scrubbed; nothing for others."""
    personal = bool(getattr(connector, "personal", False))
    return {"scrub": "true"} if scrubs(request.options, personal=personal) else {}


def _nothing_changed(build: Build) -> bool:
    """Whether a new segment would say the same as the published one."""
    previous, entry = build.previous, build.entry
    return (
        previous is not None
        and entry is not None
        and not build.options.rebuild
        and (entry.options, entry.description_path) == (dict(build.request.options), build.request.description_path)
        and entry.models == (build.request.models or "allowed")
        and previous.info.inputs == build.inputs
        and previous.info.builders == build.builders
        and previous.documents() == build.staging.fingerprints()
        and previous.info.tables == _table_fingerprints(build)
    )


def _rescheduled(layout: Layout, manifest: Manifest | None, entry: SourceEntry, every_s: int | None) -> Manifest | None:
    """The manifest with that source's interval; published if it is another one."""
    if entry.every_s == every_s or manifest is None:
        return manifest
    sources = {each.name: each for each in manifest.sources}
    return publish(layout, sources | {entry.name: msgspec.structs.replace(entry, every_s=every_s)})


def _seal(build: Build) -> Segment:
    with build.step("seal"):
        report = _report(build, None, None, changed=True)
        (build.folder / files.REPORT).write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1))
        return seal(
            build.folder,
            build.layout.segments,
            build.name,
            builders=build.builders,
            inputs=build.inputs,
            counts={"documents": build.staging.count(), "passages": build.passages.total, "tables": len(build.tables)},
            tables=_table_fingerprints(build),
        )


def _publish(build: Build, segment: Segment, manifest: Manifest | None) -> Manifest:
    entry = SourceEntry(
        name=build.name,
        location=build.request.location,
        kind=build.kind,
        options=dict(build.request.options),
        segment=segment.info.id,
        visibility=build.request.visibility,
        description_path=build.request.description_path,
        synced_at=datetime.now(UTC).isoformat(timespec="seconds"),
        documents=build.staging.count() - len(build.collapsed_into),
        passages=build.passages.total,
        tables=len(build.tables),
        rows=sum(table.rows for table in build.tables),
        holds_password=holds_password(build.request.location),
        every_s=build.request.every_s,
        models=build.request.models or "allowed",
    )
    with build.step("publish"):
        sources = {each.name: each for each in (manifest.sources if manifest else ())} | {entry.name: entry}
        return publish(build.layout, sources, before_switch=lambda: build.hooks.on_step("switch"))


def _report(build: Build, segment: str | None, manifest: Manifest | None, *, changed: bool) -> IngestReport:
    previous = build.previous
    return IngestReport(
        source=build.name,
        location=shown_location(build.request.location),
        kind=build.kind,
        changed=changed,
        rebuilt=build.rebuilt,
        segment=segment,
        manifest=manifest.id if manifest else None,
        started_at=build.started_at,
        documents=_counts(previous.documents() if previous else {}, build.staging.fingerprints()),
        duplicates=len(build.collapsed_into),
        passages=build.passages,
        tables=_counts(previous.info.tables if previous else {}, _table_fingerprints(build)),
        rows=sum(table.rows for table in build.tables),
        seconds={step: round(seconds, 3) for step, seconds in build.seconds.items()},
        findings=tuple(build.findings),
    )


def _counts(before: dict[str, str], after: dict[str, str]) -> ItemCounts:
    same = sum(before.get(path) == fingerprint for path, fingerprint in after.items())
    new = len(after.keys() - before.keys())
    removed = len(before.keys() - after.keys())
    return ItemCounts(total=len(after), new=new, changed=len(after) - new - same, unchanged=same, removed=removed)


def _table_fingerprints(build: Build) -> dict[str, str]:
    return {table.path: table.fingerprint for table in build.tables}
