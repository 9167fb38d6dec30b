"""How an endpoint wants to be asked, learnt from what it refuses.

Endpoints of "the OpenAI protocol" differ: some know no JSON schema, reasoning models refuse `temperature` and want
`max_completion_tokens`, old servers know no `stream_options`. A refusal that names what it refuses gives the next
dialect to try; a refusal that names nothing weakens the way in which the output is held to its schema. What worked is
remembered for each model by `providers.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import msgspec

from app.llm.values import Message, Parameters

OutputMode: TypeAlias = Literal["json_schema", "json_object", "text"]
WEAKER: Mapping[OutputMode, OutputMode] = {"json_schema": "json_object", "json_object": "text"}
MOST_STEPS = 6
"""Refusals that are answered by another dialect within one attempt."""
REFUSALS = frozenset({400, 422, 500, 501})
"""Statuses by which servers say that they do not know a parameter; a server error must name it."""
OPTIONAL = ("temperature", "top_p", "seed", "stream_options")
"""Parameters that a request can do without."""
_FORMAT = re.compile(r"response_format|json_schema|json_object|\bgrammar\b|\bschema\b")
IN_WORDS = "Answer with one JSON object and nothing else. It must fit this JSON schema:\n"


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """One way of asking."""

    output: OutputMode = "json_schema"
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """What the limit of output is called."""
    renamed: bool = False
    """Whether the other name was refused already."""
    without: frozenset[str] = frozenset()
    """Parameters of `OPTIONAL` that are not sent."""


def request_body(
    model: str,
    messages: Sequence[Message],
    schema: Mapping[str, Any] | None,
    parameters: Parameters,
    dialect: Dialect,
    *,
    stream: bool,
    name: str = "answer",
) -> dict[str, Any]:
    """The body of a request for a completion; `name` is what its schema is called."""
    optional = {
        "temperature": parameters.temperature,
        "top_p": parameters.top_p,
        "seed": parameters.seed,
        "stream_options": {"include_usage": True} if stream else None,
    }
    body: dict[str, Any] = {
        "model": model,
        "stream": stream,
        "messages": [{"role": each.role, "content": each.content} for each in _said(messages, schema, dialect)],
        dialect.limit: parameters.max_tokens,
        **{name: value for name, value in optional.items() if value is not None and name not in dialect.without},
    }
    if schema is not None and dialect.output == "json_schema":
        form = {"name": name, "schema": schema, "strict": is_strict(schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    elif schema is not None and dialect.output == "json_object":
        body["response_format"] = {"type": "json_object"}
    return body


def next_dialect(dialect: Dialect, sent: Collection[str], status: int, refusal: str) -> Dialect | None:
    """What to try after an endpoint refused a request that had the fields `sent` with a status and some words.

    None: nothing else to try.
    """
    if status not in REFUSALS:
        return None
    words = refusal.casefold()
    if dialect.limit in sent and not dialect.renamed and re.search(rf"\b{dialect.limit}\b", words):
        other = "max_completion_tokens" if dialect.limit == "max_tokens" else "max_tokens"
        return msgspec.structs.replace(dialect, limit=other, renamed=True)
    for parameter in OPTIONAL:
        if parameter in sent and re.search(rf"\b{parameter}\b", words):
            return _without(dialect, parameter)
    if "response_format" in sent and (status < 500 or _FORMAT.search(words)):
        return msgspec.structs.replace(dialect, output=WEAKER[dialect.output])
    return _without(dialect, "stream_options") if "stream_options" in sent and status < 500 else None


def is_strict(schema: object) -> bool:
    """Whether every object of a schema names all its properties as required and allows no others.

    OpenAI's `strict` mode takes no other schemas.
    """
    if isinstance(schema, Mapping):
        if schema.get("type") == "object" or "properties" in schema:
            names = set(schema.get("properties", {}))
            if schema.get("additionalProperties") is not False or names != set(schema.get("required", ())):
                return False
        return all(is_strict(value) for value in schema.values())
    return all(is_strict(value) for value in schema) if isinstance(schema, list | tuple) else True


def _said(messages: Sequence[Message], schema: Mapping[str, Any] | None, dialect: Dialect) -> Sequence[Message]:
    """The messages, with the schema in words where the endpoint cannot be given it otherwise."""
    if schema is None or dialect.output == "json_schema":
        return messages
    words = IN_WORDS + json.dumps(schema, ensure_ascii=False, sort_keys=True)
    first, *others = messages
    if first.role == "system":
        return (Message("system", f"{first.content}\n\n{words}"), *others)
    return (Message("system", words), *messages)


def _without(dialect: Dialect, parameter: str) -> Dialect:
    return msgspec.structs.replace(dialect, without=dialect.without | {parameter})
