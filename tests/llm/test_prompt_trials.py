"""Tests of prompts: what is right of an output, leaks, runs side by side, examples left out, records."""

import json
import time
from decimal import Decimal

import msgspec
import pytest

from app.errors import ConfigurationError, InvalidRequest
from app.llm.config import LlmConfig, ProviderConfig
from app.llm.errors import Unavailable
from app.llm.prompts.expectations import Expect, SqlExpectation, failures, values_at
from app.llm.prompts.leaks import leaks, near
from app.llm.prompts.trials.answers import FromModel, Recorded, Recording, Taken
from app.llm.prompts.trials.cases import cases_of, read_cases
from app.llm.prompts.trials.models import only
from app.llm.prompts.trials.sql_checks import SqlChecks
from app.llm.prompts.trials.testing import Subject, prompt_report
from app.llm.values import Attempt, Reply, ScrubbedInputs, TokenCount
from tests.llm.prompt_folder import EXAMPLES, SPLIT, folder, lines_of, opened

OUTPUT = {
    "outcome": "sql",
    "clarify": None,
    "sentences": [{"text": "Orders: 12.", "passages": ["a", "b"]}, {"text": "Fine.", "passages": []}],
}


@pytest.mark.parametrize(
    "expect",
    [
        {"equals": {"outcome": "sql", "clarify": None}},
        {"one_of": {"outcome": ["sql", "clarify"]}},
        {"contains": {"sentences[].text": ["orders", "12"]}},
        {"lacks": {"sentences[].text": ["13"]}},
        {"includes": {"sentences[].passages[]": ["a"]}},
        {"only": {"sentences[].passages[]": ["a", "b"]}},
        {"count": {"sentences[]": 2, "sentences[].passages[]": 2, "nope[]": 0}},
    ],
)
def test_an_output_that_is_as_expected(expect):
    assert list(failures(OUTPUT, msgspec.convert(expect, Expect))) == []


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ({"equals": {"outcome": "clarify"}}, 'outcome is "sql", expected "clarify"'),
        ({"equals": {"nope": None}}, "nope is nothing, expected null"),
        ({"equals": {"clarify": "null"}}, "clarify is null"),
        ({"one_of": {"outcome": ["clarify"]}}, "expected one of"),
        ({"one_of": {"nope": ["clarify"]}}, "nope is nothing"),
        ({"contains": {"sentences[].text": ["13"]}}, "does not say '13'"),
        ({"lacks": {"sentences[].text": ["ORDERS"]}}, "says 'ORDERS'"),
        ({"includes": {"sentences[].passages[]": ["a", "c"]}}, 'lacks "c"'),
        ({"only": {"sentences[].passages[]": ["a"]}}, 'holds "b"'),
        ({"count": {"sentences[]": 1}}, "has 2 values, expected 1"),
    ],
)
def test_an_output_that_is_not_as_expected(expect, said):
    found = list(failures(OUTPUT, msgspec.convert(expect, Expect)))
    assert len(found) == 1
    assert said in found[0]


def test_a_path_that_leads_nowhere_has_no_values():
    for path in ("a.b", "sentences.text", "outcome[]", "sentences[].text[]"):
        assert values_at(OUTPUT, path) == []


# -- SQL -------------------------------------------------------------------------------

TABLES = {"zoo": ["CREATE TABLE animal(id BIGINT, kind VARCHAR, kg BIGINT)", "INSERT INTO animal VALUES (1,'owl',2),(2,'lynx',20),(3,'owl',3)"]}  # fmt: skip


@pytest.fixture(scope="module")
def zoo():
    with SqlChecks(TABLES) as sql:
        yield lambda statement, **wanted: list(
            sql.failures({"sql": statement}, "sql", SqlExpectation(on="zoo", **wanted))
        )


def test_another_statement_with_the_same_rows_is_right(zoo):
    wanted = "SELECT count(*) FROM animal WHERE kind = 'owl'"
    assert zoo("SELECT sum(CASE WHEN kind = 'owl' THEN 1 ELSE 0 END) AS n FROM animal", same_rows_as=wanted) == []
    assert "does not give the rows" in zoo("SELECT count(*) FROM animal", same_rows_as=wanted)[0]


