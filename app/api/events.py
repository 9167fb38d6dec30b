"""An answer as server-sent events: `status` while it is made, its pieces as they are known, then `done` with all of it.

The thread that answers tells a `Progress`, which puts events in a queue; the response takes them from there. What was
not told on the way follows when the answer is there. The texts of all `delta` events together are the text of `done`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import msgspec

from app.api.errors import describe
from app.api.trace_id import trace_id
from app.api.wire import ErrorResponse, PlanEvent, StatusEvent
from app.progress import EventName, Progress
from app.values import Answer, Citation

HEARTBEAT = b": heartbeat\n\n"
HEARTBEAT_S = 10.0
STAGES = {
    "context": "recalling",
    "plan": "planning",
    "search": "searching",
    "read": "reading",
    "execute": "running",
    "write": "writing",
}
"""Stages of an answer that a reader is told of -> how they are called; the others take no time worth telling."""

Answered = Callable[[Progress], Awaitable[Answer]]


class Events:
    """The events of one answer: numbered from 1, each piece of the answer told once."""

    def __init__(self) -> None:
        self._number = 0
        self._told: set[object] = set()
        self._text = ""

    def told(self, name: EventName, content: object) -> Iterator[bytes]:
        """The event for something told while the answer is made; none for a stage that is not worth one."""
        if name == "status":
            stage = STAGES.get(str(content))
            if stage is not None and self._is_new(("status", stage)):
                yield self.status(stage)
        elif name == "delta":
            self._text += str(content)
            yield self._event("delta", {"text": content})
        elif name == "plan" and isinstance(content, Answer):
            yield from self._plan(content)
        elif self._is_new((name, content.n if isinstance(content, Citation) else 0)):
            yield self._event(name, content)

    def rest(self, answer: Answer) -> Iterator[bytes]:
        """The events of the finished answer that were not told before it was."""
        yield from self._plan(answer)
        if answer.sql is not None:
            yield from self.told("sql", answer.sql)
        if answer.table is not None:
            yield from self.told("rows", answer.table)
        for citation in answer.citations:
            yield from self.told("citation", citation)
        if not answer.text.startswith(self._text):
            raise RuntimeError("the answer's text does not begin with what was told of it")
        if len(answer.text) > len(self._text):
            yield from self.told("delta", answer.text[len(self._text) :])
        if answer.clarify is not None:
            yield self._event("clarify", answer.clarify)
        yield self._event("done", answer)

    def status(self, stage: str) -> bytes:
        """How far the answer is."""
        return self._event("status", StatusEvent(stage=stage, trace_id=trace_id()))

    def error(self, error: Exception) -> bytes:
        """What went wrong, in the one error shape: the response has begun already."""
        return self._event("error", ErrorResponse(error=describe(error)[1]))

    def _plan(self, answer: Answer) -> Iterator[bytes]:
        plan = PlanEvent(id=answer.id, status=answer.status, route=answer.route, confidence=answer.confidence)
        if self._is_new(("plan", plan)):
            yield self._event("plan", plan)

    def _is_new(self, piece: object) -> bool:
        if piece in self._told:
            return False
        self._told.add(piece)
        return True

    def _event(self, name: str, content: object) -> bytes:
        """One event; JSON has no raw line breaks, so it is one `data` line."""
        self._number += 1
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (self._number, name.encode(), msgspec.json.encode(content))


async def stream(answering: Answered, *, heartbeat_s: float = HEARTBEAT_S) -> AsyncIterator[bytes]:
    """The events of an answer in the making, with a comment after every `heartbeat_s` seconds without one.

    When the reader goes, the work is told to stop.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[tuple[EventName, object] | None] = asyncio.Queue()
    progress = Progress(lambda name, content: _put(loop, queue, (name, content)))
    events = Events()
    yield events.status("accepted")
    task = asyncio.ensure_future(answering(progress))
    task.add_done_callback(lambda _done: queue.put_nowait(None))
    try:
        async for told in _items(queue, heartbeat_s):
            if told is None:
                yield HEARTBEAT
                continue
            for piece in events.told(*told):
                yield piece
        for piece in events.rest(task.result()):
            yield piece
    except Exception as error:  # noqa: BLE001 - mapped to the error event; the response has begun already
        yield events.error(error)
    finally:
        progress.stop()
        task.cancel()


def _put(
    loop: asyncio.AbstractEventLoop,
    queue: asyncio.Queue[tuple[EventName, object] | None],
    told: tuple[EventName, object],
) -> None:
    """Called by the thread that answers."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(queue.put_nowait, told)


async def _items(
    queue: asyncio.Queue[tuple[EventName, object] | None], heartbeat_s: float
) -> AsyncIterator[tuple[EventName, object] | None]:
    """What is put in the queue until the end, with None whenever nothing was for `heartbeat_s` seconds."""
    while True:
        try:
            told = await asyncio.wait_for(queue.get(), heartbeat_s)
        except TimeoutError:
            yield None
            continue
        if told is None:
            return
        yield told
