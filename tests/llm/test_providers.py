"""One endpoint: what is sent and what is not, what an endpoint refuses, and that every error has a code."""

import inspect
import json
import logging
import threading
import time

import httpx2
import openai
import pytest

from app.llm.config import ProviderConfig
from app.llm.errors import ProviderFault
from app.llm.providers import OpenAiProvider, fault_of
from app.llm.values import Completion
from tests.llm.endpoint import endpoint, refuses, says, sends, streams
from tests.llm.gateways import GOOD, KEY, SCHEMA, routing, writing

KNOWN_CODES = {
    *("timeout", "connection", "rate_limited", "server_error", "not_authenticated", "unknown_model"),
    *("bad_request", "content_filter", "context_too_long", "malformed", "cut"),
}
DEEP = b"[" * 100_000 + b"]" * 100_000


def provider(there, **about):
    return OpenAiProvider("a", ProviderConfig(base_url=there.url, **about))


def asked(there, outgoing=None, *, model="m", **about):
    """One completion by a provider of its own."""
    opened = provider(there, **about)
    try:
        return opened.complete(model, outgoing or routing(), timeout_s=5)
    finally:
        opened.close()


def test_a_completion_with_what_the_provider_reports():
    usage = {"prompt_tokens": 20, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 16}}
    with endpoint(says(GOOD, usage=usage)) as there:
        found = asked(there)
    assert (found.text, found.model, found.finish, found.request_id) == (GOOD, "the-model-2026", "stop", "req-1")
    assert (found.tokens.input, found.tokens.output, found.tokens.cached_input) == (20, 4, 16)
    assert not found.tokens.estimated


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, (True, False)),
        ({"prompt_tokens": 5}, (True, True)),
        ({"prompt_tokens": -5, "completion_tokens": 1}, (True, False)),
        ({"prompt_tokens": "many"}, (True, False)),
        ([], (True, False)),
    ],
)
def test_tokens_that_are_not_reported_are_estimated(usage, expected):
    with endpoint(says(GOOD, usage=usage)) as there:
        tokens = asked(there).tokens
    assert (tokens.estimated, tokens.input == 5) == expected
    assert tokens.output > 0


def test_only_our_headers_are_sent(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-from-the-environment")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-environment")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Custom: environment")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with endpoint(says(GOOD)) as there:
        asked(there, headers={"X-Team": "data"}, api_key=KEY)
        asked(there)
    first, second = ({name.lower(): value for name, value in each.headers.items()} for each in there.received)
    assert (first["authorization"], first["x-team"]) == (f"Bearer {KEY}", "data")
    assert first["user-agent"].startswith("Answerable/")
    assert set(first) == {"host", "content-type", "content-length", "accept", "user-agent", "authorization", "x-team"}
    assert set(first) - set(second) == {"authorization", "x-team"}


def test_azure_is_asked_by_deployment_version_and_its_own_header():
    with endpoint(says(GOOD)) as there:
        config = ProviderConfig(
            kind="azure", base_url=there.url.removesuffix("/v1"), api_key=KEY, api_version="2024-10-21"
        )
        opened = OpenAiProvider("azure", config)
        opened.complete("gpt-5-mini", routing(), timeout_s=5)
        opened.close()
    (sent,) = there.received
    assert sent.path == "/openai/deployments/gpt-5-mini/chat/completions?api-version=2024-10-21"
    assert sent.headers["api-key"] == KEY
    assert "Authorization" not in sent.headers


def test_a_schema_is_sent_strictly_where_it_is_strict():
    loose = {"type": "object", "properties": {"a": {"type": "string"}}}
    with endpoint(says(GOOD)) as there:
        asked(there)
        asked(there, type(routing())(**{**_fields(routing()), "schema": loose}))
    forms = [body["response_format"]["json_schema"] for body in there.bodies()]
    assert [(form["schema"], form["strict"]) for form in forms] == [(SCHEMA, True), (loose, False)]


def _fields(outgoing):
    return {name: getattr(outgoing, name) for name in outgoing.__struct_fields__}


def test_an_endpoint_that_knows_no_schema_is_told_it_in_words_and_that_is_remembered():
    acts = [
        refuses(400, "json_schema is not supported", param="response_format"),
        refuses(422, "response_format"),
        says(GOOD),
    ]
    with endpoint(*acts) as there:
        opened = provider(there)
        opened.complete("m", routing(), timeout_s=5)
        opened.complete("m", routing(), timeout_s=5)
        assert opened.output_mode("m") == "text"
        assert opened.output_mode("other") == "json_schema"
        opened.close()
    bodies = there.bodies()
    kinds = [body.get("response_format", {}).get("type") for body in bodies]
    assert kinds == ["json_schema", "json_object", None, None]
    assert bodies[0]["messages"][0]["content"] == "Route."
    for body in bodies[1:]:
        assert json.loads(body["messages"][0]["content"].partition("JSON schema:\n")[2]) == SCHEMA


