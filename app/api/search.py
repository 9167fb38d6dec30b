"""`POST /v1/search`: passages for a query, masked as in answers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime

from litestar import post

from app.api.answering import Answering
from app.api.callers import Asker
from app.api.wire import SearchRequest, SearchResponse, SearchResult
from app.asking import check_text, checked_sources
from app.engine import Engine
from app.errors import InvalidRequest
from app.execution import passages as search_passages
from app.llm.asked_by import asked_by
from app.named_documents import document_names
from app.scrubbing import scrub_passages
from app.values import Caller, Deadline, Passage
from ingest.stores.passage_filter import AFTER, BEFORE, METADATA, PATH, PassageFilter

FILTERS = (PATH, AFTER, BEFORE, f"{METADATA}NAME")


@post("/v1/search", status_code=200, tags=["search"])
async def search(data: SearchRequest, engine: Engine, asker: Asker, answering: Answering) -> SearchResponse:
    """Find passages by meaning and by words."""
    deadline = Deadline.after(engine.settings.deadline_s)

    def found() -> SearchResponse:
        with asked_by(asker.caller.key_id):
            return search_response(data, engine, asker.caller)

    return await answering.run(found, deadline)


def search_response(request: SearchRequest, engine: Engine, caller: Caller) -> SearchResponse:
    """The passages that a caller may see, best first."""
    started = time.perf_counter()
    check_text(request.query, limit=engine.settings.question_max_chars)
    only = filter_from(request.filters or {})
    snapshot = engine.store.snapshot()
    found = search_passages.search(
        request.query,
        snapshot,
        engine.embedders.serving(snapshot),
        sources=checked_sources(request.sources, snapshot, caller) or caller.sources,
        visibilities=caller.visibilities,
        k=request.limit,
        only=only,
        embedder_of=engine.embedders.of,
        documents=document_names(request.query) if only is None else (),
    )
    searched = time.perf_counter()
    names = engine.settings.scrub_names
    scrubbed, _tokens = scrub_passages(
        found, sees_personal_data=caller.sees_personal_data, names=names, spans=[passage.spans for passage in found]
    )
    return SearchResponse(
        results=[_result(rank, passage) for rank, passage in enumerate(scrubbed.passages, start=1)],
        timing_ms={
            "search": round((searched - started) * 1000, 2),
            "scrub": round((time.perf_counter() - searched) * 1000, 2),
        },
    )


def filter_from(filters: Mapping[str, str]) -> PassageFilter | None:
    """The conditions that a request's `filters` name; raises `InvalidRequest` for any other."""
    unknown = sorted(name for name in filters if name not in FILTERS[:3] and not name.startswith(METADATA))
    if unknown:
        raise InvalidRequest(f"filters: {unknown[0]!r} is not known; known are {', '.join(FILTERS)}.")
    if not filters:
        return None
    metadata = tuple((n.removeprefix(METADATA), v) for n, v in sorted(filters.items()) if n.startswith(METADATA))
    after, before = (_moment(name, filters.get(name)) for name in (AFTER, BEFORE))
    return PassageFilter(filters.get(PATH), after, before, metadata)


def _moment(name: str, value: str | None) -> str | None:
    """An ISO date or time as documents' times are stored: in UTC."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise InvalidRequest(f"filters: {name} is {value!r}; it must be a date such as 2026-01-31.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()


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
