"""Approved questions near one that was refused: suggested, never answered in its place.

They come from the verified queries of the asked sources that the caller could run; nothing that other callers asked is
looked at.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.terms import term_set

if TYPE_CHECKING:
    from app.engine import Engine
    from app.values import Question
    from app.verified.values import VerifiedQuery
    from ingest.stores.snapshot import SourceReader

MOST = 2
LEAST_SHARE = 0.5
"""Least share of the question's words, by how rare they are, that a suggestion must hold, and the other way round."""


def suggestions(question: Question, sources: Sequence[SourceReader], engine: Engine) -> tuple[str, ...]:
    """Up to `MOST` approved questions, the nearest first; none for a visitor, who may not know of them."""
    if question.caller.role == "visitor":
        return ()
    active = [query for query in engine.verified.all() if query.status == "active"]
    near: list[tuple[float, str]] = []
    for source in sources:
        for query in (each for each in active if each.source == source.name):
            share = _share(question.text, query, active)
            if share >= LEAST_SHARE and _may_run(query, source, question, engine):
                near.append((-share, query.question))
    return tuple(text for _, text in sorted(near)[:MOST])


def _may_run(query: VerifiedQuery, source: SourceReader, question: Question, engine: Engine) -> bool:
    planner = engine.planners.of(source, question.caller.visibilities)
    return engine.verified.template(query, source, planner, question.caller.visibilities) is not None


def _share(asked: str, query: VerifiedQuery, queries: list[VerifiedQuery]) -> float:
    """Weight of the shared words in that of all words of both (a weighted Jaccard similarity)."""
    ours, theirs = term_set(asked), term_set(query.question)
    counts = Counter(word for each in queries for word in term_set(each.question))

    def weight(words: frozenset[str]) -> float:
        return sum(math.log(1 + (len(queries) + 1) / (counts[word] + 0.5)) for word in words)

    return weight(ours & theirs) / (weight(ours | theirs) or 1.0)
