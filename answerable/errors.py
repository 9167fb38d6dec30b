"""What can go wrong, as one tree; each error has the fields of the service's one error shape.

AnswerableError               code, message, hint, trace_id, status
├── BadRequest      400 413   the request's shape or values
├── NotAuthenticated    401   no key, or one that is not known
├── NotPermitted        403   the key may not do this
├── NotFound            404   no such source, answer, stream …
├── Conflict            409   it is there already; a stream that was ended
├── RateLimited         429   too many requests
│   └── BudgetExhausted       no money left for language models
├── ServiceError        5xx   something failed at the service
├── ConnectionFailed          no answer came: `status` is None
│   └── TimedOut              … in time
└── UnexpectedResponse        what answered is not the service, or of another version
"""

from __future__ import annotations

import msgspec


class AnswerableError(Exception):
    """A request that failed. `str(error)` is the message with the hint."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        hint: str = "",
        trace_id: str = "",
        status: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"{message} {hint}".strip())
        self.message = message
        self.code = code
        """Stable name of what went wrong, such as `question_empty`."""
        self.hint = hint
        """What to do next; may be empty."""
        self.trace_id = trace_id
        """Under which the service's log has the request; empty without a response."""
        self.status = status
        """The HTTP status; None without a response, and for an `error` event of a stream."""
        self.retry_after_s = retry_after_s
        """Seconds after which the service asks to try again."""


class BadRequest(AnswerableError):
    """The request's shape or values are wrong; the message says which."""


class NotAuthenticated(AnswerableError):
    """No key, or one that is not known."""


class NotPermitted(AnswerableError):
    """The key may not do this."""


class NotFound(AnswerableError):
    """The named thing does not exist, or the key may not know of it."""


class Conflict(AnswerableError):
    """What should be added is there; or the stream was ended."""


class RateLimited(AnswerableError):
    """Too many requests, also after waiting."""


class BudgetExhausted(RateLimited):
    """The budget for language models is spent; `retry_after_s` says when it is open again."""


class ServiceError(AnswerableError):
    """Something failed at the service; `trace_id` finds it in the log."""


class ConnectionFailed(AnswerableError):
    """No response: nothing listens there, or the connection broke, also when tried again."""


class TimedOut(ConnectionFailed):
    """No response in time."""


class UnexpectedResponse(AnswerableError):
    """A response that the service of this version does not give."""


class _Body(msgspec.Struct, frozen=True):
    code: str
    message: str
    hint: str = ""
    trace_id: str = ""


class ErrorShape(msgspec.Struct, frozen=True):
    """The service's error as JSON: `{"error": {"code", "message", "hint", "trace_id"}}`."""

    error: _Body


_BY_STATUS: dict[int, type[AnswerableError]] = {
    401: NotAuthenticated,
    403: NotPermitted,
    404: NotFound,
    409: Conflict,
    429: RateLimited,
}
_BY_CODE: dict[str, type[AnswerableError]] = {
    "answer_stopped": Conflict,
    "budget_exhausted": BudgetExhausted,
    "not_found": NotFound,
    "not_permitted": NotPermitted,
    "rate_limited": RateLimited,
}
"""For the events of a stream, which have no status, and where a status has several."""
_EXCERPT = 200


def error_of(status: int | None, body: bytes, *, retry_after: str | None = None) -> AnswerableError:
    """The error that a response, or the data of an `error` event, tells."""
    try:
        told = msgspec.json.decode(body, type=ErrorShape).error
    except msgspec.MsgspecError:
        text = body[:_EXCERPT].decode("utf-8", "replace").strip()
        message = f"The response has status {status} and is not of this service: {text or 'nothing'}"
        return UnexpectedResponse(message, code="unexpected_response", status=status)
    return _kind(status, told.code)(
        told.message,
        code=told.code,
        hint=told.hint,
        trace_id=told.trace_id,
        status=status,
        retry_after_s=seconds_of(retry_after),
    )


def seconds_of(retry_after: str | None) -> float | None:
    """A `Retry-After` header in seconds; None without one, and for a date, which the service never sends."""
    text = (retry_after or "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _kind(status: int | None, code: str) -> type[AnswerableError]:
    if code in _BY_CODE:
        return _BY_CODE[code]
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return BadRequest if status is not None and 400 <= status < 500 else ServiceError