def test_order_counts_only_where_it_is_asked_for(zoo):
    gold = "SELECT kind, kg FROM animal ORDER BY kg"
    other = "SELECT kind, kg FROM animal ORDER BY kg DESC"
    assert zoo(other, same_rows_as=gold) == []
    assert zoo(other, same_rows_as=gold, ordered=True) != []


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE animal",
        "SELECT 1; DROP TABLE animal",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT count(*) FROM secrets",
        "SELECT nope FROM animal",
        "ATTACH 'x.db'",
        "not sql at all (",
        "",
        None,
        7,
    ],
)
def test_a_statement_that_may_not_run_fails_and_is_not_run(zoo, statement):
    assert zoo(statement, same_rows_as="SELECT count(*) FROM animal")
    assert zoo("SELECT count(*) FROM animal", same_rows_as="SELECT count(*) FROM animal") == []


def test_statements_are_compared_without_what_changes_no_row(zoo):
    same = "select COUNT(*) as n  from Animal -- all\nwhere \"kind\" = 'owl'"
    assert zoo(same, same_as=("SELECT count(*) FROM animal WHERE kind = 'owl'",)) == []
    assert zoo(same, same_as=("SELECT count(*) FROM animal WHERE kind = 'Owl'",)) != []


def test_tables_that_must_and_must_not_be_read(zoo):
    with_name = "WITH animal AS (SELECT 1 AS n) SELECT n FROM animal"
    assert zoo("SELECT 1 FROM Animal", tables=("animal",), not_tables=("secrets",)) == []
    assert zoo(with_name, tables=("animal",)) == ["sql does not read animal"]
    assert zoo("SELECT 1 FROM animal WHERE kg IN (SELECT kg FROM secrets)", not_tables=("secrets",)) == ["sql reads secrets"]  # fmt: skip


def test_tables_that_cannot_be_made_are_a_mistake_of_the_cases():
    with SqlChecks({"zoo": ["CREATE TABLE ("]}) as sql, pytest.raises(ConfigurationError, match="'zoo'"):
        list(sql.failures({"sql": "SELECT 1"}, "sql", SqlExpectation(on="zoo", same_rows_as="SELECT 1")))


# -- leaks -----------------------------------------------------------------------------


def asked(identity, question, **more):
    return identity, {"question": question, **more}


@pytest.mark.parametrize(
    "question",
    ["How many orders came from France?", "how many orders came from france", "Please: HOW many órders came from France?", "How many order came from France?"],
)  # fmt: skip
def test_the_same_question_or_nearly_leaks(question):
    example = asked("e", "How many orders came from France?")
    assert [leak.case for leak in leaks([example], [asked("c", question)])] == ["c"]


@pytest.mark.parametrize("question", ["How many orders came from Spain by phone?", "Who runs the Lyon store?", "", "?"])
def test_another_question_does_not_leak(question):
    assert list(leaks([asked("e", "How many orders came from France?")], [asked("c", question)])) == []


def test_a_follow_up_leaks_with_the_questions_before_it_only():
    before = {"history": [{"question": "How many orders came from Germany in 2024?"}]}
    other = {"history": [{"question": "What does a tent cost?"}]}
    example = asked("e", "and in France?", **before)
    assert list(leaks([example], [asked("c", "and in France?", **other)])) == []
    assert len(list(leaks([example], [asked("c", "And in France", **before)]))) == 1


def test_a_case_leaks_from_approved_queries_in_its_own_input():
    own = asked("c", "How many boots?", examples=[{"question": "how many boots", "sql": "SELECT 1"}])
    assert [leak.shown_by for leak in leaks([], [own])] == ["its own input"]


def test_signs_alone_are_near_only_to_signs():
    assert near("?", "!")
    assert not near("?", "how")


