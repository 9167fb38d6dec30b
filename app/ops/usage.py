"""How the service is used: questions, answers, confidence, latency and feedback of a span, added up from the state.

What models cost comes from the ledger (`app.llm.cost_report`). The figures are read from the index `traces_usage`, not
from the traces themselves, whose answers are large.
"""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa

from app.errors import InvalidRequest
from app.evals.metrics import percentile
from app.llm.periods import midnight
from app.ops.state import FEEDBACK, TRACES, held_state

HOUR_S, DAY_S = 3600.0, 86_400.0
PERIODS = {"24h": DAY_S, "7d": 7 * DAY_S, "30d": 30 * DAY_S}
MOST_DAYS = 366
OLDEST = date(2000, 1, 1)
MOST_NAMED = 20
"""Sources and keys that are listed."""
BINS = 10
"""Of the distribution of confidence."""
_DATE_HINT = "Give dates such as 2026-03-01, the first not after the last, at most 366 days apart."
_TIMES = msgspec.json.Decoder(dict[str, float])
_NAMES = msgspec.json.Decoder(list[str])
_T, _F = TRACES.c, FEEDBACK.c


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A span of time. Seconds since the epoch; `until` is not in it."""

    since: float
    until: float
    zone: ZoneInfo

    @property
    def hourly(self) -> bool:
        """Whether hours say more than days."""
        return self.until - self.since <= 2 * DAY_S

    def steps(self) -> list[tuple[str, float, float]]:
        """Name, beginning and end of each hour or calendar day."""
        starts = self._hours() if self.hourly else self._days()
        named = [(name, max(start, self.since)) for name, start in starts if start < self.until]
        ends = [start for _, start in named[1:]] + [self.until]
        return [(name, start, end) for (name, start), end in zip(named, ends, strict=True)]

    def _hours(self) -> list[tuple[str, float]]:
        first = self.since - self.since % HOUR_S
        starts = [first + HOUR_S * at for at in range(int((self.until - first) // HOUR_S) + 1)]
        return [(datetime.fromtimestamp(start, self.zone).strftime("%m-%d %H:00"), start) for start in starts]

    def _days(self) -> list[tuple[str, float]]:
        day, found = datetime.fromtimestamp(self.since, self.zone).date(), []
        while (start := midnight(day, self.zone)) < self.until:
            found.append((day.isoformat(), start))
            day += timedelta(days=1)
        return found


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """A span in one line. Shares are of all questions, or of all thumbs; null where there are none."""

    questions: int
    answered_share: float | None
    refused_share: float | None
    clarified_share: float | None
    thumbs_up: int
    thumbs_down: int
    thumbs_up_share: float | None
    p50_ms: float | None
    p95_ms: float | None


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Questions of one hour or day, by status and by route."""

    at: str
    questions: int
    answered: int = 0
    clarify: int = 0
    refused: int = 0
    partial: int = 0
    failed: int = 0
    tables: int = 0
    passages: int = 0
    both: int = 0
    none: int = 0


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """Answers with a confidence in `[least, most)`; the last bin has 1 too."""

    least: float
    most: float
    answered: int
    others: int


class StageTime(msgspec.Struct, frozen=True, kw_only=True):
    """How long a stage took, in milliseconds, in the answers that had it; by nearest rank."""

    stage: str
    answers: int
    p50_ms: float
    p95_ms: float


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How often something was named."""

    name: str
    label: str = ""
    count: int


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a span."""

    totals: Totals
    steps: tuple[Step, ...]
    confidence: tuple[Bin, ...]
    latency: tuple[StageTime, ...]
    sources: tuple[Count, ...]
    keys: tuple[Count, ...]
    """By id of the key or site; empty for questions without a key."""
    reasons: tuple[Count, ...]


def window(period: str, first: str, last: str, zone: ZoneInfo, *, now: float | None = None) -> Window:
    """The span of `24h`, `7d`, `30d`, or with `custom` the days from `first` to `last`. Raises `InvalidRequest`."""
    until = time.time() if now is None else now
    if period in PERIODS:
        return Window(since=until - PERIODS[period], until=until, zone=zone)
    if period != "custom":
        raise InvalidRequest(f"The period is {period[:40]!r}.", hint=f"It may be {', '.join(PERIODS)} or custom.")
    start, end = _day(first), _day(last)
    if not (0 <= (end - start).days < MOST_DAYS and start >= OLDEST):
        raise InvalidRequest("These days make no period.", hint=_DATE_HINT)
    try:
        return Window(since=midnight(start, zone), until=midnight(end + timedelta(days=1), zone), zone=zone)
    except (OverflowError, ValueError, OSError) as error:
        raise InvalidRequest("These days make no period.", hint=_DATE_HINT) from error


def usage(state: Path, span: Window, labels: Mapping[str, str] | None = None) -> Usage:
    """The figures of a span. `labels`: id of a key or site -> its name."""
    with held_state(state).connect() as connection:
        steps = tuple(_step(connection, *step) for step in span.steps())
        latency = _latency(connection, span)
        return Usage(
            totals=_totals(connection, span, steps, latency),
            steps=steps,
            confidence=_confidence(connection, span),
            latency=latency,
            sources=_sources(connection, span),
            keys=_keys(connection, span, labels or {}),
            reasons=_reasons(connection, span),
        )


