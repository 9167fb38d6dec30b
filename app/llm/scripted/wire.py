"""The shapes of OpenAI's responses: completions, chunks of a stream, embeddings, models, errors."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.llm.scripted.content import Content
from app.llm.scripted.script import Fault, Reported

CREATED = 1_700_000_000
"""The same moment in each response, so that equal requests have equal responses."""
TYPES = {
    400: "invalid_request_error",
    401: "invalid_request_error",
    403: "invalid_request_error",
    404: "invalid_request_error",
    413: "invalid_request_error",
    429: "rate_limit_error",
}
_CODES = {401: "invalid_api_key", 403: "not_permitted", 404: "model_not_found", 429: "rate_limit_exceeded"}
_MESSAGES = {
    401: "Incorrect API key provided.",
    404: "The model does not exist or you do not have access to it.",
    429: "Rate limit reached.",
    500: "The server had an error while processing your request.",
    503: "The engine is currently overloaded, please try again later.",
}


def error_body(fault: Fault, param: str | None = None) -> dict[str, Any]:
    """An error in OpenAI's shape; what the script leaves out is what OpenAI says with that status."""
    message = fault.message or _MESSAGES.get(fault.status, "The request failed.")
    kind = fault.type or TYPES.get(fault.status, "server_error")
    code = fault.code if fault.code is not None or fault.message else _CODES.get(fault.status)
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def usage_of(input_tokens: int, output_tokens: int, said: Reported | bool) -> dict[str, Any]:
    """The usage as it is reported."""
    cached = 0
    if isinstance(said, Reported):
        input_tokens = said.prompt_tokens if said.prompt_tokens is not None else input_tokens
        output_tokens = said.completion_tokens if said.completion_tokens is not None else output_tokens
        cached = said.cached_tokens
    return {
        "prompt_tokens": input_tokens,
        "completion_tokens": output_tokens,
        "total_tokens": input_tokens + output_tokens,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def completion(id_: str, model: str, contents: Sequence[Content], usage: Mapping[str, Any] | None) -> dict[str, Any]:
    """A whole chat completion."""
    choices = [
        {"index": index, "message": _message(each), "logprobs": None, "finish_reason": each.finish}
        for index, each in enumerate(contents)
    ]
    whole = {"id": id_, "object": "chat.completion", "created": CREATED, "model": model, "choices": choices}
    return whole | ({"usage": usage} if usage is not None else {})


def _message(content: Content) -> dict[str, Any]:
    said = "".join(content.text)
    message: dict[str, Any] = {"role": "assistant", "content": said if content.text or not content.calls else None}
    message["refusal"] = "".join(content.refusal) or None
    if content.refusal:
        message["content"] = None
    if content.calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": "".join(call.arguments)}}
            for call in content.calls
        ]
    return message


def pieces(content: Content) -> Iterator[tuple[dict[str, Any], int]]:
    """(delta, tokens in it) of one choice, in order; a delta that opens a tool call holds no token."""
    for piece in content.text:
        yield {"content": piece}, 1
    for piece in content.refusal:
        yield {"refusal": piece}, 1
    for index, call in enumerate(content.calls):
        opened = {"index": index, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}
        yield {"tool_calls": [opened]}, 0
        for piece in call.arguments:
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}, 1


def chunk(
    id_: str, model: str, choices: list[dict[str, Any]], usage: Mapping[str, Any] | None, *, with_usage: bool
) -> dict[str, Any]:
    """One event of a stream; with `with_usage` each has the field, as OpenAI does where usage is asked for."""
    whole = {"id": id_, "object": "chat.completion.chunk", "created": CREATED, "model": model, "choices": choices}
    return whole | ({"usage": usage} if with_usage else {})


def chunk_choice(index: int, delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
    """What one choice adds."""
    return {"index": index, "delta": dict(delta), "logprobs": None, "finish_reason": finish}


def embeddings(
    model: str, vectors: Sequence[Sequence[float]], usage: Mapping[str, Any] | None, *, as_base64: bool
) -> dict[str, Any]:
    """A list of vectors, as numbers or as base64 of little-endian float32 (what the official client asks for)."""

    def written(vector: Sequence[float]) -> str | list[float]:
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode() if as_base64 else list(vector)

    found = [{"object": "embedding", "index": index, "embedding": written(v)} for index, v in enumerate(vectors)]
    kept = {name: usage[name] for name in ("prompt_tokens", "total_tokens")} if usage is not None else None
    return {"object": "list", "data": found, "model": model} | ({"usage": kept} if kept is not None else {})


def model_list(names: Sequence[str]) -> dict[str, Any]:
    """What `GET /v1/models` says."""
    return {"object": "list", "data": [model(name) for name in names]}


def model(name: str) -> dict[str, Any]:
    """One model."""
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "script"}
