"""Traces: one row per question, masked, written by a background thread that an answer never waits for.

Personal data, names of people included, is masked before anything is stored. If masking fails the text is withheld.
Masking a trace takes about as long as answering a question, so the writer waits for a quiet moment, but no longer than
`LONGEST_WAIT_S`. When questions come faster than rows can be written, traces are dropped and counted rather than
answers delayed.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from app.values import Answer, Span
from app.verbalising.charts.style import VOCABULARY

if TYPE_CHECKING:
    import sqlalchemy as sa

_log = logging.getLogger("answerable.traces")

WITHHELD = "<WITHHELD>"
CLEAR_FIELDS = frozenset(
    {"id", "status", "route", "type", "name", "dialect", "source", "document", "url", "code", "as_of", "versions"}
    | {"timing_ms", "usage", "column", "planner"}
)
"""Fields of an answer that hold no content of questions or rows."""
KEPT_ROWS = 20
"""Rows of an answer's table that its trace keeps."""
QUIET_S = 1.0
"""Seconds without a question that count as quiet."""
LONGEST_WAIT_S = 60.0
"""Seconds that a trace waits for a quiet moment."""
DAY_S = 86_400.0

Mask = Callable[[list[str]], list[str]]


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of one question."""

    id: str
    created_at: float
    """Seconds since the epoch."""
    key_id: str | None
    question: str
    answer: dict[str, Any]
    """The answer in the shape of the HTTP contract, masked."""
    visitor: str | None = None
    """Who of a site's visitors asked."""
    spans: tuple[Span, ...] = ()
    """The stages in the order in which they ended; empty for traces of older versions."""
    sources: tuple[str, ...] = ()
    """Names of the sources that the answer cites, asks or suggests, sorted."""


class _Entry(msgspec.Struct, frozen=True):
    question: str
    answer: Answer
    key_id: str | None
    created_at: float
    visitor: str | None
    spans: tuple[Span, ...]


