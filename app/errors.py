"""What the service tells a caller when a request fails, as one tree.

AppError                       code, status, message, hint
├── InvalidRequest        400  the request's shape or values
│   ├── QuestionEmpty          nothing to answer in the question
│   └── QuestionTooLong        over the question's character limit
├── NotAuthenticated      401
├── NotPermitted          403
├── NotFound              404  unknown source, answer …
├── AlreadyExists         409  what should be added is there
├── TooLarge              413
├── RateLimited           429
├── BudgetExhausted       429  no money left for language models; says when there will be
├── DeadlineExceeded      504  nothing was known at the deadline
├── ExecutionFailed       500  the engine refused a validated query
├── SourceUnavailable     503  the server of a live source does not answer, or has changed
├── StoreUnavailable      503  no readable manifest
├── ModelMissing          503  the embedding model cannot be used
├── ChartUnavailable      503  a chart could not be drawn
└── ConfigurationError    500  a setting is wrong; stops the start
"""

from __future__ import annotations


class AppError(Exception):
    """An error with a stable code, an HTTP status, a message and what to do next."""

    code = "internal_error"
    status = 500

    def __init__(self, message: str, *, hint: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code is not None:
            self.code = code


class InvalidRequest(AppError):
    """The request's shape or values are wrong."""

    code = "invalid_request"
    status = 400


class QuestionEmpty(InvalidRequest):
    """There are no words in the question."""

    code = "question_empty"


class QuestionTooLong(InvalidRequest):
    """The question is over the character limit."""

    code = "question_too_long"


class NotAuthenticated(AppError):
    """No key, or one that is not known."""

    code = "not_authenticated"
    status = 401


class NotPermitted(AppError):
    """The key may not do this."""

    code = "not_permitted"
    status = 403


class NotFound(AppError):
    """The named thing does not exist, or the caller may not know of it."""

    code = "not_found"
    status = 404


class AlreadyExists(AppError):
    """What should be added is there already."""

    code = "already_exists"
    status = 409


class TooLarge(AppError):
    """The request's body is over the size limit."""

    code = "too_large"
    status = 413


class RateLimited(AppError):
    """Too many requests."""

    code = "rate_limited"
    status = 429


class BudgetExhausted(AppError):
    """The budget for language models is spent, and questions are not to be answered without one."""

    code = "budget_exhausted"
    status = 429

    def __init__(self, message: str, *, hint: str = "", resets_at: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.resets_at = resets_at
        """Seconds since the epoch; None: not known."""


class DeadlineExceeded(AppError):
    """Nothing was known when the question's time was up."""

    code = "deadline_exceeded"
    status = 504


class ExecutionFailed(AppError):
    """The engine could not run a validated query."""

    code = "execution_failed"


class SourceUnavailable(AppError):
    """The server of a live source cannot be asked.

    Codes: source_unreachable, source_timeout, source_access_denied, source_changed, source_not_found.
    """

    code = "source_unavailable"
    status = 503


class StoreUnavailable(AppError):
    """There is no manifest that can be read."""

    code = "store_unavailable"
    status = 503


class ModelMissing(AppError):
    """No question can be embedded: the model is gone or damaged."""

    code = "model_missing"
    status = 503


class ChartUnavailable(AppError):
    """A chart could not be drawn, or not in time."""

    code = "chart_unavailable"
    status = 503


class ConfigurationError(AppError):
    """A setting is wrong; the message names it."""

    code = "configuration_error"
