"""Follow-ups of document answers: a question that cannot stand alone is searched for with the words of the one before.

The rules of abstention stay as they are, and one is added: what is new in the follow-up must itself be in the passages
that are cited, or the answer before would be given again.
"""

# ruff: noqa: E501 - patterns read better unwrapped
from __future__ import annotations

import re
from collections.abc import Iterator

from app.followups.context import PassageTurn
from app.followups.fragment import Fragment, fragment_of
from app.passage_answers import PassageAnswer
from app.terms import terms
from app.topics import topic_of

STILL_ABOUT = 0.5
"""Least share of what else a rewritten question asks that the cited passages hold, in content words."""
PASTED = 0.5
"""Least confidence in an answer to two questions put together as one."""
MOST_TERMS = 5
"""Content words beyond which a question that points at nothing stands alone."""
_BARE = re.compile(
    r"(?:why|why not|how|how so|how long|how much|how many|how often|when|where|who|which|since when|until when|how far|what for|(?:at|in|on|for|from|to|within|until|by|with|after|before|under) (?:what|which|how (?:many|much|long))(?: \w+){0,2})",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"\b(?:it|they|them|this|that|these|those|that one|this one)\b(?!\s+(?:is|are|i|you|we)\s)", re.IGNORECASE
)
_HEAD = re.compile(
    r"^(?:(?:how (?:much|many|long|often|far|soon|quickly|late|early|do|does|can|should)|how|what|which|who|whom|whose|when|where|why|can|could|may|do|does|did|is|are|was|were|will|would|should|must|am"
    r"|i|we|you|it|there|have|has|had|the|a|an|to|your|my|our|about|if)\b\s*)+",
    re.IGNORECASE,
)
MOST_TITLE_WORDS, MOST_NOUN_WORDS = 6, 4
"""Words up to which a title, and a follow-up without a preposition, is read as the name of something."""


def leans(fragment: Fragment) -> bool:
    """Whether a question may go on from a document answer: it has a mark, points at something, or is a bare "why"."""
    if is_bare(fragment):
        return True
    if fragment.points:
        return len(terms(fragment.text)) <= MOST_TERMS
    if fragment.asks:
        return False
    return fragment.marked or fragment.relates


def is_bare(fragment: Fragment) -> bool:
    """Whether a question only asks for one thing more of what was said: "why?", "at which temperature?"."""
    return re.fullmatch(_BARE, fragment.text) is not None


def rewritten(fragment: Fragment, turn: PassageTurn) -> Iterator[tuple[str, bool]]:
    """Questions that a follow-up may stand for, the likeliest first, and whether each is as good as asked so."""
    before = turn.question.strip().rstrip("?!. ")
    if is_bare(fragment):
        yield f"{fragment.text.capitalize()}: {before}?", False
        return
    topics = list(dict.fromkeys(topic for topic in (_asked_about(before), _titled(turn)) if topic))
    if fragment.asks or fragment.points:
        for topic in topics:
            named = _PRONOUN.sub(lambda _, topic=topic: topic, fragment.text, count=1)  # type: ignore[misc]
            yield f"{named if named != fragment.text else f'{fragment.text} ({topic})'}?", False
        return
    exchanged = _exchanged(before, fragment.text)
    if exchanged is not None:
        yield f"{exchanged}?", True
        return
    phrase = fragment.text if fragment.relates else f"for {fragment.text}"
    if not fragment_of(before).about:
        yield f"{before} {phrase}?", False


def _asked_about(question: str) -> str:
    """What a question is about, without the words that ask: "How much is delivery to France" -> "delivery to France"."""
    return _HEAD.sub("", question).strip()


def _titled(turn: PassageTurn) -> str:
    """What the document cited is about, if its title says it in a few words that are no question."""
    topic = topic_of(turn.title or turn.heading.split(">")[-1])
    return "" if len(topic.split()) > MOST_TITLE_WORDS or _HEAD.match(topic) else topic.lower()


def _exchanged(question: str, phrase: str) -> str | None:
    """The question with its phrase of the same preposition exchanged: "delivery to France", "to Canada"."""
    preposition = re.match(r"(?:to|in|for|from|on|at|with|without|by|of)\b", phrase, re.IGNORECASE)
    if preposition is None:
        return _noun_exchanged(question, phrase)
    found = list(re.finditer(rf"\b{preposition[0]}\s+(?!be\b)[^\W\d_][\w'’ -]*$", question, re.IGNORECASE))
    return f"{question[: found[-1].start()]}{phrase}" if found else None


def _noun_exchanged(question: str, phrase: str) -> str | None:
    """The question with a noun phrase of the same last word exchanged: "the Edinburgh store", "the Munich store"."""
    ending = re.search(r"\b(?:a|an|the|my|your)\s+(?:[\w'’-]+\s?){1,3}$", question, re.IGNORECASE)
    if ending is not None and len(phrase.split()) <= MOST_NOUN_WORDS:
        return f"{question[: ending.start()]}{phrase}"
    last = re.escape(phrase.split()[-1])
    found = re.search(rf"(?:\b(?:the|a|an|your|my)\s+)?(?:[\w-]+\s+)?\b{last}\b", question, re.IGNORECASE)
    if found is None or len(phrase.split()) < 2:
        return None
    return f"{question[: found.start()]}{phrase}{question[found.end() :]}"


def understood(fragment: Fragment, rewritten_as: str, turn: PassageTurn) -> str:
    """How a follow-up was understood, to read: with what it points at, or as the question that was searched for."""
    if fragment.asks or fragment.points or is_bare(fragment):
        return f"{fragment.text[:1].upper()}{fragment.text[1:]}? (about: {turn.question.strip().rstrip('?!. ')})"
    return rewritten_as


def root(fragment: Fragment, rewritten_as: str, turn: PassageTurn) -> str:
    """The question that later follow-ups lean on: one that only points at a subject leaves it as it was."""
    pointing = fragment.asks or fragment.points or is_bare(fragment)
    return turn.question if pointing else rewritten_as


_SEVERAL = re.compile(r"\b(?:they|them|their|theirs|those|these)\b", re.IGNORECASE)


def points_at_several(fragment: Fragment) -> bool:
    """Whether a question points at several things, as the rows of a table are."""
    return fragment.points and _SEVERAL.search(fragment.text) is not None


def is_answered(fragment: Fragment, asked: str, found: PassageAnswer) -> bool:
    """Whether the cited passages hold what the follow-up added and half of what else was asked."""
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
    about = set(terms(asked)) - added
    least = 0.0 if is_bare(fragment) else 0.5 if fragment.asks else 1.0
    return _share(added, held) >= least and _share(about, held) >= STILL_ABOUT


def _share(wanted: set[str], held: set[str]) -> float:
    return len(wanted & held) / len(wanted) if wanted else 1.0
