"""Budgets: reserved before, settled after, released on failure, closed when in doubt."""

import socket
import time
from decimal import Decimal

import pytest
import sqlalchemy as sa
from spending_stores import NOON, Clock, Heard, asking, attempt, limits, outgoing, settings

from app.errors import BudgetExhausted
from app.llm.budget_accounts import balances
from app.llm.budgets import GRACE_S, SWEEP_S, StoredBudgets, open_budgets
from app.llm.config import LlmConfig
from app.llm.errors import BudgetSpent, Unavailable
from app.llm.exhausted import exhausted, raise_if_refused
from app.llm.ledger import open_ledger
from app.llm.limits import applied
from app.llm.spending_store import open_spending
from app.ops.state import BUDGET_ACCOUNTS, BUDGET_RESERVATIONS

ONE = Decimal(1)


@pytest.fixture
def opened(spending):
    """`opened(*limits, **config)` -> budgets, alerts and clock over one store."""
    made = []

    def open_(*given, clock=None, **others):
        alerts, clock = Heard(), clock or Clock()
        made.append(StoredBudgets(open_spending(spending), limits(*given, **others), alerts, clock=clock))
        return made[-1], alerts, clock

    yield open_
    for budgets in made:
        budgets.close()


def on(budgets, scope="all", number=0, at=NOON):
    """(spent, reserved) in dollars on the account of a limit."""
    limit = applied(budgets._limits[number], scope, at, budgets._zone)
    found = budgets.store.read(lambda connection: balances(connection, [limit]))[0][1]
    return Decimal(found.spent) / 10**9, Decimal(found.reserved) / 10**9


def test_the_worst_case_is_held_and_replaced_by_the_cost(opened):
    budgets, _, _ = opened(("all", "day", 5))
    reservation = budgets.reserve(outgoing(), asking(), Decimal("1.5"))
    assert on(budgets) == (0, Decimal("1.5"))
    reservation.settle(Decimal("0.000000001"))
    assert on(budgets) == (Decimal("0.000000001"), 0)


def test_a_release_gives_everything_back_and_undoes_no_settlement(opened):
    budgets, _, _ = opened(("all", "day", 5))
    failed = budgets.reserve(outgoing(), asking(), ONE)
    failed.release()
    assert on(budgets) == (0, 0)
    paid = budgets.reserve(outgoing(), asking(), ONE)
    paid.settle(Decimal("0.3"))
    paid.release()
    paid.settle(Decimal("0.9"))
    failed.settle(ONE)
    assert on(budgets) == (Decimal("0.3"), 0)


def test_without_a_known_cost_the_whole_amount_is_kept(opened):
    budgets, _, _ = opened(("all", "day", 5))
    budgets.reserve(outgoing(), asking(), ONE).settle(None)
    assert on(budgets) == (1, 0)


def test_the_limit_itself_may_be_spent_and_no_nano_dollar_more(opened):
    budgets, _, _ = opened(("all", "day", 1))
    held = budgets.reserve(outgoing(), asking(), ONE)
    with pytest.raises(BudgetSpent):
        budgets.reserve(outgoing(), asking(), Decimal("0.000000001"))
    held.settle(Decimal("0.999999999"))
    budgets.reserve(outgoing(), asking(), Decimal("0.000000001")).settle(Decimal("0.000000001"))
    assert on(budgets) == (1, 0)


@pytest.mark.parametrize(
    ("scope", "other"),
    [
        ("key:k1", asking(key="k2")),
        ("key:*", asking(key="k2")),
        ("source:shop", asking(sources=("help",))),
        ("source:*", asking(sources=("help",))),
        ("key:*", asking(key=None)),
    ],
)
def test_a_limit_holds_for_its_own_only(opened, scope, other):
    budgets, _, _ = opened((scope, "day", 1))
    budgets.reserve(outgoing(), asking(sources=("shop", "docs")), ONE).settle(ONE)
    with pytest.raises(BudgetSpent):
        budgets.reserve(outgoing(), asking(), Decimal("0.1"))
    budgets.reserve(outgoing(), other, ONE).settle(ONE)


def test_a_task_has_a_limit_of_its_own(opened):
    budgets, _, _ = opened(("task:plan_sql", "day", 1))
    budgets.reserve(outgoing("plan_sql"), asking(), ONE).settle(ONE)
    with pytest.raises(BudgetSpent):
        budgets.reserve(outgoing("plan_sql"), asking(), ONE)
    budgets.reserve(outgoing("write"), asking(), Decimal(100)).settle(Decimal(100))


