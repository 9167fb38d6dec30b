"""Scheduled syncs inside `answerable serve`: one at a time, each in a process of its own.

Of several server processes one leads: the one that holds the lock file, which the kernel frees when it ends. The sync
itself is `answerable ingest sync NAME`, so that serving stays light and a crash there cannot hurt it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import IO, TYPE_CHECKING

import structlog

from app.ops.events import tell_source_failed
from app.ops.ingest_history import BY_SCHEDULE, IngestHistory, ended, new_job
from app.ops.ingest_process import INGEST, run_ingest
from app.ops.metrics import Metrics
from ingest.layout import Layout
from ingest.stores.locking import leader_lock
from ingest.stores.schedule import Attempt, next_due, note_attempt, now_text, read_attempt

if TYPE_CHECKING:
    from app.engine import Engine
    from ingest.stores.manifest import SourceEntry

COMMAND = (*INGEST, "sync")
"""What synchronises a source, whose name follows."""
POLL_S = 1.0
"""Seconds between two looks at what is due; a look costs one `stat`."""
_BUSY = timedelta(seconds=10)
"""Time after which a sync that met another ingest is tried again; that is no failure."""

_log = structlog.get_logger("answerable.scheduler")


class Scheduler:
    """Runs the syncs that are due, in a thread, while the service runs."""

    def __init__(self, engine: Engine, metrics: Metrics, command: Sequence[str] = COMMAND) -> None:
        self._engine = engine
        self._metrics = metrics
        self._command = command
        self._layout = Layout(engine.settings.home)
        self._history = IngestHistory(self._layout)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._leading: IO[str] | None = None
        self._not_before: dict[str, datetime] = {}

    def start(self) -> None:
        """Begin to look for what is due."""
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop a running sync (nothing of it is published then) and end the thread."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        if self._leading is not None:
            self._leading.close()
            self._leading = None

    def _run(self) -> None:
        while not self._stopping.wait(POLL_S):
            try:
                if self._due() is not None and self._leads():
                    entry = self._due()  # looked at again: another server may have led until now
                    if entry is not None:
                        self._sync(entry)
            except Exception as error:  # noqa: BLE001 - whatever is wrong now, the next look may find it mended
                _log.error("scheduler failed", exc_info=error)
                self._stopping.wait(_BUSY.total_seconds())

    def _leads(self) -> bool:
        if self._leading is None and self._layout.store.is_dir():
            self._leading = leader_lock(self._layout.leader)
        return self._leading is not None

    def _due(self) -> SourceEntry | None:
        """The source that is due for longest; None if none is."""
        manifest = self._engine.store.snapshot().manifest
        now = datetime.now(UTC)
        waiting: list[tuple[datetime, SourceEntry]] = []
        for entry in manifest.sources if manifest else ():
            if entry.every_s is None:
                continue
            due = next_due(entry, read_attempt(self._layout, entry.name))
            if due is not None and due <= now and self._not_before.get(entry.name, now) <= now:
                waiting.append((due, entry))
        return min(waiting, key=lambda each: each[0])[1] if waiting else None

    def _sync(self, entry: SourceEntry) -> None:
        name = entry.name
        before = read_attempt(self._layout, name)
        started = now_text()
        failures = before.failures if before else 0
        note_attempt(self._layout, name, _begun(started, before))
        _log.info("sync started", source=name)
        clock = time.monotonic()
        with self._metrics.sync_running.track_inprogress():
            code, message = self._run_command(name)
        seconds = round(time.monotonic() - clock, 1)
        outcome = {None: "ok", "ingest_busy": "busy", "stopped": "stopped"}.get(code, "failed")
        self._metrics.syncs.labels(outcome).inc()
        self._metrics.sync_seconds.inc(seconds)
        _log.info("sync ended", source=name, outcome=outcome, code=code, seconds=seconds)
        if outcome in ("busy", "stopped"):
            self._restore(name, before)
            self._not_before[name] = datetime.now(UTC) + _BUSY
            return
        failed = Attempt(
            started_at=started, finished_at=now_text(), failures=failures + 1, code=code, message=message
        )  # fmt: skip
        succeeded = Attempt(started_at=started, finished_at=now_text())
        note_attempt(self._layout, name, failed if outcome == "failed" else succeeded)
        if outcome == "failed":
            engine = self._engine
            tell_source_failed(engine.announcements, name, failed, every_s=entry.every_s, mask=engine.masked)

    def _restore(self, name: str, before: Attempt | None) -> None:
        """Note what was known before an attempt that says nothing of the source."""
        if before is None:
            self._layout.attempt(name).unlink(missing_ok=True)
        else:
            note_attempt(self._layout, name, before)

    def _run_command(self, name: str) -> tuple[str | None, str]:
        """Run `answerable ingest sync`; returns its error's code and message, None and nothing if all went well.

        `stopped` is the code of a sync that ended because the service does.
        """
        job = new_job("sync", name, BY_SCHEDULE)
        outcome = run_ingest([*self._command, name], self._engine.settings, self._stopping)
        done = ended(job, dict(outcome.said), outcome.code, outcome.message, outcome.hint)
        if outcome.code not in ("ingest_busy", "stopped") and done.changed is not False:
            self._history.note(done)
        return outcome.code, outcome.message


def _begun(started: str, before: Attempt | None) -> Attempt:
    """An attempt that runs; what the one before it failed of is still shown."""
    if before is None:
        return Attempt(started_at=started)
    return Attempt(started_at=started, failures=before.failures, code=before.code, message=before.message)
