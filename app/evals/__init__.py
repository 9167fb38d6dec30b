"""Measure answers against questions whose right answers are known.

`evaluate(path, ask, gold)` is the way in: it loads a question file, asks every question, judges the answers and
reports.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from app.evals.dataset import Case, Category, DatasetError, Expect, load
from app.evals.report import Report
from app.evals.runner import Ask, Gold, run
from app.evals.second_opinion import OpinionOf

__all__ = [
    "Ask",
    "Case",
    "Category",
    "DatasetError",
    "Expect",
    "Gold",
    "OpinionOf",
    "Report",
    "evaluate",
    "load",
    "run",
]


def evaluate(
    path: Path,
    ask: Ask,
    gold: Gold,
    *,
    limit: int | None = None,
    on_case: Callable[[Case], None] | None = None,
    opinion: OpinionOf | None = None,
) -> Report:
    """Ask the questions of the file at `path`, the first `limit` or all, and report how the answers compare.

    `gold` runs gold SQL and returns its rows; `opinion` says what a model thinks of an answer. Raises `DatasetError` if
    the file or its SQL is wrong.
    """
    return run(load(path)[:limit], ask, gold, on_case=on_case, opinion=opinion)
