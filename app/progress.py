"""What an answer in the making tells whoever waits for it, and how they tell it to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal, TypeAlias

import msgspec

from app.values import Answer, Span

EventName: TypeAlias = Literal["status", "plan", "sql", "rows", "citation", "delta", "clarify"]
Listener = Callable[[EventName, object], None]


class Stopped(Exception):
    """Whoever asked has gone: raised where a stage of the answer would begin."""


class Progress:
    """Events of one answer. `tell` is called by the thread that answers, `stop` by any."""

    def __init__(self, listener: Listener | None = None) -> None:
        self._listener = listener
        self._stopped = threading.Event()
        self._telling = threading.Lock()
        self.spans: list[Span] = []
        """The stages that have ended, in that order, from any thread."""
        self.text = ""
        """What was told of the answer's text: its beginning, whatever the rest will be."""

    @property
    def listens(self) -> bool:
        """Whether anybody waits for events before the answer is whole."""
        return self._listener is not None

    @property
    def told_text(self) -> bool:
        """Whether text was told already."""
        return bool(self.text)

    def tell(self, name: EventName, content: object) -> None:
        """Tell the listener, if there is one and it has not gone. The content of a `delta` is its text."""
        with self._telling:
            if self._listener is None or self._stopped.is_set():
                return
            if name == "delta":
                self.text += str(content)
            self._listener(name, content)

    def stage(self, name: str) -> None:
        """Tell that a stage of the answer begins; raises `Stopped` if nobody waits for it any more."""
        if self._stopped.is_set():
            raise Stopped
        self.tell("status", name)

    def stop(self) -> None:
        """Whoever waited has gone: work that has not begun is not begun, and nothing is told after this returns.

        The listener is let go: work that goes on in a thread holds no stream.
        """
        with self._telling:
            self._stopped.set()
            self._listener = None

    def continued(self, answer: Answer) -> Answer:
        """The answer as the continuation of what was told: its text begins with that."""
        if answer.text.startswith(self.text):
            return answer
        return msgspec.structs.replace(answer, text=f"{self.text}\n\n{answer.text}")

    def stopped(self) -> bool:
        """Whether they have gone."""
        return self._stopped.is_set()
