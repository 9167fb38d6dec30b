"""Follow-ups of document answers: a question that cannot stand alone is searched for with the words of the one before.

The rules of abstention stay as they are, and one is added: what is new in the follow-up must itself be in the passages
that are cited, or the answer before would be given again.
"""

# ruff: noqa: E501 - patterns read better unwrapped
from __future__ import annotations

import re
from collections.abc import Iterator

from app.followups.context import PassageTurn
from app.followups.fragment import Fragment
from app.passage_answers import PassageAnswer
from app.terms import terms

STILL_ABOUT = 0.5
"""Least share of the earlier question's content words that the cited passages hold."""
MOST_TERMS = 5
"""Content words beyond which a question that points at nothing stands alone."""
_BARE = re.compile(
    r"(?:why|why not|how|how so|how long|how much|how many|how often|when|where|who|which|since when|until when|how far|what for|at what cost|for how long)",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"\b(?:it|they|them|this|that|these|those|that one|this one)\b(?!\s+(?:is|are|i|you|we)\s)", re.IGNORECASE
)
_TOPIC_HEAD = re.compile(r"^.*\b(?:about|for|with|of|to|in|on)\b\s+", re.IGNORECASE)


def leans(fragment: Fragment) -> bool:
    """Whether a question may go on from a document answer: it has a mark, points at something, or is a bare "why"."""
    if re.fullmatch(_BARE, fragment.text):
        return True
    if fragment.points:
        return len(terms(fragment.text)) <= MOST_TERMS
    if fragment.asks:
        return False
    return fragment.marked or fragment.relates


def rewritten(fragment: Fragment, turn: PassageTurn) -> Iterator[str]:
    """Whole questions that a follow-up may stand for, the likeliest first."""
    before = turn.question.strip().rstrip("?!. ")
    if re.fullmatch(_BARE, fragment.text):
        yield f"{fragment.text.capitalize()}: {before}?"
        return
    topic = _topic(turn)
    if fragment.points:
        if topic:
            yield (
                f"{_PRONOUN.sub(lambda _: topic, fragment.text, count=1)}?"
                if _PRONOUN.search(fragment.text)
                else f"{fragment.text} ({topic})?"
            )
        yield f"{fragment.text} ({before})?"
        return
    if fragment.asks:
        yield f"{fragment.text} ({topic or before})?"
        return
    phrase = fragment.text if fragment.relates else f"for {fragment.text}"
    yield f"{before} {phrase}?"
    if topic:
        yield f"{topic} {phrase}?"


def _topic(turn: PassageTurn) -> str:
    """What the answer before was about, in a few words: its heading or title."""
    heading = turn.heading.split(">")[-1].strip()
    title = turn.title or heading
    words = title if len(title.split()) <= 6 else heading
    return words.strip(" ?!.").lower() if words and len(words.split()) <= 6 else ""


def is_answered(fragment: Fragment, turn: PassageTurn, found: PassageAnswer) -> bool:
    """Whether the cited passages hold what the follow-up added and most of what the question before was about."""
    if found.reading is None or not found.reading.citations:
        return False
    added = set(terms(_PRONOUN.sub(" ", fragment.text)))
    cited = {(c.source, c.document) for c in found.reading.citations}
    quotes = " ".join(c.quote for c in found.reading.citations)
    held = set(terms(quotes))
    for passage in found.passages:
        near = any(c.start < passage.end and passage.start < c.end for c in found.reading.citations)
        if (passage.source, passage.document) in cited and near:
            held |= set(terms(f"{passage.title or ''} {passage.heading} {passage.text}"))
    about = set(terms(turn.question)) - added
    least = 0.5 if fragment.asks else 1.0
    return _share(added, held) >= least and _share(about, held) >= STILL_ABOUT


def _share(wanted: set[str], held: set[str]) -> float:
    return len(wanted & held) / len(wanted) if wanted else 1.0
