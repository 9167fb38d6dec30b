"""Budgets over several processes, and over every order of events: never passed, exact to the last nano-dollar."""

import multiprocessing
import os
import random
import signal
import time
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from spending_stores import NOON, Clock, Heard, asking, limits, outgoing, settings
from spending_workers import LIMIT, reserve_and_wait, worker

from app.llm.budgets import GRACE_S, SWEEP_S, StoredBudgets
from app.llm.errors import BudgetSpent
from app.llm.spending_store import open_spending
from app.ops.state import BUDGET_ACCOUNTS, BUDGET_ALERTS, BUDGET_RESERVATIONS, SPENDING

SPAWN = multiprocessing.get_context("spawn")
WORKERS = 4


def test_workers_together_never_pass_a_limit_and_the_ledger_agrees(spending):
    results, start = SPAWN.Queue(), SPAWN.Event()
    workers = [SPAWN.Process(target=worker, args=(spending, number, results, start)) for number in range(WORKERS)]
    for process in workers:
        process.start()
    start.set()
    told = [results.get(timeout=90) for _ in workers]
    for process in workers:
        process.join(30)
        assert process.exitcode == 0
    store = open_spending(spending)
    accounts = store.read(lambda c: c.execute(sa.select(BUDGET_ACCOUNTS)).all())
    in_ledger = store.read(lambda c: c.execute(sa.select(sa.func.sum(SPENDING.c.cost_nano))).scalar())
    alerts = store.read(lambda c: c.execute(sa.select(BUDGET_ALERTS.c.kind)).scalars().all())
    store.close()
    limit = int(LIMIT * 10**9)
    assert max(highest for _, _, highest, _ in told) <= limit
    assert all(row.reserved_nano == 0 for row in accounts)
    spent = {row.scope: row.spent_nano for row in accounts}
    assert spent["all"] == in_ledger == sum(settled for settled, _, _, _ in told) <= limit
    assert spent["all"] == sum(amount for scope, amount in spent.items() if scope.startswith("key:"))
    assert all(amount <= limit // 2 for scope, amount in spent.items() if scope.startswith("key:"))
    assert sum(refused for _, refused, _, _ in told) > 0, "the budget was never short: the test shows nothing"
    given = [kind for _, _, _, kinds in told for kind in kinds]
    assert sorted(given) == sorted(f"budget_{kind}" for kind in alerts), "each alert by one process only"
    assert "budget_soft" in given


def test_a_killed_worker_blocks_nobody_for_longer_and_frees_nothing(spending):
    ready = SPAWN.Event()
    process = SPAWN.Process(target=reserve_and_wait, args=(spending, ready))
    process.start()
    assert ready.wait(60)
    os.kill(process.pid, signal.SIGKILL)
    process.join(30)
    clock = Clock()
    budgets = StoredBudgets(open_spending(spending), limits(("all", "month", 2)), Heard(), clock=clock)
    with pytest.raises(BudgetSpent, match="Running calls") as raised:
        budgets.reserve(outgoing(), asking(), Decimal(1))
    assert raised.value.resets_at == NOON + 5
    clock.now += 20 + GRACE_S + SWEEP_S
    with pytest.raises(BudgetSpent, match="spent"):
        budgets.reserve(outgoing(), asking(), Decimal(1))
    budgets.reserve(outgoing(), asking(), Decimal("0.5")).settle(Decimal("0.5"))
    row = budgets.store.read(lambda c: c.execute(sa.select(BUDGET_ACCOUNTS)).one())
    assert (row.spent_nano, row.reserved_nano) == (2 * 10**9, 0)
    budgets.close()


AMOUNTS = st.integers(1, 3_000)
KEYS = st.sampled_from(["k1", "k2", None])
SOURCES = st.sampled_from([(), ("a",), ("a", "b")])
TASKS = st.sampled_from(["write", "plan_sql"])


class Events(RuleBasedStateMachine):
    """Any order of reserving, settling, releasing, dying and waiting; a model in plain dictionaries beside it."""

    def __init__(self):
        super().__init__()
        self.caps = {"all": 10_000, "key": 5_000, "source": 4_000, "task": 8_000}
        self.clock = Clock()
        dollars = [(scope, period, Decimal(cap) / 10**9) for scope, period, cap in self.limits()]
        url = sa.URL.create("sqlite", database=f"/dev/shm/{os.getpid()}-{random.getrandbits(64):x}.db")
        self.path = url.database
        store = open_spending(settings("unused", url.render_as_string()))
        self.budgets = StoredBudgets(store, limits(*dollars), Heard(), clock=self.clock)
        self.running = []
        self.spent = {}

    def limits(self):
        yield "all", "day", self.caps["all"]
        for kind in ("key", "source", "task"):
            yield f"{kind}:*", "day", self.caps[kind]

    def scopes(self, key, sources, task):
        found = ["all", f"task:{task}", *(f"source:{name}" for name in sources)]
        return found + ([f"key:{key}"] if key else [])

    @property
    def day(self):
        return time.strftime("%Y-%m-%d", time.gmtime(self.clock.now))

    @rule(amount=AMOUNTS, key=KEYS, sources=SOURCES, task=TASKS)
    def reserve(self, amount, key, sources, task):
        accounts = [(scope, self.day) for scope in self.scopes(key, sources, task)]
        held = {account: self.held(account) for account in accounts}
        fits = all(
            self.spent.get(account, 0) + held[account] + amount <= self.caps[account[0].partition(":")[0]]
            for account in accounts
        )
        try:
            made = self.budgets.reserve(outgoing(task), asking(key, sources, seconds=0), Decimal(amount) / 10**9)
        except BudgetSpent:
            assert not fits
        else:
            assert fits
            self.running.append((made, amount, accounts))

    def held(self, account):
        return sum(amount for _, amount, accounts in self.running if account in accounts)

    @precondition(lambda self: self.running)
    @rule(number=st.integers(0, 100), share=st.integers(0, 100))
    def settle(self, number, share):
        made, amount, accounts = self.running.pop(number % len(self.running))
        cost = amount * share // 100
        made.settle(Decimal(cost) / 10**9)
        made.release()
        for account in accounts:
            self.spent[account] = self.spent.get(account, 0) + cost

    @precondition(lambda self: self.running)
    @rule(number=st.integers(0, 100))
    def release(self, number):
        self.running.pop(number % len(self.running))[0].release()

    @precondition(lambda self: self.running)
    @rule()
    def die(self):
        """All that run are never heard of again; the next reservation finds them expired."""
        self.clock.now += GRACE_S + SWEEP_S + 1
        for _, amount, accounts in self.running:
            for account in accounts:
                self.spent[account] = self.spent.get(account, 0) + amount
        self.running = []

    @rule()
    def next_day(self):
        for made, _, _ in self.running:
            made.release()
        self.running = []
        self.clock.now += 86_400

    @invariant()
    def the_accounts_are_as_the_model_has_them(self):
        if self.budgets.store._engine is None:
            return
        rows = self.budgets.store.read(lambda c: c.execute(sa.select(BUDGET_ACCOUNTS)).all())
        for row in rows:
            account = (row.scope, row.period)
            assert row.spent_nano + row.reserved_nano == self.spent.get(account, 0) + self.held(account)
            assert row.spent_nano + row.reserved_nano <= self.caps[row.scope.partition(":")[0]]
            assert row.reserved_nano >= 0
        count = (
            sa.select(sa.func.count())
            .select_from(BUDGET_RESERVATIONS)
            .where(BUDGET_RESERVATIONS.c.counted_as_spent == 0)
        )
        assert self.budgets.store.read(lambda c: c.execute(count).scalar()) >= len(self.running)

    def teardown(self):
        self.budgets.close()
        for ending in ("", "-wal", "-shm"):
            Path(self.path + ending).unlink(missing_ok=True)


TestEvents = Events.TestCase
TestEvents.settings = hypothesis_settings(max_examples=25, stateful_step_count=20, deadline=None)
