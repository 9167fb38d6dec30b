"""Ingests that somebody asked the service for: one at a time, each in a process of its own.

with the slot held (a lock file, so that it is one of all server processes):
    prepare -> note the job -> answerable ingest … -> note how it ended
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import IO

import structlog

from app.errors import IngestBusy
from app.ops.ingest_history import IngestHistory, Job, JobKind, ended, new_job
from app.ops.ingest_process import INGEST, run_ingest
from app.settings import Settings
from ingest.layout import Layout
from ingest.stores.locking import leader_lock

_QUIET = frozenset({"ingest_busy", "stopped"})
"""Codes that say nothing of the source."""
_log = structlog.get_logger("answerable.ingest_jobs")


class IngestJobs:
    """Starts ingests and knows how they went. Thread-safe."""

    def __init__(self, settings: Settings, command: Sequence[str] = INGEST) -> None:
        self._settings = settings
        self._command = command
        self._layout = Layout(settings.home)
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self.history = IngestHistory(self._layout)
        self.observe_failure: Callable[[Job], None] = lambda _job: None
        """Told of each job that failed of its source; where `source.failed` is announced."""

    def start(
        self,
        kind: JobKind,
        source: str,
        arguments: Sequence[str] | Callable[[], Sequence[str]],
        *,
        given: str = "",
        by: str | None = None,
    ) -> Job:
        """Begin `answerable ingest …` and return at once. Raises `IngestBusy`.

        `arguments` may be made by a function that is called while no other job can begin; what it raises is raised
        here, and nothing begins. `given` is the command's standard input.
        """
        slot, made, job = self._begun(kind, source, arguments, by)
        thread = threading.Thread(target=self._run, args=(slot, job, made, given), name=f"ingest-{job.id}", daemon=True)
        self._threads = [each for each in self._threads if each.is_alive()] + [thread]
        thread.start()
        return job

    def run(self, kind: JobKind, source: str, arguments: Sequence[str], *, by: str | None = None) -> Job:
        """The same, and wait until it has ended."""
        slot, made, job = self._begun(kind, source, arguments, by)
        return self._run(slot, job, made, "")

    def close(self) -> None:
        """Stop what runs; nothing of it is published then."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _begun(
        self, kind: JobKind, source: str, arguments: Sequence[str] | Callable[[], Sequence[str]], by: str | None
    ) -> tuple[IO[str], Sequence[str], Job]:
        slot = self._slot()
        try:
            made = arguments() if callable(arguments) else arguments
            job = new_job(kind, source, by)
            self.history.note(job)
        except BaseException:
            slot.close()
            raise
        return slot, made, job

    def _slot(self) -> IO[str]:
        slot = None if self._stopping.is_set() else leader_lock(self._layout.job_lock)
        if slot is not None:
            free = leader_lock(self._layout.lock)  # a scheduled sync, or one at a terminal
            if free is not None:
                free.close()
                return slot
            slot.close()
        raise IngestBusy("Another ingest is running.", hint="Wait until it has finished, then try again.")

    def _run(self, slot: IO[str], job: Job, arguments: Sequence[str], given: str) -> Job:
        _log.info("job started", job=job.id, kind=job.kind, source=job.source)
        with slot:
            try:
                outcome = run_ingest([*self._command, *arguments], self._settings, self._stopping, given)
                done = ended(job, dict(outcome.said), outcome.code, outcome.message, outcome.hint)
            except Exception as error:  # noqa: BLE001 - a job must not stay "running"; its note says what to do
                _log.error("job failed", job=job.id, exc_info=error)
                done = ended(job, {}, "job_failed", "The job could not be run.", "The log says why.")
            self.history.note(done)
        _log.info("job ended", job=job.id, state=done.state, code=done.code)
        if done.state == "failed" and done.code not in _QUIET:
            self.observe_failure(done)
        return done