# -- cases -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (lines_of({"id": "a", "input": {}}), "line 1"),
        (lines_of({"id": "a", "input": {}, "expect": {"equal": {}}}), "equal"),
        (lines_of({"id": "a", "input": {}, "expect": {}}), "the case 'a' expects nothing"),
        (lines_of({"id": "a", "input": {}, "expect": {"sql": {"sql": {"same_rows_as": "x", "on": "y"}}}}), "is tried on 'y'"),
        (lines_of({"shared": {}, "tabels": {}}), "tabels"),
    ],
)  # fmt: skip
def test_broken_cases_are_refused(tmp_path, lines, said):
    file = tmp_path / "split.cases.jsonl"
    file.write_text(lines, encoding="utf-8")
    with pytest.raises(ConfigurationError) as error:
        read_cases(file)
    assert said in error.value.message


def test_what_is_shared_is_put_in_place(tmp_path):
    file = tmp_path / "split.cases.jsonl"
    shared = {"shared": {"s": "the schema"}, "tables": {"t": ["CREATE TABLE x(a INT)"]}}
    case = {"id": "a", "input": {"all": [{"schema": {"$shared": "s"}}]}, "expect": {"equals": {"a": 1}}}
    file.write_text(lines_of(shared, case), encoding="utf-8")
    found = read_cases(file)
    assert found.cases[0].input == {"all": [{"schema": "the schema"}]}
    assert found.tables == shared["tables"]


# -- runs ------------------------------------------------------------------------------

CASES = lines_of(
    {"id": "one", "input": {"question": "How many tents?"}, "expect": {"count": {"questions[]": 1}}},
    {"id": "two", "input": {"question": "What is a tent and who sells one?"}, "expect": {"count": {"questions[]": 2}}},
)


class Model:
    """Splits at "and", unless its examples say something: a model that the tests can foretell."""

    def __init__(self, name="small", cost=Decimal("0.001")):
        self.name, self.cost, self.asked = name, cost, []

    def __call__(self, outgoing, kept):
        self.asked.append(outgoing)
        time.sleep(0.01)
        said = outgoing.messages[-1].content.split("\n")[1]
        taught = any("day ticket" in message.content for message in outgoing.messages[:-1])
        parts = json.loads(said).split(" and ") if taught else [said]
        failing = said.startswith('"Fail')
        attempt = Attempt(
            answer_id="", at=0, task="split", prompt=outgoing.prompt, provider="main", model=self.name,
            outcome="invalid" if failing else "ok", tokens=TokenCount(input=10, output=3), cost_usd=self.cost,
        )  # fmt: skip
        kept.append(attempt)
        if failing:
            raise Unavailable("no")
        return Reply(output={"questions": parts}, prompt=outgoing.prompt, provider="main", model=self.name, attempts=(attempt,))  # fmt: skip


def masking(inputs, clear, tokens):
    """Scrubs one name, as the privacy part would."""
    masked = {
        name: value.replace("Anna", tokens.token("PERSON", "Anna")) if name not in clear else value
        for name, value in inputs.items()
    }
    return ScrubbedInputs(masked)


@pytest.fixture
def prompts(tmp_path):
    found = opened(tmp_path / "home", folder(tmp_path / "own", split_cases_jsonl=CASES))
    yield found
    found.close()


def subject(prompts, answers=None, which="file"):
    return Subject(prompts.find("split", which), answers or FromModel(Model(), masking), which)


def test_a_run_reports_passes_cost_tokens_and_latency(prompts):
    report = prompt_report(prompts, "split", subject(prompts))
    assert report.passed
    assert (report.summary.passed, report.summary.failed, report.summary.cases) == (2, 0, 2)
    assert report.summary.cost_usd == Decimal("0.002")
    assert (report.summary.input_tokens, report.summary.output_tokens) == (20, 6)
    assert report.summary.models == ("main/small",)
    assert 0.01 <= report.summary.p50_s <= report.summary.p95_s < 0.5


