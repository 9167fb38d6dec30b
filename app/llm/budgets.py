"""Budgets: what models may cost, a day and a month, by key, source, task and in all.

    reserve worst case -> call -> settle | release

The worst case of an attempt is set aside before it is made and replaced by what it cost afterwards; with several server
processes, and several hosts on one database, what is spent and reserved together never passes a limit. The reservation
of a process that died is kept as spent in whole when it expires: the provider may have been asked, and have charged.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from app.llm import budget_accounts as accounts
from app.llm.alerts import Alert, Alerts
from app.llm.budget_accounts import Balance
from app.llm.config import BudgetConfig, LlmConfig
from app.llm.errors import BudgetSpent
from app.llm.limits import Applied, applied_to, checked_limits
from app.llm.money import nano, shown
from app.llm.parts import OfTask, Reservation
from app.llm.periods import time_zone
from app.llm.spending_store import SpendingStore, SpendingUnavailable, open_spending
from app.llm.values import Asking
from app.settings import Settings

_log = logging.getLogger("answerable.budgets")

GRACE_S = 60.0
"""Seconds past the question's deadline after which a reservation's process is taken for dead."""
SWEEP_S = 30.0
"""Seconds between two looks of a process for expired reservations."""
HELD_S = 5.0
"""Seconds after which to try again where running calls, not spent money, hold the rest of a limit."""
TRIES = 3
"""Times that a reservation is tried where it did not fit, and a moment later no limit was in its way."""
MOST_LATE = 10_000
"""Settlements that are kept in memory while the store is down; beyond them the oldest count in whole."""


class StoredBudgets:
    """Limits held over one database. Thread-safe."""

    def __init__(
        self, store: SpendingStore, config: BudgetConfig, alerts: Alerts, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.store = store
        self._config = config
        self._limits = checked_limits(config)
        self._zone: ZoneInfo = time_zone(config.time_zone)
        self._alerts = alerts
        self._clock = clock
        self._next_sweep = 0.0
        self._late: deque[Reserved] = deque(maxlen=MOST_LATE)
        self._settling = threading.Lock()

    def reserve(self, call: OfTask, asking: Asking, worst_case: Decimal | None) -> Reservation:
        """Set an attempt's worst case aside. Raises `BudgetSpent` where one limit would be passed."""
        now = self._clock()
        limits = applied_to(self._limits, call.task, asking, now, self._zone)
        if not limits:
            return NotLimited()
        if worst_case is None:
            if self._config.unpriced == "refuse":
                raise BudgetSpent("The model has no known price, and a budget applies.")
            return NotLimited()
        amount = nano(worst_case)
        if amount == 0:
            return NotLimited()
        identity = uuid.uuid4().hex
        expires_at = now + asking.deadline.left() + GRACE_S
        try:
            over = self._over(identity, amount, limits, expires_at)
        except SpendingUnavailable as error:
            return self._without_store(error)
        if over is not None:
            raise self._spent(amount, over, now)
        return Reserved(self, identity, amount, limits)

    def settle(self, reservation: Reserved) -> None:
        """Write how a reservation ended, and those that could not be written before. Never raises."""
        self._late.append(reservation)
        self._settle_late()

    def close(self) -> None:
        """Write what is still to be written; close the connections."""
        self._settle_late()
        self.store.close()

    def _over(
        self, identity: str, amount: int, limits: Sequence[Applied], expires_at: float
    ) -> Sequence[tuple[Applied, Balance]] | None:
        """The limits that an amount would pass; None if it was put on their accounts."""
        self._settle_late()
        self._sweep(self._clock())
        for _ in range(TRIES):
            over = self.store.write(lambda c: accounts.reserve(c, identity, amount, limits, expires_at))
            self._alerts.forget("budgets")
            if over is None or over:
                break
        return over

    def _spent(self, amount: int, over: Sequence[tuple[Applied, Balance]], now: float) -> BudgetSpent:
        """Why an amount does not fit, and from when on all the limits are open again."""
        names = ", ".join(sorted({f"{limit.scope} a {limit.kind}" for limit, _ in over}))
        if any(amount > limit.limit_nano for limit, _ in over):
            return BudgetSpent(f"One call may cost {shown(amount)} US dollars, more than the budget ({names}).")
        spent = [(limit, on) for limit, on in over if on.spent + amount > limit.limit_nano]
        if not spent:
            return BudgetSpent(f"Running calls hold what is left of the budget ({names}).", resets_at=now + HELD_S)
        for limit, on in spent:
            self._alert(limit, on, "spent", now)
        return BudgetSpent(f"The budget is spent ({names}).", resets_at=max(each.period.ends_at for each, _ in spent))

    def _without_store(self, error: SpendingUnavailable) -> Reservation:
        open_ = self._config.if_unavailable == "open"
        _log.error("budgets cannot be read: %s", error)
        effect = "models are asked without a limit" if open_ else "no model is asked"
        alert = Alert(kind="budgets_unavailable", message=f"The store of budgets cannot be used; {effect}.")
        self._alerts.once("budgets", alert)
        if open_:
            return NotLimited()
        raise BudgetSpent("The store of budgets cannot be used.") from error

    def _settle_late(self) -> None:
        with self._settling:
            while self._late:
                try:
                    self._settle(self._late[0])
                except SpendingUnavailable as error:
                    _log.error("%d settlements wait: %s", len(self._late), error)
                    return
                self._late.popleft()

    def _settle(self, ended: Reserved) -> None:
        now = self._clock()

        def settle(connection: sa.Connection) -> list[tuple[Applied, Balance]]:
            accounts.settle(connection, ended.identity, ended.cost)
            balances = accounts.balances(connection, ended.limits)
            reached = [(limit, on) for limit, on in balances if on.spent >= limit.soft_nano]
            return [(limit, on) for limit, on in reached if accounts.first_to_alert(connection, limit, "soft", now)]

        for limit, on in self.store.write(settle):
            self._give(limit, on, "soft")

    def _sweep(self, now: float) -> None:
        """Count what dead processes have reserved as spent, now and then."""
        if now < self._next_sweep:
            return
        self._next_sweep = now + SWEEP_S
        for identity in self.store.write(lambda connection: accounts.expired(connection, now)):
            _log.warning("a reservation of a process that is gone counts as spent")
            self.store.write(partial(accounts.count_as_spent, identity=identity))

    def _alert(self, limit: Applied, on: Balance, kind: str, now: float) -> None:
        try:
            first = self.store.write(lambda connection: accounts.first_to_alert(connection, limit, kind, now))
        except SpendingUnavailable as error:
            _log.error("whether an alert was given cannot be read: %s", error)
            return
        if first:
            self._give(limit, on, kind)

    def _give(self, limit: Applied, on: Balance, kind: str) -> None:
        what = "is spent" if kind == "spent" else "is spent to the share that was to be told"
        details = {
            "scope": limit.scope,
            "period": limit.period.name,
            "spent_usd": shown(on.spent),
            "reserved_usd": shown(on.reserved),
            "limit_usd": shown(limit.limit_nano),
            "resets_at": f"{limit.period.ends_at:.0f}",
        }
        message = f"The budget of {limit.scope} for {limit.period.name} {what}."
        self._alerts.give(Alert(kind=f"budget_{kind}", message=message, details=details))

    def tell_of_excess(self, ended: Reserved) -> None:
        """Alert that a call cost more than its worst case: a limit may be passed by the difference."""
        details = {"reserved_usd": shown(ended.amount), "cost_usd": shown(ended.cost or 0)}
        message = "A call cost more than the worst case that was reserved for it."
        self._alerts.once("excess", Alert(kind="cost_above_reservation", message=message, details=details))


