"""Rows by how many others belong to them, those with none included, and what "popular" counts."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from app.planning.plan import RelatedCount
from app.planning.wording import Wording
from app.validation import validate
from tests.planning.shop import TODAY

FEW = [("Bo Lind",), ("Cy Moss",), ("Di Noor",)]
COUNTED = {
    "customers with fewer than 2 orders": FEW,
    "Which customers have at most 1 order?": FEW,
    "names of customers with less than 2 orders": FEW,
    "customers with fewer than 2 repairs": FEW,
    "customers with more than 1 order": [("Ada King",)],
    "How many customers have fewer than 2 orders?": [(3,)],
    "customers with fewer than 2 orders in 2025": FEW,
    "How many customers have more than 1 order in 2025?": [(1,)],
    "How many customers have more than 1 order in 2024?": [(0,)],
    "How many customers have fewer than 1 order in 2025?": [(1,)],
    "customers from Germany with fewer than 2 orders": [("Cy Moss",)],
    "Who is the most popular customer?": [("Ada King",)],
    "the 2 most popular products": [("Ember Stove",), ("Fell Tent",)],
    "the most common country": [("Germany",)],
}


@pytest.mark.parametrize("question", COUNTED)
def test_rows_with_none_are_among_those_with_few(shop: Any, question: str) -> None:
    best = shop.planner.plan(question, TODAY).candidates[0]
    validate(best.sql, shop.planner.index.catalog, database="shop", max_rows=100)
    with duckdb.connect(str(shop.path), read_only=True) as connection:
        rows = [row[: len(best.plan.select)] for row in connection.execute(best.sql).fetchall()]
    if "most common" in question:
        rows = [row[:1] for row in rows]
    assert sorted(rows) == COUNTED[question], best.sql


@pytest.mark.parametrize("question", ["What is the most popular repair?", "the most popular order item"])
def test_what_nothing_refers_to_has_no_popularity(shop: Any, question: str) -> None:
    assert not [c for c in shop.planner.plan(question, TODAY).candidates if c.confidence >= 0.6]


def test_a_period_belongs_to_what_is_counted_and_is_told(shop: Any) -> None:
    best = shop.planner.plan("How many customers have more than 1 order in 2025?", TODAY).candidates[0]
    (counted,) = best.plan.where
    assert isinstance(counted, RelatedCount) and len(counted.conditions) == 1
    said = Wording(shop.planner.index).restate(best.plan)
    assert "the number of orders with order date in 2025 is over 1" in said


@pytest.mark.parametrize(
    ("operator", "number", "without_any"),
    [
        *(("<", 2, True), ("<=", 0, True), ("=", 0, True), ("!=", 1, True), (">=", 0, True)),
        *(("<", 0, False), (">", 0, False), (">=", 1, False), ("=", 1, False), ("!=", 0, False)),
    ],
)
def test_whether_none_is_few_enough(operator: Any, number: int, without_any: bool) -> None:
    assert RelatedCount("orders", operator, number).holds_without_any is without_any
