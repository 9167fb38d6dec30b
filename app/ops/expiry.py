"""How long a key is valid, as it is written: `90d`, `12h` or a date."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

from app.errors import InvalidRequest

UNITS_S = {"h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
LONGEST_S = 100 * UNITS_S["y"]
HINT = "Write a span such as 12h, 90d, 26w or 1y, or the last day (UTC) such as 2026-12-31."


def moment_of(text: str | None) -> float | None:
    """Seconds since the epoch at which a key ends; None for never. Raises `InvalidRequest`."""
    if text is None or not text.strip():
        return None
    span = re.fullmatch(r"([1-9][0-9]{0,6})([hdwy])", text.strip(), re.ASCII)
    now = time.time()
    wanted = now + int(span[1]) * UNITS_S[span[2]] if span is not None else _end_of_day(text.strip())
    end = min(wanted, now + LONGEST_S)
    if end <= now:
        raise InvalidRequest(f"{text[:40]!r} is over already.", hint=HINT)
    return end


def state_in_words(revoked_at: float | None, expires_at: float | None) -> str:
    """`revoked`, `expired 2026-03-01 23:59 UTC`, `valid until …`; empty for a key that is valid for good."""
    if revoked_at is not None:
        return "revoked"
    if expires_at is None:
        return ""
    moment = datetime.fromtimestamp(expires_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"valid until {moment}" if expires_at > time.time() else f"expired {moment}"


def _end_of_day(text: str) -> float:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
        return day.timestamp() + UNITS_S["d"] - 1
    except ValueError as error:
        raise InvalidRequest(f"{text[:40]!r} is no end.", hint=HINT) from error