def test_a_refusal_that_names_nothing_weakens_the_schema_but_is_not_remembered_if_that_does_not_help():
    with endpoint(refuses(400, "nope")) as there:
        opened = provider(there)
        with pytest.raises(ProviderFault, match="bad_request"):
            opened.complete("m", routing(), timeout_s=5)
        assert opened.output_mode("m") == "json_schema"
        opened.close()
    assert len(there.received) == 3


def test_the_strongest_way_is_configured():
    with endpoint(says(GOOD)) as there:
        asked(there, output="json_object")
        asked(there, output="text")
    assert [body.get("response_format") for body in there.bodies()] == [{"type": "json_object"}, None]


def test_a_reasoning_model_gets_the_parameters_it_takes():
    acts = [
        refuses(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", param="max_tokens"),
        refuses(400, "Unsupported value: 'temperature' does not support 0", param="temperature"),
        refuses(400, "Unknown parameter: 'seed'", param="seed"),
        says(GOOD),
    ]
    with endpoint(*acts) as there:
        opened = provider(there)
        for _ in range(2):
            opened.complete("o9", routing(temperature=0.0, seed=1, max_tokens=9), timeout_s=5)
        opened.close()
    assert len(there.received) == 5
    for body in there.bodies()[3:]:
        assert body["max_completion_tokens"] == 9
        assert not {"max_tokens", "temperature", "seed"} & set(body)
        assert body["response_format"]["type"] == "json_schema"


def test_a_limit_that_is_refused_under_both_names_is_not_left_out():
    with endpoint(refuses(400, "max_tokens and max_completion_tokens are refused")) as there:
        opened = provider(there, output="text")
        with pytest.raises(ProviderFault, match="bad_request"):
            opened.complete("m", writing(), timeout_s=5)
        opened.close()
    assert all({"max_tokens", "max_completion_tokens"} & set(body) for body in there.bodies())


def test_a_server_error_that_names_the_schema_is_a_refusal():
    with endpoint(refuses(500, "failed to parse grammar"), says(GOOD)) as there:
        assert asked(there).text == GOOD
    assert there.bodies()[1]["response_format"] == {"type": "json_object"}


def test_the_error_of_a_stream_in_its_middle_has_a_code():
    broken = sends(b'data: {"error": {"message": "overloaded"}}\n\n', kind="text/event-stream")
    with endpoint(broken) as there:
        opened = provider(there)
        with pytest.raises(ProviderFault) as raised:
            list(opened.stream("m", writing(), timeout_s=5))
        opened.close()
    assert (raised.value.code, raised.value.again) == ("server_error", True)


@pytest.mark.parametrize("raw", [DEEP, b'{"usage": ' + DEEP + b"}", b'{"other": ' + DEEP + b"}"])
def test_an_answer_that_is_nested_without_end_is_a_fault(raw):
    with endpoint(sends(raw)) as there:
        opened = provider(there)
        with pytest.raises(ProviderFault, match="malformed"):
            opened.complete("m", writing(), timeout_s=5)
        opened.close()


STREAMS = [
    *(b"data: {nonsense\n\n", b'data: {"choices": 3}\n\n', b"", b"{}", b"data: [DONE]\n\n", b"data: \xff\n\n"),
    *(b"data: " + DEEP + b"\n\n", b'data: {"usage": ' + DEEP + b"}\n\n", b'data: {"error": ' + DEEP + b"}\n\n"),
    b'data: {"choices": [{"delta": {"content": "\\ud83d"}, "finish_reason": "stop"}]}\n\n',
]


@pytest.mark.parametrize("raw", STREAMS)
def test_a_stream_that_is_none_is_a_fault(raw):
    with endpoint(sends(raw, kind="text/event-stream")) as there:
        opened = provider(there)
        with pytest.raises(ProviderFault, match="cut"):
            list(opened.stream("m", writing(), timeout_s=5))
        opened.close()


def test_a_stream_without_usage_and_with_odd_chunks():
    events = [
        {"choices": None},
        {"choices": [{"delta": None}]},
        {"choices": [{"delta": {"content": "Hi", "reasoning_content": "hm"}}]},
        {"choices": [{"delta": {}, "finish_reason": "length"}]},
    ]
    raw = b": keep-alive\n\n" + b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    with endpoint(sends(raw, kind="text/event-stream")) as there:
        opened = provider(there)
        piece, whole = list(opened.stream("m", writing(), timeout_s=5))
        opened.close()
    assert piece == "Hi"
    assert isinstance(whole, Completion)
    assert (whole.text, whole.finish, whole.model, whole.tokens.estimated) == ("Hi", "length", "m", True)


def test_connections_are_kept_and_one_given_up_is_not():
    with endpoint(says(GOOD)) as there:
        opened = provider(there)
        opened.complete("m", routing(), timeout_s=5)
        there.does(streams(*["x"] * 500, pause_s=0.01))
        stream = opened.stream("m", writing(), timeout_s=5)
        next(stream)
        stream.close()
        assert there.gone.wait(2)
        there.does(says(GOOD))
        assert opened.complete("m", routing(), timeout_s=5).text == GOOD
        opened.close()


def test_nothing_that_is_sent_is_logged_at_any_level(caplog):
    with caplog.at_level(logging.DEBUG), endpoint(says(GOOD)) as there:
        asked(there, routing("my secret question"), api_key=KEY)
    assert KEY not in caplog.text
    assert "secret question" not in caplog.text


def _request():
    return httpx2.Request("POST", "http://x/v1", headers={"Authorization": "Bearer placeholder"})


def _instance(kind):
    """An error of a class of openai, as it may be raised."""
    if issubclass(kind, openai.APIStatusError):
        status = getattr(kind, "status_code", None) or 503
        if kind is openai.OAuthError:
            return kind(response=httpx2.Response(status, request=_request()), body=None)
        return kind("words", response=httpx2.Response(status, request=_request()), body=None)
    if issubclass(kind, openai.APIResponseValidationError):
        return kind(httpx2.Response(200, request=_request()), None)
    if issubclass(kind, openai.APITimeoutError):
        return kind(_request())
    if issubclass(kind, openai.APIConnectionError):
        return kind(request=_request())
    if kind is openai.APIError:
        return kind("words", _request(), body=None)
    error = kind.__new__(kind)
    Exception.__init__(error, "words")
    return error


OPENAI_ERRORS = sorted(
    (each for _, each in inspect.getmembers(openai, inspect.isclass) if issubclass(each, openai.OpenAIError)),
    key=lambda kind: kind.__name__,
)
HTTP_ERRORS = sorted(
    (each for _, each in inspect.getmembers(httpx2, inspect.isclass) if issubclass(each, httpx2.HTTPError)),
    key=lambda kind: kind.__name__,
)
CODES = {
    "AuthenticationError": "not_authenticated",
    "OAuthError": "not_authenticated",
    "PermissionDeniedError": "not_authenticated",
    "NotFoundError": "unknown_model",
    "RateLimitError": "rate_limited",
    "BadRequestError": "bad_request",
    "UnprocessableEntityError": "bad_request",
    "APITimeoutError": "timeout",
    "APIConnectionError": "connection",
    "APIResponseValidationError": "malformed",
    "ContentFilterFinishReasonError": "content_filter",
    "ConflictError": "server_error",
    "InternalServerError": "server_error",
    "APIStatusError": "server_error",
    "APIError": "server_error",
}


@pytest.mark.parametrize("kind", OPENAI_ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_of_openai_has_a_code(kind):
    fault = fault_of(_instance(kind))
    assert fault.code == CODES.get(kind.__name__, "malformed")
    assert fault.code in KNOWN_CODES
    assert "words" not in str(fault)


def test_the_errors_of_openai_are_those_that_were_looked_at():
    assert set(CODES) <= {kind.__name__ for kind in OPENAI_ERRORS}
    assert len(OPENAI_ERRORS) > 15


@pytest.mark.parametrize("kind", HTTP_ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_of_the_http_client_has_a_code(kind):
    error = kind.__new__(kind)
    Exception.__init__(error, "words")
    fault = fault_of(error)
    assert fault.code == ("timeout" if issubclass(kind, httpx2.TimeoutException) else "connection")
    assert fault.begun is not issubclass(
        kind, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout | httpx2.UnsupportedProtocol
    )


@pytest.mark.parametrize(
    ("status", "code", "again"),
    [
        (400, "bad_request", False),
        (401, "not_authenticated", False),
        (403, "not_authenticated", False),
        (404, "unknown_model", False),
        (408, "timeout", True),
        (409, "server_error", True),
        (413, "context_too_long", False),
        (418, "bad_request", False),
        (422, "bad_request", False),
        (429, "rate_limited", True),
        (500, "server_error", True),
        (501, "server_error", False),
        (502, "server_error", True),
        (503, "server_error", True),
        (529, "server_error", True),
    ],
)
def test_every_status_has_a_code_and_says_whether_it_may_be_tried_again(status, code, again):
    with endpoint(refuses(status)) as there, pytest.raises(ProviderFault) as raised:
        asked(there, writing())
    assert (raised.value.code, raised.value.again, raised.value.begun) == (code, again, False)


def test_a_quota_that_is_used_up_is_not_waited_for():
    with endpoint(refuses(429, code="insufficient_quota")) as there, pytest.raises(ProviderFault) as raised:
        asked(there)
    assert not raised.value.again


def test_calls_of_several_threads_keep_their_own_time():
    def act(handler, body):
        slow = body["messages"][-1]["content"] == "slow"
        says(GOOD, after_s=0.6 if slow else 0.0)(handler, body)

    with endpoint(act) as there:
        opened = provider(there)
        found = {}

        def ask(name, seconds):
            started = time.monotonic()
            try:
                opened.complete("m", routing(name), timeout_s=seconds)
            except ProviderFault as fault:
                found[name, seconds] = (fault.code, time.monotonic() - started)
            else:
                found[name, seconds] = ("ok", time.monotonic() - started)

        jobs = [("slow", 0.3), ("slow", 2.0), ("quick", 0.5), ("quick", 3.0)]
        threads = [threading.Thread(target=ask, args=job) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        opened.close()
    assert {job: found[job][0] for job in jobs} == dict(zip(jobs, ["timeout", "ok", "ok", "ok"], strict=True))
    assert found["slow", 0.3][1] < 0.5
