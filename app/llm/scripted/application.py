"""The server's endpoints as one ASGI application over a back end: a script, a recording, or an endpoint to record."""

from __future__ import annotations

import re
import time
import urllib.parse
from collections.abc import Callable, Collection
from typing import Any, Literal, Protocol

import msgspec

from app.llm.scripted.exchange import MOST_BODY, BodyTooLarge, Exchange, Gone, Receive, Scope, Send
from app.llm.scripted.matching import RuleBook
from app.llm.scripted.received import Received, RequestLog, header_values
from app.llm.scripted.replying import send_error, send_reply
from app.llm.scripted.requests import Refused, Request, read_request, wrong
from app.llm.scripted.script import Fault, Script
from app.llm.scripted.wire import model, model_list

_PLAIN = re.compile(r"(?:/openai)?/v1/(?P<endpoint>chat/completions|embeddings|models(?:/.+)?)")
_AZURE = re.compile(r"/openai/deployments/(?P<model>[^/]+)/(?P<endpoint>chat/completions|embeddings)")
_SHOWN = 120


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where a request was sent to."""

    endpoint: Literal["chat", "embeddings", "models"]
    deployment: str | None = None
    """The model, where the path names it, as Azure's do."""
    named: str | None = None
    """Of `/models/{id}`."""


class BackEnd(Protocol):
    """What answers."""

    async def answer(self, exchange: Exchange, target: Target, raw: bytes) -> None:
        """Send a response. Raises `Refused`, `Gone`."""

    async def close(self) -> None:
        """End what it holds open; called once no request is left."""


class ScriptBackEnd:
    """Answers by a script."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._rules = RuleBook(script)

    async def answer(self, exchange: Exchange, target: Target, raw: bytes) -> None:
        """Send what the first rule that matches says."""
        self._check_key(exchange)
        if target.endpoint == "models":
            await self._send_models(exchange, target)
            return
        request = read_request(target.endpoint, raw, exchange.headers, target.deployment)
        exchange.note(model=request.model, schema=request.schema[0] if request.schema is not None else None)
        self._check_known(request)
        chosen = self._rules.choose(request)
        if chosen is None:
            if request.endpoint == "chat":
                raise _no_rule(request)
            chosen = RuleBook(msgspec.convert({"otherwise": {}}, Script)).choose(request)
        assert chosen is not None
        exchange.note(rule=chosen.rule)
        await send_reply(exchange, request, chosen, self._script.dimensions)

    async def close(self) -> None:
        """There is nothing to end."""

    def _check_key(self, exchange: Exchange) -> None:
        scheme, _, token = exchange.headers.get("authorization", "").partition(" ")
        given = token.strip() if scheme.lower() == "bearer" else exchange.headers.get("api-key", "")
        if not self._script.keys or given in self._script.keys:
            return
        said = "Incorrect API key provided." if given else "You didn't provide an API key."
        raise wrong(said, status=401, code="invalid_api_key")

    def _check_known(self, request: Request) -> None:
        if self._script.models and request.model not in self._script.models:
            said = f"The model `{request.model[:_SHOWN]}` does not exist or you do not have access to it."
            raise wrong(said, "model", status=404, code="model_not_found")
        most = self._script.context_tokens
        if most is not None and request.input_tokens > most:
            said = f"This model's maximum context length is {most} tokens, the messages have {request.input_tokens}."
            raise wrong(said, "messages", code="context_length_exceeded")

    async def _send_models(self, exchange: Exchange, target: Target) -> None:
        names = self._script.models or ("scripted",)
        if target.named is None:
            await exchange.json(200, model_list(names))
        elif self._script.models and target.named not in names:
            raise wrong(f"The model `{target.named[:_SHOWN]}` does not exist.", status=404, code="model_not_found")
        else:
            await exchange.json(200, model(target.named))


class Application:
    """The ASGI application. `hosts`: names by which it may be addressed, None for any."""

    def __init__(
        self,
        back_end: BackEnd,
        log: RequestLog,
        *,
        hosts: Collection[str] | None,
        told: Callable[[Received], None] | None = None,
    ) -> None:
        self._back_end = back_end
        self._log = log
        self._hosts = hosts
        self._told = told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        exchange = Exchange(scope, receive, send, self._log)
        try:
            await self._answer(exchange)
        except Refused as refused:
            await send_error(exchange, refused.fault, param=refused.param)
        except Gone:
            pass
        finally:
            exchange.close()
            if self._told is not None and exchange.received is not None:
                self._told(exchange.received)

    async def _answer(self, exchange: Exchange) -> None:
        try:
            raw = await exchange.body()
        except BodyTooLarge as error:
            raise wrong(f"The body is over {MOST_BODY} bytes.", status=413) from error
        method, path = exchange.scope["method"], exchange.scope["path"]
        self._check_host(exchange)
        if path in ("/_received", "/_totals") and method == "GET":
            await exchange.json(200, self._own(path, exchange.scope["query_string"]))
            return
        target = target_of(path)
        exchange.received = self._log.open(_received(exchange, raw))
        if target is None:
            raise wrong(f"Invalid URL ({method} {path[:_SHOWN]})", status=404)
        if method != ("GET" if target.endpoint == "models" else "POST"):
            raise wrong(f"Not allowed to {method} {path[:_SHOWN]}.", status=405)
        if target.deployment is not None and b"api-version=" not in exchange.scope["query_string"]:
            raise wrong("The query must name an api-version.", "api-version", status=404)
        await self._back_end.answer(exchange, target, raw)

    def _check_host(self, exchange: Exchange) -> None:
        """A page in a browser must not reach the log under a name of its own (DNS rebinding)."""
        host = urllib.parse.urlsplit(f"//{exchange.headers.get('host', '')}").hostname
        if self._hosts is not None and host not in self._hosts:
            raise wrong("The server is not known by this host name.", status=403)

    def _own(self, path: str, query: bytes) -> Any:
        """What the two endpoints of this server's own say: requests after number `since`, or sums by model."""
        if path == "/_totals":
            return {"requests": self._log.count, "models": self._log.sums()}
        given = urllib.parse.parse_qs(query.decode("latin-1")).get("since", ["0"])[0]
        since = int(given) if given.isdecimal() else 0
        return {"received": [each.shown() for each in self._log.all() if each.number > since]}


def target_of(path: str) -> Target | None:
    """What a path is for; None if it is for nothing."""
    azure = _AZURE.fullmatch(path)
    plain = _PLAIN.fullmatch(path)
    found = azure or plain
    if found is None:
        return None
    kind, _, named = found["endpoint"].partition("/")
    deployment = azure["model"] if azure is not None else None
    named_model = named or None if kind == "models" else None
    return Target(endpoint=kind, deployment=deployment, named=named_model)  # type: ignore[arg-type]


def _received(exchange: Exchange, raw: bytes) -> Received:
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = raw.decode("utf-8", "replace")
    return Received(
        number=0,
        at=time.time(),
        method=exchange.scope["method"],
        path=exchange.scope["path"],
        headers=header_values(exchange.scope["headers"]),
        body=body,
        size=len(raw),
    )


def _no_rule(request: Request) -> Refused:
    said = " ".join((request.said_by("user") or [""])[-1].split())
    schema = f"schema {request.schema[0]!r}" if request.schema is not None else "no schema"
    message = f"No rule of the script matches: model {request.model!r}, {schema}, the user says {said[:_SHOWN]!r}."
    return Refused(Fault(status=400, message=message, type="script_error", code="no_rule"))
