"""What a script may say: rules, matches, quotes, and how a mistake in it is told."""

import json
from pathlib import Path

import httpx
import jsonschema
import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from app.errors import ConfigurationError
from app.llm.scripted import count_tokens, scripted_server
from app.llm.scripted.counting import tokens_of
from app.llm.scripted.embedding import embed
from app.llm.scripted.filling import Unfillable, minimal_instance
from app.llm.scripted.reading import read_script

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"


def said(server, user="hello", *, system=None, schema=None, headers=None, **body):
    """The content, or the code of the error."""
    messages = [{"role": "system", "content": system}] if system is not None else []
    request = {"model": "m", "messages": [*messages, {"role": "user", "content": user}]} | body
    if schema is not None:
        request["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": schema, "schema": {"type": "object"}},
        }
    answer = httpx.post(f"{server.url}/chat/completions", json=request, headers=headers).json()
    return answer["error"]["code"] if "error" in answer else answer["choices"][0]["message"]["content"]


def test_the_first_rule_whose_every_condition_holds_answers():
    rules = [
        {"match": {"model": "gpt-*", "contains": ["ORDERS", "march"]}, "reply": {"text": "model and words"}},
        {"match": {"system": "be (brief|short)", "user": "^how many"}, "reply": {"text": "system and user"}},
        {"match": {"schema": "plan_*"}, "reply": {"text": "schema"}},
        {"match": {"header": {"X-Tenant": "^acme$"}}, "reply": {"text": "header"}},
        {"match": {"regex": "x.y"}, "reply": {"text": "across lines"}},
    ]
    with scripted_server(rules) as server:
        assert said(server, "Orders in March", model="gpt-5") == "model and words"
        assert said(server, "Orders in March", model="other") == "no_rule"
        assert said(server, "Orders in April", model="gpt-5") == "no_rule"
        assert said(server, "How many?", system="Be short.") == "system and user"
        assert said(server, "Well, how many?", system="Be short.") == "no_rule"
        assert said(server, "How many?") == "no_rule"
        assert said(server, schema="plan_sql") == "schema"
        assert said(server, schema="write") == "no_rule"
        assert said(server, headers={"x-tenant": "acme"}) == "header"
        assert said(server, headers={"x-tenant": "acme2"}) == "no_rule"
        assert said(server, "X\nY") == "across lines"


def test_the_last_message_alone_can_be_asked_for():
    """Prompts show examples as earlier messages, which must not choose the rule."""
    rules = [{"match": {"last": "how many (?P<what>\\w+)"}, "reply": {"text": "${what}"}}, {"reply": {"text": "none"}}]
    shown = [{"role": "user", "content": "How many loans?"}, {"role": "assistant", "content": "{}"}]
    with scripted_server(rules) as server:
        assert said(server, messages=[*shown, {"role": "user", "content": "Who?"}]) == "none"
        assert said(server, messages=[*shown, {"role": "user", "content": "How many tents?"}]) == "tents"


def test_times_calls_and_sequences_count_for_their_own_rule():
    rules = [
        {"match": {"contains": "twice"}, "times": 2, "reply": {"text": "one of two"}},
        {"match": {"contains": "second", "call": 2}, "reply": {"text": "the second"}},
        {"match": {"contains": "odd", "call": [1, 3]}, "reply": {"text": "odd"}},
        {"match": {"contains": "row"}, "sequence": [{"text": "a"}, {"text": "b"}]},
        {"match": {"contains": "once"}, "sequence": [{"text": "a"}], "times": 1},
        {"reply": {"text": "rest"}},
    ]
    with scripted_server(rules) as server:
        assert [said(server, "twice") for _ in range(3)] == ["one of two", "one of two", "rest"]
        assert [said(server, "second") for _ in range(3)] == ["rest", "the second", "rest"]
        assert [said(server, "odd") for _ in range(4)] == ["odd", "rest", "odd", "rest"]
        assert [said(server, "row") for _ in range(3)] == ["a", "b", "b"]
        assert [said(server, "once") for _ in range(2)] == ["a", "rest"]


