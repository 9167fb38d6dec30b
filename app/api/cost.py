"""`GET /v1/admin/cost`: what language models have cost, for owners."""

from __future__ import annotations

from typing import Annotated, Literal

from litestar import Response, get
from litestar.params import QueryParameter

from app.api.callers import Asker
from app.engine import Engine
from app.errors import NotPermitted
from app.llm.cost_report import CostReport, as_csv, cost_report

CSV_HEADERS = {"Content-Disposition": 'attachment; filename="cost.csv"', "Cache-Control": "private, no-store"}


@get("/v1/admin/cost", tags=["operations"], sync_to_thread=True)
def cost(
    engine: Engine,
    asker: Asker,
    since: Annotated[str, QueryParameter(name="since", max_length=40)] = "30d",
    by: Annotated[list[str] | None, QueryParameter(name="by", max_items=10)] = None,
    shape: Annotated[Literal["json", "csv"], QueryParameter(name="format")] = "json",
) -> Response[CostReport] | Response[bytes]:
    """Spend by key, task, model, prompt, source and day, the dearest questions (masked) and budgets."""
    if not asker.sees_all_answers:
        raise NotPermitted("Only owners of all sources see what models cost.", hint="Use a key of role owner.")
    report = cost_report(engine, since=since, by=by or ())
    if shape == "csv":
        return Response(as_csv(report).encode(), headers=CSV_HEADERS, media_type="text/csv")
    return Response(report, headers={"Cache-Control": "private, no-store"})
