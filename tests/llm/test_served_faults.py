"""Every fault of an endpoint, twenty askers at once over HTTP: each has its answer in time, and the ledger says why."""

import logging
import socket

import httpx
import pytest
from served_questions import (
    SECRET,
    WRITES,
    ModelledEngine,
    ask,
    ask_all,
    configured,
    holding,
    home_beside,
    p95,
    plain,
    rows,
    served,
    stream,
)  # fmt: skip

from app.api.answering import GRACE_S
from app.llm.scripted import scripted_server

pytestmark = [
    pytest.mark.filterwarnings("ignore::litestar.exceptions.LitestarDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Deprecated 'query' parameter:DeprecationWarning"),
]

QUESTIONS = [
    "How long do I have to send something back?",
    "can i return a climbing rope if i opened the packaging",
    "When will I get my refund?",
    "How do I wash a down jacket?",
    "What does express delivery cost?",
    "How do I choose the size of my boots?",
    "How long is the warranty on a headlamp?",
    "How many orders were placed in 2025?",
    "Which five products sold the most units?",
    "How many customers are there in Germany?",
    "What was the net revenue in 2025?",
    "Which country do most of our customers come from?",
    "What is the average satisfaction of support tickets about the warranty?",
    "How many returns were there in 2025?",
    "Do you offer paragliding lessons?",
    "What is our marketing budget for 2026?",
    "Which channel has the largest share of orders that fell through?",
    "Give me the mean basket size in euros by shopper nation",
    "How many visitors did the website have in May?",
    "Show me the numbers",
]
"""Answered by documents, answered by tables, and not answered without a model: every task is asked for some of them."""
DEADLINE_S = 8.0
BUSY_S = 1.0
"""What askers and answers in one process take from each other, on a machine that has other work."""
WRITTEN = WRITES["reply"]
HALF = {"match": WRITES["match"], "reply": WRITTEN | {"cut_after": 30}}
DRIPPING = {"match": WRITES["match"], "reply": WRITTEN | {"per_token_s": 0.4}}
EXTRA = {"sentences": [], "sufficient": True, "as_admin": True}

FAULTS = {
    "slow first token": ({"otherwise": {"text": "{}", "first_token_s": 30}}, {("failed", "timeout")}),
    "no response at all": ({"otherwise": {"hang": True}}, {("failed", "timeout")}),
    "wrong model name": ({"models": ["another"]}, {("refused", "unknown_model")}),
    "expired key": ({"keys": ["sk-another"]}, {("refused", "not_authenticated")}),
    "rate limited": (
        {"otherwise": {"error": {"status": 429, "retry_after": 60}}}, {("refused", "rate_limited")},
    ),
    "server errors": ({"otherwise": {"error": {"status": 500}}}, {("failed", "server_error")}),
    "not JSON": ({"otherwise": {"non_json": True}}, {("failed", "malformed")}),
    "broken JSON": ({"otherwise": {"text": "x", "malformed": True}}, {("failed", "malformed")}),
    "prose for JSON": ({"otherwise": {"text": "Sure! Here it is: {}"}}, {("invalid", "invalid")}),
    "missing fields": ({"otherwise": {"json": {"sentences": []}}}, {("invalid", "invalid")}),
    "extra fields": ({"otherwise": {"json": EXTRA}}, {("invalid", "invalid")}),
    "huge body": ({"otherwise": {"text": "x" * 1000, "huge": 9_000_000}}, {("failed", "malformed")}),
}  # fmt: skip
"""Fault -> script, and (outcome, error) of the ledger's rows."""
STREAMED = {
    "dripping stream": ({"rules": [DRIPPING], "otherwise": {"hang": True}}, {"timeout", "cut", None}),
    "half a stream": ({"rules": [HALF], "otherwise": {"drop": True}}, {"cut", "connection"}),
}


@pytest.fixture(scope="module")
def engine(sample_home, tmp_path_factory):
    home = home_beside(sample_home, tmp_path_factory.mktemp("faults") / "home")
    made = ModelledEngine(home, deadline_s=DEADLINE_S, threads=len(QUESTIONS))
    yield made
    made.close()


@pytest.fixture(scope="module")
def base(engine):
    with served(engine) as url:
        yield url


def address_of_nobody():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


@pytest.fixture(scope="module")
def without_models(engine, base):
    """Question -> its answer of the same service without a model; the service is warm afterwards."""
    engine.masked(["Ada Lovelace asks from London."])
    found = {question: ask(base, question).body for question in QUESTIONS}
    ask_all([base], QUESTIONS)
    with engine.asking(address_of_nobody()):
        ask(base, QUESTIONS[0])  # what asking models imports takes some of the deadline the first time
    return found


@pytest.fixture
def written(engine):
    """What the ledger has since the test began."""
    before = len(rows(engine.settings.home))
    return lambda: rows(engine.settings.home)[before:]


