"""A model that writes, over HTTP: streams, readers who go, budgets that are spent or down, caches, and what they cost."""

import json
import time
from decimal import Decimal

import httpx
import pytest
from served_questions import (
    CLIENT,
    SILENT,
    WRITES,
    ModelledEngine,
    ask,
    configured,
    events,
    home_beside,
    rows,
    served,
    stream,
)  # fmt: skip

from app.llm.scripted import scripted_server

pytestmark = pytest.mark.filterwarnings("ignore::litestar.exceptions.LitestarDeprecationWarning")
QUESTION = "When will I get my refund?"
TABLES = "How many orders were placed in 2025?"
WRITTEN = WRITES["reply"]
SLOW = {"match": WRITES["match"], "reply": WRITTEN | {"per_token_s": 0.02}}
SPENT = {"limits": [{"scope": "all", "period": "day", "usd": "0.000001"}]}


@pytest.fixture(scope="module")
def engine(sample_home, tmp_path_factory):
    home = home_beside(sample_home, tmp_path_factory.mktemp("models") / "home")
    made = ModelledEngine(home, answer_cache_s=60)
    made.masked(["Ada Lovelace asks from London."])
    yield made
    made.close()


@pytest.fixture(scope="module")
def base(engine):
    with served(engine) as url:
        ask(url, QUESTION)
        yield url


@pytest.fixture
def written(engine):
    """What the ledger has since the test began."""
    before = len(rows(engine.settings.home))
    return lambda: rows(engine.settings.home)[before:]


def test_a_stream_tells_the_model_s_words_as_they_come(engine, base, written):
    with scripted_server([SLOW]) as server, engine.asking(server.url):
        told = stream(base, QUESTION)
        tokens = server.tokens["m"]
    assert told.text == told.body["text"] and told.by_model
    assert told.first_event_s < 0.5 < told.first_text_s <= told.seconds
    assert {"write", "total"} <= told.body["timing_ms"].keys()
    assert told.body["timing_ms"]["total"] >= told.body["timing_ms"]["write"] > 500
    usage, row = told.body["usage"], written()[0]
    assert (usage["input_tokens"], usage["output_tokens"]) == (tokens.input, tokens.output)
    assert (row["input_tokens"], row["output_tokens"], row["estimated"]) == (tokens.input, tokens.output, 0)
    assert told.body["versions"]["prompts"] == {"write": row["prompt"]}
    assert told.body["versions"]["model"] == "main/m" and row["first_token_s"] > 0
    assert Decimal(usage["cost_usd"]) * 10**9 == row["cost_nano"] == 1000 * tokens.input + 4000 * tokens.output


@pytest.mark.parametrize("streamed", [True, False])
def test_a_reader_who_goes_ends_the_request_within_a_second(engine, base, written, streamed):
    question = "What does express delivery cost?" if streamed else "How do I choose the size of my boots?"
    slow = {"match": {"schema": "write"}, "reply": WRITTEN | {"json": {"x": "y " * 200}, "per_token_s": 0.05}}
    slow["reply"] |= {} if streamed else {"delay_s": 20}
    with scripted_server([slow]) as server, engine.asking(server.url):
        if streamed:
            with CLIENT.stream("POST", f"{base}/v1/ask", json={"question": question, "stream": True}) as reply:
                for name, content in events(reply):
                    if (name, content.get("stage")) == ("status", "writing"):
                        _wait_until(lambda: server.count == 1)
                        time.sleep(0.3)
                        break
        else:
            with pytest.raises(httpx.ReadTimeout):
                ask(base, question, timeout_s=1.5)
        gone = time.monotonic()
        assert server.settled(1.0), "the request goes on although nobody waits for it"
        assert time.monotonic() - gone < 1
        assert [each.outcome for each in server.received] == ["cut" if streamed else "abandoned"]
    _wait_until(lambda: len(written()) == 1)
    assert [(row["outcome"], row["error"]) for row in written()] == [("cancelled", "cancelled")]


