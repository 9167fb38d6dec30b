"""Approved queries whose questions share words with one that is asked: examples for a model."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.terms import term_set
from app.values import Caller
from app.verified.values import VerifiedQuery

if TYPE_CHECKING:
    from app.planning.planner import Planner
    from app.verified.held import VerifiedQueries
    from ingest.stores.snapshot import SourceReader

MOST = 3
CONSIDERED = 50
"""Nearest queries that are looked at; each is validated for its audience the first time."""


def similar(
    question: str, source: SourceReader, planner: Planner, queries: VerifiedQueries, caller: Caller
) -> list[dict[str, str]]:
    """Up to `MOST` of the source's queries, `{"question", "sql"}`, the nearest first; none for a visitor.

    Near is what shares words, a rare word counting more (inverse document frequency over the source's queries). Stale
    queries and those that the caller could not run are left out.
    """
    if caller.role == "visitor":
        return []
    own = [q for q in queries.all() if q.source == source.name and q.status == "active"]
    found: list[dict[str, str]] = []
    for query in _nearest(question, own)[:CONSIDERED]:
        template = queries.template(query, source, planner, caller.visibilities)
        if template is not None:
            sql = template.reading.tree.sql(dialect="duckdb", comments=False)
            found.append({"question": query.question, "sql": sql})
        if len(found) == MOST:
            break
    return found


def _nearest(question: str, queries: Sequence[VerifiedQuery]) -> list[VerifiedQuery]:
    words = {query.id: term_set(query.question) for query in queries}
    count = Counter(word for each in words.values() for word in each)
    asked = term_set(question)

    def nearness(query: VerifiedQuery) -> float:
        return sum(math.log(1 + len(queries) / count[word]) for word in words[query.id] & asked)

    near = [query for query in queries if nearness(query) > 0]
    return sorted(near, key=lambda query: (-nearness(query), query.id))