class Traces:
    """The trace store of one process."""

    def __init__(self, path: Path, mask: Mask, *, retention_days: int, capacity: int = 1000) -> None:
        self._path = path
        self._mask = mask
        self._retention_days = retention_days
        self._queue: queue.Queue[_Entry | None] = queue.Queue(maxsize=capacity)
        self._lock = threading.Lock()
        self._written = threading.Condition(self._lock)
        self._pending: set[str] = set()
        self._newest = 0.0
        self._waiters = 0
        self._writer: threading.Thread | None = None
        self._next_purge = 0.0
        self.dropped = 0
        """Traces that were not kept because the queue was full."""
        self.on_masked: Callable[[Trace], None] | None = None
        """Told of every trace, masked, whether it is kept or not; in the writer's thread."""

    @property
    def wanted(self) -> bool:
        """Whether anybody keeps or hears of traces."""
        return self._retention_days > 0 or self.on_masked is not None

    def record(
        self,
        question: str,
        answer: Answer,
        *,
        key_id: str | None = None,
        visitor: str | None = None,
        spans: Sequence[Span] = (),
    ) -> None:
        """Keep a question and its answer; returns at once."""
        if not self.wanted:
            return
        with self._lock:
            try:
                self._queue.put_nowait(_Entry(question, answer, key_id, time.time(), visitor, tuple(spans)))
            except queue.Full:
                self.dropped += 1
                return
            self._pending.add(answer.id)
            self._newest = time.monotonic()
            if self._writer is None:
                self._writer = threading.Thread(target=self._write_all, name="traces", daemon=True)
                self._writer.start()

    def find(self, identity: str, *, wait_s: float = 5.0) -> Trace | None:
        """The trace of an answer; waits up to `wait_s` seconds for one that is still being written."""
        self._wait_for(lambda: identity not in self._pending, wait_s)
        found = self._rows(identity=identity)
        return found[0] if found else None

    def latest(self, limit: int = 20) -> list[Trace]:
        """The newest traces, newest first."""
        return self._rows(limit=limit)

    def questions(self, identities: Sequence[str]) -> dict[str, str]:
        """The masked question of each answer that a trace is kept of."""
        import sqlalchemy as sa

        from app.ops.state import TRACES

        query = sa.select(TRACES.c.id, TRACES.c.question).where(TRACES.c.id.in_(identities))
        with self._state().connect() as connection:
            return {row.id: row.question for row in connection.execute(query)}

    def flush(self, *, wait_s: float = 10.0) -> bool:
        """Wait until everything recorded so far is written; False if `wait_s` seconds were not enough."""
        return self._wait_for(lambda: not self._pending, wait_s)

    def close(self, *, wait_s: float = 10.0) -> None:
        """Write what is queued, then stop the writer."""
        writer = self._writer
        if writer is None:
            return
        self.flush(wait_s=wait_s)
        self._queue.put(None)
        writer.join(wait_s)

    def purge(self) -> int:
        """Delete what is older than the retention allows, and the feedback on it; returns how many traces."""
        import sqlalchemy as sa

        from app.ops.state import FEEDBACK, TRACES

        oldest = time.time() - self._retention_days * DAY_S
        rated = sa.exists().where(TRACES.c.id == FEEDBACK.c.answer_id)
        with self._state().begin() as connection:
            deleted = connection.execute(sa.delete(TRACES).where(TRACES.c.created_at < oldest)).rowcount
            connection.execute(sa.delete(FEEDBACK).where(~rated))
        return deleted

    def _write_all(self) -> None:
        while (entry := self._queue.get()) is not None:
            self._wait_for_quiet(entry)
            try:
                self._write(entry)
                self._purge_daily()
            except Exception as error:  # noqa: BLE001 - a full disk must end neither the thread nor the answers
                _log.error("trace %s was not kept: %s", entry.answer.id, type(error).__name__)
            with self._written:
                self._pending.discard(entry.answer.id)
                self._written.notify_all()
        self._writer = None

    def _wait_for_quiet(self, entry: _Entry) -> None:
        """Let answers go first, unless somebody waits for a trace, this one is old, or the queue fills up."""
        while self._queue.qsize() < self._queue.maxsize / 2 and time.time() - entry.created_at < LONGEST_WAIT_S:
            left = self._newest + QUIET_S - time.monotonic()
            with self._written:
                if left <= 0 or self._written.wait_for(lambda: self._waiters > 0, timeout=left):
                    return

    def _wait_for(self, written: Callable[[], bool], wait_s: float) -> bool:
        """Hurry the writer until `written` holds or `wait_s` seconds are over."""
        with self._written:
            self._waiters += 1
            self._written.notify_all()
            try:
                return self._written.wait_for(written, timeout=wait_s)
            finally:
                self._waiters -= 1

    def _write(self, entry: _Entry) -> None:
        question, answer = self._masked(entry)
        trace = Trace(
            id=entry.answer.id,
            created_at=entry.created_at,
            key_id=entry.key_id,
            question=question,
            answer=answer,
            visitor=entry.visitor,
            spans=entry.spans,
            sources=sources_of(entry.answer),
        )
        if self._retention_days > 0:
            self._keep(trace, entry.answer)
        if self.on_masked is not None:
            self.on_masked(trace)

    def _keep(self, trace: Trace, answer: Answer) -> None:
        import sqlalchemy as sa

        from app.ops.state import TRACES

        row = msgspec.structs.asdict(trace) | {
            "status": answer.status,
            "route": answer.route,
            "confidence": answer.confidence,
            "timing_ms": msgspec.json.encode(answer.timing_ms).decode(),
            "versions": msgspec.json.encode(answer.versions).decode(),
            "answer": msgspec.json.encode(trace.answer).decode(),
            "spans": msgspec.json.encode(trace.spans).decode(),
            "sources": msgspec.json.encode(trace.sources).decode(),
        }
        with self._state().begin() as connection:
            connection.execute(sa.insert(TRACES).prefix_with("OR REPLACE").values(row))

    def _masked(self, entry: _Entry) -> tuple[str, Any]:
        texts = [entry.question]
        answer = msgspec.to_builtins(_shortened(entry.answer))
        texts += _content(answer)
        try:
            masked = self._mask(texts)
        except Exception as error:  # noqa: BLE001 - whatever failed, unmasked text is not stored
            _log.error("trace %s is kept without content: masking failed: %s", entry.answer.id, type(error).__name__)
            masked = [WITHHELD] * len(texts)
            answer["chart"] = None  # bars that are all called alike would be one
            masked = masked[: 1 + len(_content(answer))]
        rest = iter(masked[1:])
        return masked[0], _map_content(answer, lambda _: next(rest))

    def _purge_daily(self) -> None:
        if time.monotonic() >= self._next_purge:
            self.purge()
            self._next_purge = time.monotonic() + DAY_S

    def _rows(self, *, identity: str | None = None, limit: int = 1) -> list[Trace]:
        import sqlalchemy as sa

        from app.ops.state import TRACES

        query = sa.select(TRACES).order_by(TRACES.c.created_at.desc()).limit(limit)
        if identity is not None:
            query = query.where(TRACES.c.id == identity)
        with self._state().connect() as connection:
            return [_trace(row) for row in connection.execute(query)]

    def _state(self) -> sa.Engine:
        from app.ops.state import held_state

        return held_state(self._path)


