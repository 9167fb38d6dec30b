"""Dates as documents write them in their metadata."""

from __future__ import annotations

from datetime import UTC, date, datetime


def as_utc(value: object) -> datetime | None:
    """A moment from a date, datetime or text in UTC; None if it names none. Without a zone UTC is assumed."""
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime(value.year, value.month, value.day)
    elif isinstance(value, str) and value.strip():
        parsed = _parsed(value.strip())
        if parsed is None:
            return None
        moment = parsed
    else:
        return None
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        return None


def _parsed(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    if len(text) < 6 or len(text) > 60 or not any(character.isdigit() for character in text):
        return None
    from dateutil import parser

    try:
        return parser.parse(text)
    except (ValueError, OverflowError, TypeError):
        return None
