"""`POST /v1/ask`: a question and its answer, whole or as server-sent events."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from litestar import Request, Response, post
from litestar.openapi import ResponseSpec
from litestar.response import Stream

from app.api.answering import Answering
from app.api.callers import Asker
from app.api.events import Answered, stream
from app.api.wire import AskRequest
from app.asking import question_from
from app.engine import Engine
from app.progress import Progress
from app.values import Answer


@post(
    "/v1/ask",
    status_code=200,
    tags=["ask"],
    responses={200: ResponseSpec(Answer, generate_examples=False, description="The answer, whatever its status.")},
)
async def ask(
    data: AskRequest, request: Request[Any, Any, Any], engine: Engine, asker: Asker, answering: Answering
) -> Response[Answer] | Stream:
    """Answer a question from documents, tables or both, with citations, or say why not."""
    question = question_from(
        data.question,
        engine,
        asker.caller,
        sources=data.sources,
        session=data.session,
        max_rows=data.max_rows,
        threshold=data.threshold,
    )
    answered = partial(answering.answer, question, key_id=asker.key_id)
    if data.stream or "text/event-stream" in request.headers.get("accept", ""):
        return Stream(stream(answered), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
    return Response(await while_waited_for(request, answered))


async def while_waited_for(request: Request[Any, Any, Any], answered: Answered) -> Answer:
    """The answer; when the client goes, the work is told to stop."""
    progress = Progress()
    task = asyncio.ensure_future(answered(progress))
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            progress.stop()
        return await task
    finally:
        progress.stop()
        gone.cancel()


async def _disconnected(request: Request[Any, Any, Any]) -> None:
    """Returns when the client has gone; the request's body has been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
