"""Endpoints that speak the OpenAI protocol: the only module that imports `openai` (0.4 s; it is imported late).

`openai` builds the requests (and Azure's paths) and reads event streams; connections are `transport.py`'s. What comes
back is decoded into the small structs of `wire.py`, and every error becomes a `ProviderFault` with a stable code, none
of them with a text that the endpoint wrote.
"""

from __future__ import annotations

import functools
import logging
import re
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import httpx2
import msgspec
import openai

from app.llm.config import ProviderConfig
from app.llm.dialect import MOST_STEPS, REFUSALS, Dialect, OutputMode, next_dialect, request_body
from app.llm.errors import ProviderFault
from app.llm.parts import Stopped
from app.llm.retrying import retry_after_s
from app.llm.token_counts import estimated
from app.llm.transport import BoundedTransport, UnreadableBody
from app.llm.values import Completion, Message, Outgoing, Parameters
from app.llm.wire import WireAnswer, WireNames, WireSaid, decoded, reported_tokens
from app.ops.version import answerable_version

Sent = TypeVar("Sent")
_Asked: TypeAlias = tuple[str, Sequence[Message], Mapping[str, Any] | None, Parameters, str]
"""Model, messages, schema, parameters, and what the schema is called."""

_NO_KEY = "put onto the request by the transport"
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)
_ERRORS = (openai.OpenAIError, httpx2.HTTPError, msgspec.MsgspecError, ValueError, RecursionError)
_NO_SUCH_MODEL = re.compile(r"model_not_found|invalid model|model\b.{0,80}\b(not found|does not exist)")
_TOO_LONG = re.compile(r"context_length|context (length|size|window)")
_PROBE = (Message("user", 'Answer with the JSON object {"ok": true}.'),)
_PROBE_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}},
    "required": ["ok"],
    "additionalProperties": False,
}
_PROBE_TOKENS = 500
"""Reasoning models spend some before they answer."""

