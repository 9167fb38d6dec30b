"""A scripted reply put on the wire: whole or as a stream, with the pauses and faults that the script gives it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

import msgspec

from app.llm.scripted.content import Content, content_of
from app.llm.scripted.embedding import embed
from app.llm.scripted.exchange import Exchange
from app.llm.scripted.matching import Chosen
from app.llm.scripted.requests import Request
from app.llm.scripted.script import Answering, Fault, Reported
from app.llm.scripted.wire import chunk, chunk_choice, completion, embeddings, error_body, pieces, usage_of

_PAGE = b"<!doctype html><html><head><title>Sign in</title></head><body><h1>Sign in to continue</h1></body></html>\n"
_SSE = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
_JSON = {"content-type": "application/json"}


async def send_reply(exchange: Exchange, request: Request, chosen: Chosen, dimensions: int) -> None:
    """Answer a request as the script says. Raises `Refused` where it cannot, `Gone` when the connection ends."""
    reply = chosen.reply
    await exchange.pause(reply.delay_s)
    if reply.faults:
        await _send_fault(exchange, reply)
    elif request.endpoint == "embeddings":
        await _send_embeddings(exchange, request, reply, dimensions)
    else:
        contents = [content_of(chosen, request)] * request.choices
        sender = _send_stream if request.stream else _send_whole
        await sender(exchange, request, reply, contents)


async def send_error(
    exchange: Exchange, fault: Fault, *, param: str | None = None, headers: Mapping[str, str] | None = None
) -> None:
    """Answer with an error in OpenAI's shape."""
    given = dict(headers or {})
    if fault.retry_after is not None:
        given["retry-after"] = str(fault.retry_after)
    await exchange.json(fault.status, error_body(fault, param), {"x-request-id": _request_id(exchange), **given})


async def _send_fault(exchange: Exchange, reply: Answering) -> None:
    if reply.hang:
        await exchange.hang()
    if reply.drop:
        await exchange.cut()
    if reply.error is not None:
        await send_error(exchange, reply.error)
    elif reply.redirect is not None:
        await exchange.whole(307, b"", {"location": reply.redirect})
    else:
        await exchange.whole(200, _PAGE, {"content-type": "text/html; charset=utf-8"})


async def _send_whole(exchange: Exchange, request: Request, reply: Answering, contents: list[Content]) -> None:
    tokens = sum(content.tokens for content in contents)
    exchange.note(**_billed(request, reply, tokens))
    await exchange.pause(reply.first_token_s + reply.per_token_s * max(0, contents[0].tokens - 1))
    usage = usage_of(request.input_tokens, tokens, reply.usage) if reply.usage else None
    name = reply.served_model or request.model
    await _send_body(exchange, reply, completion(f"chatcmpl-{_request_id(exchange)}", name, contents, usage))


async def _send_embeddings(exchange: Exchange, request: Request, reply: Answering, dimensions: int) -> None:
    exchange.note(**_billed(request, reply, 0))
    await exchange.pause(reply.first_token_s)
    size = request.body.get("dimensions") or dimensions
    usage = usage_of(request.input_tokens, 0, reply.usage) if reply.usage else None
    vectors = [embed(text, size) for text in request.inputs]
    as_base64 = request.body.get("encoding_format") == "base64"
    name = reply.served_model or request.model
    await _send_body(exchange, reply, embeddings(name, vectors, usage, as_base64=as_base64))


async def _send_body(exchange: Exchange, reply: Answering, value: Mapping[str, Any]) -> None:
    """A response that is not streamed; its pieces are eight bytes long where it breaks off."""
    data = msgspec.json.encode(value)
    headers = {**_JSON, "x-request-id": _request_id(exchange)}
    if reply.malformed:
        await exchange.whole(200, data[: len(data) * 2 // 3] + b'"]', headers, "cut")
        return
    stop = reply.cut_after if reply.cut_after is not None else reply.hang_after
    if stop is None:
        await exchange.whole(200, data, headers, "completed")
        return
    await exchange.start(200, {**headers, "content-length": str(len(data))})
    await exchange.write(data[: min(8 * stop, len(data) - 1)])
    await (exchange.cut() if reply.cut_after is not None else exchange.hang())


async def _send_stream(exchange: Exchange, request: Request, reply: Answering, contents: list[Content]) -> None:
    id_ = f"chatcmpl-{_request_id(exchange)}"
    name = reply.served_model or request.model

    def event(choices: list[dict[str, Any]], usage: Mapping[str, Any] | None = None) -> bytes:
        return _event(chunk(id_, name, choices, usage, with_usage=request.usage_asked and bool(reply.usage)))

    exchange.note(**_billed(request, reply, None))
    await exchange.start(200, {**_SSE, "x-request-id": _request_id(exchange)})
    await _break_off(exchange, reply, 0)
    await exchange.pause(reply.first_token_s)
    for index in range(len(contents)):
        await exchange.write(event([chunk_choice(index, {"role": "assistant", "content": ""})]))
    sent = tokens = 0
    for index, delta, count in _interleaved(contents):
        if sent:
            await exchange.pause(reply.per_token_s)
        if reply.malformed and sent == 1:
            await exchange.write(b'data: {"id": "' + id_.encode() + b'", "choices": [{"delta": {"content": \n\n')
            await exchange.finish(b"data: [DONE]\n\n", "cut")
            return
        await exchange.write(event([chunk_choice(index, delta)]))
        sent, tokens = sent + 1, tokens + count
        exchange.note(output_tokens=tokens)
        await _break_off(exchange, reply, sent)
    for index, content in enumerate(contents):
        await exchange.write(event([chunk_choice(index, {}, content.finish)]))
    if request.usage_asked and reply.usage:
        await exchange.write(event([], usage_of(request.input_tokens, tokens, reply.usage)))
    await exchange.finish(b"data: [DONE]\n\n", "completed", **_billed(request, reply, tokens))


async def _break_off(exchange: Exchange, reply: Answering, sent: int) -> None:
    """End the connection, or send nothing more, if this is the place. Raises `Gone` then."""
    if reply.cut_after == sent:
        await exchange.cut()
    if reply.hang_after == sent:
        await exchange.hang()


def _interleaved(contents: list[Content]) -> Iterator[tuple[int, dict[str, Any], int]]:
    """(choice, delta, tokens): a piece of each choice in turn."""
    for turn in zip_longest(*(pieces(content) for content in contents)):
        for index, piece in enumerate(turn):
            if piece is not None:
                yield index, piece[0], piece[1]


def _billed(request: Request, reply: Answering, output_tokens: int | None) -> dict[str, int]:
    """Tokens as a client is told them, for the log; without output where its number is not known yet."""
    said = reply.usage if isinstance(reply.usage, Reported) else True
    usage = usage_of(request.input_tokens, output_tokens or 0, said)
    told = {"input_tokens": usage["prompt_tokens"], "output_tokens": usage["completion_tokens"]}
    return told if output_tokens is not None else {"input_tokens": told["input_tokens"]}


def _event(value: Any) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


def _request_id(exchange: Exchange) -> str:
    number = exchange.received.number if exchange.received is not None else 0
    return hashlib.sha256(f"request {number}".encode()).hexdigest()[:24]
