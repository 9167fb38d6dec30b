"""A chat with this home's data, in this process."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Literal, Self

from app.answer import answer
from app.asking import counts, question_from, visible_sources
from app.commands.chat_partner import SourceLine, Stage, Text, Told
from app.engine import Engine
from app.errors import NotFound
from app.ops.events import tell_negative
from app.planning.schema_index import visible
from app.progress import Progress, Stopped
from app.settings import Settings
from app.values import Answer, Caller, Question


class LocalPartner:
    """Answers as `answerable ask` does; the parts are opened while the first question is typed."""

    def __init__(self, settings: Settings) -> None:
        self._engine = Engine(settings)
        self._caller = Caller()

    def __enter__(self) -> Self:
        self._engine.start_warm_up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._engine.close()

    def ask(self, question: str, *, session: str, sources: Sequence[str] | None) -> Iterator[Told]:
        """What is told of the answer; its thread is told to stop when the iterator is closed."""
        asked = question_from(question, self._engine, self._caller, session=session, sources=sources)
        told: queue.SimpleQueue[tuple[str, object]] = queue.SimpleQueue()
        progress = Progress(lambda name, content: told.put((name, content)))
        threading.Thread(target=self._answer, args=(asked, progress, told), daemon=True).start()
        text = ""
        try:
            while True:
                name, content = told.get()
                if isinstance(content, Exception):
                    raise content
                if name == "answer" and isinstance(content, Answer):
                    yield Text(content.text[len(text) :])
                    yield content
                    return
                if name == "status":
                    yield Stage(str(content))
                elif name == "delta":
                    text += str(content)
                    yield Text(str(content))
        finally:
            progress.stop()

    def sources(self) -> Sequence[SourceLine]:
        """What can be asked."""
        snapshot = self._engine.store.snapshot()
        return [
            SourceLine(
                name=source.name,
                visibility=source.entry.visibility,
                documents=counts(source, self._caller)[0],
                tables=tuple(table.name for table in visible(source.catalog, self._caller.visibilities).tables),
            )
            for source in visible_sources(snapshot, self._caller)
        ]

    def rate(self, answer_id: str, thumb: Literal["up", "down"], comment: str | None) -> None:
        """Keep a rating, as `POST /v1/feedback` does."""
        trace = self._engine.traces.find(answer_id, wait_s=15.0)
        if trace is None:
            raise NotFound(
                "The answer was not kept.", hint="ANSWERABLE_TRACE_RETENTION_DAYS says for how long they are."
            )
        given = self._engine.feedback.rate(answer_id, "", thumb=thumb, comment=comment)
        if thumb == "down":
            tell_negative(self._engine.announcements, given, trace)

    def _answer(self, question: Question, progress: Progress, told: queue.SimpleQueue[tuple[str, object]]) -> None:
        try:
            found = answer(question, self._engine, progress)
        except Stopped:
            return
        except Exception as error:  # noqa: BLE001 - raised where the answer is waited for
            told.put(("error", error))
            return
        if not progress.stopped():
            self._engine.traces.record(question.text, found, spans=progress.spans)
            told.put(("answer", found))