def _wait_until(holds, seconds=5.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_spent_budget_is_429_where_that_is_wanted(engine, base, written):
    dear = WRITES | {"reply": WRITTEN | {"usage": {"prompt_tokens": 200_000}}}
    budgets = {"limits": [{"scope": "task:write", "period": "day", "usd": "0.2"}], "when_spent": "refuse"}
    with scripted_server([dear]) as server, engine.asking(server.url, budgets=budgets):
        first = ask(base, QUESTION)
        told = ask(base, "When will I get my refund")
        heard = stream(base, "When will I get my refund")
        assert server.count == 1
    assert (first.status, first.by_model) == (200, True)
    assert told.status == 429 and told.body["error"]["code"] == "budget_exhausted"
    assert 0 < int(told.headers["retry-after"]) <= 86_400
    assert heard.body["error"]["code"] == "budget_exhausted" and heard.text == ""
    assert [(row["outcome"], row["input_tokens"]) for row in written()] == [("ok", 200_000)]


@pytest.mark.parametrize("question", [QUESTION, TABLES, "Give me the mean basket size in euros by shopper nation"])
def test_a_spent_budget_is_the_answer_without_a_model_otherwise(engine, base, written, question):
    without = ask(base, question).body
    with scripted_server([WRITES]) as server, engine.asking(server.url, budgets=SPENT):
        told = ask(base, question).body
        assert server.count == 0
    assert (told["status"], told["text"]) == (without["status"], without["text"])
    assert told["usage"] == without["usage"] and told["versions"]["model"] is None and written() == []


def test_without_the_store_of_budgets_no_model_is_asked(sample_home, tmp_path):
    home = home_beside(sample_home, tmp_path / "home")
    engine = ModelledEngine(home, spending_url="postgresql+psycopg://nobody@127.0.0.1:9/none")
    budgets = {"limits": [{"scope": "all", "period": "day", "usd": 5}]}
    with served(engine) as base:
        without = ask(base, QUESTION).body
        with scripted_server([WRITES]) as server, engine.asking(server.url, budgets=budgets):
            told = ask(base, QUESTION)
            assert server.count == 0
    engine.close()
    assert told.status == 200 and told.body["text"] == without["text"] and told.seconds < 10


def test_kept_replies_and_kept_answers_are_told_with_what_they_saved(engine, base, written):
    question = "How long is the warranty on a headlamp?"
    with scripted_server([WRITES, SILENT]) as server, engine.asking(server.url, cache="memory"):
        first = ask(base, question).body
        reply_kept = ask(base, question, threshold=0.59).body
        answer_kept = ask(base, question).body
        tokens = server.tokens["m"]
    assert first["text"] == reply_kept["text"] == answer_kept["text"] and first["usage"]["input_tokens"] > 0
    assert len({first["id"], reply_kept["id"], answer_kept["id"]}) == 3
    paid, *cached = written()
    assert (paid["outcome"], paid["cost_nano"]) == ("ok", 1000 * tokens.input + 4000 * tokens.output)
    assert tokens.requests == 1
    assert [row["answer_id"] for row in cached] == [reply_kept["id"], answer_kept["id"]]
    for row in cached:
        assert (row["outcome"], row["cost_nano"], row["saved_nano"]) == ("cached", 0, paid["cost_nano"])
    for body in (reply_kept, answer_kept):
        assert body["usage"] == {"input_tokens": 0, "output_tokens": 0, "cost_usd": "0"}
        assert body["versions"] == first["versions"]


def test_the_command_tells_what_the_server_counted(sample_home, tmp_path, serve, cli):
    home = home_beside(sample_home, tmp_path / "home")
    with scripted_server({"rules": [WRITES, SILENT], "otherwise": {"auto": True}}) as server:
        env = configured(home, server.url, cache="memory")
        with serve(home, **env) as base:
            told = [ask(base, each) for each in (QUESTION, TABLES, QUESTION, "Do you offer paragliding lessons?")]
        tokens = server.tokens["m"]
    total = json.loads(cli(home, "cost", "--json", **env).stdout)["total"]
    assert (total["input_tokens"], total["output_tokens"]) == (tokens.input, tokens.output)
    assert Decimal(total["cost_usd"]) * 10**6 == tokens.input + 4 * tokens.output
    assert sum(each.body["usage"]["input_tokens"] for each in told) == tokens.input
    paid = [row for row in rows(home) if row["outcome"] != "cached"]
    assert len(paid) == server.count and len(rows(home)) > len(paid)