def test_looking_for_personal_data_is_not_in_the_latency(prompts):
    def slowly(inputs, clear, tokens):
        time.sleep(0.5)
        return masking(inputs, clear, tokens)

    report = prompt_report(prompts, "split", subject(prompts, FromModel(Model(), slowly)))
    assert report.summary.p95_s < 0.5


def test_an_unknown_price_leaves_the_cost_unknown(prompts):
    report = prompt_report(prompts, "split", subject(prompts, FromModel(Model(cost=None), masking)))
    assert report.summary.cost_usd is None


def test_versions_side_by_side_tell_what_is_better_and_worse(prompts, tmp_path):
    prompts.point("split", "production", "file", by="ann", note="")
    own = folder(tmp_path / "own", split_examples_jsonl="")
    later = opened(tmp_path / "home", own)
    report = prompt_report(later, "split", subject(later), subject(later, which="production"))
    assert not report.passed
    assert report.results[1].failures == ("questions[] has 1 values, expected 2",)
    assert report.changed.worse == ("two",)
    assert report.changed.better == ()
    assert report.against.passed == 2
    assert report.summary.prompt != report.against.prompt


def test_examples_are_left_out_one_by_one(prompts):
    report = prompt_report(prompts, "split", subject(prompts), examples=True)
    by_id = {example.example: example for example in report.examples}
    assert set(by_id) == {json.loads(line)["id"] for line in EXAMPLES.splitlines()}
    assert by_id["two"].changed.worse == ("two",)
    assert by_id["comparison"].changed == msgspec.structs.replace(by_id["comparison"].changed, better=(), worse=())
    assert by_id["two"].prompt_without != report.summary.prompt
    assert not by_id["one-of-two-columns"].right_with  # the foretold model splits at every "and"
    assert not report.passed


def test_personal_data_is_scrubbed_on_the_way_and_restored_in_the_output(tmp_path):
    case = {
        "id": "a",
        "input": {"question": "Who is Anna and where?"},
        "expect": {"contains": {"questions[]": ["Anna"]}},
    }
    prompts = opened(tmp_path / "home", folder(tmp_path / "own", split_cases_jsonl=lines_of(case)))
    model = Model()
    assert prompt_report(prompts, "split", subject(prompts, FromModel(model, masking))).passed
    assert "Anna" not in model.asked[-1].messages[-1].content
    assert "<PERSON_1>" in model.asked[-1].messages[-1].content


def test_a_model_that_does_not_answer_fails_its_case_only(tmp_path):
    cases = CASES + lines_of({"id": "x", "input": {"question": "Fail!"}, "expect": {"count": {"questions[]": 1}}})
    prompts = opened(tmp_path / "home", folder(tmp_path / "own", split_cases_jsonl=cases))
    report = prompt_report(prompts, "split", subject(prompts))
    assert [(result.passed, result.failures) for result in report.results][2] == (False, ("no output: unavailable",))
    assert report.summary.passed == 2
    assert (report.summary.cost_usd, report.summary.input_tokens) == (Decimal("0.003"), 30), (
        "it was paid for all the same"
    )


def test_inputs_that_the_prompt_refuses_fail_their_case(tmp_path):
    cases = CASES + lines_of({"id": "x", "input": {"q": "a"}, "expect": {"count": {"questions[]": 1}}})
    prompts = opened(tmp_path / "home", folder(tmp_path / "own", split_cases_jsonl=cases))
    record = tmp_path / "replies.jsonl"
    prompt_report(prompts, "split", subject(prompts, Recording(FromModel(Model(), masking), record)))
    report = prompt_report(prompts, "split", subject(prompts, Recorded(record)))
    assert "not_rendered" in report.results[2].failures[0]


def test_a_leaked_case_is_refused_before_any_model_is_asked(tmp_path):
    leaked = {
        "id": "x",
        "input": json.loads(EXAMPLES.splitlines()[0])["input"],
        "expect": {"count": {"questions[]": 2}},
    }
    prompts = opened(tmp_path / "home", folder(tmp_path / "own", split_cases_jsonl=lines_of(leaked)))
    model = Model()
    with pytest.raises(ConfigurationError, match=r"case x .* is shown by two") as error:
        prompt_report(prompts, "split", subject(prompts, FromModel(model, masking)))
    assert error.value.code == "leaked_case"
    assert model.asked == []


