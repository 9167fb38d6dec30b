"""Conversations recorded from one real server, and replayed by another."""

import json
from contextlib import contextmanager

import httpx
import openai
import pytest

from app.errors import ConfigurationError
from app.llm.scripted import scripted_server
from app.llm.scripted.recording import RecordBackEnd, checked_address, request_key
from app.llm.scripted.replaying import ReplayBackEnd, read_recording
from app.llm.scripted.serving import running

KEY = "sk-live-9e8d7c"
RULES = [
    {"match": {"contains": "orders"}, "sequence": [{"text": "Twelve orders."}, {"text": "Twelve."}]},
    {"match": {"contains": "cut"}, "reply": {"text": "one two three", "cut_after": 2}},
    {"match": {"contains": "key"}, "reply": {"error": {"status": 401, "message": f"Wrong key {KEY}."}}},
    {"match": {"contains": "busy"}, "reply": {"error": {"status": 429, "retry_after": 3}}},
    {"match": {"endpoint": "embeddings"}, "reply": {}},
]


@contextmanager
def recorder(upstream, out):
    with running(RecordBackEnd(upstream, out)) as server:
        yield server


@contextmanager
def replayer(recording):
    with running(ReplayBackEnd(recording)) as server:
        yield server


@contextmanager
def client(server):
    with openai.OpenAI(base_url=server.url, api_key=KEY, max_retries=0) as opened:
        yield opened


def ask(opened, text, **options):
    return opened.chat.completions.create(model="m", messages=[{"role": "user", "content": text}], **options)


def streamed(opened, text):
    events = ask(opened, text, stream=True, stream_options={"include_usage": True})
    return [
        (event.choices[0].delta.content if event.choices else None, event.usage and event.usage.total_tokens)
        for event in events
    ]


def both_ways(opened):
    """What a client sees of every kind of exchange."""
    seen = [ask(opened, "orders?").choices[0].message.content, ask(opened, "orders?").choices[0].message.content]
    seen += streamed(opened, "orders, streamed")
    seen.append(opened.embeddings.create(model="e", input=["a", "b"], dimensions=4).data[1].embedding)
    for text, kind in (("busy", openai.RateLimitError), ("key", openai.AuthenticationError)):
        with pytest.raises(kind) as raised:
            ask(opened, text)
        seen.append(raised.value.response.headers.get("retry-after"))
    with pytest.raises((openai.APIConnectionError, httpx.RemoteProtocolError)):
        streamed(opened, "cut")
    return seen


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A recording, and what the client saw while it was made."""
    out = tmp_path_factory.mktemp("recording") / "talk.jsonl"
    with scripted_server({"keys": [KEY], "rules": RULES}) as upstream:
        with recorder(upstream.url, out) as server, client(server) as opened:
            assert [model.id for model in opened.models.list()] == ["scripted"]
            seen = both_ways(opened)
        assert upstream.received[1].headers["authorization"] == f"Bearer {KEY}", "the key reaches the endpoint"
    return out, seen


def test_a_recording_holds_what_was_said_and_no_key(recorded):
    out, _ = recorded
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["response"]["status"] for line in lines] == [200, 200, 200, 200, 429, 401, 200]
    assert [line["response"]["cut"] for line in lines] == [False] * 6 + [True]
    assert KEY not in out.read_text()
    assert "Wrong key [key]." in lines[5]["response"]["body"]
    assert lines[0]["request"]["messages"] == [{"role": "user", "content": "orders?"}]
    assert {name for line in lines for name in line["response"]["headers"]} == {"content-type", "retry-after"}


def test_a_replay_shows_the_client_the_same(recorded):
    out, seen = recorded
    with replayer(out) as server, client(server) as opened:
        assert both_ways(opened) == seen
        assert ask(opened, "orders?").choices[0].message.content == "Twelve.", "the last recording stays"
        assert [model.id for model in opened.models.list()] == ["e", "m"]
        assert server.settled()
        assert server.tokens["m"].output == 3 + 2 + 2 + 2
        assert server.tokens["m"].cut == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"messages": [{"role": "user", "content": "orders??"}]}, ["line 1", "message 1 is 'orders?', not 'orders??'"]),
        ({"model": "m2"}, ["line 1", "`model` is different"]),
        ({"response_format": {"type": "json_object"}}, ["`response_format` is different"]),
        ({"messages": [{"role": "user", "content": "busy"}], "stream": True}, ["line 5", "recorded whole"]),
        ({"messages": [{"role": "user", "content": "orders, streamed"}]}, ["line 3", "it was streamed"]),
        ({"messages": [{"role": "user", "content": "orders?"}] * 2}, ["there are 1 messages, not 2"]),
    ],
)
def test_what_was_not_recorded_is_told_with_the_nearest_line(recorded, change, told):
    body = {"model": "m", "messages": [{"role": "user", "content": "orders?"}]} | change
    with replayer(recorded[0]) as server:
        answer = httpx.post(f"{server.url}/chat/completions", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_recorded")
    for part in told:
        assert part in answer.json()["error"]["message"]


def test_the_key_of_a_recording_is_what_decides_the_answer():
    asked = {"model": "m", "messages": [{"role": "user", "content": "a"}], "temperature": 0}
    key = request_key("chat", asked)
    assert key == request_key("chat", asked | {"temperature": 1, "user": "x", "n": 1, "stream": False})
    changes = (
        {"model": "n"},
        {"messages": []},
        {"response_format": {"type": "json_object"}},
        {"n": 2},
        {"stream": True},
    )
    assert len({key, *(request_key("chat", asked | change) for change in changes)}) == 6


def test_an_azure_endpoint_is_recorded_under_its_deployment(tmp_path):
    out = tmp_path / "azure.jsonl"
    azure = {"api_key": KEY, "api_version": "2024-10-21", "max_retries": 0}
    with scripted_server({"keys": [KEY], "rules": RULES}) as upstream, recorder(upstream.root, out) as server:
        with openai.AzureOpenAI(azure_endpoint=server.root, **azure) as opened:
            ask(opened, "orders")
        assert upstream.received[0].path == "/openai/deployments/m/chat/completions"
    with replayer(out) as server, openai.AzureOpenAI(azure_endpoint=server.root, **azure) as opened:
        assert ask(opened, "orders").choices[0].message.content == "Twelve orders."


def test_an_endpoint_that_is_down_is_502(tmp_path):
    with scripted_server() as gone:
        pass
    with recorder(gone.url, tmp_path / "none.jsonl") as server:
        answer = httpx.post(
            f"{server.url}/chat/completions", json={"model": "m", "messages": [{"role": "user", "content": "a"}]}
        )
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_unavailable")
    assert (tmp_path / "none.jsonl").read_text() == ""


@pytest.mark.parametrize(
    "address", ["api.openai.com/v1", "ftp://host/v1", "http://", "https://u:pw-secret@host/v1", "https://host/v1?key=x"]
)
def test_addresses_that_are_not_recorded_from(address):
    with pytest.raises(ConfigurationError) as raised:
        checked_address(address)
    assert "pw-secret" not in raised.value.message


def test_files_that_are_no_recording(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be written"):
        RecordBackEnd("http://127.0.0.1:9/v1", tmp_path)
    file = tmp_path / "talk.jsonl"
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_recording(file)
    file.write_text("\n")
    with pytest.raises(ConfigurationError, match="empty"):
        read_recording(file)
    file.write_text('\n{"key": "x"}\n')
    with pytest.raises(ConfigurationError, match=r"Line 2 of talk\.jsonl"):
        read_recording(file)