def test_replies_quote_the_request():
    rules = [
        {
            "match": {"user": r"(?P<what>\w+) of (\d+)", "schema": "s"},
            "reply": {"json": {"${what}": ["${2:int}", "no ${2:int}", "$${what}", "${model}/${schema}"], "n": 1.5, "x": None, "call": "${call}"}},
        },
        {"match": {"regex": "number (?P<n>.+)"}, "reply": {"json": {"n": "${n:int}"}}},
        {"reply": {"text": "${system} | ${user}"}},
    ]  # fmt: skip
    with scripted_server(rules) as server:
        assert json.loads(said(server, "orders of 2024", schema="s")) == {
            "orders": [2024, "no 2024", "${what}", "m/s"], "n": 1.5, "x": None, "call": "1",
        }  # fmt: skip
        assert said(server, "number ten") == "quote_invalid"
        assert said(server, "${model} $1 {user}", system="S") == "S | ${model} $1 {user}", "a quote is not read again"


def test_content_in_parts_is_read():
    with scripted_server([{"match": {"contains": "orders"}, "reply": {"text": "${user}"}}]) as server:
        assert said(server, [{"type": "text", "text": "all"}, {"type": "text", "text": "orders"}]) == "all\norders"


def test_scripts_come_from_yaml_lines_text_and_values(tmp_path):
    values = {
        "models": ["m"],
        "rules": [{"match": {"contains": "x"}, "reply": {"text": "1"}}, {"reply": {"text": "2"}}],
    }
    as_yaml, as_lines = tmp_path / "script.yaml", tmp_path / "script.jsonl"
    as_yaml.write_text(yaml.safe_dump(values))
    as_lines.write_text("\n".join(map(json.dumps, [{"models": ["m"]}, *values["rules"]])) + "\n\n")
    expected = read_script(values)
    assert len(expected.rules) == 2
    for script in (as_yaml, str(as_yaml), as_yaml.read_text(), as_lines, as_lines.read_text(), expected):
        assert read_script(script) == expected
    assert read_script(values["rules"]) == msgspec.structs.replace(expected, models=())


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ({"rule": []}, ["`rule`", "did you mean `rules`"]),
        ([{"match": {"contain": "x"}, "reply": {"text": ""}}], ["rules 1, match", "`contain`", "`contains`"]),
        ([{"reply": {"text": ""}}, {"reply": {"jason": {}}}], ["rules 2, reply", "`jason`", "`json`"]),
        ([{"reply": {"error": {"stauts": 500}}}], ["reply, error", "`stauts`", "`status`"]),
        ([{"sequence": [{"text": ""}, {"tool_calls": [{"nam": "x"}]}]}], ["sequence 2, tool_calls 1", "`name`"]),
        ([{"reply": {"usage": {"tokens": 3}}}], ["reply, usage", "`tokens`", "`prompt_tokens`"]),
        ([{"zzz": {"text": ""}}], ["`zzz`", "known are name, match, reply, sequence, times"]),
        ([{"reply": {"error": {"status": 200}}}], ["status", ">= 400"]),
        ([{"reply": {"cut_after": -1}}], ["cut_after"]),
        ([{"reply": {"delay_s": "long"}}], ["delay_s", "float"]),
        ([{"match": {"call": 0}, "reply": {}}], ["call"]),
        ([{"match": {}}], ["rule 1", "`reply` or `sequence`"]),
        ([{"reply": {}, "sequence": [{}], "name": "both"}], ["rule 1 (both)", "`reply` or `sequence`"]),
        ([{"reply": {"text": "a", "json": {}}}], ["text and json"]),
        ([{"reply": {"hang": True, "drop": True}}], ["hang and drop"]),
        ([{"reply": {"text": "a", "error": {"status": 500}}}], ["error has no text"]),
        ([{"reply": {"cut_after": 1, "hang_after": 1}}], ["cut_after and hang_after"]),
        ([{"match": {"user": "(open"}, "reply": {}}], ["'(open'", "not a regular expression"]),
        ([{"match": {"header": {"a": "*"}}, "reply": {}}], ["'*'"]),
        ([{"match": {"user": "(a)"}, "reply": {"text": "${2}"}}], ["`${2}`", "no group"]),
        ([{"match": {"user": "(?P<year>a)"}, "reply": {"json": [{"a": "${yaer}"}]}}], ["`${yaer}`"]),
        ([{"match": {"endpoint": "embeddings", "schema": "x"}, "reply": {}}], ["embeddings"]),
        ([{"match": {"endpoint": "embeddings", "last": "x"}, "reply": {}}], ["embeddings"]),
        ([{"match": {"last": "(open"}, "reply": {}}], ["'(open'", "not a regular expression"]),
        ({"otherwise": {"text": "${1}"}}, ["otherwise", "`${1}`"]),
        ({"keys": [""]}, ["keys"]),
        ({"rules": [{"reply": {"huge": 10**12}}]}, ["huge"]),
        ("rules: [", ["not YAML"]),
        ('{"reply": {"text": ""}}\n{"reply": ', ["line 2", "not JSON"]),
        ('{"reply": {"text": ""}}\n[]', ["line 2", "not an object"]),
        ("just: [words", ["not YAML"]),
        (Path("/nowhere/script.yaml"), ["/nowhere/script.yaml", "cannot be read"]),
        (7, ["neither rules nor"]),
    ],
)
def test_a_mistake_is_told_with_its_place(script, told):
    with pytest.raises(ConfigurationError) as raised:
        read_script(script)
    assert raised.value.code == "script_invalid"
    assert "docs/scripted-models.md" in raised.value.hint
    for part in told:
        assert part in raised.value.message


