"""A consultation that replies as a test says, and an engine that consults it: no prompt, no gateway, no network."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from app.answer import answer
from app.asking import question_from
from app.engine import Engine
from app.llm.errors import NotConfigured, Unavailable
from app.llm.values import Reply
from app.progress import Progress
from app.scrubbing import TokenMap
from app.settings import Settings
from app.values import Answer, Caller, Question, Usage

TODAY = date(2025, 7, 1)
OWNER = Caller()
Output = Mapping[str, Any] | Callable[[Mapping[str, Any]], Mapping[str, Any]] | Exception


class ScriptedConsultation:
    """Gives each prompt its output; a stream comes in pieces of a few characters, and may be cut or held."""

    def __init__(
        self,
        outputs: Mapping[str, Output],
        *,
        piece: int = 7,
        cut_at: int | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self.outputs, self.piece, self.cut_at, self._stopped = outputs, piece, cut_at, stopped
        self.tokens = TokenMap()
        self.attempts: list[Any] = []
        self.prompts: dict[str, str] = {}
        self.model: str | None = None
        self.asked: list[tuple[str, Mapping[str, Any], tuple[str, ...]]] = []
        self.hold: threading.Event | None = None
        """The second half of a stream waits for it."""
        self.half_way, self.saw_stop = threading.Event(), threading.Event()

    def may(self, task: str) -> bool:
        return task in self.outputs and not self._stopped()

    def ask(
        self,
        prompt: str,
        inputs: Mapping[str, Any],
        *,
        sources: Sequence[str],
        purpose: str = "",
        seed: int | None = None,
        passed_over: int = 0,
    ) -> Reply:
        self.asked.append((prompt, inputs, tuple(sources)))
        if prompt not in self.outputs:
            raise NotConfigured(prompt)
        found = self.outputs[prompt]
        if isinstance(found, Exception):
            raise found
        output = found(inputs) if callable(found) else found
        return Reply(output=output, prompt=f"{prompt}@1", provider="scripted", model="m", attempts=())

    def stream(self, prompt: str, inputs: Mapping[str, Any], *, sources: Sequence[str]) -> Iterator[str | Reply]:
        reply = self.ask(prompt, inputs, sources=sources)
        text = json.dumps(reply.output)
        end = self.cut_at if self.cut_at is not None else len(text)
        for at in range(0, end, self.piece):
            if self.hold is not None and at > end / 2:
                self.half_way.set()
                while not self.hold.wait(0.02):
                    if self._stopped():
                        self.saw_stop.set()
                        raise Unavailable("stopped")
            yield text[at : min(at + self.piece, end)]
        if self.cut_at is not None:
            raise Unavailable("cut")
        yield reply

    def usage(self) -> Usage:
        return Usage()


class ScriptedModels:
    """Hands out one consultation after another with the same script."""

    def __init__(self, outputs: Mapping[str, Output], **options: Any) -> None:
        self.outputs, self.options = outputs, options
        self.given: list[ScriptedConsultation] = []
        self.hold: threading.Event | None = None

    def consult(
        self, question: Question, answer_id: str, manifest: str | None, *, stopped: Callable[[], bool]
    ) -> ScriptedConsultation:
        made = ScriptedConsultation(self.outputs, stopped=stopped, **self.options)
        made.hold = self.hold
        self.given.append(made)
        return made

    @property
    def last(self) -> ScriptedConsultation:
        return self.given[-1]


class ScriptedEngine(Engine):
    """An engine over a home whose models are scripted."""

    def __init__(self, home: Path, **settings: Any) -> None:
        super().__init__(Settings(home=home, trace_retention_days=0, **settings))
        self.scripted: ScriptedModels | None = None

    @property
    def models(self) -> Any:
        return self.scripted

    def script(self, outputs: Mapping[str, Output], **options: Any) -> ScriptedModels:
        self.scripted = ScriptedModels(outputs, **options)
        return self.scripted

    def ask(
        self,
        text: str,
        *,
        told: list[tuple[str, object]] | None = None,
        caller: Caller = OWNER,
        session: str | None = None,
        sources: list[str] | None = None,
    ) -> Answer:
        """The answer; with `told`, what a listener hears is put there."""
        listener = (lambda name, content: told.append((name, content))) if told is not None else None
        question = question_from(text, self, caller, today=TODAY, session=session, sources=sources)
        return answer(question, self, Progress(listener))


def says(*sentences: tuple[str, str], sufficient: bool = True, cells: Sequence[tuple[int, str]] = ()) -> Output:
    """An output whose sentences cite the passage that holds a text: `("A kayak is €11.", "a kayak €11")`.

    Without such a text they cite the cells.
    """

    def output(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"sentences": [_sentence(*each, inputs, cells) for each in sentences], "sufficient": sufficient}

    return output


def _sentence(text: str, quoted: str, inputs: Mapping[str, Any], cells: Sequence[tuple[int, str]]) -> dict[str, Any]:
    ids = [each["id"] for each in inputs["passages"] if quoted and quoted in each["text"]]
    cited = [] if quoted else [{"row": row, "column": column} for row, column in cells]
    return {"text": text, "passages": ids[:1], "cells": cited}
