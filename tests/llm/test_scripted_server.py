"""The scripted server over real HTTP, through the official client and through plain requests."""

import base64
import json
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import jsonschema
import openai
import pytest

from app.llm.scripted import count_message_tokens, count_tokens, scripted_server

ASK = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "How many orders, please?"}]
SCHEMA = {
    "type": "object",
    "properties": {
        "outcome": {"enum": ["sql", "clarify"]},
        "sql": {"type": ["string", "null"]},
        "rows": {"type": "array", "minItems": 2, "items": {"$ref": "#/$defs/cell"}},
    },
    "required": ["outcome", "sql", "rows"],
    "additionalProperties": False,
    "$defs": {
        "cell": {"type": "object", "properties": {"row": {"type": "integer", "minimum": 3}}, "required": ["row"]}
    },
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "plan_sql", "strict": True, "schema": SCHEMA}}
TOOL = {
    "type": "function",
    "function": {
        "name": "run",
        "parameters": {
            "type": "object",
            "required": ["sql"],
            "properties": {"sql": {"type": "string", "minLength": 9}},
        },
    },
}


def replying(**reply):
    return [{"reply": reply}]


@contextmanager
def client(server, key="sk-any", **options):
    with openai.OpenAI(base_url=server.url, api_key=key, max_retries=0, **options) as opened:
        yield opened


def ask(server, **options):
    with client(server) as opened:
        return opened.chat.completions.create(**({"model": "m-1", "messages": ASK} | options))


def post(server, body=None, path="/chat/completions", **options):
    return httpx.post(server.url + path, json=body or {"model": "m-1", "messages": ASK}, **options)


def pieces_of(server, **options):
    """(texts, usage, finish) of a stream."""
    texts, usage, finish = [], None, None
    with client(server) as opened:
        for event in opened.chat.completions.create(model="m-1", messages=ASK, stream=True, **options):
            usage = event.usage or usage
            for choice in event.choices:
                texts.append(choice.delta.content or "")
                finish = choice.finish_reason or finish
    return texts, usage, finish


def test_a_completion_has_text_usage_and_model():
    with scripted_server(replying(text="There are 24,000 orders.")) as server:
        said = ask(server)
    assert said.choices[0].message.content == "There are 24,000 orders."
    assert said.choices[0].finish_reason == "stop"
    assert said.model == "m-1"
    assert said.usage.prompt_tokens == count_message_tokens(ASK) == 3 + (3 + 3) + (3 + 6)
    assert said.usage.completion_tokens == count_tokens("There are 24,000 orders.") == 7
    assert said.usage.total_tokens == said.usage.prompt_tokens + 7


def test_a_stream_joined_is_the_text_and_ends_with_its_usage():
    text = "Über 24,000 orders – naïve,\n  done.\n"
    with scripted_server(replying(text=text)) as server:
        texts, usage, finish = pieces_of(server, stream_options={"include_usage": True})
        assert "".join(texts) == text
        assert len([piece for piece in texts if piece]) == usage.completion_tokens == count_tokens(text)
        assert finish == "stop"
        assert server.tokens["m-1"].output == usage.completion_tokens
        assert server.tokens["m-1"].input == usage.prompt_tokens
        assert pieces_of(server)[1] is None, "usage comes only where it is asked for"


def test_several_choices_and_the_token_limit():
    with scripted_server(replying(text="one two three four five")) as server:
        said = ask(server, n=3)
        assert [choice.index for choice in said.choices] == [0, 1, 2]
        assert said.usage.completion_tokens == 15
        for name in ("max_tokens", "max_completion_tokens"):
            short = ask(server, **{name: 2})
            assert (short.choices[0].message.content, short.choices[0].finish_reason) == ("one two", "length")
            assert short.usage.completion_tokens == 2
        texts, usage, finish = pieces_of(server, n=2, max_tokens=1, stream_options={"include_usage": True})
        assert (sorted(filter(None, texts)), usage.completion_tokens, finish) == (["one", "one"], 2, "length")


def test_auto_fills_the_schema_that_was_sent():
    with scripted_server(replying(auto=True)) as server:
        said = json.loads(ask(server, response_format=FORMAT).choices[0].message.content)
        jsonschema.Draft202012Validator(SCHEMA).validate(said)
        assert said == {"outcome": "sql", "sql": "text", "rows": [{"row": 3}, {"row": 3}]}
        assert json.loads(ask(server, response_format={"type": "json_object"}).choices[0].message.content) == {}
        assert ask(server).choices[0].message.content == "This is a scripted reply."
        assert server.received[0].schema == "plan_sql"