@given(st.text())
def test_tokens_joined_are_the_text(text):
    assert "".join(tokens_of(text)) == text
    assert count_tokens(text) == len(tokens_of(text)) <= len(text)


@given(st.text(), st.integers(1, 64))
def test_vectors_depend_on_the_text_alone_and_have_length_one(text, dimensions):
    vector = embed(text, dimensions)
    assert vector == embed(text, dimensions)
    assert sum(value * value for value in vector) == pytest.approx(1)


@pytest.mark.parametrize(
    ("schema", "instance"),
    [
        ({"type": "object"}, {}),
        ({"type": "object", "properties": {"a": {"type": "string"}, "b": {}}, "required": ["a"]}, {"a": "text"}),
        ({"const": 5}, 5),
        ({"enum": ["x", "y"]}, "x"),
        ({"type": ["null", "string"]}, None),
        ({"type": "boolean"}, False),
        ({"type": "string", "minLength": 6, "maxLength": 7}, "textxx"),
        ({"type": "string", "maxLength": 2}, "te"),
        ({"type": "string", "format": "date"}, "2024-01-01"),
        ({"type": "integer", "exclusiveMinimum": 4}, 5),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "integer", "minimum": 7, "multipleOf": 5}, 10),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
        ({"type": "number", "minimum": 2.5}, 3.5),
        ({"type": "array", "prefixItems": [{"const": 1}], "minItems": 3, "items": {"const": 2}}, [1, 2, 2]),
        ({"anyOf": [False, {"type": "null"}]}, None),
        ({"allOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]}, {"properties": {"b": {"const": 2}}, "required": ["b"]}], "type": "object"}, {"a": 1, "b": 2}),
        ({"type": "object", "required": ["next"], "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}}, {"next": None}),
    ],
)  # fmt: skip
def test_minimal_instances(schema, instance):
    assert minimal_instance(schema) == instance
    jsonschema.Draft202012Validator(schema).validate(instance)


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "string", "pattern": "^[0-9]$"}, "does not fit"),
        ({"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}}, "without an end"),
        ({"$ref": "#"}, "without an end"),
        ({"anyOf": [{"$ref": "#"}, {"type": "null"}]}, "without an end"),
        ({"$ref": "#/$defs/none"}, "points at nothing"),
        ({"$ref": "https://example.org/schema"}, "outside"),
        ({"type": "nothing"}, "the schema itself"),
        ({"type": "array", "minItems": 2, "uniqueItems": True, "items": {"type": "integer"}}, "does not fit"),
        ({"anyOf": [False]}, "allows nothing"),
    ],
)
def test_schemas_without_a_simple_instance(schema, told):
    with pytest.raises(Unfillable, match=told):
        minimal_instance(schema)
