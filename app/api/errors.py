"""From whatever was raised to the one error shape: `{"error": {code, message, hint, trace_id}}`."""

from __future__ import annotations

import math
import time
from http import HTTPStatus
from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from app.api.trace_id import trace_id
from app.api.wire import ErrorBody, ErrorResponse
from app.errors import AppError, BudgetExhausted, InvalidRequest, NotAuthenticated, RateLimited

CODES = {400: "invalid_request", 401: "not_authenticated", 403: "not_permitted", 404: "not_found"} | {
    405: "method_not_allowed",
    409: "already_exists",
    413: "too_large",
    415: "invalid_request",
    429: "rate_limited",
}
INTERNAL = "Something went wrong on the server; its log has the details under this trace_id."

DESERIALIZING = "while deserializing"
"""What msgspec says of a body that is nested more deeply than it follows; other recursion is our own fault."""

_log = structlog.get_logger("answerable.api")


def error_response(_request: Request[Any, Any, Any], error: Exception) -> Response[ErrorResponse]:
    """The response for an exception; unexpected ones are logged and named `internal_error`."""
    status, body = describe(error)
    headers: dict[str, str] = {}
    if isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, RateLimited):
        headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, HTTPException) and error.headers:
        headers.update(error.headers)  # what a 405 allows
    if isinstance(error, BudgetExhausted) and error.resets_at is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.resets_at - time.time())))
    return Response(ErrorResponse(error=body), status_code=status, headers=headers)


def describe(error: Exception) -> tuple[int, ErrorBody]:
    """HTTP status and error body of an exception."""
    if isinstance(error, AppError):
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _log.warning("request failed", code=error.code, trace_id=trace_id())
        return error.status, ErrorBody(code=error.code, message=error.message, hint=error.hint, trace_id=trace_id())
    if isinstance(error, RecursionError) and DESERIALIZING in str(error):
        return describe(InvalidRequest("The request's body is nested too deeply.", hint="GET /schema describes it."))
    if isinstance(error, HTTPException) and error.status_code in CODES:
        return error.status_code, _http_error(error)
    _log.error("unexpected error", trace_id=trace_id(), exc_info=error)
    return 500, ErrorBody(code="internal_error", message=INTERNAL, hint="Try again.", trace_id=trace_id())


def _http_error(error: HTTPException) -> ErrorBody:
    status = error.status_code
    message, hint = error.detail, "GET /schema describes every request."
    if status == HTTPStatus.NOT_FOUND:
        message = "There is nothing at this path."
    elif status == HTTPStatus.METHOD_NOT_ALLOWED:
        message = "This path does not answer this method."
    elif status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        message, hint = "The request's body is too large.", "ANSWERABLE_BODY_MAX_BYTES sets the limit."
    elif status == HTTPStatus.BAD_REQUEST:
        message = _fields(error.extra) or f"The request's body cannot be read: {error.__cause__ or error.detail}"
    return ErrorBody(code=CODES[status], message=message, hint=hint, trace_id=trace_id())


def _fields(extra: Any) -> str:
    """`max_rows: Expected int, got str` for each field that is wrong."""
    if not isinstance(extra, list):
        return ""
    found = [(item.get("key", ""), item.get("message", "")) for item in extra if isinstance(item, dict)]
    return "; ".join(f"{key}: {message}" if key else message for key, message in found)
