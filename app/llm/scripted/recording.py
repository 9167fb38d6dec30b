"""Real conversations written down as they pass, and the form of a recording: JSON Lines, one exchange a line.

    {"key": …, "endpoint": "chat", "request": {…}, "response": {"status": 200, "headers": {…}, "body": "…"}}

No key and no other header of the request is written; a key that the response repeats is taken out. Bodies are as sent:
what the service sends to a model is scrubbed before, what another client sends is its own affair.
"""

from __future__ import annotations

import hashlib
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from app.errors import ConfigurationError
from app.llm.scripted.application import Target
from app.llm.scripted.exchange import Exchange
from app.llm.scripted.requests import Refused, read_request
from app.llm.scripted.script import Fault

if TYPE_CHECKING:
    import httpcore

CONNECT_S = 10.0
SILENT_S = 300.0
"""Seconds without a byte after which the endpoint that is recorded is given up."""
KEPT_HEADERS = ("content-type", "retry-after", "location")
_PASSED_ON = ("authorization", "api-key", "x-api-key", "accept", "user-agent", "openai-organization", "openai-project")
_MOST_RECORDED = 64 * 1024 * 1024


class RecordedResponse(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the endpoint answered."""

    status: int
    headers: Mapping[str, str] = {}
    body: str = ""
    cut: bool = False
    """Whether it broke off."""


class Recorded(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One exchange."""

    key: str
    endpoint: str
    request: Mapping[str, Any]
    """The body that was sent."""
    response: RecordedResponse


def request_key(endpoint: str, body: Mapping[str, Any]) -> str:
    """What requests must share to get the same recording: model, messages or input, schema, tools, stream, n."""
    same = {name: body.get(name) for name in ("model", "messages", "input", "response_format", "tools", "tool_choice")}
    same |= {"endpoint": endpoint, "stream": bool(body.get("stream")), "n": body.get("n") or 1}
    return hashlib.sha256(msgspec.json.encode(same, order="sorted")).hexdigest()


class RecordBackEnd:
    """Passes requests on to an endpoint and writes down what was said."""

    def __init__(self, base_url: str, out: Path) -> None:
        """Raises `ConfigurationError` for an address that is none, or a file that cannot be written."""
        self._base = checked_address(base_url)
        self._out = out
        self._pool: httpcore.AsyncConnectionPool | None = None
        self._append(b"")

    async def answer(self, exchange: Exchange, target: Target, raw: bytes) -> None:
        """Send what the endpoint sends, as it comes."""
        import httpcore

        if target.endpoint != "models":
            request = read_request(target.endpoint, raw, exchange.headers, target.deployment)
            exchange.note(model=request.model, schema=request.schema[0] if request.schema is not None else None)
        passed = {name: exchange.headers[name] for name in _PASSED_ON if name in exchange.headers}
        headers = {**passed, "content-type": "application/json", "accept-encoding": "identity"}
        timeouts = {"connect": CONNECT_S, "read": SILENT_S, "write": CONNECT_S, "pool": CONNECT_S}
        called = self._opened().stream(
            exchange.scope["method"],
            self._address(exchange),
            headers=[(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
            content=raw,
            extensions={"timeout": timeouts},
        )
        try:
            async with called as response:
                await self._pass_on(exchange, target, raw, response)
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            if exchange.begun:
                await exchange.cut()
            message = f"The endpoint that is recorded did not answer: {type(error).__name__}."
            raise Refused(Fault(status=502, message=message, code="upstream_unavailable")) from error

    async def close(self) -> None:
        """End the connections to the endpoint."""
        if self._pool is not None:
            await self._pool.aclose()

    async def _pass_on(self, exchange: Exchange, target: Target, raw: bytes, response: httpcore.Response) -> None:
        import httpcore

        given = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
        if given.get("content-encoding", "identity") != "identity":
            raise Refused(Fault(status=502, message="The endpoint compresses though it is asked not to."))
        kept = {name: given[name] for name in KEPT_HEADERS if name in given}
        await exchange.start(response.status, kept)
        body = bytearray()
        try:
            async for part in response.aiter_stream():
                body += part
                await exchange.write(part)
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError):
            self._write(exchange, target, raw, RecordedResponse(status=response.status, headers=kept, cut=True), body)
            raise
        self._write(exchange, target, raw, RecordedResponse(status=response.status, headers=kept), body)
        await exchange.finish(b"", "completed" if response.status < 400 else "failed")

    def _write(
        self, exchange: Exchange, target: Target, raw: bytes, response: RecordedResponse, body: bytearray
    ) -> None:
        """Append one exchange to the file; models are not recorded, nor is a response over the limit."""
        if target.endpoint == "models" or len(body) > _MOST_RECORDED:
            return
        said = _without_keys(body.decode("utf-8", "replace"), exchange.headers)
        request = msgspec.json.decode(raw)
        request = {**request, "model": target.deployment or request["model"]}
        line = Recorded(
            key=request_key(target.endpoint, request),
            endpoint=target.endpoint,
            request=request,
            response=msgspec.structs.replace(response, body=said),
        )
        self._append(msgspec.json.encode(line) + b"\n")

    def _append(self, line: bytes) -> None:
        try:
            with self._out.open("ab") as out:
                out.write(line)
        except OSError as error:
            raise ConfigurationError(f"The recording {self._out} cannot be written: {error.strerror}.") from error

    def _address(self, exchange: Exchange) -> str:
        """The same path and query at the endpoint; its base URL stands for our `/v1`."""
        path, query = exchange.scope["path"], exchange.scope["query_string"].decode("latin-1")
        below = path.partition("/v1")[2] if "/v1/" in path else path
        return f"{self._base}{urllib.parse.quote(below)}" + (f"?{query}" if query else "")

    def _opened(self) -> httpcore.AsyncConnectionPool:
        import httpcore

        if self._pool is None:
            self._pool = httpcore.AsyncConnectionPool(max_connections=100)
        return self._pool


def checked_address(base_url: str) -> str:
    """The address without a slash at its end. Raises `ConfigurationError`; credentials in it are not repeated."""
    parts = urllib.parse.urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ConfigurationError(
            "--record-from is not the base URL of an endpoint.", hint="Give one such as https://api.openai.com/v1."
        )
    if parts.username or parts.password:
        raise ConfigurationError(
            "--record-from holds a user name or a password.", hint="Let the client send its key; it is passed on."
        )
    return base_url.rstrip("/")


def _without_keys(text: str, headers: Mapping[str, str]) -> str:
    """The text without what the client authenticated itself with."""
    for name in ("authorization", "api-key", "x-api-key"):
        secret = headers.get(name, "").rpartition(" ")[2]
        text = text.replace(secret, "[key]") if secret else text
    return text
