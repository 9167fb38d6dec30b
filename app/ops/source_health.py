"""How a source is: when it was read, when it is due, what went wrong, how much room it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from app.ops.ingest_history import IngestHistory, Job
from ingest.layout import Layout
from ingest.stores.schedule import interval_text, next_due, read_attempt

if TYPE_CHECKING:
    from ingest.stores.snapshot import SourceReader


class SourceHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The health of one source. Times are UTC, ISO 8601."""

    state: Literal["ok", "running", "failing"]
    synced_at: str
    every: str | None
    """Interval of scheduled syncs, e.g. `1h`; null: by hand."""
    next_due: str | None
    last_attempt: str | None
    """When the last scheduled sync began."""
    failures: int
    """Scheduled syncs that failed in a row."""
    last_error: str | None
    """`code: message` of what failed since the last success; null if nothing did."""
    size_bytes: int
    """Bytes of the segment that is served."""


def source_health(source: SourceReader, layout: Layout, jobs: list[Job]) -> SourceHealth:
    """The health of a source; `jobs` are its own, the newest first."""
    entry = source.entry
    attempt = read_attempt(layout, entry.name)
    due = next_due(entry, attempt)
    error = f"{attempt.code}: {attempt.message}" if attempt is not None and attempt.failures else None
    last = next((job for job in jobs if job.state != "running" and job.code not in ("ingest_busy", "stopped")), None)
    if last is not None and last.state == "failed" and (last.finished_at or "") > entry.synced_at:
        error = f"{last.code}: {last.message}"
    elif last is not None and attempt is not None and (last.finished_at or "") > (attempt.finished_at or ""):
        error = None
    running = any(job.state == "running" for job in jobs)
    return SourceHealth(
        state="running" if running else "failing" if error else "ok",
        synced_at=entry.synced_at,
        every=interval_text(entry.every_s) if entry.every_s else None,
        next_due=due.isoformat(timespec="seconds") if due else None,
        last_attempt=attempt.started_at if attempt else None,
        failures=attempt.failures if attempt else 0,
        last_error=error,
        size_bytes=sum(file.bytes for file in source.segment.files.values()),
    )


def health_of(source: SourceReader, layout: Layout, history: IngestHistory) -> tuple[SourceHealth, list[Job]]:
    """The health of a source and its jobs, the newest first."""
    jobs = history.jobs(source.name)
    return source_health(source, layout, jobs), jobs
