"""Whether the passages found hold the answer: the confidence on which a document question is answered or refused.

A logistic model over a dozen features of question and evidence. Its weights are learnt by `bench/answers.py --fit` on
XQuAD (CC BY-SA 4.0), questions with their paragraph in the index and the same questions with it removed, and on
questions off the subject of what is indexed; the threshold is chosen on the mixed set of `bench/answer_sets.py`, which
also holds the texts of annual reports (TAT-QA, CC BY 4.0).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from app.terms import names, numbers, term_set, terms
from app.values import Passage
from app.verbalising.relevance import Asked, ScoredUnit, held, term_weights

FEATURES = (
    "cosine",
    "coverage",
    "overlap",
    "unit_overlap",
    "pairs",
    "missing_names",
    "missing_numbers",
    "cue_missing",
    "short",
    "unit_cosine",
)
"""What the confidence is computed from; all but `unit_cosine` cost no embedding."""

WEIGHTS: dict[str, float] = {
    "cosine": 2.34,
    "coverage": 3.72,
    "overlap": 2.23,
    "unit_overlap": 0.8,
    "pairs": 1.28,
    "missing_names": -0.87,
    "missing_numbers": -0.74,
    "cue_missing": -0.93,
    "short": -0.82,
    "unit_cosine": 5.37,
}
BIAS = -7.01
QUICK_WEIGHTS: dict[str, float] = {
    "cosine": 5.48,
    "coverage": 3.49,
    "overlap": 1.67,
    "unit_overlap": 1.84,
    "pairs": 1.78,
    "missing_names": -1.01,
    "missing_numbers": -0.9,
    "cue_missing": -0.81,
    "short": -1.31,
}
"""The same without the best unit's embedding."""
QUICK_BIAS = -5.79
THRESHOLD = 0.21
"""Least confidence to answer at: at least 95 % of the mixed set's questions whose text is in the index reach it."""
SURE = (0.04, 0.85)
"""Quick confidences below or above need no closer look."""


def features(question: Asked, passages: Sequence[Passage], scored: Sequence[ScoredUnit]) -> dict[str, float]:
    """The features by name but for `unit_cosine`, each in about [0, 1], none dependent on the size of the index.

    `passages` best first, `scored` the units of the first few.
    """
    best = scored[0]
    passage = passages[best.passage]
    context = f"{passage.title or ''} {passage.heading}"
    language = question.language
    evidence = term_set(context, language) | term_set(passage.text, language)
    weights = term_weights(question, [f"{each.title or ''}\n{each.heading}\n{each.text}" for each in passages])
    asked_names, asked_numbers = names(question.text, language), numbers(question.text)
    typed = question.kind not in ("any", "yes_no", "steps", "list", "reason")
    return {
        "cosine": passage.cosine,
        "coverage": _covered(weights, evidence),
        "overlap": best.overlap,
        "unit_overlap": _covered(weights, term_set(best.unit.text, language) | term_set(passage.heading, language)),
        "pairs": _pairs(question.terms, terms(f"{passage.heading} {best.unit.text}", language)),
        "missing_names": _missing(asked_names, evidence),
        "missing_numbers": _missing(asked_numbers, evidence | set(numbers(passage.text))),
        "cue_missing": float(typed and not best.cue),
        "short": 1 / max(1, len(question.terms)),
    }


def confidence(found: Mapping[str, float]) -> float:
    """Probability in [0, 1] that the evidence answers the question, with or without the best unit's embedding."""
    close = "unit_cosine" in found
    weights, bias = (WEIGHTS, BIAS) if close else (QUICK_WEIGHTS, QUICK_BIAS)
    return 1 / (1 + math.exp(-(bias + sum(weight * found[name] for name, weight in weights.items()))))


def _covered(weights: Mapping[str, float], words: frozenset[str]) -> float:
    total = sum(weights.values())
    return sum(weight * held(term, words) for term, weight in weights.items()) / total if total else 0.0


def _missing(wanted: Sequence[str], words: frozenset[str]) -> float:
    return sum(each not in words for each in wanted) / len(wanted) if wanted else 0.0


def _pairs(wanted: Sequence[str], words: Sequence[str]) -> float:
    """Share of neighbouring question terms that stand within four terms of each other in the evidence."""
    if len(wanted) < 2:
        return 0.0
    places: dict[str, list[int]] = {}
    for place, word in enumerate(words):
        places.setdefault(word, []).append(place)
    near = sum(
        any(abs(a - b) <= 4 for a in places.get(left, ()) for b in places.get(right, ()))
        for left, right in pairwise(wanted)
    )
    return near / (len(wanted) - 1)
