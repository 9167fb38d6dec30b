"""`/console`: ask, and see all of what the answer is made of.

The form brings the page with the whole answer. A page with scripts sends the same form for `text/event-stream` and
shows the answer as it is made (`app.web.console.ask_events`); `DELETE /console/ask/{stream}` ends the work on it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

import msgspec
from litestar import Request, delete, get, post
from litestar.datastructures import FormMultiDict
from litestar.params import QueryParameter
from litestar.response import Stream, Template

from app.api.answering import Answering
from app.api.ask import STREAM_HEADERS, while_waited_for
from app.api.streams import Streams
from app.asking import DEFAULT_ROWS, question_from, visible_sources
from app.engine import Engine
from app.errors import AppError, InvalidRequest, NotFound
from app.progress import Progress
from app.values import Answer, Question, Span
from app.web.console.answer_view import AnswerView, of_answer
from app.web.console.ask_events import AnswerShown, AskEvents, shown
from app.web.console.forms import first, texts
from app.web.console.frame import HEADERS, page, wants_events
from app.web.console.trace_filters import share_from
from app.web.console.viewers import Viewer
from app.web.console.wording import STATUSES, WORDS

NUMBER_CHARS = 20
FRESH = {**WORDS, "said": None, "verdict": None}
"""For an answer that nobody has said anything of."""


class AskForm(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the form, as it was typed."""

    question: str = ""
    sources: tuple[str, ...] = ()
    max_rows: str = str(DEFAULT_ROWS)
    session: str = ""
    threshold: str = ""

    @property
    def changed(self) -> bool:
        """Whether an option is not as it is at first; the session, which every form has, apart."""
        return bool(self.sources or self.threshold or self.max_rows != str(DEFAULT_ROWS))


@get("/", sync_to_thread=True)
def ask_page(
    viewer: Viewer, engine: Engine, question: Annotated[str, QueryParameter(name="question")] = ""
) -> Template:
    """The form, with a question if a link brings one; it is asked only when it is sent."""
    limit = engine.settings.question_max_chars
    return _page(viewer, AskForm(question=question[:limit], session=f"console-{secrets.token_hex(8)}"), engine)


@post("/", status_code=200)
async def ask_in_console(
    request: Request[Any, Any, Any], viewer: Viewer, engine: Engine, answering: Answering, streams: Streams
) -> Template | Stream:
    """The page with the answer, or the answer as it is made."""
    form = _read(await request.form())
    if wants_events(request):
        last = request.headers.get("last-event-id")
        events = streams.resumed(last, viewer.caller, form) if last is not None else None
        events = events or _begun(form, request, viewer, engine, answering, streams)
        return Stream(events, media_type="text/event-stream", headers=HEADERS | STREAM_HEADERS)
    view, error = None, None
    try:
        question = _question(form, engine, viewer)
        answer, spans = await _answered(question, request, answering)
        view = await asyncio.to_thread(of_answer, question.text, answer, spans, engine, viewer)
    except AppError as raised:
        error = raised
    return await asyncio.to_thread(_page, viewer, form, engine, view, error)


@delete("/ask/{stream:str}")
async def stop_in_console(stream: str, viewer: Viewer, streams: Streams) -> None:
    """End an answer in the making and the work on it."""
    if not streams.stop(stream, viewer.caller):
        raise NotFound("There is no such answer in the making.", hint="It may be finished.")


def _begun(
    form: AskForm,
    request: Request[Any, Any, Any],
    viewer: Viewer,
    engine: Engine,
    answering: Answering,
    streams: Streams,
) -> AsyncIterator[bytes]:
    """The events of an answer that is begun now; raises `InvalidRequest` for a form with a mistake."""
    question = _question(form, engine, viewer)
    template = request.app.template_engine.get_template("console/asked.html")  # type: ignore[union-attr]

    async def answered(progress: Progress) -> AnswerShown:
        told = Progress(lambda name, content: progress.tell(name, shown(content)))
        found = await answering.answer(question, told)

        def whole() -> AnswerShown:
            view = of_answer(question.text, found, tuple(told.spans), engine, viewer)
            html = template.render(viewer=viewer, form=form, view=view, error=None, **FRESH)
            url = f"/console/answers/{found.id}" if view.kept else None
            return AnswerShown(html=html, said=STATUSES[found.status][0], url=url)

        return await asyncio.to_thread(whole)

    return streams.begin_telling(answered, viewer.caller, form, AskEvents)


def _question(form: AskForm, engine: Engine, viewer: Viewer) -> Question:
    return question_from(
        form.question,
        engine,
        viewer.caller,
        sources=form.sources or None,
        session=form.session.strip() or None,
        max_rows=_whole_number(form.max_rows),
        threshold=share_from("Least confidence", form.threshold),
    )


async def _answered(
    question: Question, request: Request[Any, Any, Any], answering: Answering
) -> tuple[Answer, tuple[Span, ...]]:
    """The answer and its stages; when the reader goes, the work is told to stop."""
    spans: list[Span] = []

    async def answered(progress: Progress) -> Answer:
        found = await answering.answer(question, progress)
        spans.extend(progress.spans)
        return found

    answer = await while_waited_for(request, answered)
    return answer, tuple(spans)


def _page(
    viewer: Viewer, form: AskForm, engine: Engine, view: AnswerView | None = None, error: AppError | None = None
) -> Template:
    names: Sequence[str] = [source.name for source in visible_sources(engine.store.snapshot(), viewer.caller)]
    return page(
        "ask.html",
        viewer,
        active="ask",
        title="Ask",
        status=200 if error is None else error.status,
        form=form,
        sources=names,
        limits=engine.settings,
        view=view,
        error=error,
        **FRESH,
    )


def _read(form: FormMultiDict) -> AskForm:
    return AskForm(
        question=first(form, "question"),
        sources=tuple(name for name in texts(form, "sources") if name),
        max_rows=first(form, "max_rows") or str(DEFAULT_ROWS),
        session=first(form, "session"),
        threshold=first(form, "threshold"),
    )


def _whole_number(text: str) -> int:
    cleaned = text.strip()
    if not (cleaned.isascii() and cleaned.isdigit()) or len(cleaned) > NUMBER_CHARS:
        raise InvalidRequest(f"Rows at most is {cleaned[:NUMBER_CHARS]!r}.", hint="Give a whole number, such as 100.")
    return int(cleaned)
