"""`/console/usage`: questions, quality, latency and cost of a period, in pictures and figures."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter
from litestar.response import Template

from app.api.callers import Callers
from app.engine import Engine
from app.errors import InvalidRequest
from app.llm.cost_report import CostReport, configured, cost_between
from app.llm.periods import time_zone
from app.ops.key_names import key_names
from app.ops.usage import PERIODS, Usage, usage, window
from app.web.console.charts import Columns, columns
from app.web.console.frame import Export, exported, page
from app.web.console.viewers import Viewer

STATUSES = ("answered", "clarify", "refused", "partial", "failed")
COLOURS = {"answered": 3, "clarify": 1, "refused": 2, "partial": 4, "failed": 5}
"""Of the style sheet's: what was answered is green in both themes."""
ROUTES = ("tables", "passages", "both", "none")
SPEND_HEADS = (
    *(("name", "Name"), ("cost_usd", "US $"), ("attempts", "Calls"), ("failed", "Failed"), ("cached", "Cached")),
    *(("saved_usd", "Saved, US $"), ("input_tokens", "Tokens in"), ("output_tokens", "Tokens out")),
)
COST_BY = {
    "day": "Cost by day",
    "task": "Cost by task",
    "model": "Cost by model",
    "key": "Cost by key",
    "source": "Cost by source",
}

Day = Annotated[str, QueryParameter(max_length=40)]


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A picture and its figures, which `?figures=NAME&format=csv` exports."""

    name: str
    title: str
    rows: Sequence[msgspec.Struct]
    heads: tuple[tuple[str, str], ...]
    """Field and label of each column of the table."""
    chart: Columns | None = None
    note: str = ""

    @property
    def cells(self) -> list[dict[str, object]]:
        """The rows as the table shows them."""
        return [{field: getattr(row, field) for field, _ in self.heads} for row in self.rows]


@get("/usage", sync_to_thread=True)
def usage_page(
    viewer: Viewer,
    engine: Engine,
    callers: Callers,
    period: Annotated[str, QueryParameter(max_length=10)] = "7d",
    first: Annotated[str, QueryParameter(name="from", max_length=40)] = "",
    last: Annotated[str, QueryParameter(name="to", max_length=40)] = "",
    figures: Annotated[str, QueryParameter(max_length=40)] = "totals",
    shape: Annotated[Export, QueryParameter(name="format")] = "html",
) -> Template | Response[bytes]:
    """Usage, quality, latency and cost; for owners."""
    viewer.must_own()
    zone = time_zone(configured(engine.settings).budgets.time_zone)
    span = window(period, first, last, zone)
    found = usage(engine.settings.state_path, span, key_names(engine.settings.state_path))
    cost = cost_between(engine, span.since, min(span.until, time.time()), by=tuple(COST_BY))
    sections = [*_sections(found), *_cost_sections(cost)]
    if shape != "html":
        return exported(_rows(figures, found, sections), shape, f"usage-{figures}")
    return page(
        "usage.html",
        viewer,
        active="usage",
        title="Usage and cost",
        periods=(*PERIODS, "custom"),
        period=period,
        first=first,
        last=last,
        span=span,
        query=f"period={period}" + (f"&from={first}&to={last}" if period == "custom" else ""),
        totals=found.totals,
        cost=cost,
        sections=sections,
    )


def _sections(found: Usage) -> list[Section]:
    at = [step.at for step in found.steps]
    by_step = (("at", "When"), ("questions", "Questions"))
    bins = [f"{each.least:.1f}–{each.most:.1f}" for each in found.confidence]
    shown = tuple(dict.fromkeys(status for status in STATUSES if any(getattr(step, status) for step in found.steps)))
    return [
        Section(
            name="status",
            title="Questions by status",
            rows=found.steps,
            heads=(*by_step, *((status, status) for status in STATUSES)),
            chart=columns(
                "Questions by status", at, _series(found, shown), colours=[COLOURS[status] for status in shown]
            ),
        ),
        Section(
            name="routes",
            title="Questions by route",
            rows=found.steps,
            heads=(*by_step, *((route, route) for route in ROUTES)),
            chart=columns("Questions by route", at, _series(found, ROUTES)),
            note="Where answers came from; none: refused, or asked back.",
        ),
        Section(
            name="confidence",
            title="Confidence",
            rows=found.confidence,
            heads=(("least", "From"), ("most", "To"), ("answered", "Answered"), ("others", "Not answered")),
            chart=columns(
                "Questions by confidence",
                bins,
                [
                    ("answered", [each.answered for each in found.confidence]),
                    ("not answered", [each.others for each in found.confidence]),
                ],
                colours=(3, 2),
            ),
        ),
        Section(
            name="latency",
            title="Latency by stage",
            rows=found.latency,
            heads=(("stage", "Stage"), ("answers", "Answers"), ("p50_ms", "p50, ms"), ("p95_ms", "p95, ms")),
            chart=_latency_chart(found),
            note="Of the answers that had the stage.",
        ),
        *_most_frequent(found),
    ]


def _most_frequent(found: Usage) -> list[Section]:
    return [
        Section(
            name="sources",
            title="Busiest sources",
            rows=found.sources,
            heads=(("name", "Source"), ("count", "Questions")),
            note="Sources that answers cite, ask or suggest.",
        ),
        Section(
            name="keys",
            title="Busiest keys and sites",
            rows=found.keys,
            heads=(("name", "Id"), ("label", "Name"), ("count", "Questions")),
        ),
        Section(
            name="reasons",
            title="Reasons of thumbs down",
            rows=found.reasons,
            heads=(("name", "Reason"), ("count", "Times")),
        ),
    ]


def _cost_sections(cost: CostReport) -> list[Section]:
    sections = []
    for dimension, title in COST_BY.items():
        spends = cost.by.get(dimension, ())
        chart = None
        if dimension == "day" and spends:
            amounts = [float(spend.cost_usd or 0) for spend in spends]
            chart = columns("Cost of models in US dollars", [spend.name for spend in spends], [("US dollars", amounts)])
        heads = SPEND_HEADS if dimension != "key" else (SPEND_HEADS[0], ("label", "Called"), *SPEND_HEADS[1:])
        sections.append(Section(name=f"cost-{dimension}", title=title, rows=spends, heads=heads, chart=chart))
    limits = (
        *(("scope", "Of"), ("period", "Period"), ("limit_usd", "Limit, US $"), ("spent_usd", "Spent")),
        *(("reserved_usd", "Held"), ("left_usd", "Left"), ("resets_at", "Begins anew")),
    )
    return [*sections, Section(name="budgets", title="Budgets", rows=cost.budgets, heads=limits, note="As of now.")]


def _series(found: Usage, fields: Sequence[str]) -> list[tuple[str, list[float]]]:
    return [(field, [float(getattr(step, field)) for step in found.steps]) for field in fields]


def _latency_chart(found: Usage) -> Columns | None:
    stages = found.latency[:12]
    named = [stage.stage for stage in stages]
    beyond = [max(0.0, stage.p95_ms - stage.p50_ms) for stage in stages]
    series = [("p50", [stage.p50_ms for stage in stages]), ("from p50 to p95", beyond)]
    return columns("Latency by stage in milliseconds", named, series, unit=" ms") if named else None


def _rows(figures: str, found: Usage, sections: Sequence[Section]) -> Sequence[msgspec.Struct]:
    if figures == "totals":
        return [found.totals]
    rows = {section.name: section.rows for section in sections}
    if figures not in rows:
        raise InvalidRequest(f"There are no figures {figures!r}.", hint=f"There are totals, {', '.join(rows)}.")
    return rows[figures]
