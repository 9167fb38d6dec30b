"""Follow-ups over a small shop: the merged plan's SQL is run and its rows are compared with rows worked out by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import duckdb
import pytest

from app.followups import tables
from app.followups.context import TableTurn
from app.followups.fragment import fragment_of
from app.planning.planner import Planner
from tests.planning.shop import TODAY, only_public

D = Decimal
FOLLOWED = [
    ("How many orders were placed in March 2025?", ["and in April?"], [(1,)]),
    ("How many orders were placed in 2025?", ["only paid"], [(2,)]),
    ("How many orders were placed in 2025?", ["excluding paid"], [(2,)]),
    ("How many orders were placed in 2025?", ["excluding paid", "and excluding shipped"], [(1,)]),
    ("How many orders were placed in 2025?", ["only paid", "for all years"], [(3,)]),
    ("How many orders were placed in 2025?", ["only paid", "remove the filter"], [(5,)]),
    ("How many customers are from Germany?", ["and France?"], [(1,)]),
    ("How many customers are from Germany?", ["which ones?"], [("Ada King",), ("Cy Moss",)]),
    (
        "How many customers are from Germany?",
        ["show me their names", "and their age"],
        [("Ada King", 34), ("Cy Moss", 28)],
    ),
    (
        "How many customers are from Germany?",
        ["by country instead"],
        [("France", 1), ("Germany", 2), ("United Kingdom", 1)],
    ),
    ("Which products weigh less than 700?", ["how many are there?"], [(2,)]),
    ("Which products weigh less than 700?", ["more than 1000"], [("Fell Tent",), ("Ridge Tent",)]),
    ("Which products weigh less than 700?", ["what's the average weight?"], [(430.0,)]),
    ("What is the most expensive product?", ["and the cheapest?"], [("Ember Stove",)]),
    ("What is the most expensive product?", ["top 2"], [("Fell Tent",), ("Ridge Tent",)]),
    ("What is the second most expensive product?", ["and the cheapest?"], [("Ember Stove",)]),
    ("What is the second most expensive product?", ["top 2"], [("Fell Tent",), ("Ridge Tent",)]),
    ("What is the second most expensive product?", ["what's the average weight?"], [(1352.0,)]),
    ("What is the second most expensive product?", ["for tents"], [("Ridge Tent",)]),
    ("Which country has the second most customers?", ["and the most?"], [("Germany",)]),
    ("What is the average list price of products?", ["for tents", "and the maximum?"], [(D("320.00"),)]),
    ("How many orders were placed in 2025?", ["what about repairs?"], [(1,)]),
    ("How many customers are there per country?", ["in total"], [(4,)]),
    ("How many customers are there per country?", ["top 1"], [("Germany", 2)]),
]


def followed(planner: Planner, question: str, replies: list[str]) -> tables.Continued | None:
    candidate = planner.plan(question, TODAY).candidates[0]
    turn = TableTurn(source="shop", question=question, plan=candidate.plan, confidence=candidate.confidence)
    found = None
    for reply in replies:
        found = tables.continued(fragment_of(reply), turn, planner, TODAY)
        if found is None:
            return None
        turn = found.turn
    return found


@pytest.mark.parametrize(("question", "replies", "rows"), FOLLOWED, ids=lambda value: str(value)[:60])
def test_a_follow_up_changes_the_plan_before(shop: Any, question: str, replies: list[str], rows: list[Any]) -> None:
    found = followed(shop.planner, question, replies)
    assert found is not None and found.other is None
    with duckdb.connect(str(shop.path), read_only=True) as connection:
        got = [row[: len(found.candidate.plan.select)] for row in connection.execute(found.candidate.sql).fetchall()]
    assert sorted(got) == sorted(rows)


@pytest.mark.parametrize(
    ("question", "reply"),
    [
        ("How many orders were placed in 2025?", "the other way round"),
        ("How many orders were placed in 2025?", "top 3"),
        ("How many orders were placed in 2025?", "remove the grouping"),
        ("How many orders were placed in 2025?", "and the average?"),
        ("How many orders were placed in 2025?", "by category"),
        ("How many orders were placed in 2025?", "only purple"),
        ("How many customers are there per country?", "show me their emails"),
        ("How many customers are there per country?", "and the average?"),
        ("Which products weigh less than 700?", "as a total"),
        ("Which products weigh less than 700?", "for all countries"),
    ],
)
def test_what_has_no_place_in_the_plan_is_no_follow_up(shop: Any, question: str, reply: str) -> None:
    assert followed(shop.planner, question, [reply]) is None


@pytest.mark.parametrize(
    ("question", "leans"),
    [
        ("How many customers are there in Germany?", False),
        ("And how many customers are there in Germany?", False),
        ("What is the average list price of products?", False),
        ("List products by price", False),
        ("For each country, how many customers are there?", False),
        ("and how many repairs?", True),
        ("what about Germany?", True),
        ("by country", True),
        ("how many of those are paid?", True),
        ("how many of those customers are German?", False),
        ("how many in 2024?", None),
        ("Germany?", None),
    ],
)
def test_what_is_whole_does_not_lean(shop: Any, question: str, leans: bool | None) -> None:
    first = shop.planner.plan("How many orders were placed in 2025?", TODAY).candidates[0]
    turn = TableTurn(source="shop", question="How many orders were placed in 2025?", plan=first.plan, confidence=0.9)
    assert tables.leans(fragment_of(question), turn, shop.planner, TODAY) is leans


def test_a_plan_stands_only_for_who_may_see_all_that_it_names(shop: Any) -> None:
    plan = shop.planner.plan("How many orders were placed in 2025?", TODAY).candidates[0].plan
    visitor = Planner(only_public(shop.catalog), shop.values, ("public",))
    assert tables.stands(plan, shop.planner) and not tables.stands(plan, visitor)
