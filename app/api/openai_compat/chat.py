"""`POST /v1/chat/completions`: the last question of a transcript, answered from the data."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import msgspec
from litestar import Request, Response, post
from litestar.openapi import ResponseSpec
from litestar.response import Stream

from app.accepted_languages import preferred_language
from app.api.answering import Answering
from app.api.ask import while_waited_for
from app.api.callers import Asker
from app.api.openai_compat.background import background
from app.api.openai_compat.completion import Completion
from app.api.openai_compat.conversation import Transcript, turns_of
from app.api.openai_compat.errors import Unsupported, openai_error_response
from app.api.openai_compat.models import chosen
from app.api.openai_compat.placeholder_keys import ASKER
from app.api.openai_compat.streaming import at_once, chunks
from app.api.openai_compat.wire import ChatCompletion, ChatRequest, Wishes
from app.asking import question_from
from app.engine import Engine
from app.errors import DeadlineExceeded
from app.progress import Progress
from app.settings import Settings
from app.values import Answer, Question

STREAMED = {"X-Accel-Buffering": "no"}
HAS_JSON = ("json_object", "json_schema")


@post(
    "/v1/chat/completions",
    status_code=200,
    tags=["openai"],
    dependencies=ASKER,
    exception_handlers={Exception: openai_error_response},
    responses={200: ResponseSpec(ChatCompletion, generate_examples=False, description="The reply.")},
)
async def chat_completions(
    data: ChatRequest,
    request: Request[Any, Any, Any],
    engine: Engine,
    asker: Asker,
    answering: Answering,
    settings: Settings,
) -> Response[ChatCompletion] | Stream:
    """Answer the last question of a transcript; its earlier turns are what a follow-up question leans on."""
    chosen_model = chosen(data.model, engine, asker.caller)
    turns = turns_of(data.messages)
    wishes = data.answerable or Wishes()
    wishes = msgspec.structs.replace(wishes, footer=wishes.footer or chosen_model.footer)
    base = settings.public_url or str(request.base_url)
    completion = Completion(model=data.model, turns=turns, wishes=wishes, base=base.rstrip("/"))
    usage = data.stream_options is not None and bool(data.stream_options.include_usage)
    task = background(turns[-1].text, as_json=_wants_json(data))
    if task is not None:
        if data.stream:
            return _streamed(_each(at_once(completion, task.reply, usage=usage)))
        return Response(completion.plainly(task.reply))
    check_supported(data)
    question = question_from(
        turns[-1].text,
        engine,
        asker.caller,
        sources=_sources(wishes, chosen_model.sources),
        session=wishes.session,
        max_rows=wishes.max_rows,
        threshold=wishes.threshold,
        preferred=preferred_language(request.headers.get("accept-language", "")),
    )
    reply = _Reply(question, Transcript(turns, engine), answering)
    if data.stream:
        return _streamed(chunks(completion, reply.answered, reply.kept, usage=usage))
    answer = await while_waited_for(request, reply.answered)
    content = completion.content(answer)
    await reply.kept(content)
    return Response(completion.whole(answer, content))


class _Reply:
    """The answer to one question of a transcript, or of a session that the client named."""

    def __init__(self, question: Question, transcript: Transcript, answering: Answering) -> None:
        self._named = question.session is not None
        session = question.session or transcript.session
        self._question = msgspec.structs.replace(question, session=session)
        self._transcript = transcript
        self._answering = answering

    async def answered(self, progress: Progress) -> Answer:
        """The answer, what its transcript says taken into account."""
        question = self._question
        if not self._named and self._transcript.goes_on:
            with suppress(DeadlineExceeded):  # then the answer says so
                await self._answering.run(lambda: self._transcript.recall(question, progress), question.deadline)
        return await self._answering.answer(question, progress)

    async def kept(self, reply: str) -> None:
        """Remember the answer for requests that go on from the reply."""
        if not self._named:
            await asyncio.to_thread(self._transcript.keep, self._question, reply)


def check_supported(data: ChatRequest) -> None:
    """Raise `Unsupported` for what would change the reply's meaning if it were ignored."""
    if data.n is not None and data.n != 1:
        raise Unsupported("There is one answer to a question: n must be 1.", param="n")
    if data.logprobs:
        raise Unsupported("Answers have no log probabilities.", param="logprobs")
    if _wants_json(data) or (data.response_format or {}).get("type", "text") != "text":
        hint = "The answer's parts are in the message's field `answerable`, as JSON."
        raise Unsupported("Only text is written.", param="response_format", hint=hint)
    if any(kind != "text" for kind in data.modalities or ()):
        raise Unsupported("Only text is written.", param="modalities")
    for name in ("tool_choice", "function_call"):
        if getattr(data, name) not in (None, "none", "auto"):
            raise Unsupported("No tools are called here, so none can be asked for.", param=name)


def _wants_json(data: ChatRequest) -> bool:
    return (data.response_format or {}).get("type") in HAS_JSON


def _sources(wishes: Wishes, of_model: tuple[str, ...] | None) -> tuple[str, ...] | list[str] | None:
    """The sources to ask: of those that the model names, the wished ones."""
    if of_model is None or wishes.sources is None:
        return wishes.sources if of_model is None else of_model
    if any(name not in of_model for name in wishes.sources):
        raise Unsupported("`answerable.sources` names what the model does not.", param="answerable.sources")
    return wishes.sources


def _streamed(content: AsyncIterator[bytes]) -> Stream:
    return Stream(content, media_type="text/event-stream", headers=STREAMED)


async def _each(pieces: Any) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
