"""What every endpoint's description in OpenAPI has in common: its errors, and the other content types of some."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from http import HTTPMethod

from litestar import HttpMethod, Response
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, Operation, Schema
from litestar.openapi.spec.enums import OpenAPIType

from app.api.wire import ErrorResponse

ERRORS = {
    400: "The request's shape or values are wrong.",
    401: "No key where one is needed, or one that is not known.",
    403: "The key, the host or the origin may not do this.",
    404: "Unknown, or not for this key.",
    429: "Too many requests, or a spent budget; `Retry-After` says when to come back.",
    500: "Something went wrong on the server.",
    503: "A part that is needed is not there.",
    504: "Nothing was known when the time was up.",
}
WITH_BODY = {409: "It exists already.", 413: "The body is too large.", 415: "The body is not JSON."}
ALSO = {"/v1/ask": "text/event-stream", "/v1/chat/completions": "text/event-stream", "/v1/admin/cost": "text/csv"}
"""Path -> the other content type that it answers with where the request asks for it."""

OPEN = ("/healthz", "/readyz")
"""Paths that need no key anywhere."""


@dataclass
class _Streamed(Operation):
    """An operation that may answer with a stream of events."""

    def __post_init__(self) -> None:
        """Add the content type."""
        _add(self, "text/event-stream")


@dataclass
class _Exported(Operation):
    """An operation that may answer with comma-separated values."""

    def __post_init__(self) -> None:
        """Add the content type."""
        _add(self, "text/csv")


_OPERATIONS = {"text/event-stream": _Streamed, "text/csv": _Exported}


def documented(handlers: Iterable[HTTPRouteHandler]) -> list[HTTPRouteHandler]:
    """The endpoints with every error that they may give described; their own descriptions go first."""
    described = [_documented(handler) for handler in handlers]
    return [*_options(described), *described]


def _documented(handler: HTTPRouteHandler) -> HTTPRouteHandler:
    if handler.include_in_schema is False:
        return handler
    errors = ERRORS | (WITH_BODY if handler.http_methods & {HTTPMethod.POST, HTTPMethod.PUT, HTTPMethod.PATCH} else {})
    described = copy(handler)
    given = {status: _error(description) for status, description in errors.items()}
    described.responses = given | dict(handler.responses or {})
    if set(OPEN) & set(handler.paths):
        described.security = [{}]
    also = next((ALSO[path] for path in handler.paths if path in ALSO), None)
    if also is not None:
        described.operation_class = _OPERATIONS[also]
    return described


def _error(description: str) -> ResponseSpec:
    return ResponseSpec(ErrorResponse, generate_examples=False, description=description)


def _add(operation: Operation, content_type: str) -> None:
    found = (operation.responses or {}).get("200")
    if isinstance(found, OpenAPIResponse):
        text = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))
        found.content = {**(found.content or {}), content_type: text}


def _options(handlers: Sequence[HTTPRouteHandler]) -> Iterator[HTTPRouteHandler]:
    """What answers OPTIONS for a path of several endpoints: Litestar's own names the first one's methods only.

    They must be registered before the endpoints.
    """
    methods: dict[str, set[str]] = {}
    for handler in handlers:
        for path in handler.paths:
            methods.setdefault(path, set()).update(handler.http_methods)
    for path, known in methods.items():
        if sum(path in handler.paths for handler in handlers) > 1:
            yield _allowing(path, ", ".join(sorted(known | {"OPTIONS"})))


def _allowing(path: str, allowed: str) -> HTTPRouteHandler:
    def options() -> Response[None]:
        return Response(None, status_code=204, headers={"Allow": allowed})

    route = HTTPRouteHandler(
        path, http_method=HttpMethod.OPTIONS, include_in_schema=False, status_code=204, sync_to_thread=False
    )
    return route(options)
