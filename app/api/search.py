"""`POST /v1/search`: passages for a query, masked as in answers."""

from __future__ import annotations

import fnmatch
import time

from litestar import post

from app.api.answering import Answering
from app.api.callers import Asker
from app.api.wire import SearchRequest, SearchResponse, SearchResult
from app.asking import check_text, checked_sources
from app.engine import Engine
from app.errors import InvalidRequest
from app.execution import passages as search_passages
from app.scrubbing import scrub_passages
from app.values import Caller, Deadline, Passage

FILTERS = ("document",)
FILTERED_DEPTH = 200
"""Passages that are looked through for those of the documents asked for."""


@post("/v1/search", status_code=200, tags=["search"])
async def search(data: SearchRequest, engine: Engine, asker: Asker, answering: Answering) -> SearchResponse:
    """Find passages by meaning and by words."""
    deadline = Deadline.after(engine.settings.deadline_s)
    return await answering.run(lambda: search_response(data, engine, asker.caller), deadline)


def search_response(request: SearchRequest, engine: Engine, caller: Caller) -> SearchResponse:
    """The passages that a caller may see, best first."""
    started = time.perf_counter()
    check_text(request.query, limit=engine.settings.question_max_chars)
    filters = request.filters or {}
    unknown = sorted(set(filters) - set(FILTERS))
    if unknown:
        raise InvalidRequest(f"filters: {unknown[0]!r} is not known; known are {', '.join(FILTERS)}.")
    snapshot = engine.store.snapshot()
    found = search_passages.search(
        request.query,
        snapshot,
        engine.embedder,
        sources=checked_sources(request.sources, snapshot, caller) or caller.sources,
        visibilities=caller.visibilities,
        k=FILTERED_DEPTH if filters else request.limit,
    )
    pattern = filters.get("document", "*")
    kept = [passage for passage in found if fnmatch.fnmatchcase(passage.document, pattern)][: request.limit]
    searched = time.perf_counter()
    names = engine.settings.scrub_names
    scrubbed, _tokens = scrub_passages(
        kept, sees_personal_data=caller.sees_personal_data, names=names, spans=[passage.spans for passage in kept]
    )
    return SearchResponse(
        results=[_result(rank, passage) for rank, passage in enumerate(scrubbed.passages, start=1)],
        timing_ms={
            "search": round((searched - started) * 1000, 2),
            "scrub": round((time.perf_counter() - searched) * 1000, 2),
        },
    )


def _result(rank: int, passage: Passage) -> SearchResult:
    return SearchResult(
        rank=rank,
        score=passage.score,
        source=passage.source,
        document=passage.document,
        title=passage.title,
        url=passage.url,
        heading=passage.heading,
        text=passage.text,
        start=passage.start,
        end=passage.end,
    )
