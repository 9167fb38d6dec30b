"""The report on cost that `answerable cost` and `GET /v1/admin/cost` give, and its form as CSV."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa

from app.errors import InvalidRequest, StoreUnavailable
from app.llm import budget_accounts as accounts
from app.llm.config import BudgetConfig, BudgetLimit, LlmConfig
from app.llm.costs import DIMENSIONS, Dimension, Spend, spend_by, total
from app.llm.limits import applied, checked_limits
from app.llm.money import shown
from app.llm.periods import midnight, period_at, time_zone
from app.llm.spending_store import SpendingUnavailable, open_spending
from app.ops.key_names import key_names
from app.spreadsheet import cell

if TYPE_CHECKING:
    from app.engine import Engine
    from app.settings import Settings

MOST_DAYS = 3660
SPAN_S = {"h": 3600.0, "d": 86_400.0, "w": 604_800.0}
SINCE_HINT = "Give a number of hours, days or weeks (12h, 30d, 4w) or a date (2026-11-01)."


class BudgetState(msgspec.Struct, frozen=True, kw_only=True):
    """One limit now."""

    scope: str
    period: str
    """The day or month: `2026-11-21`, `2026-11`."""
    limit_usd: str
    spent_usd: str
    reserved_usd: str
    """Held for calls that run."""
    left_usd: str
    soft_reached: bool
    resets_at: str
    """ISO 8601, UTC."""


class CostReport(msgspec.Struct, frozen=True, kw_only=True):
    """What models have cost since a moment, and where budgets stand."""

    since: str
    """ISO 8601, UTC."""
    until: str
    time_zone: str
    """In which days begin."""
    total: Spend
    by: Mapping[str, Sequence[Spend]]
    budgets: Sequence[BudgetState]


def cost_report(engine: Engine, *, since: str = "30d", by: Sequence[str] = ()) -> CostReport:
    """The report by the dimensions asked for, or by all. Raises `InvalidRequest` and `StoreUnavailable`."""
    zone = time_zone(configured(engine.settings).budgets.time_zone)
    until = time.time()
    return cost_between(engine, moment(since, until, zone), until, by=by)


def cost_between(engine: Engine, start: float, until: float, *, by: Sequence[str] = ()) -> CostReport:
    """The report on a span, in seconds since the epoch; budgets stand as they do now."""
    config = configured(engine.settings)
    zone = time_zone(config.budgets.time_zone)
    store = open_spending(engine.settings)
    now = time.time()

    def read(connection: sa.Connection) -> CostReport:
        groups = {name: spend_by(connection, name, start, until, zone) for name in checked_dimensions(by)}
        return CostReport(
            since=_iso(start),
            until=_iso(until),
            time_zone=config.budgets.time_zone,
            total=total(connection, start, until),
            by={name: _labelled(name, spends, engine) for name, spends in groups.items()},
            budgets=list(_budget_states(connection, config.budgets, now, zone)),
        )

    try:
        return store.read(read)
    except SpendingUnavailable as error:
        raise StoreUnavailable("The ledger cannot be read.", hint="Look at ANSWERABLE_SPENDING_URL.") from error
    finally:
        store.close()


def as_csv(report: CostReport) -> str:
    """The groups as lines of CSV, one column `by` telling them apart; no cell can become a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    fields = Spend.__struct_fields__
    writer.writerow(("by", *fields))
    for dimension, spends in (("total", (report.total,)), *report.by.items()):
        for spend in spends:
            writer.writerow((dimension, *(cell(getattr(spend, field)) for field in fields)))
    return out.getvalue()


def moment(since: str, now: float, zone: ZoneInfo) -> float:
    """The beginning of a span: `30d`, `12h`, `4w` before now, or the first moment of a date. In seconds."""
    span = re.fullmatch(r"([0-9]{1,5})([hdw])", since.strip())
    try:
        found = now - int(span[1]) * SPAN_S[span[2]] if span else midnight(date.fromisoformat(since.strip()), zone)
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(f"since is {since[:40]!r}.", hint=SINCE_HINT) from error
    if not 0 <= now - found <= MOST_DAYS * SPAN_S["d"]:
        raise InvalidRequest(f"since is {since[:40]!r}, in the future or over {MOST_DAYS} days ago.", hint=SINCE_HINT)
    return found


def checked_dimensions(by: Iterable[str]) -> tuple[Dimension, ...]:
    """The dimensions named, each once; all where none is. Raises `InvalidRequest`."""
    named = tuple(dict.fromkeys(by))
    for name in named:
        if name not in DIMENSIONS:
            raise InvalidRequest(f"by is {name[:40]!r}.", hint=f"It may be {', '.join(DIMENSIONS)}.")
    return tuple(name for name in DIMENSIONS if name in named or not named)


def configured(settings: Settings) -> LlmConfig:
    """The configuration of models, for its budgets and time zone; the default where none is set."""
    if settings.llm_config is None:
        return LlmConfig()
    from app.llm.loading import load_config

    return load_config(settings)


def _labelled(dimension: Dimension, spends: Sequence[Spend], engine: Engine) -> list[Spend]:
    labels: Mapping[str, str] = {}
    if dimension == "key":
        labels = key_names(engine.settings.state_path)
    elif dimension == "question":
        labels = engine.traces.questions([spend.name for spend in spends])
    return [msgspec.structs.replace(spend, label=labels.get(spend.name, "")) for spend in spends]


def _budget_states(
    connection: sa.Connection, config: BudgetConfig, now: float, zone: ZoneInfo
) -> Iterator[BudgetState]:
    for limit in checked_limits(config):
        at_now = [applied(limit, scope, now, zone) for scope in _scopes(connection, limit, now, zone)]
        for each, on in accounts.balances(connection, at_now):
            yield BudgetState(
                scope=each.scope,
                period=each.period.name,
                limit_usd=shown(each.limit_nano),
                spent_usd=shown(on.spent),
                reserved_usd=shown(on.reserved),
                left_usd=shown(max(0, each.limit_nano - on.spent - on.reserved)),
                soft_reached=on.spent >= each.soft_nano,
                resets_at=_iso(each.period.ends_at),
            )


def _scopes(connection: sa.Connection, limit: BudgetLimit, now: float, zone: ZoneInfo) -> list[str]:
    kind, _, name = limit.scope.partition(":")
    return accounts.scopes(connection, kind, period_at(now, limit.period, zone).name) if name == "*" else [limit.scope]


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
