"""The accounts of budgets in the database: each change is one transaction, and a limit is checked by the statement
that changes its account, so that no number of processes passes it together.

An account is what was spent and what is reserved in one scope (`all`, `key:1a2b` …) in one day or month. It starts
with what the ledger has for that scope and period: a limit that is added in the middle of a month knows of its
beginning. Locks are taken in one order everywhere, reservation before accounts, accounts by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from app.llm.limits import Applied
from app.ops.state import BUDGET_ACCOUNTS, BUDGET_ALERTS, BUDGET_RESERVATIONS, SPENDING

KEPT_S = 86_400.0
"""Seconds that an expired reservation is remembered: until then a late settlement still corrects its amount."""
KEPT_ACCOUNTS_S = 100 * 86_400.0
"""Seconds that accounts of past days and months are kept; the ledger has them for longer."""

Account = tuple[str, str]
_A, _R = BUDGET_ACCOUNTS.c, BUDGET_RESERVATIONS.c
_AMOUNT: sa.BindParameter[int] = sa.bindparam("amount")
_LIMIT: sa.BindParameter[int] = sa.bindparam("limit")
_SPENT: sa.BindParameter[int] = sa.bindparam("spent")
_RESERVED: sa.BindParameter[int] = sa.bindparam("reserved")
_ONE = sa.and_(_A.scope == sa.bindparam("of_scope"), _A.period == sa.bindparam("of_period"))
# Put together once: making a statement takes longer than running it.
_ADD_RESERVED = (
    sa.update(BUDGET_ACCOUNTS)
    .where(_ONE, _A.spent_nano + _A.reserved_nano + _AMOUNT <= _LIMIT)
    .values(reserved_nano=_A.reserved_nano + _AMOUNT)
)
_CHANGE = (
    sa.update(BUDGET_ACCOUNTS)
    .where(_ONE)
    .values(spent_nano=_A.spent_nano + _SPENT, reserved_nano=_A.reserved_nano + _RESERVED)
)
_SEVERAL = sa.select(BUDGET_ACCOUNTS).where(
    sa.tuple_(_A.scope, _A.period).in_(sa.bindparam("accounts", expanding=True))
)
_RESERVATION = sa.select(BUDGET_RESERVATIONS).where(_R.id == sa.bindparam("of_id")).with_for_update()
_FORGET = sa.delete(BUDGET_RESERVATIONS).where(_R.id == sa.bindparam("of_id"))
_KEEP = sa.insert(BUDGET_RESERVATIONS)


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What is on an account, in nano-dollars."""

    spent: int
    reserved: int


def reserve(
    connection: sa.Connection, identity: str, amount: int, limits: Sequence[Applied], expires_at: float
) -> list[tuple[Applied, Balance]] | None:
    """Put an amount on every account that the limits name; None if that is done.

    Otherwise nothing was put anywhere, and what comes back are the limits that it would pass. They may be none: another
    process can have given something back since.
    """
    strictest: dict[Account, int] = {}
    for limit in limits:
        strictest[limit.account] = min(limit.limit_nano, strictest.get(limit.account, limit.limit_nano))
    _open_missing(connection, limits)
    together = connection.begin_nested()
    if not all(_add_reserved(connection, each, amount, strictest[each]) for each in sorted(strictest)):
        together.rollback()
        return [
            (limit, on)
            for limit, on in balances(connection, limits)
            if on.spent + on.reserved + amount > limit.limit_nano
        ]
    together.commit()
    row = {"id": identity, "amount_nano": amount, "expires_at": expires_at, "counted_as_spent": 0}
    accounts = msgspec.json.encode(sorted(strictest)).decode()
    connection.execute(_KEEP, row | {"accounts": accounts})
    return None


def settle(connection: sa.Connection, identity: str, cost: int | None) -> None:
    """Replace a reservation's amount by what it cost (None: by itself). One that is not there was settled already."""
    row = connection.execute(_RESERVATION, {"of_id": identity}).first()
    if row is None:
        return
    final = row.amount_nano if cost is None else cost
    spent, reserved = (final - row.amount_nano, 0) if row.counted_as_spent else (final, -row.amount_nano)
    _change(connection, _accounts(row), spent, reserved)
    connection.execute(_FORGET, {"of_id": identity})


