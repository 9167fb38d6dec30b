"""What an evaluation found, as a value, as JSON and as tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from app.evals.dataset import CATEGORIES, Category
from app.evals.metrics import Outcome, Tally, percentile, tally
from app.values import RouteName, Status

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

SHOWN_CHARACTERS = 240
"""Of an answer in the list of failures; the JSON report has all of it."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One question's outcome; `expected` and `got` are for a person to compare."""

    id: str
    question: str
    category: Category
    outcome: Outcome
    reasons: tuple[str, ...]
    expected: str
    got: str
    status: Status | None
    """None if asking raised an error."""
    route: RouteName | None
    route_right: bool
    confidence: float
    latency_ms: float


class Latency(msgspec.Struct, frozen=True):
    """Milliseconds from asking to the whole answer."""

    p50_ms: float
    p95_ms: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Outcomes by category and over all, latency, and each question's result."""

    total: Tally
    categories: dict[Category, Tally]
    routes_right: float
    """Share of questions whose answer came by the expected route; informative, no outcome depends on it."""
    latency: Latency
    results: tuple[Result, ...]

    @property
    def failures(self) -> tuple[Result, ...]:
        """Every result that is not right, wrong ones first."""
        order: dict[Outcome, int] = {"wrong": 0, "failed": 1, "refused": 2, "right": 3}
        missed = (result for result in self.results if result.outcome != "right")
        return tuple(sorted(missed, key=lambda result: order[result.outcome]))


def summarise(results: Sequence[Result]) -> Report:
    """Count the results."""
    present = {result.category for result in results}
    return Report(
        total=tally(result.outcome for result in results),
        categories={
            name: tally(result.outcome for result in results if result.category == name)
            for name in CATEGORIES
            if name in present
        },
        routes_right=sum(result.route_right for result in results) / len(results) if results else 0.0,
        latency=_latency(result.latency_ms for result in results),
        results=tuple(results),
    )


def _latency(milliseconds: Iterable[float]) -> Latency:
    values = list(milliseconds)
    return Latency(percentile(values, 0.5), percentile(values, 0.95))


def to_json(report: Report) -> str:
    """The whole report as JSON, with the failures named under `failures` by id."""
    content = msgspec.to_builtins(report) | {"failures": [result.id for result in report.failures]}
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode()


def summary_table(report: Report) -> Table:
    """One line a category and one over all, for a rich console."""
    from rich.table import Table

    table = Table(padding=(0, 0), title=f"p50 {report.latency.p50_ms:.1f} ms, p95 {report.latency.p95_ms:.1f} ms")
    table.add_column("category", no_wrap=True)
    for name in ("cases", "right", "wrong", "refused", "failed", "share", "95 % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    for category, counts in report.categories.items():
        table.add_row(category, *_cells(counts))
    table.add_section()
    table.add_row("all", *_cells(report.total))
    return table


def _cells(counts: Tally) -> tuple[str, ...]:
    numbers = (counts.cases, counts.right, counts.wrong, counts.refused, counts.failed)
    interval = f"{counts.interval.low:.0%} – {counts.interval.high:.0%}"
    return (*(str(number) for number in numbers), f"{counts.share_right:.1%}", interval)


def failures_text(report: Report) -> Text:
    """Every question that was not answered right, with expected and got, for a rich console."""
    from rich.text import Text

    text = Text()
    for result in report.failures:
        text.append(f"{result.id}  {result.outcome}: {result.question}\n", style="bold")
        text.append(f"  because   {'; '.join(result.reasons)}\n  expected  {result.expected}\n", style="dim")
        text.append(f"  got       {_shortened(result.got)}\n\n", style="dim")
    return text


def _shortened(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= SHOWN_CHARACTERS else f"{flat[:SHOWN_CHARACTERS]}…"
