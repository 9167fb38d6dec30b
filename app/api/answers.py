"""`GET /v1/answers/{id}`: an earlier answer as its trace kept it, masked; `…/chart.svg`: its chart as a picture."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get

from app.api.callers import Asker
from app.api.reading import readable_trace
from app.engine import Engine
from app.errors import NotFound

CHART_HEADERS = {
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
}


@get("/v1/answers/{answer_id:str}", tags=["ask"], sync_to_thread=True)
def earlier_answer(answer_id: str, engine: Engine, asker: Asker) -> dict[str, Any]:
    """An answer that this caller was given; the owner may read every answer."""
    return readable_trace(answer_id, engine, asker).answer


@get("/v1/answers/{answer_id:str}/chart.svg", tags=["ask"], sync_to_thread=True, media_type="image/svg+xml")
def chart_picture(answer_id: str, engine: Engine, asker: Asker, request: Request[Any, Any, Any]) -> Response[bytes]:
    """The chart of an answer that this caller may read, as SVG without scripts, links or outside parts."""
    from app.verbalising.charts.rendering import digest

    spec = readable_trace(answer_id, engine, asker).answer.get("chart")
    if spec is None:
        raise NotFound("This answer has no chart.", hint="`chart` in the answer says whether there is one.")
    tag = f'"{digest(spec)}"'
    headers = {**CHART_HEADERS, "ETag": tag}
    known = [value.strip().removeprefix("W/") for value in request.headers.get("if-none-match", "").split(",")]
    if tag in known or "*" in known:
        return Response(b"", status_code=304, headers=headers, media_type="image/svg+xml")
    return Response(engine.charts.svg(spec).encode(), headers=headers, media_type="image/svg+xml")
