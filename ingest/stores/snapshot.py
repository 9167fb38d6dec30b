"""What readers hold: one consistent view of all sources, while ingest publishes the next one.

`Store.snapshot()` looks at `CURRENT` (one `stat`) and opens a new manifest only when it was replaced. A source whose
segment did not change keeps its open reader. A damaged segment leaves the rest served, and an alert.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from ingest.errors import SegmentCorrupt, StoreError
from ingest.layout import Layout
from ingest.stores import segment as files
from ingest.stores.catalog import Catalog
from ingest.stores.manifest import Manifest, SourceEntry, current
from ingest.stores.passages import PassageReader
from ingest.stores.segment import Segment, SegmentInfo, open_segment

if TYPE_CHECKING:
    from ingest.stores.values import ValueIndex


class SourceReader:
    """Reads one source from its sealed segment. Safe to share between threads; parts are opened when first used."""

    def __init__(self, entry: SourceEntry, segment: Segment) -> None:
        self.entry = entry
        self._segment = segment
        self._lock = threading.RLock()
        self.catalog: Catalog = _read_catalog(segment)

    @property
    def name(self) -> str:
        """The source's name."""
        return self.entry.name

    @property
    def segment(self) -> SegmentInfo:
        """What the segment says of itself."""
        return self._segment.info

    @property
    def sendable(self) -> bool:
        """Whether anything of the source may be sent to a language model: neither entry nor description forbids it."""
        return self.entry.models == "allowed" and self.catalog.models == "allowed"

    @property
    def tables_path(self) -> Path | None:
        """The DuckDB file with the source's tables in schema `main`; None if it has no tables."""
        return self._segment.file(files.TABLES)

    @property
    def report_path(self) -> Path | None:
        """The report of the sync that built the segment."""
        return self._segment.file(files.REPORT)

    @property
    def values(self) -> ValueIndex | None:
        """The value index of the tables; None if there is none."""
        with self._lock:
            return self._values

    @property
    def passages(self) -> PassageReader | None:
        """The passages of the documents; None if the source has no documents."""
        with self._lock:
            return self._passages

    @cached_property
    def _values(self) -> ValueIndex | None:
        path = self._segment.file(files.VALUES)
        if path is None:
            return None
        from ingest.stores.values import ValueIndex

        return ValueIndex(path)

    @cached_property
    def _passages(self) -> PassageReader | None:
        path = self._segment.file(files.PASSAGES)
        if path is None:
            return None
        folder = self._segment.path
        embedder = self._segment.info.builders.get("embedder", "")
        return PassageReader(path, folder / files.VECTOR_INDEX, folder / files.LEXICAL, embedder=embedder)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All sources as one manifest names them. Immutable; stays readable while newer ones are published."""

    manifest: Manifest | None = None
    """None if nothing was published yet."""
    sources: Mapping[str, SourceReader] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def id(self) -> str | None:
        """Name of the manifest."""
        return self.manifest.id if self.manifest else None


class Store:
    """The stores under a home folder, for reading. Safe to share between threads; takes no lock that ingest waits for.

    `verify` compares every file's checksum when a segment is opened; sizes are always compared.
    """

    def __init__(self, home: Path, *, verify: bool = False) -> None:
        self._layout = Layout(home)
        self._verify = verify
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._snapshot = Snapshot()
        self._alerts: tuple[str, ...] = ()

    @property
    def alerts(self) -> tuple[str, ...]:
        """What of the published manifest could not be opened; empty if all is well."""
        return self._alerts

    def snapshot(self) -> Snapshot:
        """The published sources. Costs one `stat` unless a new manifest was published.

        A manifest that cannot be read, or a source whose segment is damaged, leaves the last good one served and is
        named in `alerts`.
        """
        if self._stamp() == self._seen:
            return self._snapshot
        with self._lock:
            stamp = self._stamp()
            if stamp != self._seen:
                self._refresh()
                self._seen = stamp
            return self._snapshot

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            found = self._layout.current.stat()
        except FileNotFoundError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def _refresh(self) -> None:
        try:
            manifest = current(self._layout)
        except StoreError as error:
            self._alerts = (error.message,)
            return
        readers: dict[str, SourceReader] = {}
        alerts: list[str] = []
        for entry in manifest.sources if manifest else ():
            try:
                readers[entry.name] = self._reader(entry)
            except StoreError as error:
                alerts.append(f"Source {entry.name}: {error.message}")
                if entry.name in self._snapshot.sources:
                    readers[entry.name] = self._snapshot.sources[entry.name]
        self._snapshot = Snapshot(manifest, MappingProxyType(readers))
        self._alerts = tuple(alerts)

    def _reader(self, entry: SourceEntry) -> SourceReader:
        held = self._snapshot.sources.get(entry.name)
        if held is not None and held.entry == entry:
            return held
        return SourceReader(entry, open_segment(self._layout.segment(entry.segment), verify=self._verify))


def _read_catalog(segment: Segment) -> Catalog:
    path = segment.file(files.CATALOG)
    if path is None:
        return Catalog(source=segment.info.source, tables=())
    try:
        return msgspec.json.decode(path.read_bytes(), type=Catalog)
    except (OSError, msgspec.DecodeError) as error:
        raise SegmentCorrupt(f"Segment {segment.path.name} is damaged: {path.name}: {error}.") from error
