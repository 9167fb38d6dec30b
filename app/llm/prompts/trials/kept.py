"""The results of the last tests of each prompt, kept in the state file for the console."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import sqlalchemy as sa

from app.llm.prompts.trials.report import CaseResult, PromptReport, Summary
from app.ops.state import PROMPT_TESTS, held_state

KEPT = 20
"""Tests that are kept of each prompt."""
_C = PROMPT_TESTS.c


class KeptTest(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of one test."""

    at: float
    """Seconds since the epoch."""
    summary: Summary
    failed: tuple[CaseResult, ...]
    """The cases that did not pass."""


def keep_tests(state: Path, reports: Sequence[PromptReport]) -> None:
    """Keep the reports' results, and of each prompt the last `KEPT`."""
    with held_state(state).begin() as connection:
        for report in reports:
            failed = tuple(result for result in report.results if not result.passed)
            test = KeptTest(at=time.time(), summary=report.summary, failed=failed)
            row = {"name": report.name, "at": test.at, "content": msgspec.json.encode(test).decode()}
            connection.execute(sa.insert(PROMPT_TESTS).values(row))
            newest = sa.select(_C.n).where(_C.name == report.name).order_by(_C.n.desc()).limit(KEPT)
            connection.execute(sa.delete(PROMPT_TESTS).where(_C.name == report.name, _C.n.not_in(newest)))


def kept_tests(state: Path, name: str) -> list[KeptTest]:
    """The results that are kept of a prompt, newest first."""
    query = sa.select(_C.content).where(_C.name == name).order_by(_C.n.desc())
    with held_state(state).connect() as connection:
        return [msgspec.json.decode(content, type=KeptTest) for content in connection.execute(query).scalars()]