def check_in_time(told):
    assert [each.status for each in told] == [200] * len(QUESTIONS)
    assert p95([each.seconds for each in told]) <= DEADLINE_S + GRACE_S + BUSY_S


def check_as_without(told, without_models):
    for question, each in zip(QUESTIONS, told, strict=True):
        expected = without_models[question]
        assert (each.body["status"], each.body["text"]) == (expected["status"], expected["text"]), question
        assert each.body["citations"] == expected["citations"]
        assert each.body["table"] == expected["table"]
        assert each.body["versions"]["model"] is None


def check_usage(told, written):
    """Each answer's usage is the sum of its rows."""
    for each in told:
        own = [row for row in written if row["answer_id"] == each.body["id"] and row["outcome"] != "cached"]
        usage = each.body["usage"]
        assert usage["input_tokens"] == sum(row["input_tokens"] for row in own)
        assert usage["output_tokens"] == sum(row["output_tokens"] for row in own)


def test_an_endpoint_that_is_down(engine, base, without_models, written):
    with engine.asking(address_of_nobody()):
        told = ask_all([base], QUESTIONS)
    check_in_time(told)
    check_as_without(told, without_models)
    check_usage(told, written())
    assert {(row["outcome"], row["error"]) for row in written()} == {("failed", "connection")}
    assert all(row["cost_nano"] == 0 for row in written())


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_leaves_the_answers_of_the_service_without_a_model(engine, base, without_models, written, fault):
    script, expected = FAULTS[fault]
    with scripted_server(script) as server, engine.asking(server.url):
        told = ask_all([base], QUESTIONS)
        assert server.settled()
        received = server.count
    check_in_time(told)
    check_as_without(told, without_models)
    attempts = written()
    check_usage(told, attempts)
    assert {(row["outcome"], row["error"]) for row in attempts} == expected
    assert len(attempts) == received > 0
    produced = {row["error"] for row in attempts if row["estimated"]}
    assert produced <= {"timeout", "malformed"}, "where something may have been produced, tokens are estimated"


@pytest.mark.parametrize("fault", STREAMED)
def test_a_stream_that_breaks_off_goes_on_with_the_embedded_answer(engine, base, without_models, written, fault):
    script, expected = STREAMED[fault]
    with scripted_server(script) as server, engine.asking(server.url):
        told = ask_all([base], QUESTIONS, stream)
        assert server.settled()
    check_in_time(told)
    for question, each in zip(QUESTIONS, told, strict=True):
        assert each.text == each.body["text"]
        assert each.body["status"] == without_models[question]["status"], question
        assert plain(each.text).endswith(plain(without_models[question]["text"]))
    check_usage(told, written())
    assert {row["error"] for row in written()} <= expected | {"timeout"}
    assert any(row["outcome"] == "cut" for row in written()), "no stream broke off: the test shows nothing"


def test_an_expired_key_is_never_told(sample_home, tmp_path, serve, cli):
    home = home_beside(sample_home, tmp_path / "home")
    with scripted_server({"keys": ["sk-another"]}) as server:
        env = configured(home, server.url) | {"ANSWERABLE_LOG_LEVEL": "debug"}
        with serve(home, **env) as base:
            told = [ask(base, question) for question in (QUESTIONS[0], QUESTIONS[7], QUESTIONS[16])]
            traced = httpx.get(f"{base}/v1/answers/{told[0].body['id']}", timeout=30)
            metrics = httpx.get(f"{base}/metrics", timeout=30)
        assert all(each.headers["authorization"] == f"Bearer {SECRET}" for each in server.received)
    assert {(row["outcome"], row["error"]) for row in rows(home)} == {("refused", "not_authenticated")}
    cost, traces = cli(home, "cost", "--json", **env), cli(home, "trace", "list", **env)
    assert cost.returncode == traces.returncode == 0
    said = [str(each.body) + str(each.headers) for each in told]
    said += [traced.text, metrics.text, cost.stdout, cost.stderr, traces.stdout, traces.stderr]
    assert not [text for text in said if SECRET in text]
    assert {"state.db", "llm.yaml"} < {path.name for path in home.iterdir()} and holding(home, SECRET) == []
    assert "not_authenticated" in next(iter(home.glob("server-*.log"))).read_text()


def test_a_resting_model_is_not_waited_for(engine, base, without_models, written, caplog):
    caplog.set_level(logging.DEBUG)
    with scripted_server({"otherwise": {"hang": True}}) as server, engine.asking(server.url):
        first = ask_all([base], QUESTIONS[:8])
        before = server.count
        later = ask_all([base], QUESTIONS[8:14])
        assert server.count == before
    statuses = [each.body["status"] for each in (*first, *later)]
    assert statuses == [without_models[question]["status"] for question in QUESTIONS[:14]]
    assert min(each.seconds for each in first) > DEADLINE_S / 2 > p95([each.seconds for each in later])
    assert SECRET not in caplog.text and len(written()) == before
