"""What a script may say, as frozen values: rules, what they match, what they reply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

Seconds = Annotated[float, msgspec.Meta(ge=0, le=3600)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
MOST_BYTES = 256 * 1024 * 1024


class Match(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which requests a rule is for: all that is named must hold. Regular expressions ignore case, `.` spans lines."""

    endpoint: Literal["chat", "embeddings"] = "chat"
    model: str | None = None
    """Name, or pattern with `*` and `?`."""
    contains: str | tuple[str, ...] = ()
    """Text that any one message holds, whatever its case; of several each."""
    regex: str | None = None
    """Searched in each message, of an embedding request in each input; its groups may be quoted by the reply."""
    system: str | None = None
    """Regular expression, searched in system and developer messages."""
    user: str | None = None
    """Regular expression, searched in user messages."""
    last: str | None = None
    """Regular expression, searched in the last message alone: examples shown before it do not count."""
    schema: str | None = None
    """Name of the JSON schema that was sent, or pattern."""
    tool: str | None = None
    """Name of a tool that was offered, or pattern."""
    header: Mapping[str, str] = {}
    """Header name -> regular expression that its value must hold."""
    stream: bool | None = None
    call: Positive | tuple[Positive, ...] | None = None
    """Only the nth request, or these, of those that everything else here holds for; counted from 1."""


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An error answered in OpenAI's shape."""

    status: Annotated[int, msgspec.Meta(ge=400, le=599)]
    message: str = ""
    type: str = ""
    code: str | None = None
    retry_after: float | str | None = None
    """Seconds, or an HTTP date: the header `Retry-After`."""


class ToolCall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call that the model asks for."""

    name: str
    arguments: Mapping[str, Any] | str = {}
    """An object, or the text as the model would write it, valid or not."""
    id: str | None = None


class Reported(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Token counts to report in place of the server's own."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    cached_tokens: Count = 0


class Answering(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"json_": "json"}):
    """What is replied, and how. One of `text`, `json`, `tool_calls`, `auto`; or a fault in its place."""

    text: str | None = None
    json_: Any = msgspec.UNSET
    """The content as JSON; where the request forces a tool call, its arguments."""
    tool_calls: tuple[ToolCall, ...] = ()
    auto: bool = False
    """A minimal instance of the schema that was sent; without a schema a fixed sentence."""
    refusal: str | None = None
    finish: Literal["stop", "length", "content_filter", "tool_calls"] | None = None
    """In place of what it would be."""
    served_model: str | None = None
    """The model's name in the response, where it is not the one asked for."""
    usage: Reported | bool = True
    """False: no usage is reported."""

    delay_s: Seconds = 0
    """Before anything is sent."""
    first_token_s: Seconds = 0
    """After the headers, before the first piece."""
    per_token_s: Seconds = 0
    """Before each further piece."""
    cut_after: Count | None = None
    """The connection ends after so many pieces: within the stream, or within the body. 0: after the headers."""
    hang_after: Count | None = None
    """Nothing more comes after so many pieces, and the connection stays open."""
    malformed: bool = False
    """The body is not valid JSON, or the second event of the stream is not."""
    huge: Annotated[int, msgspec.Meta(ge=1, le=MOST_BYTES)] | None = None
    """The content is repeated until it has so many bytes."""

    error: Fault | None = None
    non_json: bool = False
    """An HTML page with status 200, as captive portals and misconfigured proxies send."""
    redirect: str | None = None
    """Status 307 to this address."""
    hang: bool = False
    """No response at all until the client goes."""
    drop: bool = False
    """The connection is closed without a response."""

    @property
    def bodies(self) -> list[str]:
        """Which kinds of content are given."""
        given = {"text": self.text is not None, "json": self.json_ is not msgspec.UNSET}
        given |= {"tool_calls": bool(self.tool_calls), "auto": self.auto, "refusal": self.refusal is not None}
        return [name for name, there in given.items() if there]

    @property
    def faults(self) -> list[str]:
        """Which kinds of response without content are given."""
        given = {"error": self.error is not None, "non_json": self.non_json, "redirect": self.redirect is not None}
        given |= {"hang": self.hang, "drop": self.drop}
        return [name for name, there in given.items() if there]


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first rule that matches answers."""

    name: str = ""
    match: Match = Match()
    reply: Answering | None = None
    sequence: tuple[Answering, ...] = ()
    """One reply for each use, the last one from then on."""
    times: Positive | None = None
    """After so many uses the rule matches no more."""

    @property
    def replies(self) -> tuple[Answering, ...]:
        """All that it may answer."""
        return self.sequence or ((self.reply,) if self.reply is not None else ())


class Script(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole script."""

    rules: tuple[Rule, ...] = ()
    otherwise: Answering | None = None
    """What is replied where no rule matches; left out: an error that says what was asked."""
    keys: tuple[str, ...] = ()
    """Keys that are let in; none: no key is asked for."""
    models: tuple[str, ...] = ()
    """Models that exist; none: every name does."""
    dimensions: Annotated[int, msgspec.Meta(ge=1, le=8192)] = 384
    """Of embedding vectors, where the request does not say."""
    context_tokens: Positive | None = None
    """Longest prompt; a longer one is the error `context_length_exceeded`."""
