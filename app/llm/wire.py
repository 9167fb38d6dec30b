"""What endpoints send, as far as it is read: anything else in it is ignored, anything else in its place is a fault."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec

from app.llm.errors import ProviderFault
from app.llm.values import TokenCount

Wire = TypeVar("Wire")

_Count = Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]


class _InputDetails(msgspec.Struct):
    cached_tokens: _Count | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: _Count | None = None
    completion_tokens: _Count | None = None
    prompt_tokens_details: _InputDetails | None = None


class WireSaid(msgspec.Struct):
    """A message, or a piece of one."""

    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: WireSaid | None = None
    delta: WireSaid | None = None
    finish_reason: str | None = None


class WireAnswer(msgspec.Struct):
    """A completion, or one chunk of it."""

    choices: list[_Choice] | None = None
    usage: Any = None
    model: str | None = None


class _Named(msgspec.Struct):
    id: str


class WireNames(msgspec.Struct):
    """The list of models."""

    data: list[_Named]


def decoded(body: bytes, kind: type[Wire]) -> Wire:
    """A body as one of the structs above. Raises `ProviderFault`."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ProviderFault("malformed", again=True, begun=True) from None


def reported_tokens(reported: object, guess: TokenCount) -> TokenCount:
    """What the provider reports, each figure that it leaves out (or that cannot be) replaced by the guess."""
    try:
        usage = msgspec.convert(reported or {}, _Usage)
    except msgspec.ValidationError:
        return guess
    sent = guess.input if usage.prompt_tokens is None else usage.prompt_tokens
    got = guess.output if usage.completion_tokens is None else usage.completion_tokens
    cached = usage.prompt_tokens_details.cached_tokens if usage.prompt_tokens_details is not None else 0
    return TokenCount(
        input=sent,
        output=got,
        cached_input=min(cached or 0, sent),
        estimated=usage.prompt_tokens is None or usage.completion_tokens is None,
    )
