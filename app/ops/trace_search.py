"""Finding answers among the traces: filters, pages by keyset, counts. Only parameterised SQL.

A text is looked for in the masked question and the masked answer, letter by letter (SQLite's LIKE: ASCII letters in
either case). Who may not read every answer finds only those that their own key was given.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import msgspec
import sqlalchemy as sa

from app.errors import InvalidRequest
from app.ops.state import FEEDBACK, TRACES, held_state
from app.values import RouteName, Status

ThumbFilter: TypeAlias = Literal["up", "down", "none"]

ESCAPE = "\\"
_CURSOR = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)_([0-9A-Za-z-]{1,64})")


class Reader(msgspec.Struct, frozen=True, kw_only=True):
    """Whose answers may be read: everybody's, or those of one key."""

    everything: bool
    key_id: str | None = None


class TraceFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer must be to be found; None: anything. Times are seconds since the epoch."""

    text: str | None = None
    thumb: ThumbFilter | None = None
    status: Status | None = None
    route: RouteName | None = None
    least_confidence: float | None = None
    most_confidence: float | None = None
    source: str | None = None
    key: str | None = None
    """Id of the key or of the site."""
    since: float | None = None
    until: float | None = None
    """The first moment that is not found any more."""


class FoundTrace(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of a list, masked."""

    id: str
    created_at: float
    """Seconds since the epoch."""
    question: str
    status: str
    route: str
    confidence: float
    key_id: str | None
    visitor: str | None
    sources: tuple[str, ...]
    text: str
    total_ms: float | None
    cost_usd: str | None
    """Null: no price is known."""
    thumbs_up: int
    thumbs_down: int


class TraceSearch:
    """Reads the traces of one state file."""

    def __init__(self, path: Path) -> None:
        self._engine = held_state(path)

    def page(
        self, wanted: TraceFilter, reader: Reader, *, before: str | None = None, limit: int = 50
    ) -> tuple[list[FoundTrace], str | None]:
        """At most `limit` answers, newest first, older than the cursor `before`, and the cursor of the next page.

        Raises `InvalidRequest` for a cursor that is none.
        """
        query = sa.select(*_COLUMNS).where(*_conditions(wanted, reader))
        if before is not None:
            at, identity = _position(before)
            query = query.where(sa.tuple_(TRACES.c.created_at, TRACES.c.id) < sa.tuple_(at, identity))
        query = query.order_by(TRACES.c.created_at.desc(), TRACES.c.id.desc()).limit(limit + 1)
        with self._engine.connect() as connection:
            found = [_found(row) for row in connection.execute(query)]
        more = f"{found[limit - 1].created_at!r}_{found[limit - 1].id}" if len(found) > limit else None
        return found[:limit], more

    def counts(self, wanted: TraceFilter, reader: Reader) -> dict[str, int]:
        """How many answers of each status are found; a status that none has is left out."""
        # no GROUP BY: for its order SQLite would read the rows by an index, one by one
        names = get_args(Status)
        counted = [sa.func.count(sa.case((TRACES.c.status == name, 1))).label(name) for name in names]
        query = sa.select(*counted).where(*_conditions(wanted, reader))
        with self._engine.connect() as connection:
            found = connection.execute(query).one()._mapping
        return {name: found[name] for name in names if found[name]}

    def keys(self, reader: Reader) -> list[str]:
        """Ids of the keys and sites that answers were given to."""
        query = sa.select(TRACES.c.key_id).where(TRACES.c.key_id.is_not(None), *_conditions(TraceFilter(), reader))
        with self._engine.connect() as connection:
            return sorted(connection.execute(query.distinct()).scalars())

    def without_answer(
        self, *, since: float | None, until: float | None, unsure_below: float, limit: int
    ) -> list[tuple[FoundTrace, dict[str, Any]]]:
        """The newest answers that are none, are unsure or were called bad, each with its refusal (empty if none)."""
        refusal = sa.func.coalesce(sa.func.json_extract(TRACES.c.answer, "$.refusal"), "{}").label("refusal")
        wanted = sa.or_(TRACES.c.status != "answered", TRACES.c.confidence < unsure_below, _rated("down").exists())
        period = _conditions(TraceFilter(since=since, until=until), Reader(everything=True))
        query = sa.select(*_COLUMNS, refusal).where(wanted, *period)
        query = query.order_by(TRACES.c.created_at.desc(), TRACES.c.id.desc()).limit(limit)
        with self._engine.connect() as connection:
            return [(_found(row), msgspec.json.decode(row.refusal)) for row in connection.execute(query)]


