"""Values computed from others over the small shop: rows worked out by hand, and conditions that exclude each other."""

from __future__ import annotations

import datetime
from decimal import Decimal

import duckdb
import pytest

from app.planning.wording import Wording
from app.validation import validate
from tests.planning.shop import TODAY

D = Decimal


def month(number: int, year: int = 2025) -> datetime.date:
    return datetime.date(year, number, 1)


COMPUTED = {
    "how did net revenue grow from 2024 to 2025": [
        (D("440.00"), D("775.00"), D("335.00"), pytest.approx(76.136, 1e-4))
    ],
    "growth of orders compared to last year": [(1, 4, 3, 300.0)],
    "change in net revenue from March 2025 to April 2025": [
        (D("150.00"), D("325.00"), D("175.00"), pytest.approx(116.667, 1e-4))
    ],
    "how did orders change from 2023 to 2024": [(0, 1, 1, None)],
    "how did net revenue by category change from 2024 to 2025": [
        ("jackets", None, D("420.00"), None, None),
        ("stoves", D("120.00"), D("55.00"), D("-65.00"), pytest.approx(-54.167, 1e-4)),
        ("tents", D("320.00"), D("300.00"), D("-20.00"), -6.25),
    ],
    "month over month growth of orders": [
        (month(11, 2024), 1, None, None),
        (month(3), 2, None, None),
        (month(4), 1, -1, -50.0),
        (month(7), 1, None, None),
    ],
    "running total of net revenue by month": [
        (month(11, 2024), D("440.00")),
        (month(3), D("590.00")),
        (month(4), D("915.00")),
        (month(7), D("1215.00")),
    ],
    "cumulative number of orders per month in 2025": [(month(3), 2), (month(4), 3), (month(7), 4)],
    "2-month moving average of orders": [(month(11, 2024), 1.0), (month(3), 1.5), (month(4), 1.5), (month(7), 1.0)],
    "rank customers by net revenue": [("Ada King", D("890.00"), 1), ("Cy Moss", D("325.00"), 2)],
    "rank products by price": [
        ("Fell Tent", D("320.00"), 1),
        ("Ridge Tent", D("180.00"), 2),
        ("Fox Jacket", D("150.00"), 3),
        ("Moor Jacket", D("90.00"), 4),
        ("Ember Stove", D("60.00"), 5),
    ],
    "the second most expensive product": [("Ridge Tent",)],
    "the 3rd highest list price": [(D("150.00"),)],
    "the second best selling product": [("Moor Jacket",)],
    "What is the most expensive product in each category?": [
        ("jackets", "Fox Jacket"),
        ("stoves", "Ember Stove"),
        ("tents", "Fell Tent"),
    ],
    "the best-selling product in each category": [
        ("jackets", "Moor Jacket"),
        ("stoves", "Ember Stove"),
        ("tents", "Fell Tent"),
    ],
    "top 1 products by net revenue in each category": [
        ("jackets", "Moor Jacket"),
        ("stoves", "Ember Stove"),
        ("tents", "Fell Tent"),
    ],
    "For each category, what is the highest price?": [
        ("jackets", D("150.00")),
        ("stoves", D("60.00")),
        ("tents", D("320.00")),
    ],
    "difference between the highest and the lowest list price": [(D("260.00"),)],
    "how many more orders in 2025 than in 2024": [(3,)],
    "how many fewer orders in 2024 than in 2025": [(3,)],
    "difference between the average price of tents and jackets": [(130.0,)],
    "average number of orders per customer": [(1.25,)],
    "ratio of paid to cancelled orders": [(3.0,)],
    "ratio of cancelled to refunded orders": None,
    "median list price": [(D("150.00"),)],
    "highest and lowest list price by category": [
        ("jackets", D("150.00"), D("90.00")),
        ("stoves", D("60.00"), D("60.00")),
        ("tents", D("320.00"), D("180.00")),
    ],
    "products priced above the average of their category": [("Fell Tent",), ("Fox Jacket",)],
    "products with price above the average price of jackets": [("Fell Tent",), ("Fox Jacket",), ("Ridge Tent",)],
    "products more expensive than all jackets": [("Fell Tent",), ("Ridge Tent",)],
    "products more expensive than any jacket": [("Fell Tent",), ("Fox Jacket",), ("Ridge Tent",)],
    "Which customers ordered tents but not stoves?": [("Bo Lind",)],
    "customers who never ordered jackets": [("Bo Lind",), ("Di Noor",)],
    "Which customers did not order a tent?": [("Cy Moss",), ("Di Noor",)],
    "how many customers have more than 1 order": [(1,)],
    "how many customers have fewer than 2 orders": [(3,)],
    "products in the same category as Fell Tent": [("Fell Tent",), ("Ridge Tent",)],
    "countries with customers older than 30 and customers younger than 30": [("Germany",)],
    "products with price above 300 or below 70": [("Ember Stove",), ("Fell Tent",)],
    "orders with order id 11 or 12": [(11,), (12,)],
    "number of customers in each country": [("France", 1), ("Germany", 2), ("United Kingdom", 1)],
}
IN_ORDER = ("growth of orders", "running", "cumulative", "moving", "rank")


@pytest.mark.parametrize("question", COMPUTED)
def test_rows(shop, question):
    planned = shop.planner.plan(question, TODAY)
    expected = COMPUTED[question]
    if expected is None:
        assert not [c for c in planned.candidates if c.confidence >= 0.6]
        return
    assert planned.candidates, planned
    best = planned.candidates[0]
    validate(best.sql, shop.planner.index.catalog, database="shop", max_rows=100)
    with duckdb.connect(str(shop.path), read_only=True) as connection:
        rows = [row[: len(best.plan.select)] for row in connection.execute(best.sql).fetchall()]
    if not any(word in question for word in IN_ORDER):
        rows = sorted(rows, key=repr)
    assert rows == expected, best.sql


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("how did net revenue grow from 2024 to 2025", "percent change from net revenue where order date in 2024"),
        ("running total of net revenue by month", "running total of net revenue by month"),
        ("the most expensive product in each category", "first 1 in each category"),
        ("the second most expensive product", "number 2"),
        ("products priced above the average of their category", "over the average of the same category"),
        ("how many customers have more than 1 order", "the number of orders is over 1"),
        ("products in the same category as Fell Tent", "the category also occurs where product name is “Fell Tent”"),
    ],
)
def test_the_plan_is_worded(shop, question, said):
    best = shop.planner.plan(question, TODAY).candidates[0]
    assert said in Wording(shop.planner.index).restate(best.plan)


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("products with price over 200 and price under 100", "list price over 200 and under 100"),
        ("orders in 2024 and in 2025", "order date from 2024-01-01 to 2025-01-01 and from 2025-01-01 to 2026-01-01"),
        ("How many customers are older than 60 and younger than 20?", "age over 60 and under 20"),
        ("orders in 2024 and in 2025 with status paid and cancelled", "No row can be both"),
    ],
)
def test_conditions_that_exclude_each_other_are_said_to(shop, question, reason):
    planned = shop.planner.plan(question, TODAY)
    assert not planned.candidates
    assert reason in planned.contradiction


@pytest.mark.parametrize(
    "question", ["products with price over 50 and under 100", "orders since 2025 and before April 2025"]
)
def test_a_range_is_no_contradiction(shop, question):
    planned = shop.planner.plan(question, TODAY)
    assert planned.candidates
    assert not planned.contradiction
