"""Questions of several parts: "what is the return window, and how many returns were there in 2025?"."""

# ruff: noqa: E501 - patterns read better unwrapped
from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from app.terms import STOP_WORDS

_SUBJECT = r"(?:i|you|we|he|she|it|they|there|the|an?|my|your|our|his|her|its|their|this|that|these|those|any|all)"
_ASKING = (
    r"(?:(?:(?:at|by|for|from|in|on|since|to|until|with) )?(?:what|how|which|who|whom|whose|when|where|why)|do|does|did|list|show|give|tell|count|name"
    rf"|(?:is|are|was|were|am|can|could|should|will|would|may|must|has|have) {_SUBJECT})"
)
_BEGINS = r"(?:what|how|which|who|whom|whose|when|where|why|do|does|did|is|are|was|were|am|can|could|should|will|would|may|must|list|show|give|tell|count|name|(?:at|by|for|from|in|on|until) (?:what|which|how))"
_JOINT = re.compile(
    rf"(?:[,;]\s*(?:and\s+|also\s+|then\s+)?|\s+and\s+(?:also\s+)?|\?\s+(?:and\s+)?|\.\s+)(?={_ASKING}\b)",
    re.IGNORECASE,
)
_RELATIVE = re.compile(r"(?:who|whom|whose|which|where|when|that)\b", re.IGNORECASE)
_OWN = r"(?:the|your|our|my|its|their|his|her)"
_CONJOINED = re.compile(
    rf"^\W*(?P<head>(?:please\s+)?(?:what(?:'s|’s| is| are| was| were)|which (?:is|are)|(?:tell|give|show) me|who (?:is|are|was|were))\s+)"
    rf"(?P<first>\S+(?: \S+){{0,9}}?),?\s+and\s+(?:also\s+)?(?P<second>{_OWN}\s\S+(?: \S+){{0,7}}?)\s*\??$",
    re.IGNORECASE,
)
_ADDED = re.compile(
    rf"^(?P<first>.+?)[,;?]\s*and\s+(?:also\s+)?(?P<second>{_OWN}\s\S+(?: \S+){{0,5}}?)\s*\??$", re.IGNORECASE
)
_COMPLEMENT = re.compile(r"\s(?:of|for|in|at|to|from|on|with)\s.+$", re.IGNORECASE)
_PAIRED = re.compile(r"\b(?:between|both|either|difference|compare[ds]?|versus|vs)\b", re.IGNORECASE)
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
    if not re.match(rf"\W*(?:please\s+)?{_BEGINS}\b", pieces[0], re.IGNORECASE):
        return (question,)
    if any(_goes_on(before, piece) for before, piece in pairwise(pieces)):
        return (question,)
    return tuple(piece if piece.endswith("?") else f"{piece}?" for piece in pieces)


def _goes_on(before: str, piece: str) -> bool:
    """Whether a piece is a second relative clause: "customers who live in Berlin" "who ordered twice"."""
    relative = _RELATIVE.match(piece)
    return relative is not None and re.search(rf"\w\s{relative[0]}\b", before, re.IGNORECASE) is not None


def conjuncts(question: str) -> tuple[str, ...]:
    """The questions in one that names two things to say with one question word: "what is the address and the fax?".

    A complement that one of them lacks is the other's: "the address and the fax of the office". A guess: only worth
    something where each is answered. One part if there is nothing to guess.
    """
    asked = question.strip().rstrip("?!. ")
    if _PAIRED.search(asked):
        return (question,)
    if found := _CONJOINED.match(asked):
        head, first, second = found["head"], found["first"], found["second"]
        of_first, of_second = _COMPLEMENT.search(first), _COMPLEMENT.search(second)
        if of_first is None and of_second is not None:
            first += of_second[0]
        elif of_first is not None and of_second is None:
            second = re.sub(r"^(?:its|their|his|her)\b", "the", second, flags=re.IGNORECASE) + of_first[0]
        return f"{head}{first}?", f"{head}{second}?"
    if (found := _ADDED.match(asked)) and re.match(rf"\W*{_BEGINS}\b", asked, re.IGNORECASE):
        return f"{found['first']}?", f"What is {found['second']}?"
    return (question,)


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
