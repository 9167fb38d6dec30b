"""What an evaluation found, as a value, as JSON and as tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from app.evals.dataset import CATEGORIES, Category
from app.evals.metrics import Outcome, Tally, percentile, tally
from app.evals.second_opinion import Opinion, Opinions, gathered
from app.values import RouteName, Status, Usage

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
    usage: Usage = Usage()
    """What language models took for this answer."""
    model: str | None = None
    """`provider/model` that took part in it."""
    opinion: Opinion | None = None
    """What a model thinks of it; no part of the outcome."""


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """What language models took to answer; all zero without one."""

    input_tokens: int
    output_tokens: int
    cost_usd: str
    """Of the questions whose cost is known."""
    cost_per_question_usd: str | None
    """Over all questions whose cost is known, those that no model was asked for included; None where none is."""
    unpriced: int
    """Questions with a call whose price is not known."""


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
    spent: Spent
    opinions: Opinions | None = None
    """Second opinions, where they were asked for."""

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
        spent=_spent([result.usage for result in results]),
        opinions=gathered((r.id, r.outcome, r.opinion) for r in results if r.opinion is not None),
    )


def _spent(used: Sequence[Usage]) -> Spent:
    costs = [Decimal(usage.cost_usd) for usage in used if usage.cost_usd is not None]
    spent = sum(costs, Decimal(0))
    return Spent(
        input_tokens=sum(usage.input_tokens for usage in used),
        output_tokens=sum(usage.output_tokens for usage in used),
        cost_usd=f"{spent:f}",
        cost_per_question_usd=str(round(spent / len(costs), 6)) if costs else None,
        unpriced=len(used) - len(costs),
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


def models_text(report: Report) -> Text:
    """What language models took, and their second opinions; nothing where none was asked, for a rich console."""
    from rich.text import Text

    text, spent, opinions = Text(), report.spent, report.opinions
    if spent.input_tokens:
        each = f", ${spent.cost_per_question_usd} a question" if spent.cost_per_question_usd is not None else ""
        unpriced = f", {spent.unpriced} questions without a known price" if spent.unpriced else ""
        tokens = f"{spent.input_tokens:,} tokens in, {spent.output_tokens:,} out"
        text.append(f"models: {tokens}, ${spent.cost_usd}{each}{unpriced}\n")
    if opinions is not None:
        grades = ", ".join(f"{grade} {count}" for grade, count in opinions.grades.items())
        text.append(f"second opinion on {opinions.asked} answers: {grades}, no reply {opinions.unanswered}; ")
        text.append(f"agrees with the check on {opinions.agreeing}, ${opinions.cost_usd}\n")
        for result in report.results:
            if result.id in opinions.differing and result.opinion is not None:
                said = f"{result.id}: {result.outcome} by the check, {result.opinion.grade} by the model: "
                text.append(f"  {said}{_shortened(result.opinion.reason)}\n", style="dim")
    return text


def _shortened(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= SHOWN_CHARACTERS else f"{flat[:SHOWN_CHARACTERS]}…"
