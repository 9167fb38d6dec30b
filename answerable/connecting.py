"""Where the service is, how long to wait for it, and when to try again; shared by both clients."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field

import httpx2

from answerable.errors import AnswerableError, BudgetExhausted, ConnectionFailed, RateLimited, TimedOut, error_of

DEFAULT_URL = "http://127.0.0.1:8000"
CONNECT_S = 5.0
SILENCE_S = 30.0
"""Seconds without a byte after which a stream counts as cut; the service sends a comment every 10."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
TRY_AGAIN = frozenset({502, 503, 504})
"""Statuses of a proxy in front, or of a service that is starting."""


@dataclass(frozen=True)
class Connecting:
    """The settings of a client; the key never appears in a representation."""

    base_url: str
    key: str = field(repr=False)
    timeout_s: float
    retries: int
    longest_wait_s: float

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    @property
    def timeout(self) -> httpx2.Timeout:
        """Of requests with a whole answer."""
        return httpx2.Timeout(self.timeout_s, connect=min(CONNECT_S, self.timeout_s))

    @property
    def stream_timeout(self) -> httpx2.Timeout:
        """Of streams, which may be long but are never silent."""
        silence_s = min(SILENCE_S, self.timeout_s)
        return httpx2.Timeout(silence_s, connect=min(CONNECT_S, self.timeout_s))


def connecting(
    base_url: str | None, key: str | None, timeout_s: float, retries: int, longest_wait_s: float
) -> Connecting:
    """The settings given, else those of ANSWERABLE_URL and ANSWERABLE_KEY; raises `ValueError` for an unusable URL."""
    url = (base_url or os.environ.get("ANSWERABLE_URL") or DEFAULT_URL).rstrip("/")
    parsed = httpx2.URL(url)
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError(f"{url!r} is not the address of a service; one is {DEFAULT_URL}")
    token = key if key is not None else os.environ.get("ANSWERABLE_KEY", "")
    if not token.isascii() or any(character.isspace() for character in token.strip()):
        raise ValueError("the key holds characters that no key has")
    return Connecting(url, token.strip(), timeout_s, retries, longest_wait_s)


def failure(error: httpx2.TransportError, base_url: str) -> ConnectionFailed:
    """The client's error for one of the connection."""
    if isinstance(error, httpx2.TimeoutException) and not isinstance(error, httpx2.ConnectTimeout):
        return TimedOut(f"{base_url} did not answer in time.", code="timed_out", hint="Raise timeout_s.")
    told = str(error) or type(error).__name__
    hint = "Is `answerable serve` running there?"
    return ConnectionFailed(f"{base_url} cannot be reached: {told}.", code="connection_failed", hint=hint)


def refusal(response: httpx2.Response, body: bytes) -> AnswerableError | None:
    """The error that a response tells; None for a success."""
    if response.is_success:
        return None
    return error_of(response.status_code, body, retry_after=response.headers.get("retry-after"))


class Attempts:
    """How often one call may still be sent, and how long to wait before."""

    def __init__(self, settings: Connecting, *, repeatable: bool) -> None:
        self._left = settings.retries
        self._longest_wait_s = settings.longest_wait_s
        self._repeatable = repeatable
        self._failures = 0

    def pause_s(self, error: AnswerableError, cause: Exception | None = None) -> float | None:
        """Seconds to wait before the next attempt; None if there is to be none."""
        if self._left == 0 or not self._may_repeat(error, cause):
            return None
        self._left -= 1
        self._failures += 1
        if error.retry_after_s is not None:
            return error.retry_after_s if error.retry_after_s <= self._longest_wait_s else None
        longest = min(FIRST_PAUSE_S * 2.0 ** (self._failures - 1), LONGEST_PAUSE_S)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - so that clients do not come back together

    def _may_repeat(self, error: AnswerableError, cause: Exception | None) -> bool:
        """What never reached the service, or was refused unread, may be repeated; the rest if twice is as once."""
        if isinstance(error, BudgetExhausted):
            return False
        if isinstance(error, RateLimited) or isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout):
            return True
        if isinstance(error, TimedOut):
            return False
        return self._repeatable and (isinstance(error, ConnectionFailed) or error.status in TRY_AGAIN)
