"""What models have cost, added up from the ledger: in all and by key, task, model, prompt, source, day and question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, Literal, TypeAlias, get_args
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa

from app.llm.money import shown
from app.llm.periods import midnight
from app.ops.state import SPENDING

Dimension: TypeAlias = Literal["key", "task", "model", "prompt", "source", "day", "question"]
DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)
MOST_QUESTIONS = 20
"""The dearest questions that are shown."""
COUNTS = (
    *("attempts", "failed", "cached", "input_tokens", "output_tokens", "cached_input_tokens"),
    *("estimated", "unpriced"),
)

_C = SPENDING.c


class Spend(msgspec.Struct, frozen=True, kw_only=True):
    """What some attempts have taken together."""

    name: str
    """Id of the key or the answer, name of the task, model, prompt or source, date of the day; empty for none."""
    label: str = ""
    """The key's name; the question as its trace has it, masked."""
    attempts: int = 0
    failed: int = 0
    """Attempts that gave nothing usable: not `ok` and not from the cache."""
    cached: int = 0
    """Hits of the cache; their tokens are not counted."""
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    estimated: int = 0
    """Attempts whose tokens are estimated."""
    unpriced: int = 0
    """Attempts without a known price, which `cost_usd` leaves out."""
    cost_usd: str | None = "0"
    """Exact; null where no attempt has a known price."""
    saved_usd: str = "0"
    """What hits of the cache would have cost."""


def total(connection: sa.Connection, since: float, until: float) -> Spend:
    """All attempts of a span (seconds since the epoch; `until` is not in it)."""
    return _spend("", connection.execute(_sums().where(*_within(since, until))).one())


def spend_by(
    connection: sa.Connection, dimension: Dimension, since: float, until: float, zone: ZoneInfo
) -> list[Spend]:
    """The attempts of a span in groups: days in their order, anything else the dearest first.

    An attempt with the content of several sources is in the group of each.
    """
    if dimension == "day":
        return _by_day(connection, since, until, zone)
    if dimension == "source":
        return _by_source(connection, since, until)
    columns, name = _GROUPING[dimension]
    query = _sums(*columns).where(*_within(since, until)).group_by(*columns)
    if dimension == "question":
        dearest = sa.func.sum(_C.cost_nano)
        query = (
            query.where(_C.answer_id != "").order_by(dearest.desc().nulls_last(), _C.answer_id).limit(MOST_QUESTIONS)
        )
    return _dearest_first([(name(row), row) for row in connection.execute(query)])


_GROUPING: dict[str, tuple[Sequence[sa.Column[Any]], Callable[[sa.Row[Any]], str]]] = {
    "key": ((_C.key_id,), lambda row: row.key_id or ""),
    "task": ((_C.task,), lambda row: row.task),
    "model": ((_C.provider, _C.model), lambda row: f"{row.provider}/{row.model}"),
    "prompt": ((_C.prompt,), lambda row: row.prompt),
    "question": ((_C.answer_id,), lambda row: row.answer_id),
}


def _by_day(connection: sa.Connection, since: float, until: float, zone: ZoneInfo) -> list[Spend]:
    """One range of the index for each day: only a calendar knows how long a day is."""
    found = []
    day = datetime.fromtimestamp(since, zone).date()
    while (start := midnight(day, zone)) < until:
        end = midnight(day + timedelta(days=1), zone)
        row = connection.execute(_sums().where(*_within(max(start, since), min(end, until)))).one()
        found.append(_spend(day.isoformat(), row))
        day += timedelta(days=1)
    return found


def _by_source(connection: sa.Connection, since: float, until: float) -> list[Spend]:
    query = _sums(_C.sources).where(*_within(since, until)).group_by(_C.sources)
    rows: dict[str, list[Any]] = {}
    for row in connection.execute(query):
        for name in msgspec.json.decode(row.sources, type=list[str]) or [""]:
            rows.setdefault(name, []).append(row)
    return _dearest_first([(name, _added(found)) for name, found in rows.items()])


def _added(rows: Sequence[Any]) -> SimpleNamespace:
    """Several rows as one."""
    whole = {name: sum(int(getattr(row, name) or 0) for row in rows) for name in (*COUNTS, "saved")}
    costs = [int(row.cost) for row in rows if row.cost is not None]
    return SimpleNamespace(**whole, cost=sum(costs) if costs else None)


def _sums(*columns: sa.Column[Any]) -> sa.Select[Any]:
    hit = _C.outcome == "cached"

    def count(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.sum(sa.case((condition, 1), else_=0))

    def asked(column: sa.Column[Any]) -> sa.ColumnElement[int]:
        return sa.func.sum(sa.case((hit, 0), else_=column))

    return sa.select(
        *columns,
        sa.func.count().label("attempts"),
        count(_C.outcome.not_in(("ok", "cached"))).label("failed"),
        count(hit).label("cached"),
        asked(_C.input_tokens).label("input_tokens"),
        asked(_C.output_tokens).label("output_tokens"),
        asked(_C.cached_input_tokens).label("cached_input_tokens"),
        asked(_C.estimated).label("estimated"),
        count(_C.cost_nano.is_(None)).label("unpriced"),
        sa.func.sum(_C.cost_nano).label("cost"),
        sa.func.sum(_C.saved_nano).label("saved"),
    )


def _within(since: float, until: float) -> tuple[sa.ColumnElement[bool], ...]:
    return _C.at >= since, _C.at < until


def _dearest_first(rows: Sequence[tuple[str, Any]]) -> list[Spend]:
    ordered = sorted(rows, key=lambda pair: -1 if pair[1].cost is None else int(pair[1].cost), reverse=True)
    return [_spend(name, row) for name, row in ordered]


def _spend(name: str, row: Any) -> Spend:
    counts = {field: int(getattr(row, field) or 0) for field in COUNTS}
    unknown = row.cost is None and counts["attempts"] > 0
    cost = None if unknown else shown(int(row.cost or 0))
    return msgspec.convert({"name": name, "cost_usd": cost, "saved_usd": shown(int(row.saved or 0)), **counts}, Spend)