for _name in ("openai", "httpx2", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # below it they log what is sent


class OpenAiProvider:
    """One endpoint. Thread-safe; `close` ends its connections. Implements `parts.Provider`."""

    def __init__(self, name: str, config: ProviderConfig) -> None:
        self._name = name
        self._config = config
        self._transport = BoundedTransport(_headers(config))
        self._client = _client(config, self._transport)
        self._lock = threading.Lock()
        self._dialects: dict[str, Dialect] = {}

    def __repr__(self) -> str:
        return f"OpenAiProvider({self._name!r})"

    @property
    def name(self) -> str:
        """As in the configuration."""
        return self._name

    def output_mode(self, model: str) -> OutputMode:
        """How a model is held to a schema, as far as was learnt."""
        return self._dialect(model).output

    def complete(
        self, model: str, outgoing: Outgoing, *, timeout_s: float, stopped: Stopped = lambda: False
    ) -> Completion:
        """One completion within `timeout_s` seconds in all. Raises `ProviderFault`, `Cancelled`."""
        with self._transport.wanted_until(stopped):
            return self._completion(_asked(model, outgoing), timeout_s)

    def probe(self, model: str, timeout_s: float) -> Completion:
        """A tiny completion held to a schema: shows whether key, model and schema are accepted. Costs a few tokens."""
        return self._completion(
            (model, _PROBE, _PROBE_SCHEMA, Parameters(max_tokens=_PROBE_TOKENS), "probe"), timeout_s
        )

    def stream(
        self,
        model: str,
        outgoing: Outgoing,
        *,
        timeout_s: float,
        first_s: float | None = None,
        stopped: Stopped = lambda: False,
    ) -> Generator[str | Completion, None, None]:
        """Pieces of text as they come, the first within `first_s` seconds, all and the `Completion` within `timeout_s`.

        Raises `ProviderFault`, which holds what came before, and `Cancelled`; closing the generator closes the
        connection.
        """
        end = time.monotonic() + timeout_s

        def post(body: dict[str, Any]) -> openai.Stream[object]:
            return self._client.post(
                "/chat/completions",
                body=body,
                cast_to=object,
                stream=True,
                stream_cls=openai.Stream[object],
                options=self._options(end, first_s),
            )

        asked = _asked(model, outgoing)
        with self._transport.wanted_until(stopped):
            opened = self._sent(asked, end, post, stream=True)
        yield from _streamed(opened, model, outgoing)

    def model_names(self, timeout_s: float) -> frozenset[str] | None:
        """Models that the endpoint lists; None where it has no list. Raises `ProviderFault`."""
        options = self._options(time.monotonic() + timeout_s)
        try:
            answer = _faults_of(lambda: self._client.get("/models", cast_to=httpx2.Response, options=options))
            return frozenset(each.id for each in decoded(answer.content, WireNames).data)
        except ProviderFault as fault:
            if fault.code in ("unknown_model", "bad_request", "malformed"):
                return None
            raise

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def _completion(self, asked: _Asked, timeout_s: float) -> Completion:
        model, messages, *_ = asked
        end = time.monotonic() + timeout_s

        def post(body: dict[str, Any]) -> httpx2.Response:
            options = self._options(end)
            return self._client.post("/chat/completions", body=body, cast_to=httpx2.Response, options=options)

        answer = self._sent(asked, end, post, stream=False)
        found = decoded(answer.content, WireAnswer)
        if not found.choices or found.choices[0].message is None:
            raise ProviderFault("malformed", again=True, begun=True)
        choice, said = found.choices[0], found.choices[0].message
        text = said.content or ""
        return Completion(
            text=text,
            model=found.model or model,
            tokens=reported_tokens(found.usage, estimated(messages, text)),
            finish="content_filter" if said.refusal else choice.finish_reason or "stop",
            request_id=answer.headers.get("x-request-id"),
        )

    def _sent(self, asked: _Asked, end: float, post: Callable[[dict[str, Any]], Sent], *, stream: bool) -> Sent:
        """What comes back for a request in a dialect that the endpoint takes; it is remembered for the model."""
        known = dialect = self._dialect(asked[0])
        for _ in range(MOST_STEPS):
            body = request_body(*asked[:4], dialect, stream=stream, name=asked[4])
            try:
                sent = _faults_of(functools.partial(post, body))
            except _Refusal as refusal:
                other = next_dialect(dialect, body, refusal.status, refusal.words)
                if other is None or time.monotonic() >= end:
                    raise
                dialect = other
                continue
            if dialect != known:
                with self._lock:
                    self._dialects[asked[0]] = dialect
            return sent
        raise ProviderFault("bad_request", again=False)

    def _dialect(self, model: str) -> Dialect:
        with self._lock:
            return self._dialects.get(model, Dialect(output=self._config.output))

    def _options(self, end: float, first_s: float | None = None) -> Any:
        """Timeouts of one request, as the transport understands them."""
        whole = max(0.001, end - time.monotonic())
        connect = min(whole, self._config.connect_s)
        first = min(whole, first_s or whole)
        return {"timeout": httpx2.Timeout(connect=connect, pool=connect, read=first, write=whole)}


class _Refusal(ProviderFault):
    """A refusal of the request as it is; `words` are the endpoint's and go no further than `next_dialect`."""

    def __init__(self, status: int, words: str, *, retry_after_s: float | None) -> None:
        code = "server_error" if status >= 500 else "bad_request"
        super().__init__(code, again=status == 500, retry_after_s=retry_after_s)
        self.status = status
        self.words = words


def _headers(config: ProviderConfig) -> dict[str, str]:
    headers = {"User-Agent": f"Answerable/{answerable_version()}", **config.headers}
    if not config.api_key:
        return headers
    if config.kind == "azure":
        return headers | {"api-key": config.api_key}
    return headers | {"Authorization": f"Bearer {config.api_key}"}


def _client(config: ProviderConfig, transport: BoundedTransport) -> openai.OpenAI:
    http = httpx2.Client(transport=transport, follow_redirects=False, trust_env=False)
    if config.kind == "azure":
        return openai.AzureOpenAI(
            azure_endpoint=config.base_url.rstrip("/").removesuffix("/openai"),
            api_version=config.api_version,
            api_key=_NO_KEY,
            max_retries=0,
            http_client=http,
        )
    return openai.OpenAI(base_url=config.base_url, api_key=_NO_KEY, max_retries=0, http_client=http)


def _asked(model: str, outgoing: Outgoing) -> _Asked:
    return model, outgoing.messages, outgoing.schema, outgoing.parameters, outgoing.prompt.partition("@")[0]


def _streamed(stream: openai.Stream[object], model: str, outgoing: Outgoing) -> Generator[str | Completion, None, None]:
    """Pieces, then the completion; the connection is closed however this ends."""
    pieces: list[str] = []
    usage, finish, named, refused = None, None, None, False
    try:
        for raw in stream:
            chunk = msgspec.convert(raw, WireAnswer)
            usage, named = chunk.usage or usage, chunk.model or named
            for choice in (chunk.choices or ())[:1]:
                said, finish = choice.delta or WireSaid(), choice.finish_reason or finish
                refused = refused or bool(said.refusal)
                if said.content:
                    said.content.encode()  # half a character, which no later stage could write: a ValueError
                    pieces.append(said.content)
                    yield said.content
        if finish is None:
            raise ProviderFault("cut", again=not pieces, begun=True)
    except (*_ERRORS, ProviderFault) as error:
        fault = error if isinstance(error, ProviderFault) else fault_of(error)
        code = "cut" if fault.code in ("connection", "malformed") else fault.code
        raise ProviderFault(code, again=not pieces and fault.again, begun=True, cut="".join(pieces)) from None
    finally:
        stream.close()
    text = "".join(pieces)
    yield Completion(
        text=text,
        model=named or model,
        tokens=reported_tokens(usage, estimated(outgoing.messages, text)),
        finish="content_filter" if refused else finish,
        request_id=stream.response.headers.get("x-request-id"),
    )


def _faults_of(call: Callable[[], Sent]) -> Sent:
    try:
        return call()
    except _ERRORS as error:
        raise fault_of(error) from None


def fault_of(error: Exception) -> ProviderFault:
    """The fault that an error of `openai`, of its HTTP client or of decoding stands for."""
    if isinstance(error, openai.APITimeoutError | httpx2.TimeoutException):
        sent = not isinstance(error.__cause__ or error, _NOT_SENT)
        return ProviderFault("timeout", again=not sent, begun=sent)
    if isinstance(error, openai.APIConnectionError | httpx2.HTTPError):
        cause = error.__cause__ or error
        if isinstance(cause, UnreadableBody):
            return ProviderFault("malformed", again=False, begun=True)
        return ProviderFault("connection", again=True, begun=not isinstance(cause, _NOT_SENT))
    if isinstance(error, openai.APIResponseValidationError):
        return ProviderFault("malformed", again=True, begun=True)
    if isinstance(error, openai.APIStatusError):
        return _fault_of_status(error)
    if isinstance(error, openai.ContentFilterFinishReasonError):
        return ProviderFault("content_filter", again=False, begun=True)
    if isinstance(error, openai.APIError):  # an error told in the middle of a stream
        return ProviderFault("server_error", again=True, begun=True)
    return ProviderFault("malformed", again=True, begun=True)


def _fault_of_status(error: openai.APIStatusError) -> ProviderFault:
    status, code = error.status_code, (error.code or "").casefold()
    wait = retry_after_s(error.response.headers, time.time())
    if status in (401, 403):
        return ProviderFault("not_authenticated", again=False)
    if status == 429:
        return ProviderFault("rate_limited", again="quota" not in code, retry_after_s=wait)
    if status == 404:
        return ProviderFault("unknown_model", again=False)
    words = f"{code} {error.param or ''} {error.message}".casefold()
    if status == 413 or (status < 500 and _TOO_LONG.search(words)):
        return ProviderFault("context_too_long", again=False)
    if "content_filter" in code or "content_policy" in code:
        return ProviderFault("content_filter", again=False)
    if status in (400, 422) and _NO_SUCH_MODEL.search(words):
        return ProviderFault("unknown_model", again=False)
    if status in REFUSALS:
        return _Refusal(status, words, retry_after_s=wait)
    if status in (408, 409) or status >= 500:
        return ProviderFault("timeout" if status == 408 else "server_error", again=True, retry_after_s=wait)
    return ProviderFault("bad_request", again=False)
