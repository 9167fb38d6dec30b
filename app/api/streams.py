"""Answers in the making that several readers may follow, and one who was cut off may go on reading.

The thread that answers tells a `Progress`; its events are kept here, numbered, and each reader takes them from there at
its own pace, so that a slow one holds back nothing and copies nothing. When the last reader has gone, the work goes on
for a while (`ANSWERABLE_STREAM_RESUME_S`) and is then told to stop. A finished stream is kept for a minute, within
limits of number and size. Streams live in one server process; another one does not know them and starts anew.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextvars import copy_context
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from app.api.events import Events
from app.errors import AnswerStopped
from app.progress import EventName, Progress
from app.values import Answer, Caller

HEARTBEAT = b": heartbeat\n\n"
HEARTBEAT_S = 10.0
"""Seconds without an event after which a comment is sent, so that nothing between takes the connection for dead."""
KEPT_S = 60.0
"""Seconds that a finished stream can still be read."""
MOST_KEPT, MOST_KEPT_BYTES = 200, 32 * 1024 * 1024
"""Finished streams kept at a time; beyond either the oldest go."""
FIRST_READER_S = 1.0
"""Seconds that a new stream waits for its first reader, however short the time for coming back is."""
_EVENT_ID = re.compile(r"([0-9a-f]{32})\.([0-9]{1,9})", re.ASCII)

Result = TypeVar("Result")
Told = TypeVar("Told", contravariant=True)
Answered = Callable[[Progress], Awaitable[Answer]]


class Telling(Protocol[Told]):
    """How an answer in the making and its result read as events."""

    def status(self, stage: str) -> bytes:
        """The first event, of the stage `accepted`."""

    def told(self, name: EventName, content: object) -> Iterator[bytes]:
        """The events for something told on the way."""

    def rest(self, result: Told, /) -> Iterator[bytes]:
        """The last events."""

    def error(self, error: Exception) -> bytes:
        """The last event where there is no result."""


class AnswerStream(Generic[Result]):
    """The events of one answer and who reads them. All but `_hear` runs in the event loop."""

    def __init__(
        self,
        caller: Caller,
        request: msgspec.Struct,
        telling: Callable[[str], Telling[Result]],
        ended: Callable[[AnswerStream[Result]], None],
    ) -> None:
        self.identity = secrets.token_hex(16)
        self.caller = caller
        self.request = request
        self.over = False
        """No more events will come."""
        self.complete = False
        """The last event is `done` or `error`; otherwise it was stopped since nobody read it."""
        self.size = 0
        """Bytes of the events so far."""
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()
        self._events = telling(self.identity)
        self._told: list[bytes] = []
        self._news = asyncio.Event()
        self._readers = 0
        self._leaving: asyncio.TimerHandle | None = None
        self._progress = Progress(self._hear)
        self._task: asyncio.Future[Result] | None = None

    @property
    def length(self) -> int:
        """Events so far."""
        return len(self._told)

    def start(self, answered: Callable[[Progress], Awaitable[Result]]) -> None:
        """Begin the work."""
        self._tell(self._events.status("accepted"))
        self._task = asyncio.ensure_future(answered(self._progress))
        self._task.add_done_callback(self._answered, context=self._context)

    async def events(self, after: int, *, heartbeat_s: float, resume_s: float) -> AsyncIterator[bytes]:
        """Every event after that number, as it comes, with comments between; a reader counts until this is closed."""
        self._readers += 1
        self._stay()
        try:
            while True:
                while after < len(self._told):
                    after += 1
                    yield self._told[after - 1]
                if self.over:
                    return
                try:
                    await asyncio.wait_for(self._news.wait(), heartbeat_s)
                except TimeoutError:
                    yield HEARTBEAT
        finally:
            self._readers -= 1
            if self._readers == 0 and not self.over:
                self.stop_after(resume_s)

    def stop_after(self, seconds: float) -> None:
        """Stop the work unless a reader comes within that time."""
        self._stay()
        if seconds == 0:
            self.stop()
        else:
            self._leaving = self._loop.call_later(seconds, self.stop)

    def stop(self, reason: Exception | None = None) -> None:
        """Stop the work; readers are told the reason if there is one."""
        if self.over:
            return
        self._progress.stop()
        if self._task is not None:
            self._task.cancel()
        self._end(reason)

    def _stay(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None

    def _hear(self, name: EventName, content: object) -> None:
        """Called by the thread that answers."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._pass_on, name, content, context=self._context)

    def _pass_on(self, name: EventName, content: object) -> None:
        if not self.over:
            self._tell(*self._events.told(name, content))

    def _answered(self, task: asyncio.Future[Result]) -> None:
        """What was told before the answer was there is in the loop's queue before this."""
        failure = None if task.cancelled() else task.exception()
        if self.over:
            return
        if task.cancelled() or failure is not None:
            self._end(failure if isinstance(failure, Exception) else None)
            return
        try:
            for piece in self._events.rest(task.result()):
                self._tell(piece)
            self.complete = True
        except Exception as error:  # noqa: BLE001 - mapped to the error event; the response has begun already
            self._end(error)
        else:
            self._end(None)

    def _end(self, error: Exception | None) -> None:
        """No more events come: what is kept from now on is what was told, and nothing that it was made from."""
        self._stay()
        if error is not None:
            self._tell(self._events.error(error))
            self.complete = True
        self.over = True
        self._progress.stop()
        self._task = None
        self._wake()
        self._ended(self)

    def _tell(self, *pieces: bytes) -> None:
        self._told += pieces
        self.size += sum(map(len, pieces))
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


