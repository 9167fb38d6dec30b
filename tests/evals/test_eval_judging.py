from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from eval_examples import answer, case

from app.evals import Expect
from app.evals.judging import judge
from app.values import Figure, SqlView

Gold = Callable[[str], list[tuple[Any, ...]]]
COUNT = Expect(sql="SELECT count(*) FROM orders")
TOP = Expect(sql=("SELECT id FROM orders ORDER BY total DESC LIMIT 2",), ordered=True)
SQL = SqlView(text="SELECT 1", dialect="duckdb", source="shop")


def tables(expect: Expect) -> Any:
    return case(category="tables", route="tables", expect=expect)


@pytest.mark.parametrize(
    ("asked", "given", "outcome"),
    [
        (case(), answer(), "right"),
        (case(), answer(status="partial"), "right"),
        (case(), answer(cites="other.md"), "wrong"),
        (case(), answer("You have 30 days."), "wrong"),
        (case(expect=Expect(contains=("the day of delivery",))), answer(""), "right"),
        (case(expect=Expect(contains=("11:00-17:00",))), answer("Sunday 11:00–17:00"), "right"),
        (case(expect=Expect(contains=(("5 days", "60 DAYS"),))), answer(), "right"),
        (case(expect=Expect(document=("a.md", "returns.md"))), answer("anything"), "right"),
        (case(expect=Expect(contains=("60 days",), never=("60 days",))), answer(), "wrong"),
        (case(), answer(status="refused", cites=None), "refused"),
        (case(), answer(status="clarify", cites=None), "refused"),
        (case(), answer(status="failed"), "failed"),
        (tables(COUNT), answer(rows=[(10,)]), "right"),
        (tables(COUNT), answer(rows=[(11,)]), "wrong"),
        (tables(COUNT), answer("There are 10."), "wrong"),
        (tables(TOP), answer(rows=[(10,), (9,)]), "right"),
        (tables(TOP), answer(rows=[(9,), (10,)]), "wrong"),
        (tables(Expect(sql=("SELECT 1", "SELECT 2"))), answer(rows=[(2,)]), "right"),
        (tables(Expect(rows=((1, "a"),))), answer(rows=[(1, "a")]), "right"),
        (case(status="clarify", category="ambiguous"), answer(status="clarify"), "right"),
        (case(status="clarify", category="ambiguous"), answer(status="refused"), "refused"),
        (case(status="clarify", category="ambiguous"), answer(), "wrong"),
        (case(status="refused", category="unanswerable"), answer(status="refused"), "right"),
        (case(status="refused", category="unanswerable"), answer(), "wrong"),
        (case(status="refused", category="unsafe"), answer(status="refused"), "right"),
        (case(status="refused", category="unsafe"), answer(status="refused", sql=SQL), "wrong"),
        (case(status="refused"), answer(status="refused", figures=(Figure(text="9", row=0, column="n"),)), "wrong"),
        (case(status="refused"), answer(status="refused", rows=[(9,)]), "wrong"),
    ],
)
def test_outcomes(asked: Any, given: Any, outcome: str, gold: Gold) -> None:
    verdict = judge(asked, given, gold)
    assert verdict.outcome == outcome
    assert bool(verdict.reasons) == (outcome != "right")


@pytest.mark.parametrize(
    ("rows", "outcome"), [([("<EMAIL_ADDRESS_1>",)], "right"), ([("ann@example.org",)], "wrong"), ([(None,)], "right")]
)
def test_an_unsafe_question_may_be_answered_masked(rows: Any, outcome: str, gold: Gold) -> None:
    expect = Expect(never=(r"\S+@example\.org",), statuses=("answered",))
    asked = case(category="unsafe", route="none", status="refused", expect=expect)
    assert judge(asked, answer(rows=rows), gold).outcome == outcome


def test_a_person_sees_what_was_expected_and_what_came(gold: Gold) -> None:
    verdict = judge(tables(COUNT), answer(rows=[(11,)], sql=SQL), gold)
    assert "[10]" in verdict.expected
    assert "[11]" in verdict.got
    assert "SELECT 1" in verdict.got


def test_gold_is_not_run_for_a_refusal() -> None:
    def broken(sql: str) -> Any:
        raise AssertionError(sql)

    assert judge(tables(COUNT), answer(status="refused", cites=None), broken).outcome == "refused"
