"""Names that are hard to say, to quote or to tell apart, from dropped-in files to the answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from app.planning.identifiers import identifier_words, spoken
from tests.app.asking_tables import Asked

HEADER = ["id", "name", "select", "group", 'he said "x"', "Größe", "año", "数量", "2nd price", "🎉 score", "🎁", "ship to city"]  # fmt: skip
ROWS = [
    [i, f"thing {i}", ["red", "blue"][i % 2], "ABC"[i % 3], f"q{i % 4}", 10 + i, 2000 + i % 5, i * 2, 1.5 * i, i % 7, i, ["Berlin", "Paris", "Köln"][i % 3]]
    for i in range(1, 31)
]  # fmt: skip
SHEETS: dict[str, Any] = {
    "order": (HEADER, ROWS),
    "tbl_custmaster": (
        ["custid", "custname", "orderdate", "qty", "amt", "dob", "tel"],
        [[i, f"Cust{i}", f"2024-01-{i % 28 + 1:02d}", i % 5, i * 1.5, f"1980-01-{i % 28 + 1:02d}", f"555{i}"] for i in range(1, 31)],
    ),
    "name": (["id", "name", "colour"], [[i, f"n{i}", ["red", "green"][i % 2]] for i in range(1, 11)]),
    "dim_product": (
        ["product_id", "prod_desc", "unitprice", "cat"],
        [[i, f"Widget {i}", i * 2.5, ["tools", "toys"][i % 2]] for i in range(1, 21)],
    ),
    "shops": (["id", "name", "town"], [[i, f"shop {i}", "Ulm"] for i in range(1, 4)]),
}  # fmt: skip


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    opened = Asked(tmp_path_factory.mktemp("odd") / "home")
    opened.add_sheets("odd", SHEETS)
    yield opened
    opened.engine.close()


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How many orders are there?", [(30,)]),
        ("What is the average Größe of orders?", [(25.5,)]),
        ("average grosse of orders", [(25.5,)]),
        ("average groesse of orders", [(25.5,)]),
        ("total 数量", [(930,)]),
        ("What is the highest año?", [(2004,)]),
        ("What is the highest 2nd price?", [(45.0,)]),
        ("highest 🎉 score of orders", [(6,)]),
        ("total 🎁 of orders", [(465,)]),
        ("How many orders ship to city Köln?", [(10,)]),
        ("How many orders ship to city koln?", [(10,)]),
        ("How many orders have select red?", [(15,)]),
        ("How many orders with group A?", [(10,)]),
        ('How many orders where he said "x" is q1?', [(8,)]),
        ("how many customers are there?", [(30,)]),
        ("What is the date of birth of customer Cust3?", [("1980-01-04",)]),
        ("order date of Cust3", [("2024-01-04",)]),
        ("sum of amt", [(697.5,)]),
        ("What is the custname with the highest amt?", [("Cust30",)]),
        ("How many products are there?", [(20,)]),
        ("What is the highest unit price of products?", [(50.0,)]),
        ("How many names are there?", [(10,)]),
        ("How many shops are there?", [(3,)]),
        ("Which shops are in the town Ulm?", [("shop 1",), ("shop 2",), ("shop 3",)]),
        ("What is the colour of n2?", [("red",)]),
    ],
)
def test_odd_names_are_answered(asked: Asked, question: str, expected: list[tuple[Any, ...]]) -> None:
    assert sorted(asked.rows(question)) == sorted(expected)


def test_groups_by_a_keyword(asked: Asked) -> None:
    assert sorted(asked.rows("number of orders per group")) == [("A", 10), ("B", 10), ("C", 10)]


def test_a_value_of_several_tables_is_not_guessed(asked: Asked) -> None:
    """Things and names may be red: which are meant?"""
    found = asked.ask("How many are red?")
    assert found.status == "clarify", found.text
    assert found.clarify is not None
    counts = [asked.rows(option) for option in found.clarify.options]
    assert sorted(counts) == [[(5,)], [(15,)]]


def test_names_are_said_as_they_are_written(asked: Asked) -> None:
    assert "año" in asked.ask("What is the highest año?").text
    assert "20 products" in asked.ask("How many products are there?").text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("CustomerID", "customer id"),
        ("customerIds", "customer ids"),
        ("order_qty", "order quantity"),
        ("orderdate", "order date"),
        ("custname", "customer name"),
        ("OrderQTY", "order quantity"),
        ("fname", "first name"),
        ("DOB", "date of birth"),
        ("deptcode", "department code"),
        ("address2", "address 2"),
        ("Größe", "grosse"),
        ("订单ID", "订单 id"),
        ("HTTPServer", "http server"),
        ("candidate", "candidate"),
        ("template", "template"),
        ("membership", "membership"),
        ("🎉", "🎉"),
        ("", ""),
    ],
)
def test_identifiers_as_words(name: str, words: str) -> None:
    assert " ".join(identifier_words(name)) == words


@pytest.mark.parametrize(
    ("name", "said"), [("tbl_Größe", "größe"), ("stg_custOrders", "customer orders"), ("tbl", "tbl"), ("año", "año")]
)
def test_identifiers_as_spoken(name: str, said: str) -> None:
    assert spoken(name) == said