def last_questions(state: Path) -> dict[str, float]:
    """Id of each key and site whose questions are kept -> when it last asked, in seconds since the epoch."""
    query = sa.select(_T.key_id, sa.func.max(_T.created_at)).where(_T.key_id.is_not(None)).group_by(_T.key_id)
    with held_state(state).connect() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def _step(connection: sa.Connection, name: str, start: float, end: float) -> Step:
    query = sa.select(_T.status, _T.route, sa.func.count()).where(_T.created_at >= start, _T.created_at < end)
    counts: Counter[str] = Counter()
    total = 0
    for status, route, count in connection.execute(query.group_by(_T.status, _T.route)):
        counts[status] += count
        counts[route] += count
        total += count
    known = {field: counts[field] for field in Step.__struct_fields__ if field in counts}
    return Step(at=name, questions=total, **known)


def _totals(connection: sa.Connection, span: Window, steps: Sequence[Step], latency: Sequence[StageTime]) -> Totals:
    questions = sum(step.questions for step in steps)
    query = sa.select(_F.thumb, sa.func.count()).where(*_within(_F.at, span)).group_by(_F.thumb)
    thumbs = {row[0]: row[1] for row in connection.execute(query)}
    up, down = thumbs.get("up", 0), thumbs.get("down", 0)
    whole = next((stage for stage in latency if stage.stage == "total"), None)

    def share(status: str) -> float | None:
        return sum(getattr(step, status) for step in steps) / questions if questions else None

    return Totals(
        questions=questions,
        answered_share=share("answered"),
        refused_share=share("refused"),
        clarified_share=share("clarify"),
        thumbs_up=up,
        thumbs_down=down,
        thumbs_up_share=up / (up + down) if up + down else None,
        p50_ms=whole.p50_ms if whole else None,
        p95_ms=whole.p95_ms if whole else None,
    )


def _confidence(connection: sa.Connection, span: Window) -> tuple[Bin, ...]:
    at = sa.func.min(sa.cast(_T.confidence * BINS, sa.Integer), BINS - 1)
    answered = sa.func.sum(sa.case((_T.status == "answered", 1), else_=0))
    query = sa.select(at, sa.func.count(), answered).where(*_within(_T.created_at, span)).group_by(at)
    found = {row[0]: (row[1], row[2]) for row in connection.execute(query)}
    bins = []
    for number in range(BINS):
        total, good = found.get(number, (0, 0))
        bins.append(Bin(least=number / BINS, most=(number + 1) / BINS, answered=good, others=total - good))
    return tuple(bins)


def _latency(connection: sa.Connection, span: Window) -> tuple[StageTime, ...]:
    """Each answer's own times: SQLite has no percentiles, and decoding costs less than sorting by stage there."""
    times: defaultdict[str, list[float]] = defaultdict(list)
    for timing in connection.execute(sa.select(_T.timing_ms).where(*_within(_T.created_at, span))).scalars():
        for stage, milliseconds in _TIMES.decode(timing).items():
            times[stage].append(milliseconds)
    found = []
    for stage, values in times.items():
        values.sort()
        p50, p95 = percentile(values, 0.5), percentile(values, 0.95)
        found.append(StageTime(stage=stage, answers=len(values), p50_ms=p50, p95_ms=p95))
    return tuple(sorted(found, key=lambda each: (each.stage != "total", -each.p95_ms)))


def _sources(connection: sa.Connection, span: Window) -> tuple[Count, ...]:
    query = sa.select(_T.sources, sa.func.count()).where(*_within(_T.created_at, span)).group_by(_T.sources)
    counts: Counter[str] = Counter()
    for names, count in connection.execute(query):
        for name in _NAMES.decode(names or "[]"):
            counts[name] += count
    return tuple(Count(name=name, count=count) for name, count in counts.most_common(MOST_NAMED))


def _keys(connection: sa.Connection, span: Window, labels: Mapping[str, str]) -> tuple[Count, ...]:
    query = sa.select(_T.key_id, sa.func.count()).where(*_within(_T.created_at, span)).group_by(_T.key_id)
    busiest = query.order_by(sa.func.count().desc(), _T.key_id).limit(MOST_NAMED)
    return tuple(
        Count(name=key or "", label=labels.get(key or "", "" if key else "without a key"), count=count)
        for key, count in connection.execute(busiest)
    )


def _reasons(connection: sa.Connection, span: Window) -> tuple[Count, ...]:
    query = sa.select(_F.reasons, sa.func.count()).where(*_within(_F.at, span), _F.thumb == "down")
    counts: Counter[str] = Counter()
    for names, count in connection.execute(query.group_by(_F.reasons)):
        for name in _NAMES.decode(names) or ["none given"]:
            counts[name] += count
    return tuple(Count(name=name, count=count) for name, count in counts.most_common())


def _within(column: sa.Column[Any], span: Window) -> tuple[sa.ColumnElement[bool], ...]:
    return column >= span.since, column < span.until


def _day(text: str) -> date:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text.strip()):
        raise InvalidRequest(f"{text[:40]!r} is not a day.", hint=_DATE_HINT)
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidRequest(f"{text[:40]!r} is not a day.", hint=_DATE_HINT) from error
