"""What surrounds every request, found or not: trace id, host guard, CORS, security headers, access log, metrics."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec
import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from app.api.cross_origin import PUBLIC_FILES, Sharing, is_own, path_of, sharing, values
from app.api.errors import describe
from app.api.security_headers import secured
from app.api.trace_id import start_trace
from app.api.wire import ErrorResponse
from app.errors import AppError, HeadersTooLarge, InvalidRequest, NotPermitted
from app.ops.metrics import Metrics
from app.settings import Settings, is_loopback

HEADERS_MAX_BYTES = 32_768
"""Bytes that a request's headers and its address may have together."""

HOST = re.compile(rb"(?:[0-9A-Za-z_.~-]{0,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{0,5})?")
"""A host name or address and a port, as a `Host` header holds them."""

_log = structlog.get_logger("answerable.access")


class Envelope:
    """An ASGI application around the routed one."""

    def __init__(
        self, app: ASGIApp, settings: Settings, metrics: Metrics, is_allowed: Callable[[str], bool] = lambda _: False
    ) -> None:
        """`is_allowed` tells whether pages of an origin may show some site's widget."""
        self._app = app
        self._settings = settings
        self._metrics = metrics
        self._is_allowed = is_allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on unless the guard objects, and note how it went."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        identity = start_trace()
        started = time.perf_counter()
        status = 0
        asked = cast("Mapping[str, Any]", scope)
        shared = Sharing()

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = [*message["headers"], *shared.headers()]
                message["headers"] = [*secured(given, scheme=asked["scheme"]), (b"x-trace-id", identity.encode())]
            await send(message)

        try:
            check_size(asked)
            check_host(asked, self._settings)
            shared = await sharing(asked, self._allowed)
            check_origin(asked, self._settings, shared)
        except AppError as error:
            await _send_error(error, send_with_headers)
        else:
            if shared.preflight_for and shared.origin:
                await _send_empty(send_with_headers)
            else:
                await self._app(scope, receive, send_with_headers)
        self._note(asked, identity, status, time.perf_counter() - started)

    async def _allowed(self, origin: str) -> bool:
        return await asyncio.to_thread(self._is_allowed, origin)

    def _note(self, scope: Mapping[str, Any], identity: str, status: int, seconds: float) -> None:
        path = scope.get("path_template") or "unmatched"
        self._metrics.requests.labels(scope["method"], path, str(status)).inc()
        self._metrics.request_seconds.labels(path).observe(seconds)
        milliseconds = round(seconds * 1000, 1)
        _log.info("request", method=scope["method"], path=path, status=status, ms=milliseconds, trace_id=identity)


def check_size(scope: Mapping[str, Any]) -> None:
    """Raise `HeadersTooLarge` for headers that no client needs."""
    size = sum(len(name) + len(value) for name, value in scope["headers"])
    if size + len(scope["path"]) + len(scope["query_string"]) > HEADERS_MAX_BYTES:
        message = f"The request's headers and address have more than {HEADERS_MAX_BYTES} bytes together."
        raise HeadersTooLarge(message, hint="Send what is long in the body.")


def check_host(scope: Mapping[str, Any], settings: Settings) -> None:
    """Raise `NotPermitted` for a host name that a web page elsewhere could have bound to this address.

    On a loopback address no key is asked for, so a page in the owner's browser must not reach it: neither by a name
    that it re-binds to 127.0.0.1 (the `Host` header) nor by a cross-site request (`check_origin`). Raises
    `InvalidRequest` for a `Host` header that is none or stands there twice: what comes after this must not read another
    one than was checked here (RFC 9112, section 3.2).
    """
    host = _named_host(values(scope, b"host"))
    allowed = {name.casefold() for name in settings.allowed_hosts}
    guarded = settings.on_loopback or bool(allowed)
    if guarded and host not in allowed and not is_loopback(host):
        message = f"The Host header names {host!r}, which this service does not answer to."
        raise NotPermitted(message, code="host_not_allowed", hint="Add the name to ANSWERABLE_ALLOWED_HOSTS.")


def check_origin(scope: Mapping[str, Any], settings: Settings, shared: Sharing) -> None:
    """Raise `NotPermitted` for a request of a page elsewhere that would be answered as if the owner had sent it.

    Where a key is needed there is nothing to fear: a page has none. Elsewhere it must be the service's own page, load a
    public file, or be a widget that shows a ticket.
    """
    headers = _headers(scope)
    origin = headers.get(b"origin")
    if origin is None or settings.needs_key or (shared.origin and shared.guarded):
        return
    loads_file = scope["method"] in ("GET", "HEAD") and path_of(scope) in PUBLIC_FILES
    host = headers.get(b"host", b"").decode("latin-1")
    if not loads_file and not is_own(origin.decode("latin-1"), host):
        raise NotPermitted("Requests from pages of other origins are not answered.", code="origin_not_allowed")


def _named_host(given: Sequence[bytes]) -> str:
    """The host name in lower case, empty where none is given; raises `InvalidRequest`."""
    if not given:
        return ""
    try:
        parts = urlsplit("//" + given[0].decode("ascii"))
        if len(given) == 1 and HOST.fullmatch(given[0]) and (parts.port is None or parts.port >= 0):
            return (parts.hostname or "").casefold()
    except ValueError:  # no ASCII, no address between brackets, or a port that is too large
        pass
    raise InvalidRequest("The Host header is not one host name with a port.", hint="Send one such header.")


def _headers(scope: Mapping[str, Any]) -> dict[bytes, bytes]:
    return dict(scope["headers"])


async def _send_error(error: AppError, send: Send) -> None:
    status, body = describe(error)
    content = msgspec.json.encode(ErrorResponse(error=body))
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content, "more_body": False})


async def _send_empty(send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