def test_an_example_that_contradicts_itself_is_refused(tmp_path):
    first = json.loads(EXAMPLES.splitlines()[0])
    wrong = lines_of({**first, "expect": {"count": {"questions[]": 3}}})
    prompts = opened(tmp_path / "home", folder(tmp_path / "own", split_cases_jsonl=CASES, split_examples_jsonl=wrong))
    with pytest.raises(ConfigurationError, match=r"example two: questions\[\] has 2 values, expected 3"):
        prompt_report(prompts, "split", subject(prompts))


def test_replies_are_recorded_and_played_back(prompts, tmp_path):
    record = tmp_path / "replies.jsonl"
    live = prompt_report(prompts, "split", subject(prompts, Recording(FromModel(Model(), masking), record)))
    played = prompt_report(prompts, "split", subject(prompts, Recorded(record)))
    assert played.summary == live.summary
    assert prompt_report(prompts, "split", subject(prompts, Recorded(record, "main/small"))).passed
    with pytest.raises(InvalidRequest, match="holds no reply of main/large"):
        Recorded(record, "main/large")


def test_recorded_replies_are_of_one_version_and_are_checked_like_any_other(prompts, tmp_path):
    file = tmp_path / "replies.jsonl"
    prompt = prompts.find("split", "file")
    good = Taken(prompt=prompt.id, case="one", model="m/x", output={"questions": ["a"]})
    other = msgspec.structs.replace(good, prompt="split@000000000000", case="two", output={"questions": ["a", "b"]})
    file.write_bytes(msgspec.json.encode(good) + b"\n" + msgspec.json.encode(other) + b"\n")
    report = prompt_report(prompts, "split", subject(prompts, Recorded(file)))
    assert [result.failures for result in report.results] == [(), ("no output: not_recorded",)]
    bad = msgspec.structs.replace(good, output={"questions": ["a"], "extra": 1})
    file.write_bytes(msgspec.json.encode(bad))
    report = prompt_report(prompts, "split", subject(prompts, Recorded(file)))
    assert report.results[0].failures == ("no output: unusable",)


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"prompt": "x"}', b"", b"\xff"])
def test_a_file_that_holds_no_replies_is_refused(tmp_path, content):
    file = tmp_path / "replies.jsonl"
    file.write_bytes(content)
    with pytest.raises(InvalidRequest):
        Recorded(file)
    with pytest.raises(InvalidRequest, match="cannot be read"):
        Recorded(tmp_path / "nowhere.jsonl")


def test_a_prompt_without_cases_is_named(tmp_path):
    prompts = opened(tmp_path / "home", folder(tmp_path / "own", split_cases_jsonl="", split_md=SPLIT))
    with pytest.raises(InvalidRequest, match="The prompt split has no cases"):
        cases_of(prompts, "split")


# -- which model -----------------------------------------------------------------------

CONFIG = LlmConfig(providers={"main": ProviderConfig(base_url="http://127.0.0.1:9/v1")}, model="main/a", cache="memory")


def test_one_model_stands_for_every_chain_and_nothing_is_cached():
    found = only(CONFIG, "main/org/b")
    assert found.chain("split") == found.chain("plan_sql") == (("main", "org/b"),)
    assert found.cache == "off"
    assert only(CONFIG, None).chain("split") == (("main", "a"),)


@pytest.mark.parametrize("model", ["other/a", "main", "main/", "/a"])
def test_a_model_of_no_configured_provider_is_refused(model):
    with pytest.raises(InvalidRequest, match="names no configured provider"):
        only(CONFIG, model)


def test_without_any_model_the_remedy_is_named():
    with pytest.raises(ConfigurationError, match="No language model is configured") as error:
        only(LlmConfig(), None)
    assert "--replies" in error.value.hint
