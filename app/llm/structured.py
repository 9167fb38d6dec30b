"""Output of a model that must fit a schema: parsed as a whole, validated, and explained where it does not fit.

Nothing is searched for in prose: the whole text is one JSON object, at most enclosed as a whole in a code fence.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from app.llm.values import Completion, Message

MOST_CHARACTERS = 200_000
DEEPEST = 32
LONGEST_PROBLEM = 300
"""Characters of a message about what does not fit; validators quote values in theirs."""
LONGEST_ECHO = 20_000
"""Characters of an output that are sent back for repair."""
_HALF = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")
_FENCE = re.compile(r"```(?:json)?[ \t]*\n(.*)\n```", re.DOTALL | re.IGNORECASE)


class Misfit(Exception):
    """An output that cannot be used; `problem` tells the model why. It may quote the output: never for a log."""

    def __init__(self, problem: str) -> None:
        super().__init__("the output does not fit")
        self.problem = problem


def fitting(completion: Completion, schema: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The output as an object that fits the schema, `{"text": …}` where there is none. Raises `Misfit`."""
    text = completion.text.strip()
    if completion.finish == "content_filter":
        raise Misfit("The answer was withheld.")
    if not text:
        raise Misfit("The answer is empty.")
    if len(text) > MOST_CHARACTERS:
        raise Misfit(f"The answer has over {MOST_CHARACTERS} characters.")
    if schema is None:
        return {"text": text}
    try:
        found = _parsed(text)
    except Misfit as misfit:
        if completion.finish == "length":
            raise Misfit("The answer broke off because it was too long; keep it shorter.") from misfit
        raise
    problem = _problem(found, schema)
    if problem is not None:
        raise Misfit(problem)
    return found


def repairing(messages: tuple[Message, ...], output: str, problem: str) -> tuple[Message, ...]:
    """The conversation that asks once more, telling what is wrong with the output."""
    told = f"This answer cannot be used. {problem} Answer again with the corrected JSON object only."
    return (*messages, Message("assistant", output[:LONGEST_ECHO]), Message("user", told))


def _parsed(text: str) -> Mapping[str, Any]:
    fenced = _FENCE.fullmatch(text)
    try:
        found = json.loads(fenced[1] if fenced else text, object_pairs_hook=_distinct, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise Misfit(f"It is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from error
    except (ValueError, RecursionError) as error:
        raise Misfit("It is not JSON that can be read: nested too deeply, or a number too long.") from error
    if not isinstance(found, dict):
        raise Misfit("It is JSON, but not an object.")
    if _HALF.search(text) and not _can_be_written(found):
        raise Misfit("It holds half of a surrogate pair, which is no character.")
    if _depth(found) > DEEPEST:
        raise Misfit(f"It is nested deeper than {DEEPEST}.")
    return found


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Misfit("A name stands twice in one object.")
    return found


def _no_constant(name: str) -> NoReturn:
    raise Misfit(f"{name} is not JSON.")


def _can_be_written(found: Mapping[str, Any]) -> bool:
    """Whether every text is one that UTF-8 can hold: JSON may escape halves of characters."""
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        return False
    return True


def _depth(found: object) -> int:
    deepest, level = 0, [found]
    while level:
        deepest += 1
        containers = [each for each in level if isinstance(each, dict | list)]
        level = [value for each in containers for value in (each.values() if isinstance(each, dict) else each)]
    return deepest


def _problem(found: Mapping[str, Any], schema: Mapping[str, Any]) -> str | None:
    error = best_match(_validator(json.dumps(schema, sort_keys=True)).iter_errors(found))
    if error is None:
        return None
    where = "".join(f"[{part!r}]" for part in error.absolute_path)
    message = f"{error.message} (at ${where})" if where else str(error.message)
    return message if len(message) <= LONGEST_PROBLEM else message[:LONGEST_PROBLEM] + "…"


@functools.lru_cache(maxsize=64)
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema))
