"""Days and months begin when the calendar of the time zone says so."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from spending_stores import Clock, Heard, asking, limits, outgoing, settings

from app.errors import ConfigurationError
from app.llm.budgets import StoredBudgets, open_budgets
from app.llm.config import BudgetConfig, LlmConfig
from app.llm.errors import BudgetSpent
from app.llm.limits import checked_limits
from app.llm.periods import period_at
from app.llm.spending_store import open_spending

BERLIN = ZoneInfo("Europe/Berlin")


def at(text, zone=UTC):
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


@pytest.mark.parametrize(
    ("moment", "name", "hours"),
    [
        ("2026-03-29T12:00", "2026-03-29", 23),  # clocks go forward
        ("2026-10-25T00:30", "2026-10-25", 25),  # clocks go back
        ("2026-10-25T23:59", "2026-10-26", 24),  # 00:59 in Berlin
        ("2026-12-31T23:00", "2027-01-01", 24),
        ("2026-12-31T22:59", "2026-12-31", 24),
    ],
)
def test_days_in_berlin(moment, name, hours):
    day = period_at(at(moment), "day", BERLIN)
    assert (day.name, (day.ends_at - day.starts_at) / 3600) == (name, hours)


@pytest.mark.parametrize(
    ("moment", "name", "hours"),
    [
        ("2026-03-15T12:00", "2026-03", 31 * 24 - 1),
        ("2026-10-15T12:00", "2026-10", 31 * 24 + 1),
        ("2026-02-28T23:30", "2026-03", 31 * 24 - 1),
        ("2028-02-10T12:00", "2028-02", 29 * 24),
        ("2026-12-31T22:30", "2026-12", 31 * 24),
    ],
)
def test_months_in_berlin(moment, name, hours):
    month = period_at(at(moment), "month", BERLIN)
    assert (month.name, (month.ends_at - month.starts_at) / 3600) == (name, hours)


def test_a_day_without_midnight_begins_at_one():
    day = period_at(at("2018-11-04T12:00"), "day", ZoneInfo("America/Sao_Paulo"))
    assert datetime.fromtimestamp(day.starts_at, ZoneInfo("America/Sao_Paulo")).hour == 1
    assert day.ends_at - day.starts_at == 23 * 3600


ZONES = ["Europe/Berlin", "America/Sao_Paulo", "America/Havana", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"]


@hypothesis_settings(deadline=None)
@given(st.floats(0, 4e9), st.sampled_from(ZONES), st.sampled_from(["day", "month"]))
def test_periods_hold_their_moment_and_follow_one_another(moment, name, kind):
    zone = ZoneInfo(name)
    period = period_at(moment, kind, zone)
    assert period.starts_at <= moment < period.ends_at
    assert period_at(period.ends_at, kind, zone).starts_at == period.ends_at
    assert period_at(period.starts_at, kind, zone) == period


@pytest.mark.parametrize("kind", ["day", "month"])
def test_a_spent_budget_is_open_again_when_the_period_ends_in_berlin(tmp_path, kind):
    clock = Clock(at("2026-10-25T00:30"))
    config = limits(("all", kind, 1), time_zone="Europe/Berlin")
    budgets = StoredBudgets(open_spending(settings(tmp_path)), config, Heard(), clock=clock)
    budgets.reserve(outgoing(), asking(), Decimal(1)).settle(Decimal(1))
    with pytest.raises(BudgetSpent) as raised:
        budgets.reserve(outgoing(), asking(), Decimal("0.1"))
    expected = {"day": at("2026-10-25T23:00"), "month": at("2026-10-31T23:00")}
    assert raised.value.resets_at == expected[kind]
    clock.now = raised.value.resets_at - 1
    with pytest.raises(BudgetSpent):
        budgets.reserve(outgoing(), asking(), Decimal("0.1"))
    clock.now += 1
    budgets.reserve(outgoing(), asking(), Decimal("0.1")).settle(Decimal("0.1"))
    budgets.close()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (BudgetConfig(time_zone="Europe/Bielefeld"), "budgets.time_zone"),
        (BudgetConfig(time_zone="../../etc/passwd"), "budgets.time_zone"),
        (BudgetConfig(time_zone=""), "budgets.time_zone"),
        (limits(("everybody", "day", 1)), "limits\\[0\\]"),
        (limits(("all", "day", 1), ("key:", "day", 1)), "limits\\[1\\]"),
        (limits(("user:*", "day", 1)), "scope"),
        (limits(("task:think", "day", 1)), "think"),
        (limits(("all", "day", -1)), "usd"),
        (limits(("all", "day", "NaN")), "usd"),
        (limits(("all", "day", "1e12")), "usd"),
    ],
)
def test_wrong_budgets_stop_the_start(tmp_path, config, said):
    with pytest.raises(ConfigurationError, match=said):
        open_budgets(settings(tmp_path), LlmConfig(budgets=config), Heard())


def test_every_kind_of_scope_is_allowed():
    scopes = ("all", "key:1a2b", "key:*", "source:shop", "source:*", "task:write", "task:*")
    assert len(checked_limits(limits(*((scope, "day", 0) for scope in scopes)))) == len(scopes)
