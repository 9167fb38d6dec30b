"""Feedback: a thumb, reasons and a comment on an answer, one from each rater.

The comment is masked before it is stored, as the question of a trace is; where masking fails it is withheld. Feedback
is deleted with the trace of its answer.
"""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from app.ops.state import FEEDBACK, held_state
from app.ops.traces import WITHHELD, Mask

_log = logging.getLogger("answerable.feedback")

Thumb: TypeAlias = Literal["up", "down"]
Reason: TypeAlias = Literal["wrong", "incomplete", "outdated", "not_relevant", "unclear", "wrong_source", "other"]
COMMENT_MAX_CHARS = 2000
_PART = 500
"""Answers that one statement asks for."""


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """What one rater said of one answer."""

    answer_id: str
    rater: str
    """Key and visitor; empty for a caller without a key."""
    at: float
    """Seconds since the epoch."""
    thumb: Thumb
    reasons: tuple[Reason, ...] = ()
    comment: str = ""
    """Masked; may be empty."""


class FeedbackDay(msgspec.Struct, frozen=True, kw_only=True):
    """The feedback of one day."""

    day: str
    """ISO date, UTC."""
    up: int
    down: int
    reasons: Mapping[Reason, int]


class FeedbackStore:
    """The feedback in one state file."""

    def __init__(self, state: Path, mask: Mask, *, clock: Callable[[], float] = time.time) -> None:
        self._engine = held_state(state)
        self._mask = mask
        self._clock = clock

    def rate(
        self, answer_id: str, rater: str, *, thumb: Thumb, reasons: Sequence[Reason] = (), comment: str | None = None
    ) -> Feedback:
        """Keep a rating in place of the rater's earlier one; returns it as it is stored."""
        given = Feedback(
            answer_id=answer_id,
            rater=rater,
            at=self._clock(),
            thumb=thumb,
            reasons=tuple(dict.fromkeys(reasons)),
            comment=self._masked((comment or "").strip()[:COMMENT_MAX_CHARS]),
        )
        row = msgspec.structs.asdict(given) | {"reasons": json.dumps(given.reasons)}
        with self._engine.begin() as connection:
            connection.execute(insert(FEEDBACK).prefix_with("OR REPLACE").values(row))
        return given

    def of(self, answer_ids: Sequence[str]) -> dict[str, tuple[Feedback, ...]]:
        """The feedback on each of these answers that has any, oldest first."""
        found: dict[str, tuple[Feedback, ...]] = {}
        for start in range(0, len(answer_ids), _PART):
            some = FEEDBACK.c.answer_id.in_(answer_ids[start : start + _PART])
            for each in self._rows(sa.select(FEEDBACK).where(some).order_by(FEEDBACK.c.at)):
                found[each.answer_id] = (*found.get(each.answer_id, ()), each)
        return found

    def latest(
        self, limit: int = 100, *, thumb: Thumb | None = None, reason: Reason | None = None, since: float | None = None
    ) -> list[Feedback]:
        """The newest feedback, newest first: with this thumb, for this reason, given since a moment (Unix time)."""
        query = sa.select(FEEDBACK).order_by(FEEDBACK.c.at.desc()).limit(limit)
        if thumb is not None:
            query = query.where(FEEDBACK.c.thumb == thumb)
        if reason is not None:
            query = query.where(FEEDBACK.c.reasons.contains(f'"{reason}"', autoescape=True))
        if since is not None:
            query = query.where(FEEDBACK.c.at >= since)
        return self._rows(query)

    def summary(self, since: float, until: float | None = None) -> list[FeedbackDay]:
        """The thumbs and reasons of each day with feedback, oldest first."""
        query = sa.select(FEEDBACK).where(FEEDBACK.c.at >= since).order_by(FEEDBACK.c.at)
        if until is not None:
            query = query.where(FEEDBACK.c.at < until)
        days: dict[str, list[Feedback]] = {}
        for each in self._rows(query):
            days.setdefault(datetime.fromtimestamp(each.at, UTC).date().isoformat(), []).append(each)
        return [_day(day, given) for day, given in days.items()]

    def _masked(self, comment: str) -> str:
        if not comment:
            return ""
        try:
            return self._mask([comment])[0]
        except Exception as error:  # noqa: BLE001 - whatever failed, an unmasked comment is not stored
            _log.error("a comment was withheld: masking failed: %s", type(error).__name__)
            return WITHHELD

    def _rows(self, query: sa.Select[Any]) -> list[Feedback]:
        with self._engine.connect() as connection:
            return [_feedback(row) for row in connection.execute(query)]


def _day(day: str, given: Sequence[Feedback]) -> FeedbackDay:
    thumbs = Counter(each.thumb for each in given)
    reasons = Counter(reason for each in given for reason in each.reasons)
    return FeedbackDay(day=day, up=thumbs["up"], down=thumbs["down"], reasons=dict(reasons.most_common()))


def _feedback(row: sa.Row[Any]) -> Feedback:
    return Feedback(
        answer_id=row.answer_id,
        rater=row.rater,
        at=row.at,
        thumb=row.thumb,
        reasons=tuple(json.loads(row.reasons)),
        comment=row.comment,
    )
