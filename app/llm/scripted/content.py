"""From a scripted reply to what each choice of a completion holds, in tokens."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from app.llm.scripted.counting import tokens_of
from app.llm.scripted.filling import Unfillable, minimal_instance
from app.llm.scripted.matching import Chosen
from app.llm.scripted.requests import Refused, Request
from app.llm.scripted.script import Answering, Fault
from app.llm.scripted.templating import filled

PLAIN = "This is a scripted reply."
"""What `auto` says where no schema was sent."""


class Call(msgspec.Struct, frozen=True):
    """One tool call; its arguments as pieces."""

    id: str
    name: str
    arguments: tuple[str, ...]


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What one choice holds."""

    text: tuple[str, ...] = ()
    """Pieces of one token each."""
    calls: tuple[Call, ...] = ()
    refusal: tuple[str, ...] = ()
    finish: str

    @property
    def tokens(self) -> int:
        """Tokens of output."""
        return len(self.text) + len(self.refusal) + sum(len(call.arguments) for call in self.calls)


def content_of(chosen: Chosen, request: Request) -> Content:
    """What a reply says to a request. Raises `Refused` where the script cannot say it."""
    reply = chosen.reply
    try:
        content = _said(chosen, request)
    except Unfillable as error:
        raise _impossible("auto_unfillable", f"`auto` found no instance of the schema: {error}.") from error
    except ValueError as error:
        raise _impossible("quote_invalid", f"A quote is not a whole number: {error}.") from error
    if reply.huge is not None:
        content = _enlarged(content, reply.huge)
    return _limited(content, request.most_tokens, reply.finish)


def _said(chosen: Chosen, request: Request) -> Content:
    reply, quotes = chosen.reply, chosen.quotes
    if reply.refusal is not None:
        return Content(refusal=_pieces(reply.refusal), finish="stop")
    if reply.tool_calls:
        calls = [(each.id, each.name, _written(filled(each.arguments, quotes))) for each in reply.tool_calls]
        return _calling(calls, request)
    if reply.text is not None:
        return Content(text=_pieces(str(filled(reply.text, quotes))), finish="stop")
    value = filled(reply.json_, quotes) if reply.json_ is not msgspec.UNSET else _made_up(reply, request)
    forced = request.forced_tool
    if forced is not None:
        return _calling([(None, forced, _written(value, as_text=False))], request)
    return Content(text=_pieces(value if value is PLAIN else _written(value, as_text=False)), finish="stop")


def _made_up(reply: Answering, request: Request) -> Any:
    """An instance of what was asked for; the fixed sentence where nothing was."""
    if request.forced_tool is not None:
        return minimal_instance(request.tools[request.forced_tool])
    if request.schema is not None:
        return minimal_instance(request.schema[1])
    return {} if request.format == "json_object" else PLAIN


def _calling(calls: list[tuple[str | None, str, str]], request: Request) -> Content:
    made = []
    for number, (given, name, arguments) in enumerate(calls):
        seed = f"{number} {name} {arguments} {request.model}".encode("utf-8", "surrogatepass")
        made.append(Call(given or f"call_{hashlib.sha256(seed).hexdigest()[:24]}", name, _pieces(arguments)))
    return Content(calls=tuple(made), finish="tool_calls")


def _limited(content: Content, most: int | None, finish: str | None) -> Content:
    if most is None or content.tokens <= most:
        return msgspec.structs.replace(content, finish=finish or content.finish)
    calls = tuple(Call(call.id, call.name, call.arguments[:most]) for call in content.calls[:1])
    text, refusal = content.text[:most], content.refusal[:most]
    return Content(text=text, calls=calls, refusal=refusal, finish=finish or "length")


def _enlarged(content: Content, size: int) -> Content:
    said = "".join(content.text).encode("utf-8", "surrogatepass") or b"x"
    grown = (said * (size // len(said) + 1))[:size].decode("utf-8", "ignore")
    half = 64 * 1024
    return Content(text=tuple(grown[start : start + half] for start in range(0, len(grown), half)), finish="stop")


def _written(value: Any, *, as_text: bool = True) -> str:
    """JSON of a value; a text that stands for JSON as it is."""
    return value if as_text and isinstance(value, str) else msgspec.json.encode(value).decode()


def _pieces(text: str) -> tuple[str, ...]:
    return tuple(tokens_of(text))


def _impossible(code: str, message: str) -> Refused:
    return Refused(Fault(status=500, message=message, type="script_error", code=code))
