"""What a real `llama-server` does, as the gateway relies on it. Optional: docs/local-models.md says how to start one.

    ANSWERABLE_LLAMA_URL=http://127.0.0.1:8097/v1 python -m pytest -m llama

The model may be a very small one: form is tested here, never wisdom.
"""

import json
import time
from contextlib import closing

import httpx
import jsonschema
import msgspec
import pytest

from app.llm.config import LlmConfig, ProviderConfig, TaskConfig
from app.llm.errors import Cancelled, OutOfTime, ProviderFault, Unavailable
from app.llm.probing import probe_models
from app.llm.providers import OpenAiProvider
from app.llm.values import Message, Outgoing, Parameters
from tests.llm.gateways import asking as asking_for
from tests.llm.gateways import gateway

pytestmark = pytest.mark.llama
SCHEMA = {
    "type": "object",
    "properties": {
        "outcome": {"enum": ["sql", "clarify", "unanswerable"]},
        "count": {"type": "integer"},
        "names": {"type": "array", "items": {"type": "string", "maxLength": 12}, "maxItems": 3},
        "note": {"type": ["string", "null"], "maxLength": 20},
    },
    "required": ["outcome", "count", "names", "note"],
    "additionalProperties": False,
}
HELD = {"type": "json_schema", "json_schema": {"name": "plan", "strict": True, "schema": SCHEMA}}


@pytest.fixture
def llama(llama_url):
    with httpx.Client(base_url=llama_url.rstrip("/") + "/", timeout=120) as client:
        yield client


def asking(text="Say hello.", **options):
    return {
        "model": "any",
        "messages": [{"role": "user", "content": text}],
        "max_tokens": 24,
        "temperature": 0,
    } | options


def events_of(client, body):
    with client.stream("POST", "chat/completions", json=body | {"stream": True}) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = [line.removeprefix("data: ") for line in response.iter_lines() if line]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def test_a_completion_has_text_finish_and_usage(llama):
    said = llama.post("chat/completions", json=asking()).json()
    assert said["object"] == "chat.completion"
    assert said["choices"][0]["message"]["role"] == "assistant"
    assert said["choices"][0]["message"]["content"].strip()
    assert said["choices"][0]["finish_reason"] in ("stop", "length")
    usage = said["usage"]
    assert 0 < usage["completion_tokens"] <= 24
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_the_token_limit_is_kept_and_told(llama):
    said = llama.post("chat/completions", json=asking("Count from 1 to 100.", max_tokens=5)).json()
    assert said["choices"][0]["finish_reason"] == "length"
    assert said["usage"]["completion_tokens"] == 5


@pytest.mark.parametrize("streamed", [False, True])
def test_a_schema_is_kept_to(llama, streamed):
    body = asking("Plan how to count the orders. Answer as JSON.", response_format=HELD, max_tokens=300)
    if streamed:
        events = events_of(llama, body)
        text = "".join(event["choices"][0]["delta"].get("content") or "" for event in events if event["choices"])
    else:
        text = llama.post("chat/completions", json=body).json()["choices"][0]["message"]["content"]
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(text))


def test_json_object_mode_gives_json(llama):
    body = asking(
        "Give the JSON object with the key a and the value 1.", response_format={"type": "json_object"}, max_tokens=200
    )
    said = llama.post("chat/completions", json=body).json()["choices"][0]
    if said["finish_reason"] == "stop":
        json.loads(said["message"]["content"])
    else:
        assert said["message"]["content"].lstrip().startswith("{")


def test_a_stream_joined_is_the_whole_and_ends_with_usage_where_it_is_asked_for(llama):
    body = asking("Name a colour.")
    whole = llama.post("chat/completions", json=body).json()
    events = events_of(llama, body | {"stream_options": {"include_usage": True}})
    text = "".join(event["choices"][0]["delta"].get("content") or "" for event in events if event["choices"])
    assert text == whole["choices"][0]["message"]["content"]
    (usage,) = [event["usage"] for event in events if event.get("usage")]
    assert usage["completion_tokens"] == whole["usage"]["completion_tokens"]
    assert usage["prompt_tokens"] == whole["usage"]["prompt_tokens"]


def test_a_client_that_leaves_frees_its_place(llama):
    body = asking("Tell a very long story.", max_tokens=2000, stream=True)
    with llama.stream("POST", "chat/completions", json=body) as response:
        next(response.iter_lines())
    started = time.monotonic()
    assert llama.post("chat/completions", json=asking(max_tokens=1)).status_code == 200
    assert time.monotonic() - started < 30


