"""Embeddings by an endpoint in the ledger and the budgets: a scripted server, real stores, the command, the service."""

import json
import logging
import threading
import urllib.request
from datetime import date
from decimal import Decimal

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from app.answer import answer
from app.commands.ingest import app
from app.engine import Engine
from app.errors import ConfigurationError
from app.llm.asked_by import asked_by
from app.llm.embeddings import open_embedding_spending
from app.llm.scripted import scripted_server
from app.llm.spending_store import open_spending
from app.ops.state import SPENDING
from app.settings import Settings
from app.values import Caller, Deadline, Question
from ingest.embedder import EmbeddingError, open_embedder
from ingest.embedding import endpoint
from ingest.embedding.metering import EmbeddingRequest
from tests.conftest import serving

WORKS = {"match": {"endpoint": "embeddings"}, "reply": {"text": "-"}}
TEXTS = ["Pitch a tent away from trees.", "Wax leather boots twice a year.", "Ünïcödé: 北京 🏕"]


@pytest.fixture(autouse=True)
def names_are_not_looked_for(monkeypatch):
    """Masking has tests of its own."""

    class Blind:
        def detect(self, texts, **_):
            return [[] for _ in texts]

    monkeypatch.setattr("ingest.pii.open_detector", Blind)
    monkeypatch.setattr(endpoint.time, "sleep", lambda _: None)


