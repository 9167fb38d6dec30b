"""Sending JSON to the operator's URL, from a thread of its own.

    POST /hook
    Content-Type: application/json
    X-Answerable-Delivery: 5f0c…                   the same for each try of a delivery
    X-Answerable-Signature: t=1767225600,v1=8a3c…  HMAC-SHA256 (hex) of `t.body`, if a secret is set

A delivery is tried again after a failed connection, a time-out, 429 and 5xx, as often as `PAUSES_S` says, and for a day
where deliveries are kept (`app.ops.outbox`). Redirects are not followed. What does not fit is dropped and counted.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from app.errors import ConfigurationError
from app.ops.outbox import Outbox, Try

if TYPE_CHECKING:
    from app.ops.kept_deliveries import KeptDeliveries

TIMEOUT_S = 5.0
PAUSES_S = (1.0, 5.0, 25.0)
"""Seconds before the second, third and fourth try."""
HINT = "Give an http or https URL, or ${NAME} of an environment variable that holds one."


class Webhook(Outbox[bytes]):
    """One URL that is told."""

    def __init__(
        self,
        url: str,
        secret: str = "",
        *,
        kept: KeptDeliveries | None = None,
        pauses_s: Sequence[float] = PAUSES_S,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        super().__init__("webhook", pauses_s, kept)
        self._parts = urlsplit(url)
        self._secret = secret.encode()
        self._timeout_s = timeout_s

    def send(self, content: Mapping[str, Any]) -> bool:
        """Queue a delivery; returns at once and never raises. False if the queue is full."""
        return self._put(msgspec.json.encode(content))

    def _prepared(self, item: bytes, delivery: str) -> Try:
        return lambda: self._post(item, delivery)

    def _called(self, item: bytes) -> str:
        return f"a delivery of {len(item)} bytes to {self._parts.hostname}"

    def _packed(self, item: bytes) -> bytes:
        return item

    def _unpacked(self, content: bytes) -> bytes:
        return content

    def _post(self, body: bytes, delivery: str) -> tuple[str, bool]:
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


def open_webhook(url: str, secret: str = "", kept: KeptDeliveries | None = None) -> Webhook:
    """The webhook of a URL. Raises `ConfigurationError`."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(c.isspace() or not c.isprintable() for c in url):
        raise ConfigurationError("The webhook of alerts is not a URL that can be called.", hint=HINT)
    return Webhook(url, secret, kept=kept)
