"""The ledger: exact, complete, and refused any change by the database itself."""

import secrets
from decimal import Decimal

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from spending_stores import NOON, Heard, asking, attempt, limits, outgoing, settings

from app.errors import ConfigurationError
from app.llm.budgets import StoredBudgets
from app.llm.ledger import open_ledger
from app.llm.money import MOST_NANO, nano, shown, usd
from app.llm.spending_store import SpendingUnavailable, open_spending
from app.llm.values import TokenCount
from app.ops.state import SPENDING


def rows(ledger):
    return ledger.store.read(lambda c: c.execute(sa.select(SPENDING).order_by(SPENDING.c.id)).all())


@pytest.fixture
def ledger(spending):
    opened = open_ledger(spending, Heard())
    yield opened
    opened.close()


def test_a_row_holds_all_of_an_attempt(ledger):
    ledger.append(
        attempt(
            outcome="cut",
            tokens=TokenCount(input=7, output=3, cached_input=5, estimated=True),
            cost_usd=Decimal("0.000000001"),
            saved_usd=Decimal("12.345678901"),
            sources=("b", "a", "a"),
            duration_s=1.5,
            first_token_s=0.25,
            purpose="retry 1",
            error="cut",
        )
    )
    row = rows(ledger)[0]._asdict()
    assert row.pop("id") == 1
    assert row == {
        "answer_id": "a1", "at": NOON, "task": "write", "prompt": "write@1234", "provider": "main",
        "model": "gpt-5-mini", "outcome": "cut", "input_tokens": 7, "output_tokens": 3, "cached_input_tokens": 5,
        "estimated": 1, "cost_nano": 1, "saved_nano": 12_345_678_901, "key_id": "k1", "sources": '["a","b"]',
        "duration_s": 1.5, "first_token_s": 0.25, "purpose": "retry 1", "error": "cut",
    }  # fmt: skip


def test_no_price_is_null_and_nothing_is_zero(ledger):
    ledger.append(attempt(cost_usd=None))
    ledger.append(attempt(cost_usd=Decimal(0), saved_usd=Decimal("0.1"), outcome="cached"))
    assert [(row.cost_nano, row.saved_nano) for row in rows(ledger)] == [(None, None), (0, 100_000_000)]


@pytest.mark.parametrize(
    "statement",
    ["UPDATE spending SET cost_nano = 0", "DELETE FROM spending", "DELETE FROM spending WHERE id = 1"],
)
def test_the_database_refuses_changes(ledger, statement):
    ledger.append(attempt())
    with pytest.raises(SpendingUnavailable):
        ledger.store.write(lambda c: c.exec_driver_sql(statement))
    assert rows(ledger)[0].cost_nano == 450_000


@pytest.mark.service
def test_postgresql_refuses_to_empty_the_table(postgres_url, tmp_path):
    ledger = open_ledger(settings(tmp_path, postgres_url), Heard())
    ledger.append(attempt())
    with pytest.raises(SpendingUnavailable):
        ledger.store.write(lambda c: c.exec_driver_sql("TRUNCATE spending"))
    assert rows(ledger)
    ledger.close()


@pytest.mark.service
def test_a_role_with_the_least_rights_is_enough_and_cannot_lift_the_refusal(postgres_url, tmp_path):
    owner = open_ledger(settings(tmp_path, postgres_url), Heard())
    owner.append(attempt())
    role = f"spender_{secrets.token_hex(4)}"
    grants = (
        f"CREATE ROLE {role} LOGIN",
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"GRANT SELECT, INSERT ON spending TO {role}",
        f"GRANT USAGE ON SEQUENCE spending_id_seq TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON budget_accounts, budget_reservations, budget_alerts TO {role}",
    )
    owner.store.write(lambda c: [c.exec_driver_sql(statement) for statement in grants])
    restricted = settings(tmp_path, sa.make_url(postgres_url).set(username=role).render_as_string())
    ledger = open_ledger(restricted, Heard())
    before = len(rows(ledger))
    ledger.append(attempt())
    budgets = StoredBudgets(open_spending(restricted), limits(("all", "day", 5)), Heard())
    budgets.reserve(outgoing(), asking(), Decimal(1)).settle(Decimal("4.5"))
    assert len(rows(ledger)) == before + 1
    with pytest.raises(SpendingUnavailable):
        ledger.purge(NOON + 1)
    for part in (budgets, ledger):
        part.close()
    owner.store.write(lambda c: c.exec_driver_sql(f"DROP OWNED BY {role}; DROP ROLE {role}"))
    owner.close()


