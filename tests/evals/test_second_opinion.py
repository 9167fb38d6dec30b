"""A model's opinion beside the exact check, through the gateway, and what models took in the report."""

import io
import json
from decimal import Decimal

import msgspec
import pytest
from eval_examples import answer, case
from rich.console import Console
from typer.testing import CliRunner

from app.commands.evaluate import app
from app.engine import Engine
from app.errors import ConfigurationError
from app.evals import Expect, run
from app.evals.report import models_text, to_json
from app.evals.second_opinion import Opinion, SecondOpinion, reference_of
from app.llm.scripted import scripted_server
from app.settings import Settings
from app.values import Usage
from tests.app.hire_pages import ingest_hire

SOURCE = "hire"
GRADED = {"json": {"reason": "The days are the same.", "verdict": "right"}}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("judged")
    ingest_hire(folder / "home", folder)
    return folder / "home"


@pytest.fixture
def opinion(home, tmp_path):
    """`opinion(reply, case, answer)` is (the opinion, the requests that the endpoint received)."""
    (tmp_path / "store").symlink_to(home / "store")

    def asked(reply, *about, **settings):
        with scripted_server([{"match": {"schema": "judge"}, "reply": reply}]) as server:
            engine = Engine(Settings(home=tmp_path, llm_base_url=server.url, llm_model="m", **settings))
            engine.detector.detect(["warm up"])
            try:
                return SecondOpinion(engine)(*about), list(server.received)
            finally:
                engine.close()

    return asked


def cited(text="You have 60 days."):
    found = answer(text)
    citations = tuple(msgspec.structs.replace(each, source=SOURCE) for each in found.citations)
    return msgspec.structs.replace(found, citations=citations)


def test_a_model_is_shown_question_reference_quotes_and_answer(opinion):
    found, received = opinion(GRADED, case(expect=Expect(contains=("60 days", ("free", "no cost")))), cited())
    assert (found.grade, found.reason, found.model) == ("right", "The days are the same.", "main/m")
    assert found.usage.input_tokens > 0 and found.usage.cost_usd is None
    sent = received[0].body["messages"][-1]["content"]
    for said in ("How long?", "| 60 days", "| free or no cost", "from the day of **delivery**", "You have 60 days."):
        assert said in sent


@pytest.mark.parametrize("reply", [{"error": {"status": 401}}, {"text": "I like it"}, {"json": {"verdict": "superb"}}])
def test_without_a_usable_reply_there_is_no_grade(opinion, reply):
    found, received = opinion(reply, case(), cited())
    assert found.grade is None and found.reason in ("unavailable", "unusable")
    assert received


def test_only_answers_out_of_documents_are_judged(opinion):
    for about in (
        (case(expect=Expect(document="returns.md")), cited()),
        (case(status="refused", expect=Expect()), cited()),
        (case(), answer("I don't know.", status="refused")),
        (case(), answer(cites=None)),
    ):
        found, received = opinion(GRADED, *about)
        assert found is None and received == []


def test_a_source_that_is_unknown_is_not_sent(opinion):
    found, received = opinion(GRADED, case(), answer())
    assert (found.grade, found.reason, received) == (None, "not_allowed", [])


def test_without_a_model_for_it_the_command_says_so(home, tmp_path, monkeypatch):
    engine = Engine(Settings(home=home))
    with pytest.raises(ConfigurationError, match="No language model is configured to judge"):
        SecondOpinion(engine)
    engine.close()
    monkeypatch.setenv("ANSWERABLE_HOME", str(home))
    (tmp_path / "q.jsonl").write_text(json.dumps({"id": "a", "question": "What?", "category": "documents", "route": "passages", "status": "answered", "expect": {"contains": ["x"]}}))  # fmt: skip
    refused = CliRunner().invoke(app, ["file", str(tmp_path / "q.jsonl"), "--judge"])
    assert isinstance(refused.exception, ConfigurationError)


def test_opinions_stand_beside_the_outcome_and_change_none(gold):
    cases = (case(id="a"), case(id="b"), case(id="c"), case(id="d", status="refused", expect=Expect()))
    given = {
        "a": Opinion(grade="right", reason="yes", usage=Usage(input_tokens=100, output_tokens=9, cost_usd="0.0000004")),
        "b": Opinion(grade="wrong", reason="[red]no", usage=Usage(input_tokens=50, cost_usd=None)),
        "c": Opinion(grade=None, reason="out_of_time"),
        "d": None,
    }
    plain = run(cases, lambda asked: answer(), gold)
    report = run(cases, lambda asked: answer(), gold, opinion=lambda asked, found: given[asked.id])
    assert plain.opinions is None
    assert [r.outcome for r in report.results] == [r.outcome for r in plain.results]
    assert report.total == plain.total
    opinions = report.opinions
    assert (opinions.asked, opinions.unanswered, opinions.agreeing, opinions.differing) == (3, 1, 1, ("b",))
    assert opinions.grades == {"right": 1, "partly": 0, "wrong": 1, "refused": 0}
    assert (opinions.cost_usd, opinions.unpriced, opinions.input_tokens) == ("0.0000004", 1, 150)
    out = io.StringIO()
    Console(file=out, width=160).print(models_text(report))
    assert "second opinion on 3 answers: right 1, partly 0, wrong 1, refused 0, no reply 1" in out.getvalue()
    assert "b: right by the check, wrong by the model: [red]no" in out.getvalue()
    assert json.loads(to_json(report))["results"][0]["opinion"]["grade"] == "right"


def test_what_models_took_is_summed_and_told_a_question(gold):
    usages = iter(
        (Usage(input_tokens=900, output_tokens=80, cost_usd="0.003"), Usage(), Usage(input_tokens=5, cost_usd=None))
    )
    report = run([case(id=name) for name in "abc"], lambda asked: answer(usage=next(usages)), gold)
    assert (report.spent.input_tokens, report.spent.output_tokens, report.spent.unpriced) == (905, 80, 1)
    assert Decimal(report.spent.cost_usd) == Decimal("0.003")
    assert report.spent.cost_per_question_usd == "0.001500"
    assert "905 tokens in, 80 out, $0.003, $0.001500 a question, 1 questions" in str(models_text(report))
    assert str(models_text(run([case()], lambda asked: answer(), gold))) == ""


def test_a_reference_needs_words():
    assert reference_of(case(expect=Expect(sql="SELECT 1"))) is None
    assert reference_of(case(expect=Expect(contains=("a", ("b", "c"))))).splitlines()[1:] == ["a", "b or c"]
