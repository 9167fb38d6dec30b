"""Requests read: what a chat completion or an embedding asks for, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from app.llm.scripted.counting import content_text, count_message_tokens, count_tokens
from app.llm.scripted.script import Fault

MOST_CHOICES = 128
MOST_INPUTS = 2048


class Refused(Exception):
    """A request is answered with an error instead of a reply."""

    def __init__(self, fault: Fault, *, param: str | None = None) -> None:
        super().__init__(fault.message)
        self.fault = fault
        self.param = param


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request that has the shape it must have."""

    endpoint: Literal["chat", "embeddings"]
    model: str
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    input_tokens: int

    @property
    def messages(self) -> list[tuple[str, str]]:
        """(role, text) of each message; of embeddings each input."""
        if self.endpoint == "embeddings":
            return [("user", text) for text in self.inputs]
        return [(str(each.get("role")), content_text(each.get("content"))) for each in self.body["messages"]]

    def said_by(self, *roles: str) -> list[str]:
        """The texts of these roles."""
        return [text for role, text in self.messages if role in roles]

    @property
    def inputs(self) -> list[str]:
        """The texts to embed."""
        given = self.body["input"]
        return [given] if isinstance(given, str) else list(given)

    @property
    def stream(self) -> bool:
        """Whether pieces are asked for."""
        return bool(self.body.get("stream"))

    @property
    def usage_asked(self) -> bool:
        """Whether a stream shall end with its usage."""
        return bool((self.body.get("stream_options") or {}).get("include_usage"))

    @property
    def format(self) -> str:
        """`text`, `json_object` or `json_schema`."""
        return str((self.body.get("response_format") or {}).get("type", "text"))

    @property
    def schema(self) -> tuple[str, Mapping[str, Any]] | None:
        """(name, schema) that the content shall fit."""
        given = (self.body.get("response_format") or {}).get("json_schema")
        return (str(given.get("name", "")), given.get("schema") or {}) if isinstance(given, Mapping) else None

    @property
    def tools(self) -> dict[str, Mapping[str, Any]]:
        """Name -> parameters of each function that is offered."""
        offered = [each.get("function") or {} for each in self.body.get("tools") or ()]
        return {str(each.get("name", "")): each.get("parameters") or {} for each in offered}

    @property
    def forced_tool(self) -> str | None:
        """The function that must be called: the one named, or the first one where any must be."""
        choice = self.body.get("tool_choice")
        if isinstance(choice, Mapping):
            return str((choice.get("function") or {}).get("name", "")) or None
        return next(iter(self.tools), None) if choice == "required" else None

    @property
    def choices(self) -> int:
        """How many completions."""
        return int(self.body.get("n") or 1)

    @property
    def most_tokens(self) -> int | None:
        """Tokens after which each completion ends."""
        given = self.body.get("max_completion_tokens") or self.body.get("max_tokens")
        return int(given) if given else None


def read_request(
    endpoint: Literal["chat", "embeddings"], raw: bytes, headers: Mapping[str, str], deployment: str | None
) -> Request:
    """The request of a body; `deployment` is the model that an Azure path names. Raises `Refused`."""
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise wrong(f"We could not parse the JSON body of your request: {error}") from error
    if not isinstance(body, dict):
        raise wrong("The body must be a JSON object.")
    model = deployment or body.get("model")
    if not isinstance(model, str) or not model:
        raise wrong("You must provide a model parameter.", "model")
    if endpoint == "embeddings":
        tokens = sum(count_tokens(text) for text in _inputs(body))
    else:
        _check_chat(body)
        tokens = count_message_tokens(body["messages"])
    return Request(endpoint=endpoint, model=model, body=body, headers=headers, input_tokens=tokens)


def wrong(message: str, param: str | None = None, *, status: int = 400, code: str | None = None) -> Refused:
    """What a client's mistake is answered with."""
    return Refused(Fault(status=status, message=message, type="invalid_request_error", code=code), param=param)


def _inputs(body: Mapping[str, Any]) -> list[str]:
    given = body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not 0 < len(texts) <= MOST_INPUTS or not all(isinstance(t, str) for t in texts):
        raise wrong(f"`input` must be a text or a list of 1 to {MOST_INPUTS} texts.", "input")
    if not all(texts):
        raise wrong("`input` cannot be an empty string.", "input")
    dimensions = body.get("dimensions")
    if dimensions is not None and not (_is_whole(dimensions) and 1 <= dimensions <= 8192):
        raise wrong("`dimensions` must be a whole number from 1 to 8192.", "dimensions")
    return texts


def _check_chat(body: Mapping[str, Any]) -> None:
    """Raise `Refused` for what a chat completion cannot mean."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise wrong("`messages` must be a list of at least one message.", "messages")
    for number, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise wrong("A message is an object with a role.", f"messages.[{number}].role")
        if not isinstance(message.get("content"), str | list | None):
            raise wrong("A message's content is a text or a list of parts.", f"messages.[{number}].content")
    for name, most in (("n", MOST_CHOICES), ("max_tokens", None), ("max_completion_tokens", None)):
        given = body.get(name)
        if given is not None and not (_is_whole(given) and given >= 1 and (most is None or given <= most)):
            raise wrong(f"`{name}` must be a whole number from 1" + (f" to {most}." if most else "."), name)
    for name in ("response_format", "stream_options"):
        if not isinstance(body.get(name), dict | None):
            raise wrong(f"`{name}` must be an object.", name)
    _check_format(body.get("response_format"))
    _check_tools(body)


def _check_format(given: Mapping[str, Any] | None) -> None:
    kind = (given or {"type": "text"}).get("type")
    if kind not in ("text", "json_object", "json_schema"):
        raise wrong("`type` must be text, json_object or json_schema.", "response_format.type")
    held = (given or {}).get("json_schema")
    if kind != "json_schema":
        return
    if not isinstance(held, dict) or not isinstance(held.get("name"), str) or not held["name"]:
        raise wrong("`json_schema` needs a name.", "response_format.json_schema.name")
    if not isinstance(held.get("schema"), dict):
        raise wrong("`json_schema` needs a schema that is an object.", "response_format.json_schema.schema")


def _check_tools(body: Mapping[str, Any]) -> None:
    tools = body.get("tools") or []
    named = isinstance(tools, list) and all(
        isinstance(each, dict) and isinstance(each.get("function"), dict) and each["function"].get("name")
        for each in tools
    )
    if not named:
        raise wrong("`tools` must be a list of functions with names.", "tools")
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        wanted = (choice.get("function") or {}).get("name")
        if wanted not in [each["function"]["name"] for each in tools]:
            raise wrong("`tool_choice` names a function that is not among the tools.", "tool_choice")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
