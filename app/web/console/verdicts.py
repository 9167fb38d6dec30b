"""What a viewer makes of an answer: a thumb with reasons, or its statement approved for questions like it."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any, cast, get_args

from litestar import Request, post
from litestar.datastructures import FormMultiDict
from litestar.response import Template

from app.api.answering import Answering
from app.api.feedback import rater_of
from app.api.reading import readable_trace
from app.engine import Engine
from app.errors import AppError, InvalidRequest
from app.ops.events import tell_negative
from app.ops.feedback import COMMENT_MAX_CHARS, Reason, Thumb
from app.ops.traces import Trace
from app.validation import Rejected
from app.values import Deadline
from app.verified.checking import Proposal, add_verified
from app.verified.listing import check_role
from app.web.console.answer_view import of_trace
from app.web.console.answers import answer_template
from app.web.console.forms import first, texts
from app.web.console.frame import part
from app.web.console.viewers import Viewer
from app.web.console.wording import WORDS

REASONS: tuple[Reason, ...] = get_args(Reason)


@post("/answers/{answer_id:str}/feedback", status_code=200)
async def rate_in_console(answer_id: str, request: Request[Any, Any, Any], viewer: Viewer, engine: Engine) -> Template:
    """Keep a thumb in place of the viewer's earlier one; answers with the page, or for htmx with its part."""
    form = await request.form()

    def rated() -> Template:
        trace = readable_trace(answer_id, engine, viewer.asker)
        try:
            said = _rate(trace, form, viewer, engine)
        except InvalidRequest as error:
            return _shown(request, trace, viewer, engine, verdict=error)
        return _shown(request, trace, viewer, engine, said=said)

    return await asyncio.to_thread(rated)


@post("/answers/{answer_id:str}/verify", status_code=200)
async def verify_in_console(
    answer_id: str,
    request: Request[Any, Any, Any],
    viewer: Viewer,
    engine: Engine,
    answering: Answering,
) -> Template:
    """Validate, run and keep a statement for a question; answers with the page, or for htmx with its part."""
    form = await request.form()
    trace = await asyncio.to_thread(readable_trace, answer_id, engine, viewer.asker)
    said, problem = None, None
    try:
        deadline = Deadline.after(engine.settings.deadline_s)
        said = await answering.run(lambda: _verify(trace, form, viewer, engine), deadline)
    except AppError as error:
        problem = error
    return await asyncio.to_thread(_shown, request, trace, viewer, engine, said=said, verdict=problem)


def _rate(trace: Trace, form: FormMultiDict, viewer: Viewer, engine: Engine) -> str:
    thumb, reasons, comment = first(form, "thumb"), texts(form, "reasons"), first(form, "comment")
    if thumb not in get_args(Thumb) or any(reason not in REASONS for reason in reasons):
        raise InvalidRequest("This is no thumb, or no reason that is known.", hint="Open the page again.")
    if len(comment) > COMMENT_MAX_CHARS:
        raise InvalidRequest(f"The comment has {len(comment)} characters; {COMMENT_MAX_CHARS} are allowed.")
    known = cast("list[Reason]", reasons)
    given = engine.feedback.rate(
        trace.id, rater_of(viewer.asker), thumb=cast("Thumb", thumb), reasons=known, comment=comment
    )
    if given.thumb == "down":
        tell_negative(engine.announcements, given, trace)
    return f"Your thumb {given.thumb} is noted."


def _verify(trace: Trace, form: FormMultiDict, viewer: Viewer, engine: Engine) -> str:
    check_role(viewer.caller)
    sql = trace.answer.get("sql")
    if sql is None:
        raise InvalidRequest("This answer has no statement to approve.")
    proposal = Proposal(
        source=sql["source"],
        question=first(form, "question"),
        sql=first(form, "sql"),
        note=first(form, "note"),
        exact=bool(first(form, "exact")),
        force=bool(first(form, "force")),
    )
    try:
        query = add_verified(
            proposal, engine, viewer.caller, datetime.now().astimezone().date(), added_by=viewer.asker.key_id
        )
    except Rejected as rejected:
        raise InvalidRequest(f"The validator refuses this statement: {rejected.message}") from rejected
    return f"Approved as {query.id}: it answers this question from now on."


def _shown(
    request: Request[Any, Any, Any],
    trace: Trace,
    viewer: Viewer,
    engine: Engine,
    *,
    said: str | None = None,
    verdict: AppError | None = None,
) -> Template:
    if request.headers.get("hx-request") == "true":
        view = of_trace(trace, engine, viewer)
        return part("answer_verdict.html", view=view, said=said, verdict=verdict, **WORDS)
    return answer_template(trace, engine, viewer, said=said, verdict=verdict)
