"""Days and months as a calendar in a time zone has them: 23, 24 or 25 hours long."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from app.errors import ConfigurationError


class Period(msgspec.Struct, frozen=True):
    """One day or month."""

    name: str
    """`2026-03-29` or `2026-03`."""
    starts_at: float
    """Seconds since the epoch."""
    ends_at: float
    """Seconds since the epoch; the first moment that is not in it."""


def period_at(at: float, kind: Literal["day", "month"], zone: ZoneInfo) -> Period:
    """The day or month in which a moment (seconds since the epoch) lies."""
    day = datetime.fromtimestamp(at, zone).date()
    if kind == "day":
        return Period(day.isoformat(), midnight(day, zone), midnight(day + timedelta(days=1), zone))
    first = day.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return Period(f"{first:%Y-%m}", midnight(first, zone), midnight(following, zone))


def midnight(day: date, zone: ZoneInfo) -> float:
    """The first moment of a day, in seconds since the epoch; one hour later where clocks skip midnight."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()


def time_zone(name: str) -> ZoneInfo:
    """The time zone of a name such as `Europe/Berlin`. Raises `ConfigurationError`."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"budgets.time_zone is {name!r}, which is not known here.",
            hint="Name it as the tz database does, e.g. Europe/Berlin; `pip install tzdata` where the system has none.",
        ) from error