def configuration(home, server, limits="", price="0.02", **budgets):
    """Settings of a home that embeds at a server, with a price in US dollars a million tokens."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / "llm.yaml"
    host = f"127.0.0.1:{server.port}"
    prices = f"prices: {{'{host}/small': {{input: {price}, output: 0}}}}\n" if price else ""
    more = "".join(f"  {name}: {value}\n" for name, value in budgets.items())
    path.write_text(f"{prices}budgets:\n  limits: [{limits}]\n{more}")
    return Settings(home=home, llm_config=path, embedding_model=f"{server.url}#small")


def rows(settings):
    store = open_spending(settings)
    try:
        return store.read(lambda c: c.execute(sa.select(SPENDING).order_by(SPENDING.c.id)).all())
    finally:
        store.close()


class Opened:
    """An embedder with its meter."""

    def __init__(self, settings, source=None):
        self.attempts = []
        self._spending = open_embedding_spending(settings, self.attempts.append)
        meter = self._spending.of_source(source) if source else self._spending.of_questions()
        self.embedder = open_embedder(settings.embedding_model, settings.cache, meter)

    def __enter__(self):
        return self.embedder

    def __exit__(self, *_):
        self.embedder.close()
        self._spending.close()


def test_every_request_is_a_row_with_the_tokens_that_the_server_counts(tmp_path):
    with scripted_server([WORKS]) as server:
        settings = configuration(tmp_path, server)
        with Opened(settings, "pages") as embedder:
            embedder.embed(TEXTS * 50)
        asked = server.tokens["small"]
    found = rows(settings)
    assert len(found) == asked.requests == 4, "one for the dimension, three batches"
    assert sum(row.input_tokens for row in found) == asked.input > 0
    assert sum(row.cost_nano for row in found) == asked.input * 20
    first = found[0]
    assert (first.task, first.prompt, first.model, first.outcome, first.estimated) == ("embed", "", "small", "ok", 0)
    assert first.provider == f"127.0.0.1:{server.port}"
    assert json.loads(first.sources) == ["pages"]
    assert first.output_tokens == 0 and first.duration_s > 0


def test_what_is_not_reported_is_estimated_and_marked(tmp_path):
    silent = {"match": {"endpoint": "embeddings"}, "reply": {"text": "-", "usage": False}}
    with scripted_server([silent]) as server:
        settings = configuration(tmp_path, server)
        with Opened(settings) as embedder:
            embedder.embed(["twelve bytes"])
    assert [(row.input_tokens, row.estimated, row.cost_nano) for row in rows(settings)] == [(3, 1, 60), (4, 1, 80)]


def test_half_of_a_surrogate_pair_can_be_reserved_and_estimated(tmp_path):
    attempts = []
    spending = open_embedding_spending(
        Settings(home=tmp_path, embedding_model="https://models.example/v1#small"), attempts.append
    )
    request = EmbeddingRequest("models.example", "small", ["\ud800"], timeout_s=3)
    spending.of_questions().began(request).ended(None)
    spending.close()
    assert attempts[0].tokens.input == 1 and attempts[0].tokens.estimated


@pytest.mark.parametrize(
    ("reply", "outcome", "error", "estimated"),
    [
        ({"error": {"status": 401}}, "refused", "not_authenticated", 0),
        ({"error": {"status": 404}}, "refused", "unknown_model", 0),
        ({"error": {"status": 400}}, "refused", "bad_request", 0),
        ({"error": {"status": 429, "retry_after": 0}}, "refused", "rate_limited", 0),
        ({"error": {"status": 503}}, "failed", "server_error", 1),
        ({"non_json": True}, "invalid", "malformed", 1),
        ({"malformed": True, "text": "-"}, "invalid", "malformed", 1),
        ({"drop": True}, "failed", "connection", 1),
    ],
)
def test_a_failed_request_is_a_row_with_its_fault(tmp_path, reply, outcome, error, estimated):
    failing = {"match": {"endpoint": "embeddings", "contains": "boots"}, "reply": reply}
    with scripted_server([failing, WORKS]) as server:
        settings = configuration(tmp_path, server, "{scope: all, period: day, usd: 1}")
        with Opened(settings) as embedder:
            assert not embedder.embed_query(TEXTS[1]).any()
    last = rows(settings)[-1]
    assert (last.outcome, last.error, last.estimated) == (outcome, error, estimated)
    assert (last.input_tokens > 0) == (last.cost_nano > 0) == bool(estimated)


def test_a_retry_is_a_row_of_its_own(tmp_path):
    flaky = {
        "match": {"endpoint": "embeddings", "contains": "boots"},
        "sequence": [{"error": {"status": 429, "retry_after": 0}}, {"text": "-"}],
    }
    with scripted_server([flaky, WORKS]) as server:
        settings = configuration(tmp_path, server)
        with Opened(settings) as embedder:
            embedder.embed([TEXTS[1]])
    assert [(row.outcome, row.purpose) for row in rows(settings)] == [("ok", ""), ("refused", ""), ("ok", "retry 1")]


@pytest.mark.parametrize("scope", ["all", "task:embed", "source:pages", "source:*"])
def test_a_spent_budget_stops_sending_and_says_until_when(tmp_path, scope):
    with scripted_server([WORKS]) as server:
        settings = configuration(tmp_path, server, f"{{scope: '{scope}', period: month, usd: 0.000003}}")
        with Opened(settings, "pages") as embedder:
            with pytest.raises(EmbeddingError) as caught:
                for _ in range(100):
                    embedder.embed([TEXTS[0]])
            sent = server.count
            with pytest.raises(EmbeddingError):
                embedder.embed([TEXTS[0]])
            assert server.count == sent
    assert caught.value.message.startswith(f"Nothing was sent to 127.0.0.1:{server.port} for embeddings. The budget is")
    assert "Try again after 20" in caught.value.hint
    spent = sum(row.cost_nano for row in rows(settings))
    assert 0 < spent <= 3_000


def test_a_question_is_then_searched_by_its_words(tmp_path, caplog):
    with scripted_server([WORKS]) as server:
        settings = configuration(tmp_path, server, "{scope: 'task:embed', period: day, usd: 0.000003}")
        with Opened(settings) as embedder, caplog.at_level(logging.WARNING):
            vectors = [embedder.embed_query(f"How often to wax boots? {n}").any() for n in range(40)]
    assert vectors[0] and not vectors[-1]
    assert "searching by words alone" in caplog.text and "boots" not in caplog.text


def test_a_model_without_a_price_is_not_asked_where_a_budget_applies(tmp_path):
    with scripted_server([WORKS]) as server:
        settings = configuration(tmp_path, server, "{scope: all, period: day, usd: 1}", price="")
        with pytest.raises(EmbeddingError, match="no known price") as caught:
            Opened(settings)
        assert server.count == 0
        assert f"127.0.0.1:{server.port}/" in caught.value.hint
        allowed = configuration(tmp_path, server, "{scope: all, period: day, usd: 1}", price="", unpriced="allow")
        with Opened(allowed) as embedder:
            embedder.embed(TEXTS)
    assert [row.cost_nano for row in rows(allowed)] == [None, None]


def test_without_a_configuration_of_models_rows_are_written_all_the_same(tmp_path):
    with scripted_server([WORKS]) as server:
        settings = Settings(home=tmp_path, embedding_model=f"{server.url}#small")
        opened = Opened(settings)
        with opened as embedder:
            embedder.embed(TEXTS)
    assert [row.cost_nano for row in rows(settings)] == [None, None]
    assert len(opened.attempts) == 2, "the metrics are told"


def test_a_public_endpoint_has_its_listed_price(tmp_path):
    attempts = []
    settings = Settings(home=tmp_path, embedding_model="https://api.openai.com/v1#text-embedding-3-small")
    spending = open_embedding_spending(settings, attempts.append)
    request = EmbeddingRequest("api.openai.com", "text-embedding-3-small", ["How far?"], timeout_s=3)
    spending.of_questions().began(request).ended(1_000_000)
    spending.close()
    assert attempts[0].cost_usd == Decimal("0.02"), "as OpenAI's page of prices has it"


def test_a_ledger_that_is_down_stops_sending_where_a_budget_applies(tmp_path):
    with scripted_server([WORKS]) as server:
        settings = configuration(tmp_path / "home", server, "{scope: all, period: day, usd: 1}")
        (tmp_path / "file").write_text("")
        broken = Settings(
            home=tmp_path / "home", llm_config=settings.llm_config, embedding_model=settings.embedding_model,
            spending_url=f"sqlite:///{tmp_path}/file/none.db",
        )  # fmt: skip
        with pytest.raises(EmbeddingError, match="store of budgets cannot be used"):
            Opened(broken)
        assert server.count == 0


def test_many_threads_on_a_small_budget_never_pass_it(tmp_path):
    with scripted_server([WORKS]) as server:
        settings = configuration(tmp_path, server, "{scope: all, period: month, usd: 0.000005}")
        with Opened(settings) as embedder:
            threads = [
                threading.Thread(target=lambda n=n: [embedder.embed_query(f"text {n} {k}") for k in range(25)])
                for n in range(8)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        asked = server.tokens["small"]
    found = rows(settings)
    assert sum(row.input_tokens for row in found) == asked.input
    assert sum(row.cost_nano for row in found) <= 5_000
    assert len(found) == asked.requests < 201, "the budget held nothing back"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prices: {other.example/small: {input: 1, output: 1}}", "prices.other.example/small"),
        ("budgets: {limits: [{scope: 'task:embedding', period: day, usd: 1}]}", "embed"),
    ],
)
def test_a_configuration_for_embeddings_alone_is_checked(tmp_path, text, said):
    path = tmp_path / "llm.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        open_embedding_spending(
            Settings(home=tmp_path, llm_config=path, embedding_model="https://embeddings.example/v1#small")
        )
    assert said in caught.value.message + caught.value.hint


@pytest.fixture
def pages(tmp_path):
    folder = tmp_path / "pages"
    folder.mkdir()
    for name, text in zip(("tents", "boots"), TEXTS, strict=False):
        (folder / f"{name}.md").write_text(f"# {name.title()}\n\n{text}\n", encoding="utf-8")
    return folder


def test_the_command_and_the_service_write_to_the_ledger_of_their_home(tmp_path, pages, cli):
    home = tmp_path / "home"
    with scripted_server([WORKS]) as server:
        settings = configuration(home, server, "{scope: 'source:pages', period: month, usd: 0.1}")
        env = {"ANSWERABLE_EMBEDDING_MODEL": settings.embedding_model, "ANSWERABLE_LLM_CONFIG": str(home / "llm.yaml")}
        added = cli(tmp_path / "elsewhere", "ingest", "add", str(pages), "--home", str(home), **env)
        assert added.returncode == 0, added.stdout + added.stderr
        ingested = rows(settings)
        assert sum(row.input_tokens for row in ingested) == server.tokens["small"].input
        assert {row.sources for row in ingested} == {'["pages"]'}
        assert not (tmp_path / "elsewhere" / "state.db").exists()
        with serving(home, **env) as base:
            body = json.dumps({"question": "How often are leather boots waxed?"}).encode()
            with urllib.request.urlopen(urllib.request.Request(f"{base}/v1/ask", body), timeout=60) as reply:
                assert json.load(reply)["status"] in ("answered", "refused")  # the vectors are of no real model
            with urllib.request.urlopen(f"{base}/metrics", timeout=10) as reply:
                metrics = reply.read().decode()
        assert server.settled()
        asked = server.tokens["small"]
    found = rows(settings)
    assert len(found) == asked.requests > len(ingested)
    assert sum(row.input_tokens for row in found) == asked.input
    assert (
        f'answerable_llm_attempts_total{{model="127.0.0.1:{server.port}/small",outcome="ok",task="embed"}}' in metrics
    )
    shown = cli(home, "cost", "--by", "task", "--json", **env)
    tasks = json.loads(shown.stdout)
    assert "embed" in json.dumps(tasks), shown.stdout


@pytest.fixture
def ingest(tmp_path, pages, monkeypatch):
    """`ingest(*options, **env)` adds the pages to the home by the command, in this process."""

    def added(*options, **env):
        for name, value in {"ANSWERABLE_HOME": str(tmp_path / "home"), **env}.items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(app, ["add", str(pages), "--json", *options])

    return added


def test_an_ingest_over_the_budget_publishes_nothing_and_says_what_to_do(tmp_path, ingest):
    home = tmp_path / "home"
    with scripted_server([WORKS]) as server:
        settings = configuration(home, server, "{scope: all, period: day, usd: 0.000001}")
        run = ingest(
            ANSWERABLE_EMBEDDING_MODEL=settings.embedding_model, ANSWERABLE_LLM_CONFIG=str(settings.llm_config)
        )
    assert run.exit_code == 2
    error = json.loads(run.stdout)["error"]
    assert error["code"] == "embedding_endpoint_refused"
    assert "Nothing was sent" in error["message"]
    assert not (home / "store" / "CURRENT").exists()


def test_a_source_that_no_model_may_see_is_not_embedded_elsewhere(tmp_path, ingest):
    with scripted_server([WORKS]) as server:
        run = ingest("--no-models", ANSWERABLE_EMBEDDING_MODEL=f"{server.url}#small")
        assert server.count == 0
    assert run.exit_code == 2
    assert "must not be sent to a model" in json.loads(run.stdout)["error"]["message"]


def test_a_wrong_configuration_of_models_stops_an_ingest_with_its_place(tmp_path, ingest):
    with scripted_server([WORKS]) as server:
        run = ingest(ANSWERABLE_EMBEDDING_MODEL=f"{server.url}#small", ANSWERABLE_LLM_CONFIG=str(tmp_path / "none"))
        assert server.count == 0
    assert run.exit_code == 2
    assert "ANSWERABLE_LLM_CONFIG" in json.loads(run.stdout)["error"]["message"]


def test_nothing_is_opened_for_a_model_of_this_machine(tmp_path, ingest):
    run = ingest(ANSWERABLE_LLM_CONFIG=str(tmp_path / "none"))
    assert run.exit_code == 0, run.output
    assert not (tmp_path / "home" / "state.db").exists()


def test_a_question_counts_for_its_answer_and_the_key_that_asked(tmp_path, ingest):
    with scripted_server([WORKS]) as server:
        settings = configuration(tmp_path / "home", server, "{scope: 'key:k2', period: day, usd: 0}")
        run = ingest(ANSWERABLE_EMBEDDING_MODEL=settings.embedding_model)
        assert run.exit_code == 0, run.output
        before = len(rows(settings))
        engine = Engine(settings)
        first = answer(asking("How often are boots waxed?", "k1"), engine)
        sent = server.count
        answer(asking("Where is a tent pitched?", "k2"), engine)
        assert server.count == sent, "a key without a budget had something sent"
        with asked_by("k1"):
            engine.side_by_side(lambda text: engine.embedder.embed_query(text), ["one part", "another part"])
        engine.close()
    found = [(row.answer_id, row.key_id, row.sources) for row in rows(settings)[before:]]
    assert found[0] == (first.id, "k1", "[]")
    assert found[-2:] == [("", "k1", "[]")] * 2, "the key was lost on the way to other threads"


def asking(text, key):
    return Question(
        text=text, today=date(2026, 11, 21), deadline=Deadline.after(60), caller=Caller(role="analyst", key_id=key)
    )
