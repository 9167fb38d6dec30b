"""Events that the operator's own systems are told of, by one signed and retried webhook.

    {"id": "…", "event": "feedback.negative", "at": 1767225600.0, "version": 1, "content": {…}}

What is told is masked like a trace; an event that cannot be delivered is counted and never delays an answer.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any

from app.ops.kept_deliveries import KeptDeliveries
from app.ops.webhook import Webhook, open_webhook
from app.settings import Settings, WebhookEvent

VERSION = 1
"""Of the shape of what is sent."""


class Announcements:
    """Where events go. Thread-safe."""

    def __init__(self, settings: Settings, webhook: Webhook | None = None) -> None:
        self._told_of = frozenset(settings.webhook_events)
        if webhook is None and settings.webhook_url:
            kept = KeptDeliveries(settings.state_path, "webhook")
            webhook = open_webhook(settings.webhook_url, settings.webhook_secret, kept)
        self._webhook = webhook

    def hears(self, event: WebhookEvent) -> bool:
        """Whether anybody is told of this kind of event."""
        return self._webhook is not None and event in self._told_of

    def tell(self, event: WebhookEvent, content: Mapping[str, Any]) -> None:
        """Queue the delivery of an event; returns at once. `content` is masked already."""
        if self._webhook is not None and self.hears(event):
            body = {"id": uuid.uuid4().hex, "event": event, "at": time.time(), "version": VERSION}
            self._webhook.send(body | {"content": dict(content)})

    def resume(self) -> None:
        """Send what earlier processes have left; for a process that stays."""
        if self._webhook is not None:
            self._webhook.resume()

    def close(self) -> None:
        """Send what is queued, for a few seconds at most."""
        if self._webhook is not None:
            self._webhook.close()
