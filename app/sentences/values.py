"""Which sentence is said, and what is put into it; in no language yet."""

from __future__ import annotations

from typing import TypeAlias, Union

import msgspec


class LanguageName(msgspec.Struct, frozen=True):
    """A language that is named in a sentence, as `ingest.languages` calls it: `german`."""

    name: str


class Said(msgspec.Struct, frozen=True):
    """A sentence of the service: a field of `Sentences`, and by the names of its places what is put into them."""

    name: str
    values: dict[str, Value] = {}


Value: TypeAlias = Union[str, int, LanguageName, Said, "tuple[str | Said, ...]"]
"""What is put into a place; a tuple is listed as the place says: `{words:quoted or}`."""


def said(name: str, **values: Value) -> Said:
    """The sentence `name` of `Sentences` with its values."""
    return Said(name, values)