def test_an_attempt_counts_in_every_limit_and_the_strictest_holds(opened):
    budgets, _, _ = opened(
        ("all", "month", 10),
        ("key:*", "day", 4),
        ("key:k1", "day", 2),
        ("source:*", "day", 3),
        ("task:write", "day", 9),
    )
    budgets.reserve(outgoing(), asking(sources=("a", "b")), Decimal(2)).settle(Decimal(2))
    for number, scope in enumerate(("all", "key:k1", "key:k1", "source:a", "task:write")):
        assert on(budgets, scope, number) == (2, 0)
    assert on(budgets, "source:b", 3) == (2, 0)
    with pytest.raises(BudgetSpent, match="key:k1 a day"):
        budgets.reserve(outgoing(), asking(), ONE)
    with pytest.raises(BudgetSpent, match="source:b a day"):
        budgets.reserve(outgoing(), asking(key="k2", sources=("b", "c")), Decimal(2))
    assert on(budgets, "source:c", 3) == (0, 0), "a refused attempt holds nothing anywhere"


def test_the_latest_of_the_spent_limits_says_when_it_is_open_again(opened):
    budgets, _, _ = opened(("all", "day", 1), ("all", "month", 1))
    budgets.reserve(outgoing(), asking(), ONE).settle(ONE)
    with pytest.raises(BudgetSpent) as raised:
        budgets.reserve(outgoing(), asking(), ONE)
    assert raised.value.resets_at == 1_796_083_200.0  # 2026-12-01 00:00 UTC


def test_what_running_calls_hold_is_open_again_soon(opened):
    budgets, alerts, _ = opened(("all", "month", 1))
    budgets.reserve(outgoing(), asking(), ONE)
    with pytest.raises(BudgetSpent, match="Running calls") as raised:
        budgets.reserve(outgoing(), asking(), ONE)
    assert raised.value.resets_at == NOON + 5
    assert not alerts.given


def test_room_that_another_process_makes_in_between_is_not_taken_for_a_reservation(opened, monkeypatch):
    """With PostgreSQL a limit may be open again when it is looked at why a reservation did not fit."""
    budgets, _, _ = opened(("all", "month", 1))
    budgets.reserve(outgoing(), asking(), ONE)
    looks = []

    def after_a_release(connection, limits):
        looks.append(connection.execute(sa.update(BUDGET_ACCOUNTS).values(reserved_nano=0)))
        return balances(connection, limits)

    monkeypatch.setattr("app.llm.budget_accounts.balances", after_a_release)
    made = budgets.reserve(outgoing(), asking(), Decimal("0.75"))
    monkeypatch.undo()
    assert len(looks) == 1
    assert on(budgets) == (0, Decimal("0.75"))
    made.settle(Decimal("0.5"))
    assert on(budgets) == (Decimal("0.5"), 0)


def test_a_call_dearer_than_the_limit_has_no_moment(opened):
    budgets, _, _ = opened(("all", "month", 1))
    with pytest.raises(BudgetSpent, match="more than the budget") as raised:
        budgets.reserve(outgoing(), asking(), Decimal("1.01"))
    assert raised.value.resets_at is None


def test_a_free_model_may_be_asked_when_everything_is_spent(opened):
    budgets, _, _ = opened(("all", "day", 1))
    budgets.reserve(outgoing(), asking(), ONE).settle(Decimal(2))
    budgets.reserve(outgoing(), asking(), Decimal(0)).settle(Decimal(0))
    assert on(budgets) == (2, 0)


def test_a_cost_above_the_reservation_is_counted_and_told(opened):
    budgets, alerts, _ = opened(("all", "day", 10))
    budgets.reserve(outgoing(), asking(), ONE).settle(Decimal("1.5"))
    assert on(budgets) == (Decimal("1.5"), 0)
    assert alerts.kinds() == ["cost_above_reservation"]


def test_without_a_price_a_model_is_not_asked_where_a_limit_applies(opened):
    budgets, _, _ = opened(("key:k1", "day", 10))
    with pytest.raises(BudgetSpent, match="no known price") as raised:
        budgets.reserve(outgoing(), asking(), None)
    assert raised.value.resets_at is None
    budgets.reserve(outgoing(), asking(key="k2"), None).settle(None)


def test_or_it_is_if_the_operator_says_so(opened):
    budgets, _, _ = opened(("all", "day", 10), unpriced="allow")
    budgets.reserve(outgoing(), asking(), None).settle(None)
    assert on(budgets) == (0, 0)


