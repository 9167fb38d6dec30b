"""The try-out without a key: the service over the sample data with its scripted model, asked as docs/scripted-models.md
tells, through the prompts as they are.
"""

import json
import re
from pathlib import Path

import httpx
import pytest

from app.llm.config import LlmConfig, ProviderConfig
from app.llm.probing import probe_models
from app.llm.scripted import scripted_server

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "data" / "sample" / "llm-script.yaml"
PAGE = (ROOT / "docs" / "scripted-models.md").read_text(encoding="utf-8")
DAYS = "How long after the order date is the return date on average?"
SHARE = "What share of orders falls through in each channel?"
REPAIRED = "Which return reasons tell that the delivery went wrong?"
UNCLEAR = "Which channel is doing best?"
DOCUMENTS = "How do I wash a down jacket?"
FIRST, FOLLOW_UP = "How many returns were there in 2025?", "how many of those were because of faults"


@pytest.fixture(scope="module")
def model():
    with scripted_server(SCRIPT) as server:
        yield server


@pytest.fixture(scope="module")
def base(model, sample_home, serve, tmp_path_factory):
    """A server with the settings that the page names, over the stores of the sample and a state of its own."""
    home = tmp_path_factory.mktemp("scripted-home")
    for part in ("store", "cache"):
        (home / part).symlink_to(sample_home / part)
    with serve(home, ANSWERABLE_LLM_BASE_URL=model.url, ANSWERABLE_LLM_MODEL="scripted") as url:
        yield url


@pytest.fixture
def ask(base, model):
    """`ask(question)` is (answer, the names of the prompts that were asked)."""

    def asked(question, **fields):
        before = len(model.received)
        reply = httpx.post(f"{base}/v1/ask", json={"question": question, **fields}, timeout=60)
        assert reply.status_code == 200, reply.text
        return reply.json(), [each.schema for each in model.received[before:]]

    return asked


def test_the_page_has_these_questions():
    for question in (DAYS, SHARE, REPAIRED, UNCLEAR, DOCUMENTS, FIRST, FOLLOW_UP):
        assert f'answerable ask "{question}"' in PAGE or f'answerable ask --session s "{question}"' in PAGE


def test_the_doctor_finds_the_model():
    with scripted_server(SCRIPT) as server:
        config = LlmConfig(providers={"main": ProviderConfig(base_url=server.url)}, model="main/scripted")
        assert [(each.fault, each.output) for each in probe_models(config)] == [(None, "json_schema")]


def test_without_a_model_they_are_not_answered(service):
    for question in (DAYS, SHARE, REPAIRED, UNCLEAR):
        found = httpx.post(f"{service}/v1/ask", json={"question": question}, timeout=60).json()
        assert (found["status"], found["planner"]) == ("refused", None)


def test_a_statement_answers_what_the_grammar_cannot_plan_and_the_model_words_it(ask):
    found, prompts = ask(DAYS)
    assert prompts == ["route", "plan_sql", "write"]
    assert (found["status"], found["route"], found["planner"]["by"]) == ("answered", "tables", "model")
    days = found["table"]["rows"][0][0]
    assert found["text"] == f"On average, returns come {days:.3f} days after the order."
    assert [figure["column"] for figure in found["figures"]] == ["days"]
    assert found["usage"]["input_tokens"] > 1000 and found["versions"]["model"] == "main/scripted"
    assert set(found["versions"]["prompts"]) == set(prompts)


def test_where_the_model_has_no_words_the_template_says_it(ask):
    found, prompts = ask(SHARE)
    assert prompts[-1] == "write"
    assert found["text"].startswith("Channel and share — ") and len(found["table"]["rows"]) == 3


def test_a_statement_that_cannot_run_is_repaired(ask):
    found, prompts = ask(REPAIRED)
    assert prompts.count("plan_sql") == 2
    assert (found["status"], found["planner"]["repairs"]) == ("answered", 1)
    assert {row[0] for row in found["table"]["rows"]} == {"damaged in transit", "arrived late"}


def test_a_question_back_offers_questions_that_are_answered(ask):
    found, _ = ask(UNCLEAR)
    assert found["status"] == "clarify"
    for option in found["clarify"]["options"]:
        assert ask(option)[0]["status"] == "answered"


def test_a_follow_up_is_rewritten_and_then_planned(ask):
    assert ask(FIRST, session="s")[0]["status"] == "answered"
    found, prompts = ask(FOLLOW_UP, session="s")
    assert prompts == ["rewrite", "route", "plan_sql", "write"]
    assert found["understood_as"] == "How many of the returns in 2025 were because of faults?"
    assert found["table"]["rows"] == [[110]]
    assert "faulty" in found["text"] and "2025" in found["text"], "the words say which returns are counted"


def test_streamed_words_on_documents_keep_to_what_the_documents_say(base, sample_home):
    from ingest.stores.snapshot import Store

    pieces, cited, told = [], [], None
    body = {"question": DOCUMENTS, "stream": True}
    with httpx.stream("POST", f"{base}/v1/ask", json=body, timeout=60) as reply:
        for block in "".join(reply.iter_text()).split("\n\n"):
            event = re.search(r"^event: (\w+)$", block, re.MULTILINE)
            if event is None:
                continue
            content = json.loads("".join(re.findall(r"^data: (.*)$", block, re.MULTILINE)))
            if event[1] == "delta":
                pieces.append(content["text"])
            elif event[1] == "citation":
                cited.append(content)
            elif event[1] == "done":
                told = content
    assert len(pieces) == 2, "one for each sentence that passed the check"
    assert "".join(pieces) == told["text"]
    assert "30 °C" in told["text"] and "free" not in told["text"]
    passages = Store(sample_home).snapshot().sources["help-centre"].passages
    for citation in cited:
        assert passages.document_text(citation["document"])[citation["start"] : citation["end"]] == citation["quote"]
    assert {citation["document"] for citation in cited} == {"care/down-jacket.md"}


def test_questions_that_the_script_does_not_know_are_answered_as_without_a_model(ask, service):
    same = ("status", "text", "table", "sql", "citations")
    for question in ("How many orders were placed in 2025?", "How long do I have to send something back?"):
        plain = httpx.post(f"{service}/v1/ask", json={"question": question}, timeout=60).json()
        found, _ = ask(question)
        assert plain["status"] == "answered"
        assert {name: found[name] for name in same} == {name: plain[name] for name in same}
    assert ask("Do you offer paragliding lessons?")[0]["status"] == "refused"


def test_the_costs_of_the_try_out_are_told(ask, base, model):
    ask(DAYS)
    sums = httpx.get(f"{base}/v1/admin/cost", params={"by": "task"}, timeout=30).json()
    assert {group["name"] for group in sums["by"]["task"]} >= {"route", "plan_sql", "write"}
    assert sums["total"]["cost_usd"] == "0" and sums["total"]["unpriced"] > 0, "no price is made up"
    sent = httpx.get(model.url.removesuffix("/v1") + "/_totals", timeout=30).json()["models"]["scripted"]
    assert sums["total"]["input_tokens"] == sent["input"]
