"""What surrounds every request, found or not: trace id, host guard, security headers, access log, metrics."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec
import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import describe
from app.api.trace_id import start_trace
from app.api.wire import ErrorResponse
from app.errors import NotPermitted
from app.ops.metrics import Metrics
from app.settings import Settings, is_loopback

SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)

_log = structlog.get_logger("answerable.access")


class Envelope:
    """An ASGI application around the routed one."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on unless the guard objects, and note how it went."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        identity = start_trace()
        started = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = {name.lower() for name, _ in message["headers"]}
                own = [header for header in SECURITY_HEADERS if header[0] not in given]
                message["headers"] = [*message["headers"], *own, (b"x-trace-id", identity.encode())]
            await send(message)

        try:
            check_host(_headers(cast("Mapping[str, Any]", scope)), self._settings)
        except NotPermitted as error:
            await _send_error(error, send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)
        self._note(cast("Mapping[str, Any]", scope), identity, status, time.perf_counter() - started)

    def _note(self, scope: Mapping[str, Any], identity: str, status: int, seconds: float) -> None:
        path = scope.get("path_template") or "unmatched"
        self._metrics.requests.labels(scope["method"], path, str(status)).inc()
        self._metrics.request_seconds.labels(path).observe(seconds)
        milliseconds = round(seconds * 1000, 1)
        _log.info("request", method=scope["method"], path=path, status=status, ms=milliseconds, trace_id=identity)


def check_host(headers: dict[bytes, bytes], settings: Settings) -> None:
    """Raise `NotPermitted` for a host name or origin that a web page elsewhere could have forged.

    On a loopback address no key is asked for, so a page in the owner's browser must not reach it: neither by a name
    that it re-binds to 127.0.0.1 (the `Host` header) nor by a cross-site request (the `Origin` header).
    """
    host = _hostname("//" + headers.get(b"host", b"").decode("latin-1"))
    allowed = {name.casefold() for name in settings.allowed_hosts}
    guarded = settings.on_loopback or bool(allowed)
    if guarded and host not in allowed and not is_loopback(host):
        message = f"The Host header names {host!r}, which this service does not answer to."
        raise NotPermitted(message, code="host_not_allowed", hint="Add the name to ANSWERABLE_ALLOWED_HOSTS.")
    origin = headers.get(b"origin")
    if origin is not None and not settings.needs_key and _hostname(origin.decode("latin-1")) != host:
        raise NotPermitted("Requests from pages of other origins are not answered.", code="origin_not_allowed")


def _hostname(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").casefold()
    except ValueError:
        return ""


def _headers(scope: Mapping[str, Any]) -> dict[bytes, bytes]:
    return dict(scope["headers"])


async def _send_error(error: NotPermitted, send: Send) -> None:
    status, body = describe(error)
    content = msgspec.json.encode(ErrorResponse(error=body))
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content, "more_body": False})
