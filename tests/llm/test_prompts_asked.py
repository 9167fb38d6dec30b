"""`answerable prompts render` and `test` through the real gateway, with its privacy, over HTTP."""

import json

import pytest
from typer.testing import CliRunner

from app.commands.prompts import app
from app.llm.scripted import scripted_server
from tests.llm.prompt_folder import folder, lines_of

CASES = lines_of(
    {"id": "one", "input": {"question": "How many tents has Anna Schmidt?"}, "expect": {"contains": {"questions[]": ["tents"]}}},
    {"id": "two", "input": {"question": "What is a tent and who sells one?"}, "expect": {"count": {"questions[]": 2}}},
)  # fmt: skip
RULES = [
    {"match": {"model": "large", "user": "What is a tent"}, "reply": {"json": {"questions": ["a?", "b?"]}}},
    {"match": {"user": "What is a tent"}, "reply": {"json": {"questions": ["What is a tent and who sells one?"]}}},
    {"match": {"user": "How many tents"}, "reply": {"json": {"questions": ["How many tents?"]}}},
]


@pytest.fixture
def server():
    with scripted_server({"rules": RULES}) as found:
        yield found


@pytest.fixture
def run(tmp_path, monkeypatch, server):
    monkeypatch.setenv("ANSWERABLE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ANSWERABLE_PROMPTS", str(folder(tmp_path / "own", split_cases_jsonl=CASES)))
    monkeypatch.setenv("ANSWERABLE_LLM_BASE_URL", server.url)
    monkeypatch.setenv("ANSWERABLE_LLM_MODEL", "large")
    monkeypatch.setenv("COLUMNS", "200")

    def command(*arguments, code=0):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == code, (result.output, result.exception)
        return result.stdout

    return command


def test_what_is_rendered_is_what_is_sent_and_holds_no_personal_data(run, server, tmp_path):
    question = {"question": "How many tents has Anna Schmidt?"}
    (tmp_path / "in.json").write_text(json.dumps(question), encoding="utf-8")
    rendered = json.loads(run("render", "split", "--input", str(tmp_path / "in.json"), "--json"))
    assert server.received == []
    assert "Anna" not in str(rendered)
    assert "<PERSON_1>" in rendered["messages"][-1]["content"]
    run("test", "split")
    assert server.received[0].body["messages"] == rendered["messages"]
    assert "Anna" not in str([each.body for each in server.received])


def test_models_are_compared_recorded_and_played_back(run, server, tmp_path):
    record = str(tmp_path / "replies.jsonl")
    report = json.loads(run("test", "split", "--model", "main/large", "--against", "main/small", "--record", record, "--json"))[0]  # fmt: skip
    assert (report["summary"]["passed"], report["against"]["passed"]) == (2, 1)
    assert report["changed"] == {"better": ["two"], "worse": []}
    assert {each.model for each in server.received} == {"large", "small"}
    told = sum(each.input_tokens for each in server.received if each.model == "large")
    assert report["summary"]["input_tokens"] == told
    asked = len(server.received)
    played = json.loads(run("test", "split", "--model", "main/large", "--replies", record, "--json"))[0]
    assert played["summary"]["passed"] == 2
    assert len(server.received) == asked
    assert "0/2" not in run("test", "split", "--model", "main/small", code=1)


def test_nothing_is_taken_from_a_cache(run, server):
    run("test", "split")
    first = len(server.received)
    run("test", "split")
    assert len(server.received) == 2 * first == 4
