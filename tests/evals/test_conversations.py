"""The sample's conversations: what follows up is understood, what stands alone is left as it is."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from app import evals
from app.commands.evaluate import asking
from app.evals.dataset import DatasetError, load
from app.settings import Settings

FILE = Path(__file__).resolve().parents[2] / "data" / "sample" / "conversations.jsonl"


def test_the_sample_conversations(sample_home: Path) -> None:
    with asking(Settings(home=sample_home), today=date(2026, 6, 30)) as (ask, gold):
        report = evals.evaluate(FILE, ask, gold)
    wrong = [f"{r.id}: {r.reasons}" for r in report.failures if r.outcome in ("wrong", "failed")]
    assert wrong == []
    assert len(report.failures) <= 4, [r.id for r in report.failures]


def test_the_turns_of_a_conversation_are_cases_of_one_session() -> None:
    cases = load(FILE)
    talks = {case.session for case in cases}
    assert len(talks) >= 60
    assert all(case.id.startswith(f"{case.session}.") for case in cases)


@pytest.mark.parametrize("line", ['{"id": "a", "turns": [{"question": "q"}]}', '{"id": "a", "turns": 3}', '{"turns"'])
def test_a_wrong_conversation_is_named_by_its_line(tmp_path: Path, line: str) -> None:
    file = tmp_path / "talks.jsonl"
    file.write_text(line)
    with pytest.raises(DatasetError, match="line 1"):
        load(file)
