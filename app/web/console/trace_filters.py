"""The filters of a list of answers, from what stands in its URL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args

from app.errors import InvalidRequest
from app.ops.trace_search import ThumbFilter, TraceFilter
from app.values import RouteName, Status

FIELDS = ("text", "status", "route", "thumb", "least", "most", "source", "key", "since", "until")
"""Names of the filters in the URL."""
TEXT_CHARS = 200
NAME_CHARS = 500
CHOICES: Mapping[str, tuple[str, ...]] = {
    "status": get_args(Status),
    "route": get_args(RouteName),
    "thumb": get_args(ThumbFilter),
}


def filter_from(given: Mapping[str, str]) -> TraceFilter:
    """The filter; raises `InvalidRequest` that names the field and what is allowed."""
    chosen: dict[str, Any] = {name: _choice(name, given.get(name, "")) for name in CHOICES}
    return TraceFilter(
        text=_text("text", given, TEXT_CHARS),
        source=_text("source", given, NAME_CHARS),
        key=_text("key", given, NAME_CHARS),
        least_confidence=share_from("least", given.get("least", "")),
        most_confidence=share_from("most", given.get("most", "")),
        since=day_from("since", given.get("since", "")),
        until=day_from("until", given.get("until", ""), after=1),
        **chosen,
    )


def share_from(name: str, text: str) -> float | None:
    """A number from 0 to 1; None for an empty text."""
    cleaned = text.strip().replace(",", ".")
    if not cleaned:
        return None
    try:
        value = float(cleaned)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:  # false for nan, too
        raise InvalidRequest(f"{name} is {cleaned[:20]!r}.", hint="Give a number from 0 to 1, such as 0.5.")
    return value


def day_from(name: str, text: str, *, after: int = 0) -> float | None:
    """The first moment of a day (UTC), in seconds since the epoch, `after` days later; None for an empty text."""
    cleaned = text.strip()
    if not cleaned:
        return None
    try:
        day = date.fromisoformat(cleaned) + timedelta(days=after)
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(f"{name} is {cleaned[:20]!r}.", hint="Give a date, such as 2026-03-01.") from error
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def _choice(name: str, text: str) -> str | None:
    if text and text not in CHOICES[name]:
        raise InvalidRequest(f"{name} is {text[:20]!r}.", hint=f"It may be {', '.join(CHOICES[name])}.")
    return text or None


def _text(name: str, given: Mapping[str, str], most: int) -> str | None:
    text = given.get(name, "")
    if len(text) > most:
        raise InvalidRequest(f"{name} has {len(text)} characters; {most} are allowed.", hint="Look for less of it.")
    return text if text.strip() else None
