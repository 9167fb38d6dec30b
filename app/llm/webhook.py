"""Sending JSON to the operator's URL, from a thread of its own.

    POST /hook
    Content-Type: application/json
    X-Answerable-Delivery: 5f0c…                   the same for each try of a delivery
    X-Answerable-Signature: t=1767225600,v1=8a3c…  HMAC-SHA256 (hex) of `t.body`, if a secret is set

A delivery is tried again after a failed connection, a time-out, 429 and 5xx, as often as `PAUSES_S` says. Redirects
are not followed. Its queue is bounded: what does not fit is dropped and counted.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import logging
import queue
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from app.errors import ConfigurationError

_log = logging.getLogger("answerable.webhook")

TIMEOUT_S = 5.0
PAUSES_S = (1.0, 5.0, 25.0)
"""Seconds before the second, third and fourth try."""
QUEUED = 100
CLOSING_S = 5.0
HINT = "Give an http or https URL, or ${NAME} of an environment variable that holds one."


class Webhook:
    """One URL that is told."""

    def __init__(
        self, url: str, secret: str = "", *, pauses_s: Sequence[float] = PAUSES_S, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._parts = urlsplit(url)
        self._secret = secret.encode()
        self._pauses_s = tuple(pauses_s)
        self._timeout_s = timeout_s
        self._queue: queue.Queue[bytes | None] = queue.Queue(maxsize=QUEUED)
        self._lock = threading.Lock()
        self._sender: threading.Thread | None = None
        self._closing = threading.Event()
        self.dropped = 0
        """Deliveries that were given up: the queue was full, or every try failed."""

    def send(self, content: Mapping[str, Any]) -> None:
        """Queue a delivery; returns at once and never raises."""
        try:
            self._queue.put_nowait(msgspec.json.encode(content))
        except queue.Full:
            self.dropped += 1
            _log.error("the webhook's queue is full; an alert was not sent")
            return
        with self._lock:
            if self._sender is None:
                self._sender = threading.Thread(target=self._send_all, name="webhook", daemon=True)
                self._sender.start()

    def close(self, *, wait_s: float = CLOSING_S) -> None:
        """Try what is queued once more, without pauses, for at most `wait_s` seconds."""
        self._closing.set()
        sender = self._sender
        if sender is None:
            return
        until = time.monotonic() + wait_s
        try:
            self._queue.put(None, timeout=wait_s)
        except queue.Full:
            return  # the thread is a daemon: it ends with the process
        sender.join(max(0.0, until - time.monotonic()))

    def _send_all(self) -> None:
        while (body := self._queue.get()) is not None:
            self._deliver(body)

    def _deliver(self, body: bytes) -> None:
        delivery = uuid.uuid4().hex
        for pause_s in (*self._pauses_s, None):
            failure, again = self._post(body, delivery)
            if not failure:
                return
            if pause_s is None or not again or self._closing.wait(pause_s):
                break
        self.dropped += 1
        _log.error("an alert was not delivered to %s: %s", self._parts.hostname, failure)

    def _post(self, body: bytes, delivery: str) -> tuple[str, bool]:
        """What went wrong, empty for nothing, and whether to try again."""
        kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(str(self._parts.hostname), self._parts.port, timeout=self._timeout_s)
        target = (self._parts.path or "/") + (f"?{self._parts.query}" if self._parts.query else "")
        try:
            connection.request("POST", target, body, self._headers(body, delivery))
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__, True
        finally:
            connection.close()
        if 200 <= status < 300:
            return "", False
        return f"HTTP {status}", status == 429 or status >= 500

    def _headers(self, body: bytes, delivery: str) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "answerable",
            "X-Answerable-Delivery": delivery,
        }
        if self._secret:
            headers["X-Answerable-Signature"] = signature(body, self._secret, int(time.time()))
        return headers


def signature(body: bytes, secret: bytes, at: int) -> str:
    """The value of `X-Answerable-Signature` for a body sent at a moment (seconds since the epoch)."""
    digest = hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def open_webhook(url: str, secret: str = "") -> Webhook:
    """The webhook of a URL. Raises `ConfigurationError`."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(c.isspace() or not c.isprintable() for c in url):
        raise ConfigurationError("The webhook of alerts is not a URL that can be called.", hint=HINT)
    return Webhook(url, secret)
