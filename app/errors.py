"""What the service tells a caller when a request fails, as one tree.

AppError                       code, status, message, hint
├── InvalidRequest        400  the request's shape or values
│   ├── QuestionEmpty          nothing to answer in the question
│   └── QuestionTooLong        over the question's character limit
├── NotAuthenticated      401
├── NotPermitted          403
├── NotFound              404  unknown source, answer …
├── AlreadyExists         409  what should be added is there
├── IngestBusy            409  another ingest is running into this home
├── EditedMeanwhile       409  somebody else has saved another version
├── TooLarge              413
│   └── HeadersTooLarge   431
├── RateLimited           429
├── BudgetExhausted       429  no money left for language models; says when there will be
├── AnswerStopped         409  its stream was ended by its caller
├── DeadlineExceeded      504  nothing was known at the deadline
├── ExecutionFailed       500  the engine refused a validated query
├── SourceUnavailable     503  the server of a live source does not answer, or has changed
├── StoreUnavailable      503  no readable manifest
├── ModelMissing          503  the embedding model cannot be used
├── ChartUnavailable      503  a chart could not be drawn
├── HandoverUnavailable   503  a conversation cannot be passed on now
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

    def __init__(self, message: str, *, hint: str = "", count: int, limit: int) -> None:
        super().__init__(message, hint=hint)
        self.count, self.limit = count, limit
        """Characters of the question, and those that are allowed."""


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


class IngestBusy(AppError):
    """One ingest at a time runs into a home, and one is running."""

    code = "ingest_busy"
    status = 409


class EditedMeanwhile(AppError):
    """What is to be replaced is no longer what was edited."""

    code = "edited_meanwhile"
    status = 409


class TooLarge(AppError):
    """The request's body is over the size limit."""

    code = "too_large"
    status = 413


class HeadersTooLarge(TooLarge):
    """The request's headers are over the size limit."""

    code = "headers_too_large"
    status = 431


class RateLimited(AppError):
    """Too many requests."""

    code = "rate_limited"
    status = 429

    def __init__(self, message: str, *, hint: str = "", retry_after_s: int = 2) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s
        """Seconds after which the next request is answered."""


class BudgetExhausted(AppError):
    """The budget for language models is spent, and questions are not to be answered without one."""

    code = "budget_exhausted"
    status = 429

    def __init__(self, message: str, *, hint: str = "", resets_at: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.resets_at = resets_at
        """Seconds since the epoch; None: not known."""


class AnswerStopped(AppError):
    """The caller ended the stream before its answer was there."""

    code = "answer_stopped"
    status = 409


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


class HandoverUnavailable(AppError):
    """A conversation cannot be passed on now."""

    code = "handover_unavailable"
    status = 503


class ConfigurationError(AppError):
    """A setting is wrong; the message names it."""

    code = "configuration_error"
