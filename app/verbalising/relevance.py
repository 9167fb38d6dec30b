"""How well each unit of the found passages answers the question, without a language model."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from app.synonyms import synonyms
from app.terms import term_set, terms
from app.topics import topic_of
from app.values import Passage
from app.verbalising.cues import AnswerKind, answer_kind, denies, holds, names_kind
from app.verbalising.units import Unit, units
from ingest.languages import Language, language_of

CONTEXT_SHARE = 1.0
"""How much a term counts that stands in the title or headings above a unit: as much as in the unit itself."""
NEIGHBOUR_SHARE = 0.15
"""And one that stands elsewhere in the passage."""
SYNONYM_SHARE = 0.8
CUE_BONUS = 0.25
PASSAGE_WEIGHT = 1.0
_LEANING = re.compile(r"(?:it|its|this|that|these|those|they|he|she|such)\b", re.IGNORECASE)
ABOUT_BONUS = 0.3
"""For a document whose title names a thing that the question names: it is about it, others may only mention it."""
POLARITY_PENALTY = 0.5
"""For a unit that denies where the question asserts, or asserts where it denies, if a list is asked for."""


@dataclass(frozen=True, slots=True)
class ScoredUnit:
    """A unit with the passage it is from (index into the passages read) and its score."""

    passage: int
    unit: Unit
    score: float
    overlap: float
    """Weighted share of the question's terms that the unit holds or its context supplies, in [0, 1]."""
    cue: bool
    """It holds the kind of answer asked for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as reading sees it."""

    text: str
    terms: tuple[str, ...]
    kind: AnswerKind
    language: Language = "english"
    """Its own, and the one that evidence is read in."""


def asked(question: str) -> Asked:
    """The question's content terms (each once) and the kind of answer it wants."""
    kind = answer_kind(question)
    language = language_of(question)
    found = dict.fromkeys(terms(question, language))
    kept = [term for term in found if not names_kind(kind, term)]
    return Asked(question, tuple(kept or found), kind, language)


def term_weights(question: Asked, texts: Sequence[str]) -> dict[str, float]:
    """Inverse frequency of each question term among the texts: what all of them hold tells them apart least."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(term_set(text, question.language))
    return {term: math.log(1 + (len(texts) + 1) / (counts[term] + 0.5)) for term in question.terms}


def scored_units(question: Asked, passages: Sequence[Passage]) -> list[ScoredUnit]:
    """All units of the passages, best first."""
    pieces = [(number, unit) for number, passage in enumerate(passages) for unit in units(passage.text)]
    held = [term_set(passages[number].text[unit.start : unit.end], question.language) for number, unit in pieces]
    counts = Counter(term for found in held for term in found)
    weights = {term: math.log(1 + (len(pieces) + 1) / (counts[term] + 0.5)) for term in question.terms}
    total = sum(weights.values()) or 1.0
    contexts = [term_set(f"{passage.title or ''} {passage.heading}", question.language) for passage in passages]
    wholes = [term_set(passage.text, question.language) for passage in passages]
    about = [ABOUT_BONUS * _is_about(question, passage) for passage in passages]
    best = max((passage.score for passage in passages), default=1.0) or 1.0
    found = []
    for at, ((number, unit), words) in enumerate(zip(pieces, held, strict=True)):
        if at and leans_on_before(unit, *pieces[at - 1][1:]) and pieces[at - 1][0] == number:
            words = words | held[at - 1]
        overlap = sum(
            weight * _share(term, words, contexts[number], wholes[number]) for term, weight in weights.items()
        )
        overlap /= total
        cue = _holds(question.kind, unit)
        score = overlap + PASSAGE_WEIGHT * passages[number].score / best + about[number]
        if cue and question.kind not in ("any", "yes_no"):
            score += CUE_BONUS
        if says_opposite(question, passages[number], unit):
            score -= POLARITY_PENALTY
        found.append(ScoredUnit(number, unit, score, overlap, cue))
    found.sort(key=lambda each: (-each.score, each.passage, each.unit.start))
    return found


def leans_on_before(unit: Unit, before: Unit) -> bool:
    """Whether a sentence speaks of what the sentence before it named: "It takes two hours."."""
    return unit.kind == before.kind == "sentence" and unit.block == before.block and bool(_LEANING.match(unit.text))


def _is_about(question: Asked, passage: Passage) -> bool:
    topic = term_set(topic_of(passage.title or ""), question.language)
    return bool(topic) and topic <= set(question.terms)


def says_opposite(question: Asked, passage: Passage, unit: Unit) -> bool:
    """Whether a unit lists what is not where a question asks for what is, or the other way round."""
    return question.kind == "list" and denies(question.text) != _is_denied(passage, unit)


def _is_denied(passage: Passage, unit: Unit) -> bool:
    """Whether a unit says what is not: in its own words or, in a list or table, under its heading."""
    own = denies(unit.text)
    return own or (unit.kind in ("item", "row") and denies(passage.heading.split(" > ")[-1]))


def _holds(kind: AnswerKind, unit: Unit) -> bool:
    if kind == "steps":
        return unit.ordered
    if kind == "list":
        return (unit.kind in ("item", "row") and not unit.ordered) or unit.intro
    return holds(kind, unit.text)


def _share(term: str, words: frozenset[str], context: frozenset[str], whole: frozenset[str]) -> float:
    return max(held(term, words), CONTEXT_SHARE * held(term, context), NEIGHBOUR_SHARE * held(term, whole))


def held(term: str, words: frozenset[str]) -> float:
    """1 for a term among the words, less where only a synonym of it is."""
    if term in words:
        return 1.0
    return SYNONYM_SHARE if not words.isdisjoint(synonyms(term)) else 0.0
