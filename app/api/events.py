"""An answer as server-sent events: `status` while it is made, its pieces as they are known, then `done` with all of it.

What was not told on the way follows when the answer is there. The texts of all `delta` events together are the text of
`done`. `app.api.streams` keeps the events for readers who come back.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from app.api.errors import describe
from app.api.trace_id import trace_id
from app.api.wire import ErrorResponse, PlanEvent, StatusEvent
from app.progress import EventName
from app.values import Answer, Citation

STAGES = {
    "context": "recalling",
    "plan": "planning",
    "search": "searching",
    "read": "reading",
    "execute": "running",
    "write": "writing",
}
"""Stages of an answer that a reader is told of -> how they are called; the others take no time worth telling."""


class Numbered:
    """Events of one stream, with the ids `<stream>.1`, `<stream>.2` and so on."""

    def __init__(self, stream: str) -> None:
        self._stream = stream.encode()
        self._number = 0

    def error(self, error: Exception) -> bytes:
        """What went wrong, in the one error shape: the response has begun already."""
        return self.event("error", ErrorResponse(error=describe(error)[1]))

    def event(self, name: str, content: object) -> bytes:
        """One event; JSON has no raw line breaks, so it is one `data` line."""
        self._number += 1
        head = b"id: %s.%d\nevent: %s\n" % (self._stream, self._number, name.encode())
        return b"%sdata: %s\n\n" % (head, msgspec.json.encode(content))


class Events(Numbered):
    """The events of one answer: each piece of it told once."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
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
            yield self.event("delta", {"text": content})
        elif name == "plan" and isinstance(content, Answer):
            yield from self._plan(content)
        elif self._is_new((name, content.n if isinstance(content, Citation) else 0)):
            yield self.event(name, content)

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
            yield self.event("clarify", answer.clarify)
        yield self.event("done", answer)

    def status(self, stage: str) -> bytes:
        """How far the answer is."""
        return self.event("status", StatusEvent(stage=stage, trace_id=trace_id()))

    def _plan(self, answer: Answer) -> Iterator[bytes]:
        plan = PlanEvent(id=answer.id, status=answer.status, route=answer.route, confidence=answer.confidence)
        if self._is_new(("plan", plan)):
            yield self.event("plan", plan)

    def _is_new(self, piece: object) -> bool:
        if piece in self._told:
            return False
        self._told.add(piece)
        return True