def test_a_prompt_over_the_context_is_an_error_that_is_told_apart(llama):
    refused = llama.post("chat/completions", json=asking("word " * 40_000))
    assert refused.status_code == 400
    error = refused.json()["error"]
    assert error["type"] == "exceed_context_size_error"
    assert "context" in error["message"]


@pytest.mark.parametrize(
    "body",
    [
        {"model": "any"},
        {"model": "any", "messages": "hello"},
        asking(response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "nothing"}}}),
    ],
)
def test_requests_that_mean_nothing_are_refused_in_the_shape_of_openai(llama, body):
    refused = llama.post("chat/completions", json=body)
    assert 400 <= refused.status_code < 600
    assert refused.json()["error"]["message"]


def test_a_body_that_is_not_json_is_refused(llama):
    refused = llama.post("chat/completions", content=b'{"model": ', headers={"content-type": "application/json"})
    assert 400 <= refused.status_code < 600
    assert refused.json()["error"]["message"]


def test_models_are_listed(llama):
    listed = llama.get("models").json()
    assert listed["object"] == "list"
    assert listed["data"][0]["id"]


# -- through the gateway -----------------------------------------------------------------

PLANNING = Outgoing(
    task="route",
    prompt="plan@1",
    messages=(Message("user", "Plan how to count the orders. Answer as JSON."),),
    schema=SCHEMA,
    parameters=Parameters(temperature=0, max_tokens=300),
)
STORY = Outgoing(
    task="write",
    prompt="story@1",
    messages=(Message("user", "Tell a very long story."),),
    schema=None,
    parameters=Parameters(temperature=0, max_tokens=2000),
)
PATIENT = TaskConfig(retries=0, deadline_s=240)


@pytest.fixture
def through(llama_url):
    with gateway("llama/any", task=PATIENT, llama=llama_url.rstrip("/")) as setup:
        yield setup


def test_the_gateway_gets_output_that_fits_and_books_what_the_server_counted(through):
    reply = through.ask(PLANNING, asked=asking_for(240))
    jsonschema.Draft202012Validator(SCHEMA).validate(dict(reply.output))
    (row,) = through.ledger.rows
    assert (row.outcome, row.purpose) == ("ok", ""), "held by the schema, so that nothing has to be repaired"
    assert not row.tokens.estimated and 0 < row.tokens.output <= 300 and row.tokens.input > 10


def test_a_stream_through_the_gateway_ends_with_the_whole_reply(through):
    *pieces, reply = through.gateway.stream(
        msgspec.structs.replace(PLANNING, task="write"), asking_for(240), kept=through.kept
    )
    assert json.loads("".join(pieces)) == dict(reply.output)
    assert len(pieces) > 5
    (row,) = through.ledger.rows
    assert row.first_token_s is not None and row.first_token_s <= row.duration_s
    assert not row.tokens.estimated


def test_an_answer_that_takes_too_long_is_given_up_in_time(through):
    started = time.monotonic()
    with pytest.raises((OutOfTime, Unavailable)):
        through.ask(STORY, asked=asking_for(2))
    assert time.monotonic() - started < 4
    (row,) = through.ledger.rows
    assert row.error == "timeout" and row.tokens.estimated


def test_whoever_goes_is_not_waited_for(through):
    until = time.monotonic() + 1
    with pytest.raises(Cancelled):
        through.ask(STORY, asked=asking_for(240), stopped=lambda: time.monotonic() > until)
    assert time.monotonic() < until + 1


def test_a_prompt_over_the_context_is_not_sent_again(through):
    long = msgspec.structs.replace(PLANNING, messages=(Message("user", "word " * 40_000),))
    with pytest.raises(Unavailable):
        through.ask(long, asked=asking_for(240))
    assert [row.error for row in through.ledger.rows] == ["context_too_long"]


def test_vectors_are_refused_by_a_server_without_them(llama_url):
    with closing(OpenAiProvider("llama", ProviderConfig(base_url=llama_url))) as provider:
        with pytest.raises(ProviderFault) as fault:
            provider.embed("any", ["one text"], timeout_s=30)
        assert not fault.value.again or fault.value.code == "server_error"


def test_the_doctor_finds_it(llama_url):
    config = LlmConfig(providers={"llama": ProviderConfig(base_url=llama_url)}, model="llama/any")
    (probed,) = probe_models(config)
    assert (probed.fault, probed.output) == (None, "json_schema")
