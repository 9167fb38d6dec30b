"""Questions of several parts: "what is the return window, and how many returns were there in 2025?"."""

# ruff: noqa: E501 - patterns read better unwrapped
from __future__ import annotations

import re
from collections.abc import Iterator

from app.terms import STOP_WORDS

_ASKING = r"(?:what|how|which|who|whom|whose|when|where|why|do|does|did|is|are|was|were|can|could|should|will|list|show|give|tell|count|name)"
_JOINT = re.compile(
    rf"(?:[,;]\s*(?:and\s+|also\s+|then\s+)?|\s+and\s+(?:also\s+)?|\?\s+(?:and\s+)?|\.\s+)(?={_ASKING}\b)",
    re.IGNORECASE,
)
_LEANING = re.compile(r"\b(?:it|its|they|them|their|theirs|those|these|he|she|his|her|one|ones)\b", re.IGNORECASE)
MOST_WORDS, MOST_SPELLINGS = 3, 8
"""Words of a phrase that "it" may stand for, and phrases tried."""
MOST_PARTS = 3
LEAST_WORDS = 3


def parts(question: str) -> tuple[str, ...]:
    """The questions that a compound question consists of, each readable alone; one part if it is not compound."""
    pieces = [piece.strip(" ,;") for piece in _JOINT.split(question) if piece and piece.strip(" ,;?.")]
    if not 1 < len(pieces) <= MOST_PARTS or any(len(piece.split()) < LEAST_WORDS for piece in pieces):
        return (question,)
    if not re.match(rf"\W*(?:please\s+)?{_ASKING}\b", pieces[0], re.IGNORECASE):
        return (question,)
    return tuple(piece if piece.endswith("?") else f"{piece}?" for piece in pieces)


def leans_on_another(piece: str) -> bool:
    """Whether a part speaks of "it" or "their", and so cannot be understood alone."""
    return any(match.group() != "IT" for match in _LEANING.finditer(piece))


def spellings(before: str, piece: str) -> Iterator[str]:
    """The part with its "it" replaced by the phrases of the part before, the longest first."""
    words = re.findall(r"[^\W_]+(?:[-'’][^\W_]+)*", before)
    runs = [words[i:j] for i in range(len(words)) for j in range(i + 1, min(i + MOST_WORDS, len(words)) + 1)]
    content = [run for run in runs if not any(word.lower() in STOP_WORDS for word in run)]
    for run in sorted(content, key=len, reverse=True)[:MOST_SPELLINGS]:
        yield _LEANING.sub(" ".join(run), piece, count=1)
