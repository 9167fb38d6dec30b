"""A client of the Answerable service: ask questions, follow the answers as they are written, search, verify.

    from answerable import Client

    with Client("http://127.0.0.1:8000") as client:
        print(client.ask("How many orders were placed in 2025?").text)

`AsyncClient` has the same methods for asyncio. Every error is an `AnswerableError`. It imports nothing of the service.
"""

from answerable.asynchronous import AsyncAnswerStream, AsyncClient
from answerable.client import AnswerStream, Client
from answerable.errors import (
    AnswerableError,
    BadRequest,
    BudgetExhausted,
    Conflict,
    ConnectionFailed,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    RateLimited,
    ServiceError,
    TimedOut,
    UnexpectedResponse,
)
from answerable.events import (
    CitationEvent,
    ClarifyEvent,
    DeltaEvent,
    DoneEvent,
    Event,
    PlanEvent,
    RestartedEvent,
    RowsEvent,
    SqlEvent,
    StatusEvent,
)
from answerable.values import (
    Answer,
    Citation,
    SearchResult,
    SearchResults,
    Source,
    Sources,
    SqlCheck,
    Table,
    VerifiedQuery,
)

__all__ = [
    "Answer",
    "AnswerStream",
    "AnswerableError",
    "AsyncAnswerStream",
    "AsyncClient",
    "BadRequest",
    "BudgetExhausted",
    "Citation",
    "CitationEvent",
    "ClarifyEvent",
    "Client",
    "Conflict",
    "ConnectionFailed",
    "DeltaEvent",
    "DoneEvent",
    "Event",
    "NotAuthenticated",
    "NotFound",
    "NotPermitted",
    "PlanEvent",
    "RateLimited",
    "RestartedEvent",
    "RowsEvent",
    "SearchResult",
    "SearchResults",
    "ServiceError",
    "Source",
    "Sources",
    "SqlCheck",
    "SqlEvent",
    "StatusEvent",
    "Table",
    "TimedOut",
    "UnexpectedResponse",
    "VerifiedQuery",
]
