"""The ledger: one row for each attempt, never changed; the database itself refuses to.

Rows are kept until an operator purges them (`answerable cost purge`). An attempt that cannot be written because the
database is down was paid for all the same: it is kept in memory and written with the next one.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from app.llm.alerts import Alert, Alerts
from app.llm.money import nano
from app.llm.spending_store import SpendingStore, SpendingUnavailable, allow_deletion, open_spending, refuse_changes
from app.llm.token_bound import plausible
from app.llm.values import Attempt
from app.ops.state import SPENDING
from app.settings import Settings

_log = logging.getLogger("answerable.ledger")

MOST_WAITING = 10_000
"""Rows that are kept in memory while the database is down; then the oldest are given up, and counted."""
KEPT_DAYS = 62
"""A purge leaves at least these days: this month and the last one, from which a budget added now takes its start."""


class SpendingLedger:
    """The record of attempts of one process. Thread-safe."""

    def __init__(
        self, store: SpendingStore, alerts: Alerts, observe: Callable[[Attempt], None] = lambda _attempt: None
    ) -> None:
        self.store = store
        self._alerts = alerts
        self._observe = observe
        self._lock = threading.Lock()
        self._waiting: deque[dict[str, Any]] = deque(maxlen=MOST_WAITING)
        self.lost = 0
        """Rows given up because the database was down for too long."""

    def append(self, attempt: Attempt) -> None:
        """Write one row; it is on disk when this returns, or in memory with an alert if the database is down."""
        self._observe(attempt)
        with self._lock:
            if len(self._waiting) == MOST_WAITING:
                self.lost += 1
            self._waiting.append(_row(attempt))
            self._write_waiting()

    @property
    def waiting(self) -> int:
        """Rows that are not on disk yet."""
        return len(self._waiting)

    def purge(self, before: float) -> int:
        """Delete the rows from before a moment (seconds since the epoch); returns how many.

        Raises `SpendingUnavailable`.
        """

        def delete(connection: sa.Connection) -> int:
            allow_deletion(connection)
            deleted = connection.execute(sa.delete(SPENDING).where(SPENDING.c.at < before)).rowcount
            refuse_changes(connection)
            return deleted

        deleted = self.store.write(delete)
        _log.warning("%d rows of the ledger were purged", deleted)
        return deleted

    def close(self) -> None:
        """Write what is still to be written; close the connections."""
        with self._lock:
            self._write_waiting()
            if self._waiting:
                _log.error("%d rows of the ledger were not written", len(self._waiting))
        self.store.close()

    def _write_waiting(self) -> None:
        rows: Sequence[dict[str, Any]] = list(self._waiting)
        if not rows:
            return
        try:
            self.store.write(lambda connection: connection.execute(sa.insert(SPENDING), rows))
        except SpendingUnavailable as error:
            _log.error("%d rows of the ledger wait: %s", len(rows), error)
            self._alerts.once(
                "ledger", Alert(kind="ledger_unavailable", message="The ledger of model calls cannot be written.")
            )
            return
        self._waiting.clear()
        self._alerts.forget("ledger")


def open_ledger(
    settings: Settings, alerts: Alerts | None = None, observe: Callable[[Attempt], None] = lambda _attempt: None
) -> SpendingLedger:
    """The ledger in the database that is set; `observe` is told of every attempt. Raises `ConfigurationError`."""
    return SpendingLedger(open_spending(settings, durable=True), alerts or Alerts(), observe)


def _row(attempt: Attempt) -> dict[str, Any]:
    tokens = plausible(attempt.tokens)
    return {
        "answer_id": _storable(attempt.answer_id),
        "at": attempt.at,
        "task": attempt.task,
        "prompt": _storable(attempt.prompt),
        "provider": _storable(attempt.provider),
        "model": _storable(attempt.model),
        "outcome": attempt.outcome,
        "input_tokens": tokens.input,
        "output_tokens": tokens.output,
        "cached_input_tokens": tokens.cached_input,
        "estimated": int(tokens.estimated),
        "cost_nano": None if attempt.cost_usd is None else nano(attempt.cost_usd),
        "saved_nano": None if attempt.saved_usd is None else nano(attempt.saved_usd),
        "key_id": None if attempt.key_id is None else _storable(attempt.key_id),
        "sources": msgspec.json.encode(sorted(set(map(_storable, attempt.sources)))).decode(),
        "duration_s": attempt.duration_s,
        "first_token_s": attempt.first_token_s,
        "purpose": _storable(attempt.purpose),
        "error": None if attempt.error is None else _storable(attempt.error),
    }


def _storable(text: str) -> str:
    """The text without what a database refuses (NUL, halves of surrogate pairs): a row must never be lost to a name."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
