"""Running questions in a bounded pool of threads, each for no longer than its deadline."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import msgspec

from app.answer import answer
from app.engine import Engine
from app.errors import DeadlineExceeded, RateLimited
from app.ops.metrics import Metrics
from app.progress import Progress
from app.sentences import said, say
from app.values import Answer, Deadline, Question, Versions

Result = TypeVar("Result")

TIME_UP = "The question's time was up before there was an answer."
GRACE_S = 0.5
"""Seconds past the deadline in which an answer still arrives: the time to word what is known."""
CHART_S = 0.05
"""Seconds after an answer with a chart, which are left to sending it, before what draws charts is started."""


class Answering:
    """The threads of one server process, and how many questions are in or before them."""

    def __init__(self, engine: Engine, metrics: Metrics) -> None:
        self._engine = engine
        self._metrics = metrics
        self._pool = ThreadPoolExecutor(engine.settings.answering_threads, thread_name_prefix="answer")
        self._most = engine.settings.answering_threads + engine.settings.waiting
        self._taken = 0

    async def answer(self, question: Question, progress: Progress | None = None) -> Answer:
        """The answer, or at the deadline one that says so; traced and counted.

        Then, and where nobody waits for it any more, the work is told to stop.
        """
        told = progress or Progress()
        try:
            found = await self.run(lambda: answer(question, self._engine, told), question.deadline)
        except DeadlineExceeded as error:
            told.stop()
            found = told.continued(out_of_time(question, self._engine, error))
            if told.told_text:
                found = msgspec.structs.replace(found, status="partial")
        finally:
            told.stop()
        self._metrics.count_answer(found)
        if found.chart is not None:
            asyncio.get_running_loop().call_later(CHART_S, self._engine.charts.prepare)
        caller = question.caller
        self._engine.traces.record(question.text, found, key_id=caller.key_id, visitor=caller.visitor, spans=told.spans)
        return found

    async def run(self, work: Callable[[], Result], deadline: Deadline) -> Result:
        """The result of `work` in a thread; raises `DeadlineExceeded` or `RateLimited`."""
        if self._taken >= self._most:
            raise RateLimited(f"{self._taken} questions are being answered already.", hint="Try again in a moment.")
        self._taken += 1
        self._metrics.running.set(self._taken)
        loop = asyncio.get_running_loop()
        future = self._pool.submit(work)
        future.add_done_callback(lambda done: self._release(loop, done))
        waiting = asyncio.wrap_future(future)
        try:
            finished, _ = await asyncio.wait({waiting}, timeout=deadline.left() + GRACE_S)
        except asyncio.CancelledError:
            future.cancel()
            raise
        if not finished:
            future.cancel()
            raise DeadlineExceeded(TIME_UP, hint="Ask something narrower.")
        return waiting.result()

    def close(self) -> None:
        """Take no more work; what runs is not waited for beyond its deadline."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _release(self, loop: asyncio.AbstractEventLoop, _done: Future[Result]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._count_down)

    def _count_down(self) -> None:
        self._taken -= 1
        self._metrics.running.set(self._taken)


def out_of_time(question: Question, engine: Engine, error: DeadlineExceeded) -> Answer:
    """The answer to a question whose time was up before anything was known."""
    manifest = engine.store.snapshot().id
    seconds = engine.settings.deadline_s
    why = said("time_limit", detail=error.message, seconds=f"{seconds:g}", hint=error.hint)
    return Answer(
        id=uuid.uuid4().hex,
        status="failed",
        route="none",
        text=say(why, question.language),
        timing_ms={"total": (seconds + GRACE_S) * 1000},
        versions=Versions(manifest=manifest),
    )
