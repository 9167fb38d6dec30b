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

__all__ = ["Ask", "Case", "Category", "DatasetError", "Expect", "Gold", "Report", "evaluate", "load", "run"]


def evaluate(path: Path, ask: Ask, gold: Gold, *, on_case: Callable[[Case], None] | None = None) -> Report:
    """Ask every question of the file at `path` and report how the answers compare with the expected ones.

    `gold` runs gold SQL and returns its rows. Raises `DatasetError` if the file or its SQL is wrong.
    """
    return run(load(path), ask, gold, on_case=on_case)
