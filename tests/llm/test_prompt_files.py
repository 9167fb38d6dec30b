"""Prompt files: what is refused, and overrides of the packaged ones."""

import json

import pytest

from app.errors import ConfigurationError
from app.llm.prompts.reading import PACKAGED
from tests.llm.prompt_folder import EXAMPLES, SPLIT, folder, lines_of, opened, scrubbed, version


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: split", "name: splitt", "calls it 'splitt'"),
        ("task: split", "task: divide", "front matter cannot be used"),
        ("task: split", "tusk: split", "front matter cannot be used"),
        ("---\nname", "---\n{name", "front matter cannot be used"),
        ("# user", "# User", "`# system` and `# user`"),
        ("# system", "# user", "`# system` and `# user`"),
        ("# system", "Hello\n# system", "`# system` and `# user`"),
        ("temperature: 0.0", "temprature: 0.0", "`temprature` is not a parameter"),
        ("temperature: 0.0", "temperature: 9", "temperature must be a number from 0 to 2"),
        ("max_tokens: 300", "max_tokens: true", "max_tokens must be a number"),
        ("max_tokens: 300", "max_tokens: 1.5", "parameters"),
        ("{{ question | data", "{{ questions | data", "questions is not an input"),
        ('{{ question | data("question") }}', "{{ question }}", "goes through `data`"),
        ('{{ question | data("question") }}', "{{ question.x | data('x') }}", "there is no `x`"),
        ('{{ question | data("question") }}', "{{ question | plain }}", "`plain` prints"),
        ("# system\n", "# system\n{% set x = 1 %}\n", "Assign is not allowed"),
        ("input:\n  type: object\n  additionalProperties: false", "input:\n  type: object", "additionalProperties"),
        ("output:\n  type: object\n  additionalProperties: false", "output:\n  type: object", "additionalProperties"),
        ("required: [questions]", "required: [questions, more]", "requires `more`, which it does not describe"),
        ("minLength: 1", "format: email", "uses `format`"),
        ("required: [questions]", "required: questions", "not valid JSON Schema"),
        ("minLength: 1", "$ref: 'http://127.0.0.1/x'", "uses `$ref`"),
        ("type: array", "type: arry", "schema"),
        ("\ninput:", "\nclear_inputs: [schema]\ninput:", "clear_inputs names `schema`"),
    ],
)
def test_a_broken_prompt_is_refused_with_file_and_reason(tmp_path, old, new, said):
    assert old in SPLIT
    with pytest.raises(ConfigurationError, match=r"split\.md") as error:
        version(tmp_path, SPLIT.replace(old, new, 1))
    assert said in error.value.message


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("{", "line 1"),
        ("\n[]\n", "line 2"),
        (lines_of({"id": "a"}), "line 1"),
        (lines_of({**json.loads(EXAMPLES.splitlines()[0]), "extra": 1}), "extra"),
        (EXAMPLES + EXAMPLES, "is there twice"),
        (lines_of({"id": "a", "input": {"question": {"$shared": "x"}}, "output": {}, "expect": {}}), "'x'"),
        (lines_of({"id": "a", "input": {"q": "x"}, "output": {"questions": []}, "expect": {"count": {"questions[]": 0}}}), "input does not fit"),
        (lines_of({"id": "a", "input": {"question": "x"}, "output": {"questions": 1}, "expect": {"count": {"questions[]": 0}}}), "output does not fit"),
        (lines_of({"id": "a", "input": {"question": "x"}, "output": {"questions": []}, "expect": {}}), "expects nothing"),
    ],
)  # fmt: skip
def test_broken_examples_are_refused_with_their_line(tmp_path, lines, said):
    with pytest.raises(ConfigurationError) as error:
        version(tmp_path, SPLIT, lines)
    assert said in error.value.message


def test_a_file_that_is_not_text_or_far_too_long_is_refused(tmp_path):
    for content in (b"\xff\xfe\x00", b"a" * 1_000_001):
        override = folder(tmp_path / "own")
        (override / "split.md").write_bytes(content)
        with pytest.raises(ConfigurationError, match=r"split\.md"):
            opened(tmp_path, override)


def test_an_override_takes_the_place_of_the_packaged_file(tmp_path):
    packaged = opened(tmp_path / "one")
    own = opened(tmp_path / "two", folder(tmp_path / "own", split_md=SPLIT.replace("At most three.", "Two at most.")))
    assert own.get("split").id != packaged.get("split").id
    assert own.get("rewrite").id == packaged.get("rewrite").id
    assert "Two at most." in own.get("split").render(scrubbed(question="a")).messages[0].content
    assert own.files.overridden("split")
    assert not own.files.overridden("rewrite")


