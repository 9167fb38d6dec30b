"""What an ingest run did: counts, seconds, and everything that a person should know of single items."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Severity: TypeAlias = Literal["skipped", "repaired", "collapsed", "noted"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something to know of one item: skipped, repaired, collapsed with another, or just noted."""

    code: str
    path: str
    message: str
    severity: Severity
    stage: str
    """Stage that found it: `read`, `clean`, `profile`, `deduplicate`, `describe` …"""


class ItemCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many items the source has now (`total`), and what became of them since the last sync."""

    total: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0

    @property
    def differ(self) -> bool:
        """Whether anything changed."""
        return bool(self.new or self.changed or self.removed)


class PassageCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Passages of the segment; those embedded in this run and those whose vector was reused."""

    total: int = 0
    embedded: int = 0
    reused: int = 0


class IngestReport(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one run over one source; also a segment's `report.json`."""

    source: str
    location: str
    kind: str
    changed: bool = True
    """False: nothing differs from the last sync, and no new segment was made."""
    rebuilt: str | None = None
    """Why everything was read again although the source was known, e.g. another embedding model."""
    segment: str | None = None
    manifest: str | None = None
    started_at: str = ""
    documents: ItemCounts = ItemCounts()
    duplicates: int = 0
    """Documents that are stored but not searched, because another one says the same."""
    passages: PassageCounts = PassageCounts()
    tables: ItemCounts = ItemCounts()
    rows: int = 0
    seconds: dict[str, float] = {}
    """Seconds spent in each stage."""
    findings: tuple[Finding, ...] = ()

    @property
    def skipped(self) -> int:
        """Items that could not be read."""
        return sum(finding.severity == "skipped" for finding in self.findings)
