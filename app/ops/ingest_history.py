"""What the service was told to ingest and how it went: one note for each run, read by every server process.

store/jobs/20260301T140500123456-9f2c.json
"""

from __future__ import annotations

import re
import secrets
from collections import Counter
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

import msgspec

from ingest.layout import Layout
from ingest.stores.durable import write_durably
from ingest.stores.locking import leader_lock

JobKind: TypeAlias = Literal["add", "sync", "describe", "remove"]
BY_SCHEDULE = "schedule"
MOST_KEPT, MOST_OF_A_SOURCE = 300, 30
_ID = re.compile(r"[0-9]{8}T[0-9]{12}-[0-9a-f]{4}")


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What became of documents or tables."""

    total: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One run of an ingest. Times are UTC, ISO 8601."""

    id: str
    kind: JobKind
    source: str
    state: Literal["running", "succeeded", "failed"]
    started_at: str
    finished_at: str | None = None
    code: str | None = None
    """Stable code of what went wrong."""
    message: str = ""
    hint: str = ""
    by: str | None = None
    """Key of whoever asked for it, `schedule` for a scheduled sync; null without a key."""
    changed: bool | None = None
    """Whether anything differed from the last sync; null while it is not known."""
    documents: Changes | None = None
    tables: Changes | None = None
    skipped: int | None = None
    """Items that could not be read."""


def new_job(kind: JobKind, source: str, by: str | None) -> Job:
    """A job that starts now."""
    now = datetime.now(UTC)
    identity = f"{now:%Y%m%dT%H%M%S%f}-{secrets.token_hex(2)}"
    started = now.isoformat(timespec="milliseconds")
    return Job(id=identity, kind=kind, source=source, state="running", started_at=started, by=by)


def ended(job: Job, said: dict[str, Any], code: str | None = None, message: str = "", hint: str = "") -> Job:
    """The job as it ended; `said` is the report that the command printed."""
    state: Literal["succeeded", "failed"] = "failed" if code else "succeeded"
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    done = msgspec.structs.replace(job, state=state, finished_at=now, code=code, message=message, hint=hint)
    if code or "documents" not in said:
        return done
    findings = said.get("findings", [])
    return msgspec.structs.replace(
        done,
        changed=bool(said.get("changed")),
        documents=msgspec.convert(said["documents"], Changes),
        tables=msgspec.convert(said["tables"], Changes),
        skipped=sum(finding.get("severity") == "skipped" for finding in findings),
    )


class IngestHistory:
    """The notes of one home. Safe to share between threads."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def note(self, job: Job) -> None:
        """Remember a job as it is, surviving a crash; forget the oldest."""
        self._layout.jobs.mkdir(parents=True, exist_ok=True)
        write_durably(self._layout.jobs / f"{job.id}.json", msgspec.json.encode(job))
        if job.state != "running":
            self._prune()

    def jobs(self, source: str | None = None) -> list[Job]:
        """Jobs of one source or all, the newest first."""
        found = (self.find(path.stem) for path in sorted(self._layout.jobs.glob("*.json"), reverse=True))
        return [job for job in found if job is not None and source in (None, job.source)]

    def find(self, identity: str) -> Job | None:
        """The job of that id. One whose server process ended without a word has failed as `interrupted`."""
        job = self._read(identity)
        if job is None or job.state != "running":
            return job
        lock = leader_lock(self._layout.job_lock)
        if lock is None:
            return job
        with lock:
            job = self._read(identity)  # it may have ended between the two looks
            if job is not None and job.state == "running":
                job = ended(job, {}, "interrupted", "The service ended while it ran.", "Start it again.")
                self.note(job)
        return job

    def _read(self, identity: str) -> Job | None:
        if not _ID.fullmatch(identity):
            return None
        try:
            return msgspec.json.decode((self._layout.jobs / f"{identity}.json").read_bytes(), type=Job)
        except (OSError, msgspec.DecodeError):
            return None

    def _prune(self) -> None:
        seen: Counter[str] = Counter()
        for position, path in enumerate(sorted(self._layout.jobs.glob("*.json"), reverse=True)):
            job = self._read(path.stem)
            seen[job.source if job else ""] += 1
            if position >= MOST_KEPT or (job is not None and seen[job.source] > MOST_OF_A_SOURCE):
                path.unlink(missing_ok=True)
