"""Two server processes, two hundred questions at once, a small budget: never passed, and the ledger is exact."""

import json
import threading
import time
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from served_questions import SILENT, WRITES, ask_all, configured, home_beside
from spending_stores import settings

from app.llm.scripted import scripted_server
from app.llm.spending_store import open_spending
from app.ops.state import BUDGET_ACCOUNTS, SPENDING

BUDGET_USD = "0.2"
LIMIT_NANO = int(Decimal(BUDGET_USD) * 10**9)
MOST_SECONDS = 60
SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"


def two_hundred() -> list[str]:
    """180 questions in words of their own, 20 of them asked twice."""
    rows = [json.loads(line) for line in (SAMPLE / "questions.jsonl").read_text().splitlines()]
    asked = [row["question"].rstrip("?. ") for row in rows if row["route"] == "passages"][:36]
    worded = [f"{lead}{question}{end}" for question in asked for lead, end in WORDINGS]
    return [*worded, *worded[:100:5]]


WORDINGS = (("", "?"), ("", ""), ("", " ?"), ("Please: ", "?"), ("", "??"))


class Watched:
    """The accounts, read again and again by a thread."""

    def __init__(self, spending) -> None:
        self._store = open_spending(spending)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.seen: list[tuple[int, int]] = []

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self._done.set()
        self._thread.join(30)
        self._store.close()

    def _watch(self) -> None:
        columns = sa.select(BUDGET_ACCOUNTS.c.spent_nano, BUDGET_ACCOUNTS.c.reserved_nano)
        while not self._done.is_set():
            self.seen += [tuple(row) for row in self._store.read(lambda c: c.execute(columns).all())]
            time.sleep(0.01)


def ledger_of(spending):
    """All rows, and the accounts."""
    store = open_spending(spending)
    try:
        written = store.read(lambda c: c.execute(sa.select(SPENDING)).mappings().all())
        return written, store.read(lambda c: c.execute(sa.select(BUDGET_ACCOUNTS)).mappings().all())
    finally:
        store.close()


@pytest.mark.slow
def test_two_hundred_questions_over_two_processes_never_pass_a_budget(sample_home, tmp_path, serve, cli, spending):
    home = home_beside(sample_home, tmp_path / "served")
    url = {"ANSWERABLE_SPENDING_URL": spending.spending_url or f"sqlite:///{tmp_path / 'spending.db'}"}
    spending = settings(home, url["ANSWERABLE_SPENDING_URL"])
    budgets = {"limits": [{"scope": "all", "period": "day", "usd": BUDGET_USD}]}
    questions = two_hundred()
    with ExitStack() as open_:
        server = open_.enter_context(scripted_server({"rules": [WRITES, SILENT], "otherwise": {"auto": True}}))
        env = configured(home, server.url, budgets=budgets, cache="memory") | url
        env |= {"ANSWERABLE_WAITING": "200", "ANSWERABLE_DEADLINE_S": str(MOST_SECONDS)}
        bases = [open_.enter_context(serve(home, **env)) for _ in range(2)]
        with Watched(spending) as watched:
            told = ask_all(bases, questions)
        assert server.settled()
        received, sums = server.count, server.tokens["m"]
    cost = cli(home, "cost", "--json", **env)
    written, accounts = ledger_of(spending)

    assert len(told) == 200 and {each.status for each in told} == {200}
    assert {each.body["status"] for each in told} <= {"answered", "clarify", "refused"}
    assert max(spent + reserved for spent, reserved in watched.seen) <= LIMIT_NANO
    assert max(reserved for _, reserved in watched.seen) > 0, "nothing was seen while calls ran"

    paid = [row for row in written if row["outcome"] != "cached"]
    assert len(paid) == received == sums.requests == sums.completed
    assert sum(row["input_tokens"] for row in paid) == sums.input
    assert sum(row["output_tokens"] for row in paid) == sums.output
    assert not any(row["estimated"] for row in paid)
    assert sum(row["cost_nano"] for row in paid) == 1000 * sums.input + 4000 * sums.output
    assert [(row["spent_nano"], row["reserved_nano"]) for row in accounts] == [(sum(r["cost_nano"] for r in paid), 0)]

    with_model = {row["answer_id"] for row in written}
    asked_of = {each.body["id"] for each in told if each.by_model}
    assert asked_of == with_model and 0 < len(asked_of) < 200, "the budget was never short, or never open"
    without = [each.body for each in told if not each.by_model and each.body["status"] == "answered"]
    assert len(without) > 20 and all(body["text"] and body["usage"]["input_tokens"] == 0 for body in without)
    usage = [each.body["usage"] for each in told]
    assert sum(each["input_tokens"] for each in usage) == sums.input
    assert sum(Decimal(each["cost_usd"]) for each in usage) * 10**9 == accounts[0]["spent_nano"]

    total = json.loads(cost.stdout)["total"]
    assert (total["input_tokens"], total["output_tokens"]) == (sums.input, sums.output)
    assert Decimal(total["cost_usd"]) * 10**9 == accounts[0]["spent_nano"]
