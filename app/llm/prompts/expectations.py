"""What a right output holds, as examples and cases say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec


class SqlExpectation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a right statement is; each field that is given must hold."""

    same_rows_as: str = ""
    """A statement whose rows it must give on the tables `on`."""
    on: str = ""
    """Name of the tables (a `tables` line of the file) that both statements are run on."""
    ordered: bool = False
    """Whether the order of the rows counts."""
    same_as: tuple[str, ...] = ()
    """Statements of which it must be one, but for case, quotes, white space, comments and names of outputs."""
    tables: tuple[str, ...] = ()
    """Tables that it must read."""
    not_tables: tuple[str, ...] = ()
    """Tables that it must not read."""


class Expect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a right output holds; each field that is given must hold.

    Keys are paths: `outcome`, `clarify.question`, `sentences[].text` (of every sentence).
    """

    equals: Mapping[str, Any] = {}
    """Path -> the value there."""
    one_of: Mapping[str, list[Any]] = {}
    """Path -> values of which each one there must be."""
    contains: Mapping[str, list[str]] = {}
    """Path -> texts of which each must occur there, whatever their case."""
    lacks: Mapping[str, list[str]] = {}
    """Path -> texts of which none may occur there."""
    includes: Mapping[str, list[Any]] = {}
    """Path -> values that must be among those there."""
    only: Mapping[str, list[Any]] = {}
    """Path -> values beside which there may be no other."""
    count: Mapping[str, int] = {}
    """Path -> how many values are there."""
    sql: Mapping[str, SqlExpectation] = {}
    """Path -> what the statement there must be."""

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__struct_fields__)


def values_at(output: Any, path: str) -> list[Any]:
    """The values at a path; none where it leads nowhere.

    >>> values_at({"sentences": [{"passages": ["a", "b"]}, {"passages": []}]}, "sentences[].passages[]")
    ['a', 'b']
    """
    found = [output]
    for step in path.split("."):
        name = step.removesuffix("[]")
        found = [value[name] for value in found if isinstance(value, Mapping) and name in value]
        if step.endswith("[]"):
            found = [item for value in found if isinstance(value, list) for item in value]
    return found


def failures(output: Mapping[str, Any], expect: Expect) -> Iterator[str]:
    """Where an output is not what is expected, each as a line for a person; SQL is looked at elsewhere."""
    for path, value in expect.equals.items():
        found = values_at(output, path)
        if found != [value]:
            yield f"{path} is {_shown(found)}, expected {_shown([value])}"
    for path, allowed in expect.one_of.items():
        found = values_at(output, path)
        if not found or any(value not in allowed for value in found):
            yield f"{path} is {_shown(found)}, expected one of {_shown(allowed)}"
    for path, values in expect.includes.items():
        missing = [value for value in values if value not in values_at(output, path)]
        if missing:
            yield f"{path} lacks {_shown(missing)}"
    for path, values in expect.only.items():
        beyond = [value for value in values_at(output, path) if value not in values]
        if beyond:
            yield f"{path} holds {_shown(beyond)}, which should not be there"
    for path, number in expect.count.items():
        found = values_at(output, path)
        if len(found) != number:
            yield f"{path} has {len(found)} values, expected {number}"
    yield from _text_failures(output, expect)


def _text_failures(output: Mapping[str, Any], expect: Expect) -> Iterator[str]:
    for path, texts in expect.contains.items():
        said = "\n".join(map(str, values_at(output, path))).casefold()
        yield from (f"{path} does not say {text!r}" for text in texts if text.casefold() not in said)
    for path, texts in expect.lacks.items():
        said = "\n".join(map(str, values_at(output, path))).casefold()
        yield from (f"{path} says {text!r}" for text in texts if text.casefold() in said)


def _shown(values: list[Any]) -> str:
    said = ", ".join(msgspec.json.encode(value).decode() for value in values) or "nothing"
    return said if len(said) <= 120 else f"{said[:119]}…"
