"""Server-sent events, read without a connection: the parser, and what is to be done when a stream is cut.

    bytes -> EventParser -> RawEvent -> Follower -> Event

Both clients feed what they receive to a `Follower` and ask it what to send when they have to connect again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
import msgspec

from answerable.connecting import Attempts, Connecting, failure
from answerable.errors import AnswerableError, ConnectionFailed, UnexpectedResponse, error_of
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
from answerable.values import Answer, Citation, Clarify, Sql, Table

MOST_BYTES = 256 * 1024 * 1024
"""Bytes that one event may have."""
_LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")
"""A carriage return at the end of what was received may be the first half of a line end."""
RESUME_PAUSE_S = 0.05
"""Seconds before the first resumption; the service waits 5 unless it is set otherwise."""
_ID = re.compile(r"([0-9a-f]{32})\.([0-9]{1,9})", re.ASCII)


@dataclass(frozen=True)
class RawEvent:
    """An event as it was sent."""

    id: str
    name: str
    data: bytes


class EventParser:
    """Splits what is received into events, wherever it is cut (WHATWG HTML, 9.2.6)."""

    def __init__(self) -> None:
        self._rest = b""
        self._id = ""
        self._name = ""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, received: bytes) -> Iterator[RawEvent]:
        """The events that are complete with this; raises `UnexpectedResponse` for one without an end."""
        *lines, self._rest = _LINE_END.split(self._rest + received)
        self._size += len(received)
        if self._size > MOST_BYTES:
            raise UnexpectedResponse("An event of the stream does not end.", code="unexpected_response")
        for line in lines:
            event = self._line(line)
            if event is not None:
                self._size = len(self._rest)
                yield event

    def _line(self, line: bytes) -> RawEvent | None:
        if not line:
            name, data, self._name, self._data = self._name, self._data, "", []
            return RawEvent(self._id, name or "message", b"\n".join(data)) if data else None
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")
        elif field == b"id" and b"\0" not in value:
            self._id = value.decode("utf-8", "replace")
        return None


class Follower:
    """What is known of one answer's stream, over as many connections as it takes."""

    def __init__(self, settings: Connecting, *, repeatable: bool) -> None:
        self._attempts = Attempts(settings, repeatable=repeatable)
        self._base_url = settings.base_url
        self._retries = settings.retries
        self._parser = EventParser()
        self._cuts, self._restarts = 0, 0
        """Connections lost since something new was heard; answers begun anew."""
        self._number = 0
        self.stream: str | None = None
        """The stream's name, once an event was read."""
        self.text = ""
        """The text so far."""
        self.answer: Answer | None = None
        """The answer, once it is whole."""

    @property
    def over(self) -> bool:
        """Nothing more will come."""
        return self.answer is not None

    @property
    def headers(self) -> dict[str, str]:
        """What the next request carries so that it goes on where this ended."""
        accept = {"Accept": "text/event-stream"}
        return accept if self.stream is None else accept | {"Last-Event-ID": f"{self.stream}.{self._number}"}

    def connected(self) -> None:
        """Forget half of an event that the last connection left."""
        self._parser = EventParser()

    def again(self, refused: AnswerableError | None, cause: httpx2.TransportError | None) -> float:
        """Seconds to wait before the next connection; raises what went wrong if there is to be none.

        A stream that was read already is resumed, which repeats nothing; before that a question is asked as any other.
        """
        error = refused or _lost(cause, self._base_url)
        if refused is None and self.stream is not None:
            self._cuts += 1
            pause_s = RESUME_PAUSE_S * 4.0 ** (self._cuts - 1)
            if max(self._cuts, self._restarts) <= self._retries:
                return pause_s
        else:
            found = self._attempts.pause_s(error, cause)
            if found is not None:
                return found
        raise error from cause

    def receive(self, received: bytes) -> Iterator[Event]:
        """The events that are complete with this, each once; raises the error that an `error` event tells."""
        for raw in self._parser.feed(received):
            if self.over:
                return
            yield from self._numbered(raw)

    def _numbered(self, raw: RawEvent) -> Iterator[Event]:
        found = _ID.fullmatch(raw.id)
        if found is None:
            raise UnexpectedResponse(f"An event has the id {raw.id[:80]!r}.", code="unexpected_response")
        stream, number = found[1], int(found[2])
        if stream != self.stream:
            restarted = self.stream is not None
            self.stream, self._number, self.text = stream, 0, ""
            if restarted:
                self._restarts += 1
                yield RestartedEvent()
        elif number > self._number:
            self._cuts = 0
        if number > self._number:
            self._number = number
            event = _event(raw)
            if isinstance(event, DeltaEvent):
                self.text += event.text
            elif isinstance(event, DoneEvent):
                self.answer = event.answer
            if event is not None:
                yield event


def _event(raw: RawEvent) -> Event | None:
    """The event; None for one that a newer service has added. Raises `AnswerableError` for `error`."""
    if raw.name == "error":
        raise error_of(None, raw.data)
    try:
        match raw.name:
            case "status":
                return msgspec.json.decode(raw.data, type=StatusEvent)
            case "plan":
                return msgspec.json.decode(raw.data, type=PlanEvent)
            case "sql":
                return SqlEvent(sql=msgspec.json.decode(raw.data, type=Sql))
            case "rows":
                return RowsEvent(table=msgspec.json.decode(raw.data, type=Table))
            case "citation":
                return CitationEvent(citation=msgspec.json.decode(raw.data, type=Citation))
            case "delta":
                return msgspec.json.decode(raw.data, type=DeltaEvent)
            case "clarify":
                return ClarifyEvent(clarify=msgspec.json.decode(raw.data, type=Clarify))
            case "done":
                return DoneEvent(answer=msgspec.json.decode(raw.data, type=Answer))
    except msgspec.MsgspecError as error:
        message = f"The event {raw.name!r} cannot be read: {error}"
        raise UnexpectedResponse(message, code="unexpected_response") from error
    return None


def _lost(cause: httpx2.TransportError | None, base_url: str) -> AnswerableError:
    if cause is not None:
        return failure(cause, base_url)
    return ConnectionFailed(f"{base_url} ended the stream before the answer.", code="connection_failed")
