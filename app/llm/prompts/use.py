"""How the versions of a prompt have done in use, from the ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from app.evals.metrics import percentile
from app.llm.money import shown
from app.ops.state import SPENDING

MOST_DURATIONS = 20_000
"""Newest calls of a prompt whose durations are looked at."""
_C = SPENDING.c


class PromptUse(msgspec.Struct, frozen=True, kw_only=True):
    """What calls with one version came to; hits of the cache are counted apart."""

    version: str
    """`name@hash`."""
    calls: int
    cached: int
    failed: int
    """Calls that gave nothing usable."""
    repairs: int
    """Calls that asked to correct an earlier output."""
    p50_s: float | None
    p95_s: float | None
    input_tokens: int
    output_tokens: int
    cost_usd: str | None
    """Null where no call has a known price."""
    last_at: float
    """Seconds since the epoch."""


def uses(connection: sa.Connection, name: str, since: float) -> list[PromptUse]:
    """Each version of a prompt that was called since a moment, the last called first."""
    mine = (_C.at >= since, _C.prompt.startswith(f"{name}@", autoescape=True))
    hit = _C.outcome == "cached"

    def count(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.sum(sa.case((condition, 1), else_=0))

    query = sa.select(
        _C.prompt,
        count(~hit).label("calls"),
        count(hit).label("cached"),
        count(_C.outcome.not_in(("ok", "cached"))).label("failed"),
        count(_C.purpose.like("repair%")).label("repairs"),
        sa.func.sum(sa.case((hit, 0), else_=_C.input_tokens)).label("input_tokens"),
        sa.func.sum(sa.case((hit, 0), else_=_C.output_tokens)).label("output_tokens"),
        sa.func.sum(_C.cost_nano).label("cost"),
        sa.func.max(_C.at).label("last_at"),
    )
    rows = connection.execute(query.where(*mine).group_by(_C.prompt).order_by(sa.func.max(_C.at).desc())).all()
    newest = sa.select(_C.prompt, _C.duration_s).where(*mine, ~hit).order_by(_C.at.desc()).limit(MOST_DURATIONS)
    times: defaultdict[str, list[float]] = defaultdict(list)
    for row in connection.execute(newest):
        times[row.prompt].append(row.duration_s)
    return [_use(row, times[row.prompt]) for row in rows]


def _use(row: sa.Row[tuple[object, ...]], times: Sequence[float]) -> PromptUse:
    return PromptUse(
        version=row.prompt,
        calls=int(row.calls),
        cached=int(row.cached),
        failed=int(row.failed),
        repairs=int(row.repairs),
        p50_s=percentile(times, 0.5) if times else None,
        p95_s=percentile(times, 0.95) if times else None,
        input_tokens=int(row.input_tokens),
        output_tokens=int(row.output_tokens),
        cost_usd=None if row.cost is None else shown(int(row.cost)),
        last_at=float(row.last_at),
    )
