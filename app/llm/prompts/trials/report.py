"""What a test of prompts found."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from app.evals.metrics import percentile


class CaseResult(msgspec.Struct, frozen=True, kw_only=True):
    """One case."""

    case: str
    passed: bool
    failures: tuple[str, ...]
    model: str
    seconds: float
    cost_usd: Decimal | None
    input_tokens: int
    output_tokens: int


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """The cases of one version with one model."""

    prompt: str
    """`name@hash`."""
    label: str
    """How the version, or the model, was named."""
    results: tuple[CaseResult, ...]


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A run in figures."""

    prompt: str
    label: str
    models: tuple[str, ...]
    cases: int
    passed: int
    failed: int
    cost_usd: Decimal | None
    """None where the cost of a case is not known."""
    input_tokens: int
    output_tokens: int
    p50_s: float
    p95_s: float


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """Cases that pass in one of two runs only."""

    better: tuple[str, ...]
    worse: tuple[str, ...]


class ExampleResult(msgspec.Struct, frozen=True, kw_only=True):
    """One example of a version."""

    example: str
    agrees: bool
    """Its own output is what it expects."""
    right_with: bool
    """It is answered right where the prompt shows it."""
    right_without: bool
    """It is answered right where the prompt does not show it: then it teaches little."""
    prompt_without: str
    """Version of the prompt without it."""
    changed: Changed
    """What leaving it out changes in the cases."""


class PromptReport(msgspec.Struct, frozen=True, kw_only=True):
    """The test of one prompt."""

    name: str
    summary: Summary
    results: tuple[CaseResult, ...]
    against: Summary | None = None
    against_results: tuple[CaseResult, ...] = ()
    changed: Changed | None = None
    """From `against` to the version under test."""
    examples: tuple[ExampleResult, ...] = ()

    @property
    def passed(self) -> bool:
        """Every case passes, and every example agrees with itself and is answered right where it is shown."""
        return self.summary.failed == 0 and all(example.agrees and example.right_with for example in self.examples)


def summary(run: Run) -> Summary:
    """A run in figures; latencies by nearest rank over all its cases."""
    times = [result.seconds for result in run.results]
    costs = [result.cost_usd for result in run.results]
    passed = sum(result.passed for result in run.results)
    return Summary(
        prompt=run.prompt,
        label=run.label,
        models=tuple(sorted({result.model for result in run.results if result.model})),
        cases=len(run.results),
        passed=passed,
        failed=len(run.results) - passed,
        cost_usd=None if None in costs else sum((cost for cost in costs if cost is not None), Decimal(0)),
        input_tokens=sum(result.input_tokens for result in run.results),
        output_tokens=sum(result.output_tokens for result in run.results),
        p50_s=percentile(times, 0.5),
        p95_s=percentile(times, 0.95),
    )