class Reserved:
    """An amount on the accounts of every limit that an attempt falls under."""

    def __init__(self, budgets: StoredBudgets, identity: str, amount: int, limits: Sequence[Applied]) -> None:
        self._budgets = budgets
        self._lock = threading.Lock()
        self._ended = False
        self.identity = identity
        self.amount = amount
        """Nano-dollars."""
        self.limits = limits
        self.cost: int | None = None
        """Nano-dollars, once it is settled; None: the whole amount."""

    def settle(self, cost_usd: Decimal | None) -> None:
        """Replace the amount by what it cost; None (no price known) keeps the whole amount."""
        self._end(None if cost_usd is None else nano(cost_usd))

    def release(self) -> None:
        """Give the amount back: nothing was spent. Safe to call after `settle`, which it does not undo."""
        self._end(0)

    def _end(self, cost: int | None) -> None:
        with self._lock:
            if self._ended:
                return
            self._ended, self.cost = True, cost
        self._budgets.settle(self)
        if cost is not None and cost > self.amount:
            self._budgets.tell_of_excess(self)


class NotLimited:
    """The reservation of an attempt that no limit holds back: nothing is set aside."""

    def settle(self, cost_usd: Decimal | None) -> None:
        """Nothing to do."""

    def release(self) -> None:
        """Nothing to do."""


class Unlimited:
    """Budgets of a configuration without limits; nothing is read or written."""

    def reserve(self, call: OfTask, asking: Asking, worst_case: Decimal | None) -> Reservation:
        """Nothing is set aside."""
        del call, asking, worst_case
        return NotLimited()

    def close(self) -> None:
        """Nothing to close."""


def open_budgets(settings: Settings, config: LlmConfig, alerts: Alerts) -> StoredBudgets | Unlimited:
    """The budgets of a configuration. Raises `ConfigurationError`; a store that is down shows at the first attempt."""
    if not config.budgets.limits:
        time_zone(config.budgets.time_zone)
        return Unlimited()
    return StoredBudgets(open_spending(settings), config.budgets, alerts)
