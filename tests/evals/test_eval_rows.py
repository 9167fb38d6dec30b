from __future__ import annotations

import random
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.evals.metrics import same_rows

SAME: list[tuple[list[Any], list[Any]]] = [
    ([(1, "a"), (2, "b")], [(2, "b"), (1, "a")]),
    ([(Decimal("12.50"),)], [(12.5,)]),
    ([("12.50",)], [(Decimal("12.5"),)]),
    ([(1_994_624.2,)], [(1_994_624.225,)]),
    ([(0.13299,)], [(0.1329915,)]),
    ([("2024-01-01",)], [(datetime(2024, 1, 1),)]),
    ([("2024-01-01T00:00:00",)], [(date(2024, 1, 1),)]),
    ([("2024-01-01T10:30:00",)], [(datetime(2024, 1, 1, 10, 30),)]),
    ([(None, True)], [(None, True)]),
    ([(float("nan"),)], [(None,)]),
    ([("a", 1.00001), ("a", 1.0)], [("a", 1.0), ("a", 1.00002)]),
    ([(" padded ",)], [("padded",)]),
    ([], []),
    ([("<PERSON_1>", 3), ("<PERSON_2>", 4)], [("Ann", 3), ("Bob", 4)]),
    ([("<PERSON_1>",), ("<PERSON_1>",), (None,)], [("Ann",), (None,), ("Ann",)]),
]
DIFFERENT: list[tuple[list[Any], list[Any]]] = [
    ([(1,)], [(2,)]),
    ([(12_045,)], [(12_046,)]),
    ([(0.1331,)], [(0.1329915,)]),
    ([(1,), (1,)], [(1,)]),
    ([(1, 2)], [(2, 1)]),
    ([(1, 2)], [(1,)]),
    ([("007",)], [(7,)]),
    ([(None,)], [(0,)]),
    ([(None,)], [("",)]),
    ([(True,)], [("true",)]),
    ([("a",), ("a",), ("b",)], [("a",), ("b",), ("b",)]),
    ([], [(1,)]),
    ([("<PERSON_1>", 3), ("<PERSON_1>", 4)], [("Ann", 3), ("Bob", 4)]),
    ([("<PERSON_1>", 5)], [("Ann", 3)]),
]


@pytest.mark.parametrize(("got", "gold"), SAME)
def test_same(got: list[Any], gold: list[Any]) -> None:
    assert same_rows(got, gold)


@pytest.mark.parametrize(("got", "gold"), DIFFERENT)
def test_different(got: list[Any], gold: list[Any]) -> None:
    assert not same_rows(got, gold)


def test_order_counts_only_where_asked() -> None:
    assert same_rows([(2,), (1,)], [(1,), (2,)])
    assert not same_rows([(2,), (1,)], [(1,), (2,)], ordered=True)
    assert same_rows([(1.00001,), (2,)], [(1,), (2,)], ordered=True)


def test_near_ties_in_the_first_number_do_not_hide_a_match() -> None:
    assert same_rows([(1.00001, 5), (1.0, 7)], [(1.0, 5), (1.00001, 7)])


CELLS = (
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(-1e9, 1e9) | st.text(max_size=5) | st.dates()
)


@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.tuples(*[CELLS] * n), max_size=12)), st.randoms())
def test_any_rows_equal_themselves_in_any_order(rows: list[Any], shuffler: random.Random) -> None:
    shuffled = list(rows)
    shuffler.shuffle(shuffled)
    assert same_rows(shuffled, rows)
    assert not same_rows([*shuffled, *rows[:1]], rows) or not rows