class Streams:
    """The streams of one server process, each known to the caller who began it."""

    def __init__(
        self,
        resume_s: float,
        *,
        heartbeat_s: float = HEARTBEAT_S,
        kept_s: float = KEPT_S,
        most_kept: int = MOST_KEPT,
        most_bytes: int = MOST_KEPT_BYTES,
    ) -> None:
        self._resume_s = resume_s
        self._heartbeat_s = heartbeat_s
        self._kept_s = kept_s
        self._most_kept = most_kept
        self._most_bytes = most_bytes
        self._running: dict[str, AnswerStream[Any]] = {}
        self._finished: OrderedDict[str, AnswerStream[Any]] = OrderedDict()

    def begin(self, answered: Answered, caller: Caller, request: msgspec.Struct) -> AsyncIterator[bytes]:
        """The events of a new stream; the work begins now."""
        return self.begin_telling(answered, caller, request, Events)

    def begin_telling(
        self,
        answered: Callable[[Progress], Awaitable[Result]],
        caller: Caller,
        request: msgspec.Struct,
        telling: Callable[[str], Telling[Result]],
    ) -> AsyncIterator[bytes]:
        """The same in events of another kind; `telling` makes them for a stream's name."""
        stream = AnswerStream(caller, request, telling, self._keep)
        self._running[stream.identity] = stream
        stream.start(answered)
        stream.stop_after(max(self._resume_s, FIRST_READER_S))
        return self._read(stream, after=0)

    def resumed(self, last_event: str, caller: Caller, request: msgspec.Struct) -> AsyncIterator[bytes] | None:
        """The events after the one with that id; None if it is not one of this caller's stream for this request."""
        parts = _EVENT_ID.fullmatch(last_event.strip())
        stream = self._of(parts[1], caller) if parts is not None else None
        if stream is None or parts is None or stream.request != request or int(parts[2]) > stream.length:
            return None
        return self._read(stream, after=int(parts[2]))

    def stop(self, identity: str, caller: Caller) -> bool:
        """End a stream and its work; False if the caller has none of that id. Its readers get an `error` event."""
        stream = self._of(identity, caller)
        if stream is None:
            return False
        stream.stop(AnswerStopped("The answer was stopped.", hint="Ask again."))
        return True

    def close(self) -> None:
        """End every stream."""
        for stream in list(self._running.values()):
            stream.stop()
        self._finished.clear()

    def _of(self, identity: str, caller: Caller) -> AnswerStream[Any] | None:
        stream = self._running.get(identity) or self._finished.get(identity)
        return stream if stream is not None and stream.caller == caller else None

    def _read(self, stream: AnswerStream[Any], after: int) -> AsyncIterator[bytes]:
        return stream.events(after, heartbeat_s=self._heartbeat_s, resume_s=self._resume_s)

    def _keep(self, stream: AnswerStream[Any]) -> None:
        """Keep a finished stream for a while; one that nobody came back to was stopped and is forgotten."""
        del self._running[stream.identity]
        if not stream.complete:
            return
        self._finished[stream.identity] = stream
        asyncio.get_running_loop().call_later(self._kept_s, self._finished.pop, stream.identity, None)
        while len(self._finished) > self._most_kept or self._kept_bytes() > self._most_bytes:
            self._finished.popitem(last=False)

    def _kept_bytes(self) -> int:
        return sum(stream.size for stream in self._finished.values())