def test_a_limit_added_later_knows_what_was_spent(spending, opened):
    ledger = open_ledger(spending, Heard())
    for at, key, sources, task in (
        (NOON - 10, "k1", ("shop", "x"), "write"),
        (NOON - 20, "k2", ("shopping",), "write"),
        (NOON - 30, None, (), "plan_sql"),
        (NOON - 86_400, "k1", ("shop",), "write"),
    ):
        ledger.append(attempt(at=at, key_id=key, sources=sources, task=task, cost_usd=ONE))
    ledger.append(attempt(cost_usd=None))
    budgets, _, _ = opened(
        ("all", "day", 100), ("all", "month", 100), ("key:k1", "day", 9), ("source:shop", "month", 9),
        ("task:write", "day", 9),
    )  # fmt: skip
    budgets.reserve(outgoing(), asking(), ONE).settle(ONE)
    scopes = ("all", "all", "key:k1", "source:shop", "task:write")
    assert [on(budgets, scope, number)[0] for number, scope in enumerate(scopes)] == [4, 5, 2, 3, 3]
    ledger.close()


def test_soft_and_hard_limits_are_told_once_a_period(opened):
    clock = Clock()
    budgets, alerts, _ = opened(("all", "day", 1), clock=clock)
    other, heard_too, _ = opened(("all", "day", 1), clock=clock)
    for cost in ("0.5", "0.29", "0.01", "0.1"):
        budgets.reserve(outgoing(), asking(), Decimal(cost)).settle(Decimal(cost))
    other.reserve(outgoing(), asking(), Decimal("0.1")).settle(Decimal("0.1"))
    for each in (budgets, other, budgets):
        with pytest.raises(BudgetSpent):
            each.reserve(outgoing(), asking(), Decimal("0.2"))
    assert alerts.kinds() + heard_too.kinds() == ["budget_soft", "budget_spent"]
    assert alerts.given[0].details["spent_usd"] == "0.8"
    clock.now += 86_400
    budgets.reserve(outgoing(), asking(), Decimal("0.9")).settle(Decimal("0.9"))
    assert alerts.kinds().count("budget_soft") == 2


def test_the_reservation_of_a_dead_worker_counts_as_spent_when_it_expires(opened):
    budgets, _, clock = opened(("all", "day", 2))
    budgets.reserve(outgoing(), asking(seconds=20), ONE)
    clock.now += 20 + GRACE_S - 1
    budgets.reserve(outgoing(), asking(), Decimal("0.1")).release()
    assert on(budgets) == (0, 1)
    clock.now += SWEEP_S + 2
    budgets.reserve(outgoing(), asking(), Decimal("0.1")).release()
    assert on(budgets) == (1, 0)
    with pytest.raises(BudgetSpent):
        budgets.reserve(outgoing(), asking(), Decimal("1.1"))


@pytest.mark.parametrize(("cost", "spent"), [("0.25", "0.25"), (None, "1"), ("0", "0")])
def test_a_late_settlement_corrects_what_was_counted(opened, cost, spent):
    budgets, _, clock = opened(("all", "day", 5))
    late = budgets.reserve(outgoing(), asking(seconds=0), ONE)
    clock.now += GRACE_S + SWEEP_S
    budgets.reserve(outgoing(), asking(), ONE).release()
    assert on(budgets) == (1, 0)
    late.settle(None if cost is None else Decimal(cost))
    assert on(budgets) == (Decimal(spent), 0)
    left = budgets.store.read(lambda c: c.execute(sa.select(sa.func.count()).select_from(BUDGET_RESERVATIONS)).scalar())
    assert left == 0


def test_over_midnight_a_call_is_settled_where_it_was_reserved(opened):
    budgets, _, clock = opened(("all", "day", 5))
    clock.now = NOON + 12 * 3600 - 1
    running = budgets.reserve(outgoing(), asking(), ONE)
    clock.now += 2
    running.settle(Decimal("0.5"))
    assert on(budgets, at=NOON) == (Decimal("0.5"), 0)
    assert on(budgets, at=clock.now) == (0, 0)


def test_old_accounts_are_forgotten(opened):
    budgets, _, clock = opened(("all", "day", 5))
    budgets.reserve(outgoing(), asking(), ONE).settle(ONE)
    clock.now += 200 * 86_400
    budgets.reserve(outgoing(), asking(), ONE).settle(ONE)
    assert on(budgets, at=NOON) == (0, 0)