def test_examples_can_be_overridden_alone(tmp_path):
    one = EXAMPLES.splitlines()[0] + "\n"
    own = opened(tmp_path / "home", folder(tmp_path / "own", split_examples_jsonl=one))
    assert len(own.get("split").render(scrubbed(question="a")).messages) == 4


def test_fewer_clear_inputs_are_fine(tmp_path):
    text = (PACKAGED / "plan_sql.md").read_text(encoding="utf-8").replace("[today, dialect, notes]", "[today, dialect]")
    own = opened(tmp_path / "home", folder(tmp_path / "own", plan_sql_md=text))
    assert own.get("plan_sql").clear_inputs == {"today", "dialect"}


def test_more_output_is_fine(tmp_path):
    text = (PACKAGED / "route.md").read_text(encoding="utf-8")
    text = text.replace("enum: [tables, passages, both, clarify, none]", "enum: [tables, passages]")  # fmt: skip
    text = text.replace("required: [reason, route]", "required: [reason, route, sure]").replace("    route: {", "    sure: {type: number}\n    route: {")  # fmt: skip
    own = opened(tmp_path / "home", folder(tmp_path / "own", route_md=text, route_examples_jsonl=""))
    assert set(own.get("route").version.output["required"]) == {"reason", "route", "sure"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("required: [questions]", "required: []", "the output need not hold `questions`"),
        ("questions:\n      type: array", "questions:\n      type: [array, 'null']", "may be null"),
        ("items: {type: string, description", "items: {type: integer, description", "each item may be integer"),
        ("minLength: 1}", "minLength: 1}\n    tone: {type: string}", None),
        ("required: [question]", "required: [question, tone]\n", "what the service gives need not hold `tone`"),
        ("task: split", "task: rewrite", "its task must be split"),
        ("\ninput:", "\nclear_inputs: [question]\ninput:", "clear_inputs must not name `question`"),
    ],
)
def test_an_override_that_the_code_cannot_rely_on_is_refused(tmp_path, old, new, said):
    text = SPLIT.replace(old, new, 1)
    if "tone]" in new:
        text = text.replace("minLength: 1}", "minLength: 1}\n    tone: {type: string}")
    override = folder(tmp_path / "own", split_md=text, split_examples_jsonl="")
    if said is None:
        assert opened(tmp_path / "home", override).get("split")
        return
    with pytest.raises(ConfigurationError) as error:
        opened(tmp_path / "home", override)
    assert said in error.value.message
    assert "split.md" in error.value.message


def test_an_outcome_that_no_stage_knows_is_refused(tmp_path):
    text = (PACKAGED / "judge.md").read_text(encoding="utf-8").replace("[right, partly,", "[right, superb, partly,")
    with pytest.raises(ConfigurationError, match="may be 'superb', which is not expected"):
        opened(tmp_path / "home", folder(tmp_path / "own", judge_md=text))


def test_an_override_that_replaces_nothing_is_named_with_the_nearest(tmp_path):
    with pytest.raises(ConfigurationError, match=r"did you mean rewrite\.md"):
        opened(tmp_path / "home", folder(tmp_path / "own", rewrte_md="x"))
    with pytest.raises(ConfigurationError, match="replaces no packaged prompt"):
        opened(tmp_path / "home", folder(tmp_path / "other", zzz_jsonl="x"))


def test_an_override_folder_that_is_not_there_is_named_with_its_variable(tmp_path):
    with pytest.raises(ConfigurationError, match=r"ANSWERABLE_PROMPTS is .*nowhere"):
        opened(tmp_path / "home", tmp_path / "nowhere")


@pytest.mark.parametrize("settings", [{}, {"llm_base_url": "http://127.0.0.1:9/v1", "llm_model": "m"}])
def test_a_server_does_not_start_with_prompts_that_cannot_be_used(tmp_path, settings):
    from app.asgi import create_app
    from app.settings import Settings

    override = folder(tmp_path / "own", split_md=SPLIT.replace("{{ question", "{{ questions"))
    with pytest.raises(ConfigurationError, match="questions is not an input"):
        create_app(Settings(home=tmp_path / "home", prompts=override, **settings))
