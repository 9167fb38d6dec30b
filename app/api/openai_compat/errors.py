"""Errors in a shape that is both this service's and OpenAI's."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response

from app.api.errors import describe, error_response
from app.api.openai_compat.wire import OpenAIErrorBody, OpenAIErrorResponse
from app.errors import InvalidRequest

TYPES = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error"} | {
    404: "invalid_request_error",
    405: "invalid_request_error",
    413: "invalid_request_error",
    429: "rate_limit_error",
}


class Unsupported(InvalidRequest):
    """Something that OpenAI's interface has and this service does not."""

    code = "unsupported"

    def __init__(self, message: str, *, param: str, hint: str = "docs/clients.md lists what is supported.") -> None:
        super().__init__(message, hint=hint)
        self.param = param


def openai_error_response(request: Request[Any, Any, Any], error: Exception) -> Response[OpenAIErrorResponse]:
    """The usual response for an exception, with `type` and `param` in its body."""
    usual = error_response(request, error)
    body = openai_body(usual.content.error, usual.status_code or 500, error)
    return Response(body, status_code=usual.status_code, headers=dict(usual.headers))


def openai_error(error: Exception) -> OpenAIErrorResponse:
    """The body for an exception in the middle of a stream."""
    status, body = describe(error)
    return openai_body(body, status, error)


def openai_body(body: Any, status: int, error: Exception) -> OpenAIErrorResponse:
    """An error body with OpenAI's fields added."""
    param = getattr(error, "param", None)
    kind = TYPES.get(status, "server_error")
    return OpenAIErrorResponse(error=OpenAIErrorBody(**msgspec.structs.asdict(body), type=kind, param=param))
