"""Alerts: what an operator should look at. Each is a line of the log, and a call of the webhook where one is set.

An alert holds names and amounts: no text of questions, documents or replies. Giving one takes no time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from app.llm.config import LlmConfig

if TYPE_CHECKING:
    from app.ops.webhook import Webhook

_log = logging.getLogger("answerable.alerts")


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to look at."""

    kind: str
    """`budget_soft`, `budget_spent`, `budgets_unavailable`, `cost_above_reservation`, `ledger_unavailable`,
    `price_unknown`.
    """
    message: str
    details: Mapping[str, str] = {}


Listener: TypeAlias = Callable[[str, str, Mapping[str, str]], None]
"""Told the kind, message and details of an alert; returns at once."""


class Alerts:
    """Where alerts go. Thread-safe."""

    def __init__(self, webhook: Webhook | None = None, listener: Listener | None = None) -> None:
        self._webhook = webhook
        self._listener = listener
        self._lock = threading.Lock()
        self._given: set[str] = set()

    def give(self, alert: Alert) -> None:
        """Log an alert and send it; returns at once."""
        _log.warning("alert %s: %s %s", alert.kind, alert.message, dict(alert.details))
        if self._webhook is not None:
            self._webhook.send(msgspec.to_builtins(alert) | {"at": time.time()})
        if self._listener is not None:
            self._listener(alert.kind, alert.message, alert.details)

    def once(self, key: str, alert: Alert) -> None:
        """Give an alert unless one was given under this key by this process."""
        with self._lock:
            if key in self._given:
                return
            self._given.add(key)
        self.give(alert)

    def forget(self, key: str) -> None:
        """Let the next alert under this key through: what it told of is over."""
        with self._lock:
            self._given.discard(key)

    def close(self) -> None:
        """Send what is queued, for a few seconds at most."""
        if self._webhook is not None:
            self._webhook.close()


def open_alerts(config: LlmConfig, listener: Listener | None = None) -> Alerts:
    """Alerts as configured: to the log, to `webhook` if it is set, to a listener. Raises `ConfigurationError`."""
    if not config.webhook:
        return Alerts(listener=listener)
    from app.ops.webhook import open_webhook

    return Alerts(open_webhook(config.webhook, config.webhook_secret), listener)