def expired(connection: sa.Connection, now: float) -> list[str]:
    """Reservations of workers that seem to be gone. What nobody needs any more is deleted on the way."""
    connection.execute(sa.delete(BUDGET_RESERVATIONS).where(_R.counted_as_spent == 1, _R.expires_at < now - KEPT_S))
    oldest = datetime.fromtimestamp(now - KEPT_ACCOUNTS_S, UTC).strftime("%Y-%m")
    for table in (BUDGET_ACCOUNTS, BUDGET_ALERTS):
        connection.execute(sa.delete(table).where(table.c.period < oldest))
    query = sa.select(_R.id).where(_R.counted_as_spent == 0, _R.expires_at < now)
    return list(connection.execute(query).scalars())


def count_as_spent(connection: sa.Connection, identity: str) -> None:
    """Take an expired reservation as spent in whole: the provider may have been asked, and charged."""
    row = connection.execute(_RESERVATION, {"of_id": identity}).first()
    if row is None or row.counted_as_spent:
        return
    _change(connection, _accounts(row), row.amount_nano, -row.amount_nano)
    connection.execute(sa.update(BUDGET_RESERVATIONS).where(_R.id == identity).values(counted_as_spent=1))


def balances(connection: sa.Connection, limits: Sequence[Applied]) -> list[tuple[Applied, Balance]]:
    """What is on each limit's account; on one that was not used yet, what the ledger has."""
    found = {
        (row.scope, row.period): Balance(spent=row.spent_nano, reserved=row.reserved_nano)
        for row in connection.execute(_SEVERAL, {"accounts": [limit.account for limit in limits]})
    }
    return [
        (limit, found.get(limit.account) or Balance(spent=_spent_before(connection, limit), reserved=0))
        for limit in limits
    ]


def scopes(connection: sa.Connection, kind: str, period: str) -> list[str]:
    """The scopes of a kind (`key`) that have an account in a period."""
    query = sa.select(_A.scope).where(_A.scope.startswith(f"{kind}:", autoescape=True), _A.period == period)
    return sorted(connection.execute(query).scalars())


def first_to_alert(connection: sa.Connection, limit: Applied, kind: str, at: float) -> bool:
    """Whether no process has given this alert for this limit and period yet; it is taken as given now."""
    key = {"scope": limit.scope, "period": limit.period.name, "kind": kind, "limit_nano": limit.limit_nano}
    statement = _insert(connection, BUDGET_ALERTS).values(key | {"at": at}).on_conflict_do_nothing()
    counted = statement.execution_options(preserve_rowcount=True)
    return bool(connection.execute(counted).rowcount == 1)


def _add_reserved(connection: sa.Connection, account: Account, amount: int, limit_nano: int) -> bool:
    values = {"of_scope": account[0], "of_period": account[1], "amount": amount, "limit": limit_nano}
    return connection.execute(_ADD_RESERVED, values).rowcount == 1


def _open_missing(connection: sa.Connection, limits: Sequence[Applied]) -> None:
    wanted = {limit.account: limit for limit in limits}
    present = {(row.scope, row.period) for row in connection.execute(_SEVERAL, {"accounts": list(wanted)})}
    for account in sorted(wanted.keys() - present):
        values = {"scope": account[0], "period": account[1], "reserved_nano": 0}
        values["spent_nano"] = _spent_before(connection, wanted[account])
        connection.execute(_insert(connection, BUDGET_ACCOUNTS).values(values).on_conflict_do_nothing())


def _spent_before(connection: sa.Connection, limit: Applied) -> int:
    """What the ledger has for a scope since the period began."""
    at = SPENDING.c.at
    within = [at >= limit.period.starts_at, at < limit.period.ends_at]
    kind, _, name = limit.scope.partition(":")
    if kind == "source":
        quoted = msgspec.json.encode(name).decode()
        within.append(SPENDING.c.sources.contains(quoted, autoescape=True))
    elif kind != "all":
        within.append((SPENDING.c.key_id if kind == "key" else SPENDING.c.task) == name)
    return int(connection.execute(sa.select(sa.func.sum(SPENDING.c.cost_nano)).where(*within)).scalar() or 0)


def _change(connection: sa.Connection, accounts: Iterable[Account], spent: int, reserved: int) -> None:
    for scope, period in sorted(accounts):
        values = {"of_scope": scope, "of_period": period, "spent": spent, "reserved": reserved}
        connection.execute(_CHANGE, values)


def _accounts(row: sa.Row[Any]) -> list[Account]:
    return msgspec.json.decode(row.accounts, type=list[tuple[str, str]])


def _insert(connection: sa.Connection, table: sa.Table) -> Any:
    """An insert that knows `ON CONFLICT`, which both databases spell alike and SQLAlchemy keeps by dialect."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as postgresql_insert

        return postgresql_insert(table)
    from sqlalchemy.dialects.sqlite import insert as sqlite_insert

    return sqlite_insert(table)
