"""Both keepers of sessions behave alike: bounded, forgetting in time, apart by key."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from app.followups.context import Context, PassageTurn, TableTurn, session_id
from app.followups.sessions import MemorySessions, Sessions
from app.ops.sessions import StateSessions
from app.planning.plan import (
    AgainstAggregate,
    Aggregate,
    AnyOf,
    ColumnRef,
    Condition,
    MetricRef,
    Ordering,
    Plan,
    Related,
    SelectItem,
    Share,
    Truncated,
)
from app.values import Caller

REF = ColumnRef("orders", "status")
PAID = Condition(REF, "=", ("P",))
PLAN = Plan(
    source="shop",
    base="orders",
    select=(SelectItem(Aggregate("count", "orders"), "n"), SelectItem(Share("orders", (PAID,)), "s")),
    where=(
        PAID,
        AnyOf((PAID, Condition(REF, "in", ("a", 1, 2.5, True)))),
        Related("returns", True, (PAID,)),
        AgainstAggregate(REF, ">"),
    ),
    group_by=(Truncated(ColumnRef("orders", "order_date"), "month"), REF),
    order_by=(Ordering(MetricRef("net revenue", "order_items"), True),),
    limit=5,
)
TURN = TableTurn(source="shop", question="How many orders?", plan=PLAN, confidence=0.9)
PASSAGES = PassageTurn(source="help", document="a.md", title=None, heading="", question="Why?")
CONTEXT = Context(
    role="owner", sources=None, latest="tables", tables=TURN, passages=PASSAGES, options=("a", "b"), chosen=(TURN,)
)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


Make = Callable[..., Sessions]


@pytest.fixture(params=["memory", "state"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    if request.param == "memory":
        return MemorySessions
    return lambda *args, **options: StateSessions(tmp_path / "state.db", *args, **options)


def test_a_context_comes_back_as_it_was_kept(make: Make) -> None:
    sessions = make(60.0)
    sessions.keep("a", CONTEXT)
    assert sessions.recall("a") == CONTEXT
    assert sessions.recall("b") is None


def test_a_session_is_forgotten_some_time_after_its_last_use(make: Make) -> None:
    clock = Clock()
    sessions = make(60.0, clock=clock)
    sessions.keep("a", CONTEXT)
    clock.now += 50
    sessions.keep("a", CONTEXT)
    clock.now += 50
    assert sessions.recall("a") == CONTEXT
    clock.now += 10
    assert sessions.recall("a") is None


def test_sessions_are_bounded_and_the_oldest_goes_first(make: Make) -> None:
    clock = Clock()
    sessions = make(1e6, most=10, clock=clock)
    for number in range(40):
        clock.now += 61
        sessions.keep(str(number), CONTEXT)
    held = [number for number in range(40) if sessions.recall(str(number)) is not None]
    assert len(held) <= 11 and held[-1] == 39 and 0 not in held


def test_ten_thousand_sessions_and_more_are_the_most_that_is_held() -> None:
    sessions = MemorySessions(60.0)
    for number in range(10_500):
        sessions.keep(f"{number}", CONTEXT)
    assert sum(sessions.recall(f"{number}") is not None for number in range(10_500)) == 10_000


def test_many_threads_keep_and_recall(make: Make) -> None:
    sessions, wrong = make(60.0), []

    def use(number: int) -> None:
        for _ in range(20):
            sessions.keep(f"{number}", CONTEXT)
            if sessions.recall(f"{number}") != CONTEXT:
                wrong.append(number)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_what_expired_is_deleted_from_the_file(tmp_path: Path) -> None:
    clock = Clock()
    sessions = StateSessions(tmp_path / "state.db", 60.0, clock=clock)
    sessions.keep("old", CONTEXT)
    clock.now += 120
    sessions.keep("new", CONTEXT)
    with sqlite3.connect(tmp_path / "state.db") as connection:
        assert connection.execute("SELECT id FROM sessions").fetchall() == [("new",)]
    connection.close()


def test_an_unreadable_context_is_none_and_a_broken_file_costs_no_answer(tmp_path: Path) -> None:
    sessions = StateSessions(tmp_path / "state.db", 60.0)
    sessions.keep("a", CONTEXT)
    connection = sqlite3.connect(tmp_path / "state.db")
    with connection:
        connection.execute("UPDATE sessions SET context = ?", (b'{"role": "nobody"}',))
    assert sessions.recall("a") is None
    with connection:
        connection.execute("DROP TABLE sessions")
    connection.close()
    sessions.keep("a", CONTEXT)
    assert sessions.recall("a") is None


def test_keys_have_their_own_sessions() -> None:
    ids = {
        session_id(Caller(key_id=key), name)
        for key in (None, "", "a", "b")
        for name in ("s", "S", "s ", "\x00", "🙂", "\ud800", "a" * 200)
    }
    assert len(ids) == 28
    assert CONTEXT.belongs_to(Caller()) and not CONTEXT.belongs_to(Caller(role="visitor"))
    assert not CONTEXT.belongs_to(Caller(sources=("shop",)))
