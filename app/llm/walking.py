"""The texts inside a prompt's inputs: out in order, and back in the same order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from app.llm.errors import NotAllowed
from app.llm.strict_patterns import LEAST_DIGITS

DEEPEST = 32
"""Levels of lists and mappings that are walked."""
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Personal(msgspec.Struct, frozen=True):
    """A value that a stage knows to be personal, e.g. a cell of a personal column: masked whole."""

    kind: str
    """A kind of `ingest.pii.spans.KINDS`."""
    value: str | int | float


class Lines(str):
    """A text of many lines that come again in other calls: each is searched by itself, and remembered."""

    __slots__ = ()


class Leaf(NamedTuple):
    """A text of an input, or a number long enough to be personal."""

    name: str
    """The input that it stands in."""
    text: str
    number: bool = False
    kind: str | None = None
    """Set where the whole is known to be personal."""
    key: bool = False
    """The name of a field, in lower case as code writes it: no content, unless it is a value found elsewhere."""
    by_line: bool = False


def leaves(name: str, value: Any, depth: int = 0) -> Iterator[Leaf]:
    """The texts of an input in a stable order, keys of mappings included. Raises `NotAllowed` for other types."""
    if isinstance(value, str):
        yield Leaf(name, value, by_line=isinstance(value, Lines))
    elif isinstance(value, Personal):
        yield Leaf(name, str(value.value), kind=value.kind)
    elif _is_long_number(value):
        yield Leaf(name, str(int(value)), number=True)
    elif not _is_clear(value):
        if depth >= DEEPEST:
            raise NotAllowed("The inputs are nested too deeply to be searched for personal data.")
        for inner, is_key in _inner(value):
            if is_key and isinstance(inner, str) and _FIELD.fullmatch(inner):
                yield Leaf(name, inner, key=True)
            else:
                yield from leaves(name, inner, depth + 1)


def rebuilt(value: Any, texts: Iterator[str]) -> Any:
    """The value with other texts in place of its own, taken in the order of `leaves`; tuples become lists."""
    if isinstance(value, str | Personal):
        return next(texts)
    if _is_long_number(value):
        text = next(texts)
        return value if text == str(int(value)) else text
    if isinstance(value, msgspec.Struct):
        value = _fields(value)
    if isinstance(value, Mapping):
        found = {rebuilt(key, texts): rebuilt(inner, texts) for key, inner in value.items()}
        if len(found) != len(value):
            raise NotAllowed("Two names of an input differ only in their case.")
        return found
    return [rebuilt(inner, texts) for inner in value] if isinstance(value, list | tuple) else value


def _inner(value: Any) -> Iterator[tuple[Any, bool]]:
    """What a value holds, and whether it is a key."""
    if isinstance(value, msgspec.Struct):
        value = _fields(value)
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield key, True
            yield inner, False
    elif isinstance(value, list | tuple):
        yield from ((inner, False) for inner in value)
    else:
        raise NotAllowed(f"An input holds a {type(value).__name__}, which is not searched for personal data.")


def _fields(value: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__struct_fields__}


def _is_long_number(value: Any) -> bool:
    """Whether a value is a whole number of as many digits as a telephone number has."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return False
    size = abs(Decimal(value))
    return size.is_finite() and 10 ** (LEAST_DIGITS - 1) <= size < 10**40 and size == size.to_integral_value()


def _is_clear(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | Decimal | date | datetime | time)
