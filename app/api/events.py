"""An answer as server-sent events: `status` first, then its pieces, then `done` with the whole of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator

import msgspec

from app.api.errors import describe
from app.api.trace_id import trace_id
from app.api.wire import ErrorResponse, PlanEvent, StatusEvent
from app.values import Answer

HEARTBEAT = b": heartbeat\n\n"
HEARTBEAT_S = 10.0


async def stream(answering: Awaitable[Answer], *, heartbeat_s: float = HEARTBEAT_S) -> AsyncIterator[bytes]:
    """The events of an answer in the making, with a comment every `heartbeat_s` seconds while it is not there."""
    yield event("status", StatusEvent(stage="accepted", trace_id=trace_id()))
    task = asyncio.ensure_future(answering)
    try:
        while not (await asyncio.wait({task}, timeout=heartbeat_s))[0]:
            yield HEARTBEAT
        for piece in pieces(task.result()):
            yield piece
    except Exception as error:  # noqa: BLE001 - mapped to the error event; the response has begun already
        yield event("error", ErrorResponse(error=describe(error)[1]))
    finally:
        task.cancel()


def pieces(answer: Answer) -> Iterator[bytes]:
    """The events of a finished answer."""
    plan = PlanEvent(id=answer.id, status=answer.status, route=answer.route, confidence=answer.confidence)
    yield event("plan", plan)
    if answer.sql is not None:
        yield event("sql", answer.sql)
    if answer.table is not None:
        yield event("rows", answer.table)
    for citation in answer.citations:
        yield event("citation", citation)
    if answer.text:
        yield event("delta", {"text": answer.text})
    if answer.clarify is not None:
        yield event("clarify", answer.clarify)
    yield event("done", answer)


def event(name: str, content: object) -> bytes:
    """One event; JSON has no raw line breaks, so it is one `data` line."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(content))