def _shortened(answer: Answer) -> Answer:
    """The answer with no more than `KEPT_ROWS` rows in its table: each cell of text costs time to mask."""
    if answer.table is None or len(answer.table.rows) <= KEPT_ROWS:
        return answer
    table = msgspec.structs.replace(answer.table, rows=answer.table.rows[:KEPT_ROWS], truncated=True)
    return msgspec.structs.replace(answer, table=table)


def sources_of(answer: Answer) -> tuple[str, ...]:
    """Names of the sources that an answer cites, asks or suggests, sorted."""
    cited = {citation.source for citation in answer.citations}
    nearest = {near.source for near in answer.refusal.nearest} if answer.refusal is not None else set()
    asked = {answer.sql.source} if answer.sql is not None else set()
    return tuple(sorted(cited | nearest | asked))


def _trace(row: sa.Row[Any]) -> Trace:
    return Trace(
        id=row.id,
        created_at=row.created_at,
        key_id=row.key_id,
        question=row.question,
        answer=msgspec.json.decode(row.answer),
        visitor=row.visitor,
        spans=msgspec.json.decode(row.spans, type=tuple[Span, ...]) if row.spans else (),
        sources=msgspec.json.decode(row.sources, type=tuple[str, ...]) if row.sources else (),
    )


def _content(value: Any) -> list[str]:
    """The texts that `_map_content` would change, in its order."""
    found: list[str] = []

    def collect(text: str) -> str:
        found.append(text)
        return text

    _map_content(value, collect)
    return found


def _map_content(value: Any, change: Callable[[str], str]) -> Any:
    """The value with `change` applied, in a stable order, to every text that may hold content."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _map_field(key, item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_map_content(item, change) for item in value]
    return value


def _map_field(key: str, value: Any, change: Callable[[str], str]) -> Any:
    if key == "chart":
        return _map_chart(value, change)
    return value if key in CLEAR_FIELDS else _map_content(value, change)


def _map_chart(value: Any, change: Callable[[str], str]) -> Any:
    """The same for a chart, where no field is clear: a text stays only if it is one of the constants of our charts."""
    if isinstance(value, str):
        return value if value in VOCABULARY else change(value)
    if isinstance(value, dict):
        return {key: _map_chart(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_map_chart(item, change) for item in value]
    return value
