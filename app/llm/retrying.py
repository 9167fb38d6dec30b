"""How long to wait before a request is sent again: exponential back-off with full jitter, within the time there is.

Full jitter: the wait is uniform between 0 and a bound that doubles (M. Brooker, "Exponential Backoff And Jitter", AWS
Architecture Blog, 2015); it spreads clients that failed together best.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

FIRST_S = 0.25
MOST_S = 4.0
LEAST_LEFT_S = 0.05
"""Seconds under which no request is worth sending."""
_LOOK_EVERY_S = 0.05


def wait_s(
    retry: int, asked_s: float | None, left_s: float, *, chance: Callable[[], float] = random.random
) -> float | None:
    """Seconds to wait before the `retry`-th retry (from 1); None where too little time would be left after it.

    `asked_s` is what the provider asked to wait; `chance` gives a number from 0 to 1.
    """
    bound = min(MOST_S, FIRST_S * 2 ** (retry - 1))
    wait = chance() * bound if asked_s is None else asked_s + chance() * FIRST_S
    return wait if wait + LEAST_LEFT_S < left_s else None


def slept(seconds: float, stopped: Callable[[], bool]) -> bool:
    """Sleep; False, at once, if whoever asked goes meanwhile."""
    end = time.monotonic() + seconds
    while not stopped():
        left = end - time.monotonic()
        if left <= 0:
            return True
        time.sleep(min(left, _LOOK_EVERY_S))
    return False


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that a response asks to wait; None where nothing (readable) is said. `now` is in seconds since the epoch.

    Read are `retry-after-ms`, and `retry-after` in seconds or as an HTTP date (RFC 9110, section 10.2.3).
    """
    milliseconds, text = _number(headers.get("retry-after-ms")), headers.get("retry-after")
    if milliseconds is not None:
        return milliseconds / 1000
    seconds = _number(text)
    if seconds is not None or text is None:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number < 1e9 else None
