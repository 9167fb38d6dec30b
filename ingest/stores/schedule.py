"""When a source is due to be synchronised again, and how its last scheduled attempts went.

The interval is part of the source's entry in the manifest. An attempt is noted beside the segments, before it starts
and when it ends, so that a restarted or crashed service goes on from there:

    store/schedule/<source>.json
"""

from __future__ import annotations

import re
import zlib
from datetime import UTC, datetime, timedelta

import msgspec

from ingest.errors import WrongInterval
from ingest.layout import Layout
from ingest.stores.durable import write_durably
from ingest.stores.manifest import SourceEntry

DAY_S = 86_400
_LONGEST_S = 400 * DAY_S
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": DAY_S, "w": 7 * DAY_S}
_INTERVAL = re.compile(r"(\d{1,6})\s?([smhdw])")
_JITTER = 0.1
"""Share of the interval over which sources that were added together are spread, and"""
_MOST_JITTER_S = 300.0


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """The last scheduled attempt to synchronise a source. Times are UTC, ISO 8601."""

    started_at: str
    finished_at: str | None = None
    """None while it runs, and where the service ended before it did."""
    failures: int = 0
    """Attempts that failed, in a row; 0 after one that succeeded."""
    code: str | None = None
    message: str | None = None

    @property
    def last_at(self) -> datetime:
        """When it was last heard of."""
        return datetime.fromisoformat(self.finished_at or self.started_at)


def interval_s(text: str) -> int | None:
    """Seconds of `30s`, `15m`, `1h`, `1d` or `2w`; None for `off`. Raises `WrongInterval`."""
    wanted = text.strip().lower()
    if wanted == "off":
        return None
    match = _INTERVAL.fullmatch(wanted)
    seconds = int(match[1]) * _UNITS[match[2]] if match else 0
    if not 1 <= seconds <= _LONGEST_S:
        raise WrongInterval(f"{text!r} is not an interval.", hint="Give e.g. 30m, 1h, 1d or 1w, or off.")
    return seconds


def interval_text(seconds: int) -> str:
    """The interval in the largest unit that divides it: 3600 is `1h`."""
    unit, size = next((unit, size) for unit, size in reversed(_UNITS.items()) if seconds % size == 0)
    return f"{seconds // size}{unit}"


def next_due(entry: SourceEntry, attempt: Attempt | None) -> datetime | None:
    """When the source is due, UTC; None for one without a schedule.

    After failures the interval doubles with each, up to a day (or the interval itself, if that is longer). A sync by
    hand counts as a success.
    """
    if entry.every_s is None:
        return None
    synced = datetime.fromisoformat(entry.synced_at)
    since, wait = synced, float(entry.every_s)
    if attempt is not None and attempt.last_at > synced:
        since = attempt.last_at
        wait = min(wait * 2 ** min(attempt.failures, 32), max(DAY_S, wait))
    share = zlib.crc32(f"{entry.name} {since.isoformat()}".encode()) / 0xFFFFFFFF
    return since + timedelta(seconds=wait + share * min(_JITTER * entry.every_s, _MOST_JITTER_S))


def read_attempt(layout: Layout, name: str) -> Attempt | None:
    """The last scheduled attempt of a source; None if there was none, or its note is damaged."""
    try:
        return msgspec.json.decode(layout.attempt(name).read_bytes(), type=Attempt)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def note_attempt(layout: Layout, name: str, attempt: Attempt) -> None:
    """Remember an attempt, surviving a crash."""
    path = layout.attempt(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, msgspec.json.encode(attempt))


def forget_attempts(layout: Layout, name: str) -> None:
    """Forget the attempts of a source that is removed."""
    layout.attempt(name).unlink(missing_ok=True)


def now_text() -> str:
    """The time now, as attempts note it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
