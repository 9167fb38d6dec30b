"""Units said with numbers become the column's own; ratios are of all rows or of none."""

from __future__ import annotations

import pytest

from app.planning.planner import Planner
from app.planning.quantities import converted, unit_in_name
from app.scrubbing import looks_personal
from tests.planning.shop import TODAY


@pytest.mark.parametrize(
    ("values", "said", "unit", "expected"),
    [
        ((3,), "kg", "g", (3000,)),
        ((500,), "grams", "kg", (0.5,)),
        ((1, 2), "hours", "minutes", (60, 120)),
        ((50,), "euros", "EUR", (50,)),
        ((10,), "percent", "ratio", (0.1,)),
        ((10,), "percent", "%", (10,)),
        ((5,), "pounds", "GBP", (5,)),
        ((5,), "kg", None, (5,)),
        ((5,), "kg", "points", None),
        ((5,), "points", "points", (5,)),
        ((2,), "hours", "s", (7200,)),
        ((5,), "m", None, None),
        ((10,), "percent", None, None),
        ((5,), "kg", "EUR", None),
        ((50,), "dollars", "EUR", None),
    ],
)
def test_values_are_brought_to_the_columns_unit(values, said, unit, expected):
    assert converted(values, said, unit) == expected


@pytest.mark.parametrize(
    ("words", "unit"),
    [(("weight", "g"), "g"), (("price", "eur"), "eur"), (("g",), None), (("price", "min"), None), (("age",), None)],
)
def test_a_name_may_end_in_its_unit(words, unit):
    assert unit_in_name(words) == unit


def test_a_ratio_to_all_rows_is_not_taken_of_some(shop):
    planner = Planner(shop.catalog, shop.values, ("public", "internal"))
    of_all = planner.plan("average number of orders per customer", TODAY).candidates
    of_some = planner.plan("average number of orders per customer in Germany", TODAY).candidates
    everybody = '(SELECT COUNT(*) FROM "customers")'
    assert any(everybody in candidate.sql for candidate in of_all)
    assert not any(everybody in candidate.sql for candidate in of_some)


@pytest.mark.parametrize(("value", "personal"), [("anna.schmidt@corp.com", True), ("paid", False), ("Munich", False)])
def test_values_named_in_a_refusal_are_looked_at(value, personal):
    assert looks_personal(value) is personal
