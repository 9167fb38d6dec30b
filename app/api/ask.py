"""`POST /v1/ask`: a question and its answer, whole or as server-sent events; `DELETE /v1/ask/{stream}` ends those."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from litestar import Request, Response, delete, post
from litestar.openapi import ResponseSpec
from litestar.response import Stream

from app.accepted_languages import preferred_language
from app.api.answering import Answering
from app.api.callers import Asker
from app.api.streams import Answered, Streams
from app.api.wire import AskRequest, ErrorResponse
from app.asking import question_from
from app.engine import Engine
from app.errors import NotFound
from app.progress import Progress
from app.values import Answer

STREAM_HEADERS = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
"""Neither a proxy nor a cache is to keep events back."""


@post(
    "/v1/ask",
    status_code=200,
    tags=["ask"],
    responses={200: ResponseSpec(Answer, generate_examples=False, description="The answer, whatever its status.")},
)
async def ask(
    data: AskRequest,
    request: Request[Any, Any, Any],
    engine: Engine,
    asker: Asker,
    answering: Answering,
    streams: Streams,
) -> Response[Answer] | Stream:
    """Answer a question from documents, tables or both, with citations, or say why not."""
    streaming = data.stream or "text/event-stream" in request.headers.get("accept", "")
    if streaming and (last := request.headers.get("last-event-id")):
        rest = streams.resumed(last, asker.caller, data)
        if rest is not None:
            return Stream(rest, media_type="text/event-stream", headers=STREAM_HEADERS)
    question = question_from(
        data.question,
        engine,
        asker.caller,
        sources=data.sources,
        session=data.session,
        max_rows=data.max_rows,
        threshold=data.threshold,
        preferred=preferred_language(request.headers.get("accept-language", "")),
    )
    answered = partial(answering.answer, question)
    if streaming:
        begun = streams.begin(answered, asker.caller, data)
        return Stream(begun, media_type="text/event-stream", headers=STREAM_HEADERS)
    return Response(await while_waited_for(request, answered))


@delete(
    "/v1/ask/{stream:str}",
    tags=["ask"],
    responses={404: ResponseSpec(ErrorResponse, generate_examples=False, description="No such stream of the caller.")},
)
async def stop_asking(stream: str, asker: Asker, streams: Streams) -> None:
    """End a stream and the work on its answer."""
    if not streams.stop(stream, asker.caller):
        raise NotFound("There is no such stream.", hint="Its id is what stands before the point in its events' ids.")


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