def test_without_limits_nothing_is_stored(tmp_path):
    budgets = open_budgets(settings(tmp_path), LlmConfig(), Heard())
    budgets.reserve(outgoing(), asking(), Decimal(10**6)).settle(Decimal(10**6))
    budgets.close()
    assert not list(tmp_path.iterdir())


class TestStoreDown:
    """Closed unless the operator opens it."""

    def assert_closed(self, budgets, alerts):
        for _ in range(2):
            with pytest.raises(BudgetSpent, match="cannot be used") as raised:
                budgets.reserve(outgoing(), asking(), ONE)
            assert raised.value.resets_at is None
        assert alerts.kinds() == ["budgets_unavailable"]

    def opened(self, home, url="", **others):
        alerts = Heard()
        config = limits(("all", "day", 5), **others)
        return StoredBudgets(open_spending(settings(home, url)), config, alerts, clock=Clock()), alerts

    def test_a_closed_port(self, tmp_path):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        budgets, alerts = self.opened(tmp_path, f"postgresql://u:secret@127.0.0.1:{port}/d")
        started = time.monotonic()
        self.assert_closed(budgets, alerts)
        assert time.monotonic() - started < 3
        assert "secret" not in str(alerts.given)

    def test_a_folder_that_cannot_be_written(self, tmp_path, ordinary_user):
        folder = tmp_path / "read-only"
        folder.mkdir(0o555)
        budgets, alerts = self.opened(folder)
        with ordinary_user():
            self.assert_closed(budgets, alerts)

    @pytest.mark.parametrize("content", [b"", b"this is no database" * 100])
    def test_a_file_that_was_replaced(self, tmp_path, content):
        budgets, alerts = self.opened(tmp_path)
        budgets.reserve(outgoing(), asking(), ONE).settle(ONE)
        budgets.store._engine.dispose()
        for path in tmp_path.glob("state.db-*"):  # a log left beside it would bring the pages back
            path.unlink()
        (tmp_path / "other").write_bytes(content)
        (tmp_path / "other").replace(tmp_path / "state.db")
        self.assert_closed(budgets, alerts)

    def test_a_file_that_is_gone_is_not_made_anew(self, tmp_path):
        budgets, alerts = self.opened(tmp_path)
        running = budgets.reserve(outgoing(), asking(), ONE)
        for path in tmp_path.glob("state.db*"):
            path.unlink()
        self.assert_closed(budgets, alerts)
        running.settle(ONE)  # the answer is there: this must not raise
        assert not (tmp_path / "state.db").exists()

    def test_open_if_the_operator_says_so(self, tmp_path):
        budgets, alerts = self.opened(tmp_path, "postgresql://u@127.0.0.1:1/d", if_unavailable="open")
        budgets.reserve(outgoing(), asking(), ONE).settle(ONE)
        assert alerts.kinds() == ["budgets_unavailable"]

    def test_what_could_not_be_settled_is_settled_when_the_store_is_back(self, tmp_path):
        budgets, alerts = self.opened(tmp_path)
        running = budgets.reserve(outgoing(), asking(), ONE)
        budgets.store.close()
        aside = {path: path.rename(tmp_path / f"aside-{path.name}") for path in tmp_path.glob("state.db*")}
        running.settle(Decimal("0.25"))
        self.assert_closed(budgets, alerts)
        for path, moved in aside.items():
            moved.rename(path)
        budgets.store._down_until = 0.0
        budgets.reserve(outgoing(), asking(), ONE).release()
        assert on(budgets) == (Decimal("0.25"), 0)
        budgets.close()


class TestExhausted:
    """Where a spent budget becomes HTTP 429."""

    def test_it_says_until_when_and_nothing_else(self):
        error = exhausted(BudgetSpent("key:1a2b a day", resets_at=1_796_083_200.0))
        assert (error.status, error.code, error.resets_at) == (429, "budget_exhausted", 1_796_083_200.0)
        assert "2026-12-01 00:00:00 UTC" in error.hint
        assert "1a2b" not in error.message + error.hint

    def test_it_is_raised_only_where_questions_are_to_be_refused(self):
        spent = BudgetSpent("spent", resets_at=1.0)
        raise_if_refused(spent, limits(when_spent="embedded"))
        raise_if_refused(Unavailable("down"), limits(when_spent="refuse"))
        with pytest.raises(BudgetExhausted):
            raise_if_refused(spent, limits(when_spent="refuse"))