def test_a_second_opening_keeps_rows_and_refusal(spending, ledger):
    ledger.append(attempt())
    again = open_ledger(spending, Heard())
    again.append(attempt())
    assert len(rows(again)) == 2
    with pytest.raises(SpendingUnavailable):
        again.store.write(lambda c: c.exec_driver_sql("DELETE FROM spending"))
    again.close()


def test_a_purge_deletes_what_is_older_and_refuses_afterwards(ledger):
    for at in (NOON - 100, NOON - 1, NOON):
        ledger.append(attempt(at=at))
    assert ledger.purge(NOON) == 2
    assert [row.at for row in rows(ledger)] == [NOON]
    with pytest.raises(SpendingUnavailable):
        ledger.store.write(lambda c: c.exec_driver_sql("DELETE FROM spending"))
    ledger.append(attempt())
    assert [row.id for row in rows(ledger)] == [3, 4]


@pytest.mark.parametrize("name", ["a\x00b", "half \ud800 pair", "'; DROP TABLE spending; --", "\u202e=1+1", ""])
def test_odd_names_are_kept_and_lose_no_row(ledger, name):
    ledger.append(attempt(model=name, provider=name, key_id=name, sources=(name,), error=name))
    assert len(rows(ledger)) == 1
    assert ledger.waiting == 0


def test_absurd_counts_are_bounded(ledger):
    ledger.append(attempt(tokens=TokenCount(input=10**30, output=-5, cached_input=10**40), cost_usd=Decimal("1e30")))
    row = rows(ledger)[0]
    assert (row.input_tokens, row.output_tokens, row.cached_input_tokens) == (10_000_000, 0, 10_000_000)
    assert row.cost_nano == MOST_NANO


def test_the_observer_hears_of_each_attempt(spending):
    heard = []
    ledger = open_ledger(spending, Heard(), heard.append)
    ledger.append(attempt(answer_id="a7"))
    assert [each.answer_id for each in heard] == ["a7"]
    ledger.close()


def test_rows_wait_in_memory_while_the_store_is_down(tmp_path):
    alerts = Heard()
    ledger = open_ledger(settings(tmp_path), alerts)
    ledger.append(attempt())
    state = tmp_path / "state.db"
    ledger.store.close()
    aside = {path: path.rename(tmp_path / f"aside-{path.name}") for path in tmp_path.glob("state.db*")}
    ledger.append(attempt(answer_id="a2"))
    ledger.append(attempt(answer_id="a3"))
    assert ledger.waiting == 2
    assert alerts.kinds() == ["ledger_unavailable"]
    assert not state.exists(), "a store must not be made anew while the service runs"
    for path, moved in aside.items():
        moved.rename(path)
    ledger.store._down_until = 0.0
    ledger.append(attempt(answer_id="a4"))
    assert [row.answer_id for row in rows(ledger)] == ["a1", "a2", "a3", "a4"]
    ledger.close()


@pytest.mark.parametrize(
    "url",
    ["nonsense", "mysql://u:secret@h/d", "postgresql://u:secret@h:port/d", "sqlite://", "postgresql://u:secret@h"],
)
def test_a_wrong_url_stops_the_start_without_showing_it(tmp_path, url):
    with pytest.raises(ConfigurationError, match="ANSWERABLE_SPENDING_URL") as raised:
        open_ledger(settings(tmp_path, url), Heard())
    assert "secret" not in raised.value.message + raised.value.hint


def test_the_file_is_its_owners_alone(tmp_path):
    ledger = open_ledger(settings(tmp_path, f"sqlite:///{tmp_path}/other/money.db"), Heard())
    ledger.append(attempt())
    assert (tmp_path / "other" / "money.db").stat().st_mode & 0o077 == 0
    ledger.close()


@hypothesis_settings(deadline=None)
@given(st.integers(0, MOST_NANO))
def test_amounts_are_exact_there_and_back(amount):
    assert nano(usd(amount)) == amount
    assert Decimal(shown(amount)) == usd(amount)


@pytest.mark.parametrize(
    ("dollars", "expected"),
    [("0.0000000001", 1), ("0.0000000375", 38), ("1", 10**9), ("-1", 0), ("NaN", MOST_NANO), ("Infinity", MOST_NANO)],
)
def test_part_of_a_nano_dollar_counts_as_a_whole(dollars, expected):
    assert nano(Decimal(dollars)) == expected
