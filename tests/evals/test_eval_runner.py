from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eval_examples import answer, case
from rich.console import Console

from app.errors import DeadlineExceeded
from app.evals import Case, Expect, evaluate, run
from app.evals.report import failures_text, summary_table, to_json
from app.values import Answer

Gold = Callable[[str], list[tuple[Any, ...]]]
COUNT = Expect(sql="SELECT count(*) FROM orders")
CASES = (
    case(id="d1"),
    case(id="d2", question="Wrong one?"),
    case(id="t1", category="tables", route="tables", expect=COUNT),
    case(id="t2", category="tables", route="tables", expect=COUNT),
    case(id="u1", category="unanswerable", route="none", status="refused", expect=Expect()),
)


def ask(asked: Case) -> Answer:
    if asked.id == "t2":
        raise DeadlineExceeded("no time left")
    given = {
        "d1": answer(confidence=0.9),
        "d2": answer("no idea [red]"),
        "t1": answer(rows=[(10,)], route="tables"),
        "u1": answer("I don't know", status="refused", route="none", cites=None),
    }
    return given[asked.id]


def test_counts_by_category(gold: Gold) -> None:
    report = run(CASES, ask, gold)
    assert {name: (t.right, t.wrong, t.refused, t.failed) for name, t in report.categories.items()} == {
        "documents": (1, 1, 0, 0),
        "tables": (1, 0, 0, 1),
        "unanswerable": (1, 0, 0, 0),
    }
    assert (report.total.cases, report.total.right) == (5, 3)
    assert report.routes_right == pytest.approx(0.8)
    assert [result.id for result in report.failures] == ["d2", "t2"]
    assert report.failures[1].reasons == ("deadline_exceeded: no time left",)
    assert report.latency.p95_ms >= report.latency.p50_ms > 0


def test_progress_is_told_before_each_question(gold: Gold) -> None:
    seen: list[str] = []
    run(CASES, ask, gold, on_case=lambda asked: seen.append(asked.id))
    assert seen == ["d1", "d2", "t1", "t2", "u1"]


def test_report_as_json_and_as_tables(gold: Gold) -> None:
    report = run(CASES, ask, gold)
    content = json.loads(to_json(report))
    assert content["failures"] == ["d2", "t2"]
    assert content["total"]["right"] == 3
    assert content["results"][0]["confidence"] == 0.9
    out = io.StringIO()
    console = Console(file=out, width=160)
    console.print(summary_table(report), failures_text(report))
    assert "60.0%" in out.getvalue()
    assert "[red]" in out.getvalue(), "answers are shown as they are, not as markup"


def test_errors_of_gold_are_not_swallowed() -> None:
    def broken(sql: str) -> Any:
        raise LookupError(sql)

    with pytest.raises(LookupError, match="orders"):
        run([CASES[2]], ask, broken)


def test_evaluate_reads_the_file(tmp_path: Path, gold: Gold) -> None:
    path = tmp_path / "q.jsonl"
    rows = [{"id": "t1", "question": "?", "category": "tables", "route": "tables", "status": "answered",
             "expect": {"sql": "SELECT count(*) FROM orders"}}]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert evaluate(path, ask, gold).total.right == 1


def test_nothing_to_ask(gold: Gold) -> None:
    report = run([], ask, gold)
    assert (report.total.cases, report.latency.p50_ms, report.failures) == (0, 0, ())
