"""Version ids: changed by whatever changes what is sent, by nothing else."""

import json

import pytest

from app.llm.prompts.version import Version, as_text
from tests.llm.prompt_folder import EXAMPLES, SPLIT, version

LINES = [json.loads(line) for line in EXAMPLES.splitlines()]


def examples(change=lambda lines: lines):
    return "".join(json.dumps(line) + "\n" for line in change(json.loads(json.dumps(LINES))))


def with_first(**changed):
    return examples(lambda lines: [{**lines[0], **changed}, *lines[1:]])


@pytest.fixture
def made(tmp_path):
    numbers = iter(range(100))
    return lambda text=SPLIT, beside=EXAMPLES: version(tmp_path / str(next(numbers)), text, beside).id


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("temperature: 0.0", "temperature: 0.1"),
        ("max_tokens: 300", "max_tokens: 301"),
        ("You take a person's question apart", "You split a person's question"),
        ('{{ question | data("question") }}', '{{ question | lines("question") }}'),
        ("minLength: 1", "minLength: 2"),
        ("description: One question if it is not compound", "description: One if it is not compound"),
        ("items: {type: string,", "minItems: 1\n      items: {type: string,"),
        ("task: split", "task: rewrite"),
        ("\ninput:", "\nclear_inputs: [question]\ninput:"),
    ],
)
def test_what_changes_the_output_changes_the_id(made, old, new):
    assert old in SPLIT
    assert made(SPLIT.replace(old, new)) != made()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("description: The one to three", "description: One to three"),
        ("---\nname", "---\n# a comment\nname"),
        ("# system\n", "# system\n{# a note to ourselves #}\n"),
        ("{{ question | data", "{{question|data"),
        ("parameters: {temperature: 0.0, max_tokens: 300}", "parameters: {max_tokens: 300, temperature: 0.0}"),
        (
            "question: {type: string, minLength: 1}",
            "question: {type: string, minLength: 1, description: What is asked}",
        ),
        ("question: {type: string, minLength: 1}", "question: {minLength: 1, type: string}"),
        ("\n", "\r\n"),
    ],
)
def test_what_is_not_sent_leaves_the_id(made, old, new):
    assert old in SPLIT
    assert made(SPLIT.replace(old, new)) == made()


def test_examples_count_in_their_order_and_what_is_said_about_them_does_not(made):
    assert made(beside=None) != made()
    assert made(beside=examples(lambda lines: lines[:2])) != made()
    assert made(beside=examples(lambda lines: lines[::-1])) != made()
    assert made(beside=with_first(output={"questions": ["What?"]})) != made()
    assert made(beside=with_first(input={"question": "What?"})) != made()
    assert made(beside=with_first(id="other", note="added later")) == made()
    assert made(beside=with_first(expect={"count": {"questions[]": 2}})) == made()
    assert made(beside=EXAMPLES.replace('": ', '":').replace("\n", "\n\n")) == made()


def test_the_order_of_fields_in_the_output_counts_since_models_write_in_it(tmp_path, made):
    def route(first, second):
        front = f"name: route\ntask: route\ninput: {{type: object, additionalProperties: false, properties: {{}}}}\noutput: {{type: object, additionalProperties: false, required: [a, b], properties: {{{first}, {second}}}}}"  # fmt: skip
        text = f"---\n{front}\n---\n# system\nx\n# user\ny\n"
        return version(tmp_path / first[0], text, None, name="route").id

    assert route("a: {type: string}", "b: {type: string}") != route("b: {type: string}", "a: {type: string}")


def test_the_id_is_the_name_and_a_hash_and_survives_storage(tmp_path):
    import msgspec

    found = version(tmp_path)
    name, digest = found.id.split("@")
    assert name == "split"
    assert len(digest) == 12
    assert msgspec.json.decode(msgspec.json.encode(found), type=Version).id == found.id


def test_an_example_can_be_left_out(tmp_path):
    found = version(tmp_path)
    without = found.without("two")
    assert [example.id for example in without.examples] == [each.id for each in found.examples if each.id != "two"]
    assert without.id != found.id
    assert found.without("nope").id == found.id


def test_a_version_reads_like_its_file(tmp_path):
    text = as_text(version(tmp_path))
    assert text.startswith("---\nname: split\ntask: split\n")
    assert "\n# system\n" in text
    assert "\n# user\n" in text
    assert "# example two" in text
    assert "temperature: 0.0" in text
