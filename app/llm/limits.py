"""Which limits an attempt falls under: every one whose scope it is in, not only the narrowest.

all | key:ID | key:* | source:NAME | source:* | task:NAME | task:*       `*`: each one has the whole limit for itself
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import ROUND_CEILING, Decimal
from typing import Literal, get_args
from zoneinfo import ZoneInfo

import msgspec

from app.errors import ConfigurationError
from app.llm.config import TASKS, BudgetConfig, BudgetLimit
from app.llm.money import MOST_NANO, NANO, nano
from app.llm.periods import Period, period_at
from app.llm.values import Asking, TaskName

Kind = Literal["key", "source", "task"]


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """One limit as it applies: its account, and how much may be on it."""

    scope: str
    """As accounts are named: `key:1a2b`, never `key:*`."""
    period: Period
    kind: Literal["day", "month"]
    limit_nano: int
    soft_nano: int
    """From here on one alert is given."""

    @property
    def account(self) -> tuple[str, str]:
        """Name of the account that it limits."""
        return self.scope, self.period.name


def checked_limits(config: BudgetConfig) -> tuple[BudgetLimit, ...]:
    """The limits; raises `ConfigurationError` for one that could limit nothing."""
    for number, limit in enumerate(config.limits):
        place = f"budgets.limits[{number}]"
        kind, _, name = limit.scope.partition(":")
        if limit.scope != "all" and (kind not in get_args(Kind) or not name.strip()):
            raise ConfigurationError(
                f"{place}.scope is {limit.scope!r}.",
                hint="Allowed are all, key:ID, key:*, source:NAME, source:*, task:NAME and task:*.",
            )
        if kind == "task" and name not in (*TASKS, "*"):
            raise ConfigurationError(f"{place}: there is no task {name!r}.", hint=f"Tasks are {', '.join(TASKS)}.")
        if not limit.usd.is_finite() or limit.usd < 0 or limit.usd > Decimal(MOST_NANO) * NANO:
            raise ConfigurationError(f"{place}.usd is {limit.usd}.", hint="Give US dollars from 0 to 10,000,000.")
    return config.limits


def applied_to(
    limits: Sequence[BudgetLimit], task: TaskName, asking: Asking, at: float, zone: ZoneInfo
) -> list[Applied]:
    """The limits that an attempt falls under, ordered by account: whoever locks several does so in this order."""
    found = (applied(limit, scope, at, zone) for limit in limits for scope in _scopes(limit, task, asking))
    return sorted(found, key=lambda each: (each.account, each.limit_nano))


def applied(limit: BudgetLimit, scope: str, at: float, zone: ZoneInfo) -> Applied:
    """A limit on one scope in the period of a moment (seconds since the epoch)."""
    soft = (limit.usd * Decimal(str(limit.soft)) / NANO).to_integral_value(rounding=ROUND_CEILING)
    return Applied(
        scope=scope,
        period=period_at(at, limit.period, zone),
        kind=limit.period,
        limit_nano=nano(limit.usd),
        soft_nano=int(soft),
    )


def _scopes(limit: BudgetLimit, task: TaskName, asking: Asking) -> Iterator[str]:
    kind, _, name = limit.scope.partition(":")
    if kind == "all":
        yield "all"
        return
    of_kind = {"key": (asking.key_id,) if asking.key_id else (), "source": asking.sources, "task": (task,)}[kind]
    yield from (f"{kind}:{each}" for each in dict.fromkeys(of_kind) if name in ("*", each))
