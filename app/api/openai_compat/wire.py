"""Requests and responses in OpenAI's shape. Fields that are not named here are accepted and ignored."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from app.api.provenance import Provenance
from app.api.wire import ErrorBody
from app.asking import DEFAULT_ROWS, SESSION_MAX_CHARS

MOST_MESSAGES = 2000
"""Messages that a request may hold; the body's size limit is reached before with ordinary ones."""


class ContentPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a message; only `text` is read."""

    type: str
    text: str | None = None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the transcript."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[ContentPart] | None = None


class StreamOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What else a stream tells."""

    include_usage: bool | None = None


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What only this service knows, under `answerable` in the request."""

    footer: bool = False
    """Sources with links, and the SQL, under the text."""
    tables: bool = True
    """The table of an answer with several rows under the text."""
    sources: list[str] | None = None
    session: Annotated[str, Meta(max_length=SESSION_MAX_CHARS)] | None = None
    """A session as in `POST /v1/ask`; without one the transcript is the conversation."""
    max_rows: int = DEFAULT_ROWS
    threshold: Annotated[float, Meta(ge=0.0, le=1.0)] | None = None


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A chat completion to make. `temperature`, `max_tokens`, `stop`, `seed`, `user` … are accepted and ignored."""

    model: Annotated[str, Meta(min_length=1, max_length=500)]
    messages: Annotated[list[Message], Meta(min_length=1, max_length=MOST_MESSAGES)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = None
    logprobs: bool | None = None
    response_format: dict[str, Any] | None = None
    modalities: list[str] | None = None
    tool_choice: str | dict[str, Any] | None = None
    function_call: str | dict[str, Any] | None = None
    answerable: Wishes | None = None


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message, or in a stream what is new of it."""

    role: Literal["assistant"] | None = None
    content: str | None = None
    answerable: Provenance | None = None


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """The only choice of a completion."""

    index: int = 0
    message: Told
    logprobs: None = None
    finish_reason: Literal["stop", "length"] = "stop"


class ChunkChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The only choice of a chunk."""

    index: int = 0
    delta: Told
    logprobs: None = None
    finish_reason: Literal["stop", "length"] | None = None


class CompletionUsage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens that language models took; without one, of the transcript and the reply, a token for three bytes."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletion(msgspec.Struct, frozen=True, kw_only=True):
    """A whole reply."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: CompletionUsage
    system_fingerprint: str | None = None


class ChatChunk(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a streamed reply."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: CompletionUsage | None = None
    system_fingerprint: str | None = None


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """Something that can be asked. `created`: when it was last brought up to date, seconds since the epoch."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "answerable"


class Models(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the key may ask."""

    object: Literal["list"] = "list"
    data: list[Model]


class OpenAIErrorBody(ErrorBody, frozen=True, kw_only=True):
    """The error body of this service with what OpenAI's clients read beside it."""

    type: str
    param: str | None


class OpenAIErrorResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The one error shape, as these endpoints tell it."""

    error: OpenAIErrorBody