def test_a_schema_that_cannot_be_filled_is_an_error_that_says_so():
    impossible = {
        "type": "object",
        "required": ["code"],
        "properties": {"code": {"type": "string", "pattern": "^[A-Z]{3}$"}},
    }
    with scripted_server(replying(auto=True)) as server, pytest.raises(openai.InternalServerError) as raised:
        ask(server, response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": impossible}})
    assert raised.value.code == "auto_unfillable"
    assert "[A-Z]{3}" in str(raised.value)


def test_tool_calls_whole_streamed_and_forced():
    script = [
        {
            "match": {"contains": "twice"},
            "reply": {
                "tool_calls": [
                    {"name": "run", "arguments": {"sql": "SELECT 1"}},
                    {"name": "run", "arguments": "{broken", "id": "c2"},
                ]
            },
        },
        {"match": {"tool": "ru?"}, "reply": {"json": {"sql": "SELECT 2"}}},
    ]
    twice = [{"role": "user", "content": "Twice!"}]
    with scripted_server(script) as server:
        choice = ask(server, messages=twice, tools=[TOOL]).choices[0]
        assert choice.finish_reason == "tool_calls"
        assert choice.message.content is None
        assert [call.function.arguments for call in choice.message.tool_calls] == ['{"sql":"SELECT 1"}', "{broken"]
        assert choice.message.tool_calls[1].id == "c2"
        with client(server) as opened:
            arguments = ""
            for event in opened.chat.completions.create(model="m", messages=twice, tools=[TOOL], stream=True):
                for call in (event.choices[0].delta.tool_calls or []) if event.choices else []:
                    arguments += call.function.arguments if call.index == 0 else ""
        assert json.loads(arguments) == {"sql": "SELECT 1"}
        forced = ask(server, tools=[TOOL], tool_choice={"type": "function", "function": {"name": "run"}})
        assert json.loads(forced.choices[0].message.tool_calls[0].function.arguments) == {"sql": "SELECT 2"}
        free = ask(server, tools=[TOOL])
        assert json.loads(free.choices[0].message.content) == {"sql": "SELECT 2"}


def test_auto_fills_a_required_tool_and_refusals_are_told():
    with scripted_server(
        [{"match": {"model": "no"}, "reply": {"refusal": "I will not."}}, *replying(auto=True)]
    ) as server:
        call = ask(server, tools=[TOOL], tool_choice="required").choices[0].message.tool_calls[0]
        assert json.loads(call.function.arguments) == {"sql": "textxxxxx"}
        message = ask(server, model="no").choices[0].message
        assert (message.refusal, message.content) == ("I will not.", None)


def test_embeddings_are_unit_vectors_of_the_text():
    with scripted_server({"dimensions": 16}) as server, client(server) as opened:
        first, second, again = (
            row.embedding for row in opened.embeddings.create(model="e", input=["a b", "c", "a b"]).data
        )
        assert len(first) == 16
        assert first == again != second
        assert sum(value * value for value in first) == pytest.approx(1, abs=1e-6)
        asked = {"model": "e", "input": "a b", "dimensions": 3}
        floats = post(server, asked, "/embeddings").json()
        packed = post(server, asked | {"encoding_format": "base64"}, "/embeddings").json()["data"][0]["embedding"]
        assert struct.unpack("<3f", base64.b64decode(packed)) == pytest.approx(floats["data"][0]["embedding"], abs=1e-6)
        assert floats["usage"] == {"prompt_tokens": 2, "total_tokens": 2}
        assert server.tokens["e"].input == (2 + 1 + 2) + 2 + 2


def test_embedding_rules_have_faults_too():
    rules = [{"match": {"endpoint": "embeddings", "contains": "bad"}, "reply": {"error": {"status": 503}}}]
    with scripted_server(rules) as server, client(server) as opened:
        with pytest.raises(openai.InternalServerError):
            opened.embeddings.create(model="e", input=["fine", "a bad one"])
        assert opened.embeddings.create(model="e", input="fine").data


def test_azure_paths_name_the_model_and_need_a_version():
    with scripted_server({"keys": ["azure-key"], "rules": replying(text="${model}")}) as server:
        azure = {"azure_endpoint": server.root, "api_version": "2024-10-21", "max_retries": 0}
        with openai.AzureOpenAI(api_key="azure-key", **azure) as opened:
            said = opened.chat.completions.create(model="my-deployment", messages=ASK)
        assert said.choices[0].message.content == "my-deployment"
        assert server.received[0].path == "/openai/deployments/my-deployment/chat/completions"
        assert server.received[0].headers["api-key"] == "azure-key"
        missing = httpx.post(
            f"{server.root}/openai/deployments/d/chat/completions",
            json={"messages": ASK},
            headers={"api-key": "azure-key"},
        )
        assert missing.status_code == 404
        with openai.AzureOpenAI(api_key="wrong", **azure) as opened, pytest.raises(openai.AuthenticationError):
            opened.chat.completions.create(model="my-deployment", messages=ASK)


def test_keys_are_asked_for_and_never_shown():
    with scripted_server({"keys": ["sk-right-quince"], "rules": replying(text="in")}) as server:
        with client(server, key="sk-wrong-medlar") as opened, pytest.raises(openai.AuthenticationError) as raised:
            opened.chat.completions.create(model="m", messages=ASK)
        assert raised.value.code == "invalid_api_key"
        assert post(server).status_code == 401
        assert httpx.get(f"{server.url}/models").status_code == 401
        with client(server, key="sk-right-quince") as opened:
            opened.chat.completions.create(model="m", messages=ASK)
            assert [model.id for model in opened.models.list()] == ["scripted"]
        shown = repr(server.received) + httpx.get(f"{server.root}/_received").text
        assert "medlar" not in shown + str(raised.value)
        assert "quince" not in shown
        assert server.received[0].headers["authorization"] == "Bearer sk-wrong-medlar"
        assert server.received[0].headers["authorization"] != "Bearer sk-right-quince"
        assert server.received[3].headers["authorization"] != server.received[0].headers["authorization"]


def test_models_that_exist_and_contexts_that_are_too_long():
    with (
        scripted_server({"models": ["a", "b"], "context_tokens": 20, "rules": replying(text="ok")}) as server,
        client(server) as opened,
    ):
        assert [model.id for model in opened.models.list()] == ["a", "b"]
        assert opened.models.retrieve("b").id == "b"
        with pytest.raises(openai.NotFoundError):
            opened.models.retrieve("c")
        with pytest.raises(openai.NotFoundError) as unknown:
            opened.chat.completions.create(model="gpt-9", messages=ASK)
        assert unknown.value.code == "model_not_found"
        with pytest.raises(openai.BadRequestError) as long:
            opened.chat.completions.create(model="a", messages=[{"role": "user", "content": "word " * 30}])
        assert long.value.code == "context_length_exceeded"
        assert opened.chat.completions.create(model="a", messages=ASK).choices[0].message.content == "ok"
        assert server.tokens["a"].failed == 1
        assert server.tokens["gpt-9"].input == 0


@pytest.mark.parametrize(
    ("status", "raised", "code"),
    [
        (401, openai.AuthenticationError, "invalid_api_key"),
        (403, openai.PermissionDeniedError, "not_permitted"),
        (429, openai.RateLimitError, "rate_limit_exceeded"),
        (500, openai.InternalServerError, None),
        (503, openai.InternalServerError, None),
    ],
)
def test_errors_in_the_shape_of_openai(status, raised, code):
    with scripted_server(replying(error={"status": status})) as server, pytest.raises(raised) as error:
        ask(server)
    assert error.value.status_code == status
    assert error.value.code == code
    assert error.value.body["message"]


def test_retry_after_is_sent_and_a_sequence_moves_on():
    script = [
        {
            "sequence": [
                {"error": {"status": 429, "retry_after": 0.01, "message": "slow down", "code": "tpm"}},
                {"error": {"status": 500}},
                {"text": "at last ${call}"},
            ]
        }
    ]
    with scripted_server(script) as server:
        refused = post(server)
        assert refused.headers["retry-after"] == "0.01"
        assert refused.json()["error"] == {
            "message": "slow down",
            "type": "rate_limit_error",
            "param": None,
            "code": "tpm",
        }
        assert post(server).status_code == 500
        assert [post(server).json()["choices"][0]["message"]["content"] for _ in range(2)] == ["at last 3", "at last 4"]
    script = replying(error={"status": 503, "retry_after": "Wed, 21 Oct 2026 07:28:00 GMT"})
    with scripted_server(script) as server:
        assert post(server).headers["retry-after"] == "Wed, 21 Oct 2026 07:28:00 GMT"


def test_the_official_clients_own_retries_get_through():
    script = [{"times": 2, "reply": {"error": {"status": 429, "retry_after": 0.001}}}, {"reply": {"text": "ok"}}]
    with scripted_server(script) as server, openai.OpenAI(base_url=server.url, api_key="k", max_retries=2) as opened:
        assert opened.chat.completions.create(model="m", messages=ASK).choices[0].message.content == "ok"
        assert [each.status for each in server.received] == [429, 429, 200]


def test_delays_first_token_and_pace():
    script = [
        {"match": {"model": "late"}, "reply": {"text": "x", "delay_s": 0.15}},
        {"match": {"model": "paced"}, "reply": {"text": "a b c", "first_token_s": 0.15, "per_token_s": 0.1}},
    ]
    with scripted_server(script) as server:
        started = time.perf_counter()
        ask(server, model="late")
        assert 0.15 <= time.perf_counter() - started < 1.5
        with httpx.stream(
            "POST", f"{server.url}/chat/completions", json={"model": "paced", "messages": ASK, "stream": True}
        ) as response:
            started = time.perf_counter()
            pieces = (line for line in response.iter_lines() if '"content":' in line and '"content":""' not in line)
            times = [time.perf_counter() - started for _ in pieces]
        assert times[0] >= 0.14
        assert times[2] - times[0] >= 0.19
        started = time.perf_counter()
        ask(server, model="paced")
        assert time.perf_counter() - started >= 0.35


def test_a_stream_cut_after_pieces_bills_what_was_sent():
    with scripted_server(replying(text="one two three four", cut_after=2)) as server:
        with client(server) as opened, pytest.raises((openai.APIConnectionError, httpx.RemoteProtocolError)):
            got = []
            events = opened.chat.completions.create(model="m-1", messages=ASK, stream=True)
            got.extend(event.choices[0].delta.content or "" for event in events)
        assert "".join(got) == "one two"
        (received,) = server.received
        assert (received.outcome, received.status, received.output_tokens) == ("cut", 200, 2)
        assert (server.tokens["m-1"].input, server.tokens["m-1"].output, server.tokens["m-1"].cut) == (18, 2, 1)


@pytest.mark.parametrize(
    "reply", [{"text": "one two three", "cut_after": 3}, {"text": "one", "cut_after": 0}, {"drop": True}]
)
def test_connections_that_break_off(reply):
    with scripted_server(replying(**reply)) as server:
        with pytest.raises(httpx.RemoteProtocolError):
            post(server)
        with pytest.raises(openai.APIConnectionError):
            ask(server)
        outcomes = {each.outcome for each in server.received}
        assert outcomes == ({"failed"} if "drop" in reply else {"cut"})
        assert server.received[0].status == (None if "drop" in reply else 200)


def test_malformed_bodies_and_events():
    with scripted_server(replying(text="one two three", malformed=True)) as server:
        with pytest.raises(json.JSONDecodeError):
            post(server).json()
        with client(server) as opened, pytest.raises(json.JSONDecodeError):
            list(opened.chat.completions.create(model="m", messages=ASK, stream=True))
        assert [each.outcome for each in server.received] == ["cut", "cut"]
        assert server.received[1].output_tokens == 1


def test_pages_redirects_and_huge_replies():
    script = [
        {"match": {"model": "page"}, "reply": {"non_json": True}},
        {"match": {"model": "moved"}, "reply": {"redirect": "http://127.0.0.1:9/v1/chat/completions"}},
        {"match": {"model": "huge"}, "reply": {"text": "wörd ", "huge": 1_000_001}},
    ]
    with scripted_server(script) as server:
        page = post(server, {"model": "page", "messages": ASK})
        assert page.headers["content-type"].startswith("text/html")
        assert page.text.startswith("<!doctype html>")
        moved = post(server, {"model": "moved", "messages": ASK})
        assert (moved.status_code, moved.headers["location"]) == (307, "http://127.0.0.1:9/v1/chat/completions")
        said = ask(server, model="huge").choices[0].message.content
        assert 1_000_000 <= len(said.encode()) <= 1_000_001
        assert {each.outcome for each in server.received} == {"failed", "completed"}


def test_silence_before_and_within_a_stream_ends_when_the_client_goes():
    script = [
        {"match": {"stream": True}, "reply": {"text": "one two three", "hang_after": 1}},
        {"reply": {"hang": True}},
    ]
    with scripted_server(script) as server:
        with pytest.raises(httpx.ReadTimeout):
            post(server, timeout=httpx.Timeout(5, read=0.3))
        with (
            client(server, timeout=httpx.Timeout(5, read=1.0)) as opened,
            pytest.raises((httpx.TimeoutException, openai.APITimeoutError)),
        ):
            list(opened.chat.completions.create(model="m-1", messages=ASK, stream=True))
        assert server.settled()
        assert [each.outcome for each in server.received] == ["abandoned", "cut"]
        assert (server.tokens["m-1"].input, server.tokens["m-1"].output) == (18, 1), (
            "one that was abandoned is not billed"
        )


def test_a_client_that_leaves_a_stream_is_noticed():
    with scripted_server(replying(text="word " * 2000, per_token_s=0.01)) as server:
        with client(server) as opened:
            stream = opened.chat.completions.create(model="m", messages=ASK, stream=True)
            for _ in range(5):
                next(stream)
            assert server.received[0].outcome == "open"
            stream.close()
        assert server.settled()
        assert server.received[0].outcome == "cut"
        assert 4 <= server.tokens["m"].output < 500


def test_usage_can_be_missing_or_other_than_counted():
    script = [
        {"match": {"model": "silent"}, "reply": {"text": "one two", "usage": False}},
        {
            "reply": {
                "text": "one two",
                "usage": {"prompt_tokens": 1000, "completion_tokens": 7, "cached_tokens": 800},
                "served_model": "m-2024",
            }
        },
    ]
    with scripted_server(script) as server:
        assert ask(server, model="silent").usage is None
        assert server.tokens["silent"].output == 2
        said = ask(server, model="m")
        assert (said.usage.prompt_tokens, said.usage.total_tokens, said.usage.prompt_tokens_details.cached_tokens) == (
            1000,
            1007,
            800,
        )
        assert said.model == "m-2024"
        assert (server.tokens["m"].input, server.tokens["m"].output) == (1000, 7)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": ASK}, "model"),
        ({"model": "m"}, "messages"),
        ({"model": "m", "messages": []}, "messages"),
        ({"model": "m", "messages": ["hello"]}, "messages.[0].role"),
        ({"model": "m", "messages": [{"role": "user", "content": 3}]}, "messages.[0].content"),
        ({"model": "m", "messages": ASK, "n": 0}, "n"),
        ({"model": "m", "messages": ASK, "n": 129}, "n"),
        ({"model": "m", "messages": ASK, "max_tokens": True}, "max_tokens"),
        ({"model": "m", "messages": ASK, "response_format": "json"}, "response_format"),
        ({"model": "m", "messages": ASK, "response_format": {"type": "xml"}}, "response_format.type"),
        ({"model": "m", "messages": ASK, "response_format": {"type": "json_schema", "json_schema": {}}}, "response_format.json_schema.name"),
        ({"model": "m", "messages": ASK, "response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}, "response_format.json_schema.schema"),
        ({"model": "m", "messages": ASK, "tools": [{}]}, "tools"),
        ({"model": "m", "messages": ASK, "tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "other"}}}, "tool_choice"),
    ],
)  # fmt: skip
def test_requests_that_mean_nothing_are_refused_with_the_parameter(body, param):
    with scripted_server(replying(text="no")) as server:
        refused = post(server, body)
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == param


@pytest.mark.parametrize("body", [{"input": ""}, {"input": []}, {"input": [1]}, {"input": "x", "dimensions": 0}])
def test_embedding_requests_that_mean_nothing_are_refused(body):
    with scripted_server() as server:
        assert post(server, {"model": "e"} | body, "/embeddings").status_code == 400


def test_bodies_paths_methods_and_hosts_that_are_none():
    with scripted_server(replying(text="no")) as server:
        chat = f"{server.url}/chat/completions"
        assert httpx.post(chat, content=b'{"model": ').status_code == 400
        assert httpx.post(chat, content=b"[1]").status_code == 400
        assert httpx.get(chat).status_code == 405
        assert httpx.post(f"{server.root}/v2/chat/completions", json={}).status_code == 404
        assert httpx.get(f"{server.root}/_received", headers={"host": "evil.example"}).status_code == 403
        assert httpx.post(chat, content=b"x" * (16 * 1024 * 1024 + 1)).status_code == 413
        assert server.received[0].body == '{"model": '


def test_an_unmatched_request_says_what_was_asked():
    with (
        scripted_server([{"match": {"schema": "route"}, "reply": {"auto": True}}]) as server,
        pytest.raises(openai.BadRequestError) as raised,
    ):
        ask(server, response_format=FORMAT)
    assert raised.value.code == "no_rule"
    assert "'plan_sql'" in str(raised.value)
    assert "How many orders" in str(raised.value)


def test_other_processes_read_what_was_received_and_the_sums():
    with scripted_server(replying(text="one two")) as server:
        ask(server)
        ask(server, model="m-2")
        received = httpx.get(f"{server.root}/_received", params={"since": 1}).json()["received"]
        assert [(each["number"], each["model"], each["outcome"], each["rule"]) for each in received] == [
            (2, "m-2", "completed", 1)
        ]
        assert received[0]["body"]["messages"] == ASK == server.received[1].messages
        totals = httpx.get(f"{server.root}/_totals").json()
        assert totals["requests"] == server.count == 2
        assert totals["models"]["m-1"]["output"] == 2


def test_the_log_is_bounded_and_the_sums_are_not():
    with scripted_server(replying(text="one"), kept=3) as server:
        for _ in range(5):
            post(server)
        assert [each.number for each in server.received] == [3, 4, 5]
        assert (server.count, server.tokens["m-1"].requests, server.tokens["m-1"].output) == (5, 5, 5)
    with scripted_server(replying(text="one"), kept_bytes=3000) as server:
        for _ in range(5):
            post(server, {"model": "m-1", "messages": [{"role": "user", "content": "x" * 1200}]})
        assert [each.number for each in server.received] == [4, 5]


def test_200_parallel_requests_are_all_answered_and_counted():
    script = [
        {"match": {"user": r"number (?P<n>\d*[02468])$"}, "reply": {"text": "even ${n}", "delay_s": 0.05}},
        {"match": {"user": r"number (?P<n>\d+)$"}, "reply": {"json": {"odd": "${n:int}"}, "per_token_s": 0.001}},
    ]
    asked = [[{"role": "user", "content": f"This is number {number}"}] for number in range(200)]
    with scripted_server(script) as server, httpx.Client(limits=httpx.Limits(max_connections=200), timeout=30) as http:
        gate = threading.Barrier(200)

        def one(messages):
            gate.wait(timeout=20)
            return http.post(f"{server.url}/chat/completions", json={"model": "m", "messages": messages}).json()

        with ThreadPoolExecutor(200) as pool:
            said = list(pool.map(one, asked))
        for number, each in enumerate(said):
            content = each["choices"][0]["message"]["content"]
            assert content == (f'{{"odd":{number}}}' if number % 2 else f"even {number}")
        sums = server.tokens["m"]
        assert (sums.completed, sums.requests) == (200, 200)
        assert sums.output == sum(each["usage"]["completion_tokens"] for each in said) == 100 * 2 + 100 * 7
        assert sums.input == sum(count_message_tokens(messages) for messages in asked)
        assert len({each["id"] for each in said}) == 200


def broken_off(server):
    with pytest.raises(httpx.HTTPError):
        post(server)


def test_start_and_stop_are_quick_and_clean():
    with scripted_server(replying(text="warm")):
        pass
    before = threading.active_count()
    started = time.perf_counter()
    with scripted_server(replying(hang=True)) as server:
        ready = time.perf_counter() - started
        thread = threading.Thread(target=broken_off, args=(server,))
        thread.start()
        while not server.received:
            time.sleep(0.01)
    thread.join(timeout=5)
    assert ready < 0.3
    assert time.perf_counter() - started < 3
    assert threading.active_count() == before
    with pytest.raises(httpx.ConnectError):
        post(server)
