"""Asks every question of a set and gathers the verdicts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TypeAlias

import msgspec

from app.errors import AppError
from app.evals.dataset import Case
from app.evals.judging import Gold, Verdict, judge
from app.evals.report import Report, Result, summarise
from app.evals.second_opinion import OpinionOf
from app.values import Answer, Usage

__all__ = ["Ask", "Gold", "run"]

Ask: TypeAlias = Callable[[Case], Answer]
"""Answers a case's question; may raise an `AppError`, which counts as failed."""


def run(
    cases: Iterable[Case],
    ask: Ask,
    gold: Gold,
    *,
    on_case: Callable[[Case], None] | None = None,
    opinion: OpinionOf | None = None,
) -> Report:
    """Ask, judge and report; `on_case` is called before each question, for progress bars.

    An `opinion` is asked for after the verdict, which it does not change, and outside the answer's time. The runner
    knows no store: `ask` may call the engine or a server, `gold` may be any connection's query function.
    Errors of `gold` are the question set's and are raised.
    """
    results: list[Result] = []
    for case in cases:
        if on_case is not None:
            on_case(case)
        results.append(_result(case, ask, gold, opinion))
    return summarise(results)


def _result(case: Case, ask: Ask, gold: Gold, opinion: OpinionOf | None) -> Result:
    started = time.perf_counter()
    try:
        answer = ask(case)
    except AppError as error:
        reasons = (f"{error.code}: {error.message}",)
        verdict = Verdict(outcome="failed", reasons=reasons, expected=f"status {case.status}", got=error.code)
        return _as_result(case, verdict, None, _since(started))
    latency = _since(started)
    found = _as_result(case, judge(case, answer, gold), answer, latency)
    return found if opinion is None else msgspec.structs.replace(found, opinion=opinion(case, answer))


def _since(started: float) -> float:
    """Milliseconds since `started` on the performance counter."""
    return (time.perf_counter() - started) * 1000


def _as_result(case: Case, verdict: Verdict, answer: Answer | None, latency_ms: float) -> Result:
    return Result(
        id=case.id,
        question=case.question,
        category=case.category,
        outcome=verdict.outcome,
        reasons=verdict.reasons,
        expected=verdict.expected,
        got=verdict.got,
        status=None if answer is None else answer.status,
        route=None if answer is None else answer.route,
        route_right=answer is not None and answer.route == case.route,
        confidence=0.0 if answer is None else answer.confidence,
        latency_ms=round(latency_ms, 3),
        usage=Usage() if answer is None else answer.usage,
        model=None if answer is None else answer.versions.model,
    )
