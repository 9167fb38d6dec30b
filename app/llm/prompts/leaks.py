"""Test cases that a prompt already shows the answer to: the same question, or nearly, among its examples.

A case leaks if its question, without case, punctuation and small change, has the words of an example's question, or all
but one in five of them. A figure such a case gives says nothing, so a test of the repository and `prompts test` fail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from ingest.folding import fold

NEAR = 0.8
"""Share of the words of both questions that they have in common (Jaccard) from which they are nearly the same."""
NEAR_LETTERS = 0.9
"""The same by letters (indel similarity), for other endings and spellings."""
_WORD = re.compile(r"[^\W_]+")
_SMALL_CHANGE = frozenset(
    {"a", "an", "the", "is", "are", "was", "were", "be", "do", "does", "did", "there", "please", "of"}
    | {"me", "us", "show", "give", "tell", "list", "what", "which"}
)


Identified: TypeAlias = tuple[str, Mapping[str, Any]]
"""Id and inputs of a case or of an example."""


class Leak(msgspec.Struct, frozen=True, kw_only=True):
    """A case whose answer is shown."""

    case: str
    shown_by: str
    """Id of the example, or `its own input`."""
    question: str


def leaks(examples: Sequence[Identified], cases: Sequence[Identified]) -> Iterator[Leak]:
    """The cases that examples show, or that their own inputs show (approved queries)."""
    for case, inputs in cases:
        asked = asked_in(inputs)
        shown = [(example, asked_in(other)) for example, other in examples]
        shown += [("its own input", str(each.get("question", ""))) for each in inputs.get("examples") or ()]
        for where, question in shown:
            if near(asked, question):
                yield Leak(case=case, shown_by=where, question=" ".join(str(inputs.get("question", "")).split()))


def asked_in(inputs: Mapping[str, Any]) -> str:
    """What is asked: of a follow-up, with the questions before, since "and in March?" alone says nothing."""
    before = [str(turn.get("question", "")) for turn in inputs.get("history") or ()]
    return " ".join([*before, str(inputs.get("question", ""))])


def near(left: str, right: str) -> bool:
    """Whether two questions are the same or nearly so.

    >>> near("How many orders were placed in 2025?", "how many orders in 2025, please")
    True
    >>> near("How many orders were placed in 2025?", "How many customers signed up in 2025?")
    False
    """
    from rapidfuzz.distance import Indel

    ours, theirs = _words(left), _words(right)
    if not ours or not theirs:
        return ours == theirs
    common = len(set(ours) & set(theirs)) / len(set(ours) | set(theirs))
    return common >= NEAR or Indel.normalized_similarity(" ".join(ours), " ".join(theirs)) >= NEAR_LETTERS


def _words(question: str) -> list[str]:
    return [word for word in _WORD.findall(fold(question)) if word not in _SMALL_CHANGE]
