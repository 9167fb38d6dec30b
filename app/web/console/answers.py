"""`/console/answers`: earlier answers, searched and filtered; `/console/answers/{id}`: one with all its stages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get
from litestar.params import QueryParameter
from litestar.response import Template

from app.api.answers import CHART_HEADERS
from app.api.reading import readable_trace
from app.asking import visible_sources
from app.engine import Engine
from app.errors import AppError, InvalidRequest, NotFound
from app.ops.feedback import Feedback
from app.ops.key_names import key_names
from app.ops.model_calls import ModelCall
from app.ops.trace_search import FoundTrace, Reader, TraceFilter, TraceSearch
from app.ops.traces import Trace
from app.web.console.answer_view import of_trace
from app.web.console.frame import Export, exported, page
from app.web.console.trace_filters import FIELDS, filter_from
from app.web.console.viewers import Viewer
from app.web.console.wording import WORDS

LENGTH = 50
"""Answers on one page of the list."""
EXPORTED = 10_000
"""Answers in one export, the newest."""
FRESH_S = 1.0
"""Seconds that the list waits for answers given just now."""

Format = Annotated[Export, QueryParameter(name="format")]


class ExportedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the list's export."""

    id: str
    asked_at: str
    """ISO 8601, UTC."""
    question: str
    status: str
    route: str
    confidence: float
    sources: tuple[str, ...]
    key: str | None
    visitor: str | None
    thumbs_up: int
    thumbs_down: int
    total_ms: float | None
    cost_usd: str | None
    text: str


class ExportedTrace(msgspec.Struct, frozen=True, kw_only=True):
    """All that is kept of one answer."""

    trace: Trace
    model_calls: tuple[ModelCall, ...] | None
    feedback: tuple[Feedback, ...]


@get("/answers", sync_to_thread=True)
def answers_page(
    request: Request[Any, Any, Any], viewer: Viewer, engine: Engine, shape: Format = "html"
) -> Template | Response[bytes]:
    """The newest answers that fit the filters; the whole list as JSON or CSV."""
    engine.traces.flush(wait_s=FRESH_S)
    search, reader = TraceSearch(engine.settings.state_path), reader_of(viewer)
    given = {name: request.query_params.get(name, "") for name in FIELDS}
    problem, wanted, before = None, TraceFilter(), request.query_params.get("before") or None
    found: list[FoundTrace] = []
    more, counts = None, {}
    try:
        wanted = filter_from(given)
        if shape != "html":
            return exported([*map(_exported, search.page(wanted, reader, limit=EXPORTED)[0])], shape, "answers")
        found, more = search.page(wanted, reader, before=before, limit=LENGTH)
        counts = search.counts(wanted, reader)
    except InvalidRequest as error:
        problem = error
    query = {name: value for name, value in given.items() if value}
    return page(
        "answers.html",
        viewer,
        active="answers",
        title="Answers",
        status=200 if problem is None else problem.status,
        given=given,
        filtered=bool(query),
        problem=problem,
        found=found,
        counts=counts,
        first=before is None,
        names=key_names(engine.settings.state_path),
        keys=search.keys(reader) if viewer.owns else [],
        sources=[source.name for source in visible_sources(engine.store.snapshot(), viewer.caller)],
        kept_days=engine.settings.trace_retention_days,
        older=f"?{urlencode({**query, 'before': more})}" if more else None,
        newest=f"?{urlencode(query)}",
        exports={kind: f"/console/answers?{urlencode({**query, 'format': kind})}" for kind in ("csv", "json")},
        most_exported=EXPORTED,
        **WORDS,
    )


@get("/answers/{answer_id:str}", sync_to_thread=True)
def answer_page(
    answer_id: str,
    viewer: Viewer,
    engine: Engine,
    shape: Annotated[Literal["html", "json"], QueryParameter(name="format")] = "html",
) -> Template | Response[bytes]:
    """One answer, masked: its stages, model calls, versions and what was said of it."""
    trace = readable_trace(answer_id, engine, viewer.asker)
    if shape == "json":
        view = of_trace(trace, engine, viewer)
        whole = ExportedTrace(trace=trace, model_calls=view.calls, feedback=view.ratings)
        return exported([whole], "json", f"answer-{trace.id}")
    return answer_template(trace, engine, viewer)


def answer_template(
    trace: Trace,
    engine: Engine,
    viewer: Viewer,
    *,
    said: str | None = None,
    verdict: AppError | None = None,
) -> Template:
    """The page of one answer; with what was `said` of it just now, or why that failed."""
    return page(
        "answer_page.html",
        viewer,
        active="answers",
        title="Answer",
        status=200 if verdict is None else verdict.status,
        view=of_trace(trace, engine, viewer),
        trace=trace,
        names=key_names(engine.settings.state_path),
        form=None,
        said=said,
        verdict=verdict,
        **WORDS,
    )


@get("/answers/{answer_id:str}/chart.svg", sync_to_thread=True, media_type="image/svg+xml")
def answer_chart(answer_id: str, viewer: Viewer, engine: Engine) -> Response[bytes]:
    """The chart of an answer, as SVG without scripts, links or outside parts."""
    spec = readable_trace(answer_id, engine, viewer.asker).answer.get("chart")
    if spec is None:
        raise NotFound("This answer has no chart.")
    return Response(engine.charts.svg(spec).encode(), headers=CHART_HEADERS, media_type="image/svg+xml")


def reader_of(viewer: Viewer) -> Reader:
    """Whose answers a viewer may read: the same as `Asker.may_read` says of each."""
    return Reader(everything=viewer.owns, key_id=viewer.asker.key_id)


def _exported(found: FoundTrace) -> ExportedAnswer:
    return ExportedAnswer(
        id=found.id,
        asked_at=datetime.fromtimestamp(found.created_at, UTC).isoformat(timespec="seconds"),
        question=found.question,
        status=found.status,
        route=found.route,
        confidence=found.confidence,
        sources=found.sources,
        key=found.key_id,
        visitor=found.visitor,
        thumbs_up=found.thumbs_up,
        thumbs_down=found.thumbs_down,
        total_ms=found.total_ms,
        cost_usd=found.cost_usd,
        text=found.text,
    )
