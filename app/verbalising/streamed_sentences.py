"""The sentences of an answer that a model is still writing: each as soon as its JSON object is complete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from app.verbalising.grounding import Claim

MOST_SENTENCES = 12
"""Sentences of one reply that are looked at."""
MOST_CHARACTERS = 40_000
"""Of a reply that is still arriving: each piece of it is parsed with all before."""


class _Cell(msgspec.Struct, frozen=True):
    row: int
    column: str


class _Sentence(msgspec.Struct, frozen=True):
    text: str
    passages: tuple[str, ...] = ()
    cells: tuple[_Cell, ...] = ()


def claim_of(sentence: object) -> Claim | None:
    """The claim that one element of `sentences` makes; None where it has another shape."""
    try:
        said = msgspec.convert(sentence, _Sentence)
    except msgspec.ValidationError:
        return None
    return Claim(text=said.text, passages=said.passages, cells=tuple((cell.row, cell.column) for cell in said.cells))


def claims_of(output: Mapping[str, Any]) -> list[Claim]:
    """The claims of a whole output."""
    listed = output.get("sentences")
    found = (claim_of(each) for each in (listed if isinstance(listed, Sequence) else ()))
    return [claim for claim in found if claim is not None]


class SentenceStream:
    """Takes the pieces of a JSON text, gives its complete sentences once each, `MOST_SENTENCES` at most."""

    def __init__(self) -> None:
        self._text = ""
        self._given = 0

    def feed(self, piece: str) -> list[Claim]:
        """The claims that this piece completes."""
        if self._given >= MOST_SENTENCES or len(self._text) + len(piece) > MOST_CHARACTERS:
            return []
        self._text += piece
        if "}" not in piece:
            return []
        complete = self._complete()[:MOST_SENTENCES]
        new, self._given = complete[self._given :], max(self._given, len(complete))
        return [claim for claim in map(claim_of, new) if claim is not None]

    def _complete(self) -> list[Any]:
        """The elements of `sentences` so far; the last one only if nothing of it is missing."""
        listed = _sentences(self._text, whole=False)
        closed = _sentences(self._text.rstrip().rstrip(",") + "]}", whole=True)
        if len(closed) == len(listed):
            return closed
        whole = _sentences(self._text, whole=True)
        return whole or listed[:-1]


def _sentences(text: str, *, whole: bool) -> list[Any]:
    import jiter

    try:
        found = jiter.from_json(text.encode(), partial_mode="off" if whole else "on")
    except ValueError:
        return []
    listed = found.get("sentences") if isinstance(found, dict) else None
    return listed if isinstance(listed, list) else []