def _rated(thumb: str) -> sa.Select[Any]:
    rated = sa.select(FEEDBACK.c.answer_id).where(FEEDBACK.c.answer_id == TRACES.c.id, FEEDBACK.c.thumb == thumb)
    return rated.correlate(TRACES)


def _thumbs(thumb: str) -> sa.ScalarSelect[int]:
    counted = sa.select(sa.func.count()).select_from(FEEDBACK)
    return counted.where(FEEDBACK.c.answer_id == TRACES.c.id, FEEDBACK.c.thumb == thumb).scalar_subquery()


_COLUMNS = (
    *(TRACES.c.id, TRACES.c.created_at, TRACES.c.question, TRACES.c.status, TRACES.c.route, TRACES.c.confidence),
    *(TRACES.c.key_id, TRACES.c.visitor, TRACES.c.sources),
    sa.func.json_extract(TRACES.c.answer, "$.text").label("text"),
    sa.func.json_extract(TRACES.c.timing_ms, "$.total").label("total_ms"),
    sa.func.json_extract(TRACES.c.answer, "$.usage.cost_usd").label("cost_usd"),
    _thumbs("up").label("thumbs_up"),
    _thumbs("down").label("thumbs_down"),
)


def _conditions(wanted: TraceFilter, reader: Reader) -> list[sa.ColumnElement[bool]]:
    columns = TRACES.c
    compared: Sequence[tuple[sa.Column[Any], Callable[[Any, Any], Any], object]] = (
        (columns.status, operator.eq, wanted.status),
        (columns.route, operator.eq, wanted.route),
        (columns.key_id, operator.eq, wanted.key),
        (columns.confidence, operator.ge, wanted.least_confidence),
        (columns.confidence, operator.le, wanted.most_confidence),
        (columns.created_at, operator.ge, wanted.since),
        (columns.created_at, operator.lt, wanted.until),
    )
    found = [compare(column, value) for column, compare, value in compared if value is not None]
    if not reader.everything:
        own = sa.false() if reader.key_id is None else columns.key_id == reader.key_id
        found += [own, columns.visitor.is_(None)]
    if wanted.source is not None:
        names = sa.func.json_each(columns.sources).table_valued("value")
        found.append(sa.select(names.c.value).where(names.c.value == wanted.source).exists())
    if wanted.thumb == "none":
        found.append(~sa.select(FEEDBACK.c.answer_id).where(FEEDBACK.c.answer_id == columns.id).exists())
    elif wanted.thumb is not None:
        found.append(_rated(wanted.thumb).exists())
    if wanted.text is not None:
        found.append(_holds(wanted.text))
    return found


def _holds(text: str) -> sa.ColumnElement[bool]:
    escaped = re.sub(r"([%_\\])", r"\\\1", text)
    pattern = f"%{escaped}%"
    said = sa.func.json_extract(TRACES.c.answer, "$.text")
    return sa.or_(TRACES.c.question.like(pattern, escape=ESCAPE), said.like(pattern, escape=ESCAPE))


def _position(cursor: str) -> tuple[float, str]:
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise InvalidRequest("This page of the list does not exist.", hint="Begin with the newest answers.")
    return float(found[1]), found[2]


def _found(row: Any) -> FoundTrace:
    return FoundTrace(
        id=row.id,
        created_at=row.created_at,
        question=row.question,
        status=row.status,
        route=row.route,
        confidence=row.confidence,
        key_id=row.key_id,
        visitor=row.visitor,
        sources=msgspec.json.decode(row.sources, type=tuple[str, ...]) if row.sources else (),
        text=row.text or "",
        total_ms=row.total_ms,
        cost_usd=row.cost_usd,
        thumbs_up=row.thumbs_up,
        thumbs_down=row.thumbs_down,
    )
