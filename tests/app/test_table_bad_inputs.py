"""Questions that tables cannot answer as asked get a reason and what would help; never a wrong figure, never an error."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.languages import other_language
from tests.app.asking_tables import Asked

DESCRIPTION = """
visibility: public
tables:
  customers: {}
  orders:
    columns:
      amount: {unit: EUR}
  salaries: {visibility: internal}
metrics:
  return rate:
    table: orders
    expression: sum(returned) / sum(shipped)
    visibility: public
"""
COUNTRIES = ("Germany", "France", "Austria")
CUSTOMERS = [[n, f"Person {n}", COUNTRIES[n % 3], ["gold", "silver"][n % 2]] for n in range(1, 31)]
ORDERS = [
    [n, n % 30 + 1, f"2025-{n % 12 + 1:02d}-10", ["paid", "open"][n % 2], n * 9, ["web", "phone", "mail"][n % 3], 0, 0 if n % 3 else 2]
    for n in range(1, 101)
]  # fmt: skip
SALARIES = [[n, f"Person {n}", 1000 * n] for n in range(1, 11)]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("bad")
    opened = Asked(folder / "home")
    description = folder / "describe.yaml"
    description.write_text(DESCRIPTION.replace("    visibility: public\n", ""), encoding="utf-8")
    opened.add_sheets(
        "shop",
        {
            "customers": (["customer_id", "customer_name", "country", "tier"], CUSTOMERS),
            "orders": (
                ["order_id", "customer_id", "order_date", "status", "amount", "channel", "returned", "shipped"],
                ORDERS,
            ),
            "salaries": (["salary_id", "employee", "monthly_salary"], SALARIES),
        },
        description_path=str(description),
    )
    yield opened
    opened.engine.close()


@pytest.mark.parametrize(
    ("question", "meant"),
    [
        ("How many customers are from Germny?", "How many customers are from Germany?"),
        ("How many custmers are there?", "How many customers are there?"),
        ("total amuont by status", "total amount by status"),
        ("how many custmers are from Frnace", "how many customers are from France"),
    ],
)
def test_typos_are_asked_back_and_the_option_answers(asked: Asked, question: str, meant: str) -> None:
    found = asked.ask(question)
    assert found.status == "clarify", found.text
    assert found.clarify is not None and meant in found.clarify.options
    assert asked.ask(meant).status == "answered"


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("Wie viele Kunden haben wir?", "Deutsch"),
        ("Wie viele orders gab es im März 2025?", "Deutsch"),
        ("¿Cuántos clientes hay en Alemania?", "español"),
        ("Combien de clients avons-nous en France ?", "français"),
        ("Quel est le montant total par status ?", "français"),
        ("Quanti ordini sono nel magazzino?", "Italian"),
        ("Quantos pedidos foram feitos na Alemanha em março?", "Portuguese"),
        ("Hoeveel klanten zijn er in Duitsland?", "Dutch"),
    ],
)
def test_another_language_is_named_and_not_guessed_at(asked: Asked, question: str, language: str) -> None:
    found = asked.ask(question)
    assert found.status == "refused"
    assert found.refusal is not None and found.refusal.code == "other_language"
    assert language in found.text


@pytest.mark.parametrize(
    "question", ["What is the shoe size of customers?", "How many orders were delivered by drone?"]
)
def test_words_that_fit_no_column_are_named(asked: Asked, question: str) -> None:
    found = asked.ask(question)
    assert found.status == "refused", found.text
    assert any(f"“{word}”" in found.text for word in ("shoe", "size", "drone", "delivered"))


@pytest.mark.parametrize(
    ("question", "column", "offered"),
    [
        ("How many orders with status lost?", "status", "“paid”"),
        ('How many orders have the status "lost"?', "status", "“open”"),
        ("How many customers are from Atlantis?", "country", "“Germany”"),
        ("total amount of orders with channel fax", "channel", "“web”"),
        ('orders whose channel is "webb"', "channel", "“web”"),
    ],
)
def test_a_value_that_no_column_holds_is_said(asked: Asked, question: str, column: str, offered: str) -> None:
    found = asked.ask(question)
    assert found.status == "refused", found.text
    assert found.refusal is not None and found.refusal.code == "no_such_value"
    assert column in found.text and offered in found.text


@pytest.mark.parametrize(
    ("question", "answer", "bound"),
    [
        ("How many orders have an amount over 1000000?", [(0,)], "€900"),
        ("How many orders have an amount under 2?", [(0,)], "€9"),
        ("Which orders have an amount over 1000000?", [], "€900"),
    ],
)
def test_a_number_out_of_range_is_answered_with_the_range(
    asked: Asked, question: str, answer: list[object], bound: str
) -> None:
    assert asked.rows(question) == answer
    assert bound in asked.ask(question).text


def test_a_metric_divided_by_zero_is_explained(asked: Asked) -> None:
    found = asked.ask("What was the return rate of orders with channel web?")
    assert found.status == "answered", found.text
    assert found.table is not None and found.table.rows[0][0] == 0
    none = asked.ask("What was the return rate of orders with channel phone?")
    assert (none.status, none.route) == ("answered", "tables"), none.text
    assert none.table is not None and none.table.rows == ((None,),)
    assert "zero" in none.text
    ranked = asked.rows("return rate by channel")
    assert dict(ranked) == {"web": 0.0, "phone": None, "mail": None}


SECRET = (
    "What is the average monthly salary?",
    "How many salaries are there?",
    "What is the monthly salary of Person 3?",
    "How many salries are there?",
    "How many orders with status lost and salary 100?",
)


@pytest.mark.parametrize("question", SECRET)
def test_what_a_visitor_may_not_see_does_not_exist(asked: Asked, question: str) -> None:
    hidden = asked.ask(question, role="visitor")
    unknown = asked.ask(question.replace("salar", "zepplar").replace("salr", "zeplr"), role="visitor")
    assert hidden.status == unknown.status == "refused"
    assert hidden.refusal is not None and unknown.refusal is not None
    assert hidden.refusal.code == unknown.refusal.code
    plain = unknown.text.replace("zepplar", "salar").replace("zeplr", "salr")
    assert hidden.text == plain


def test_hidden_and_unknown_take_about_as_long(asked: Asked) -> None:
    def median(question: str) -> float:
        times = []
        for _ in range(9):
            started = time.perf_counter()
            asked.ask(question, role="visitor")
            times.append(time.perf_counter() - started)
        return statistics.median(times)

    hidden, unknown = median("How many salaries are there?"), median("How many zepplaries are there?")
    assert hidden < 3 * unknown + 0.01 and unknown < 3 * hidden + 0.01


def test_the_owner_may_see_what_the_visitor_may_not(asked: Asked) -> None:
    assert asked.rows("How many salaries are there?") == [(10,)]


def test_a_table_of_a_thousand_columns(tmp_path: Path) -> None:
    opened = Asked(tmp_path / "home")
    names = ["sensor_name", *(f"reading_{n}" for n in range(1, 999)), "humidity"]
    rows = [[f"s{r}", *range(r, r + 998), r * 1.5] for r in range(1, 51)]
    opened.add_sheets("wide", {"sensors": (names, rows)})
    assert opened.rows("What is the average humidity of sensors?") == [(38.25,)]
    assert opened.rows("What is the highest reading 500?") == [(549,)]
    assert opened.rows("What is the humidity of sensor s7?") == [(10.5,)]
    started = time.perf_counter()
    opened.ask("average humidity of sensors")
    assert time.perf_counter() - started < 1
    opened.engine.close()


@pytest.mark.parametrize(
    "question",
    [
        "What's Ada's and Bo's share?",
        "Which hat was on sale as of May?",
        "plus sizes on offer",
        "",
        "🙂",
    ],
)
def test_english_is_not_taken_for_another_language(question: str) -> None:
    assert other_language(question) is None


@pytest.mark.parametrize(
    ("personal", "code", "named"), [(False, "no_such_value", "town"), (True, "not_understood", "“Wakanda”")]
)
def test_a_place_is_looked_for_among_places_and_not_among_names(
    tmp_path: Path, personal: bool, code: str, named: str
) -> None:
    """Of stores in Wakanda neither the stores' names are told, nor, where their towns are personal, other towns."""
    description = tmp_path / "describe.yaml"
    kind = "address" if personal else "none"
    description.write_text(
        f"tables:\n  stores:\n    columns:\n      town: {{pii: {kind}}}\n      store_name: {{synonyms: [store]}}\n"
    )
    opened = Asked(tmp_path / "home")
    towns = ["Kiel", "Emden", "Husum"]
    stores = [[n, f"Harbour {n}", towns[n % 3], n % 4 + 1] for n in range(1, 13)]
    regions = [[n, f"Region {n}", ["Wismar", "Stade"][n % 2]] for n in range(1, 5)]
    sheets = {
        "stores": (["store_id", "store_name", "town", "region_id"], stores),
        "regions": (["region_id", "region_name", "main_city"], regions),
    }
    opened.add_sheets("shop", sheets, description_path=str(description))
    found = opened.ask("How many stores are in Wakanda?")
    assert found.status == "refused" and found.refusal is not None
    assert found.refusal.code == code
    assert named in found.text
    assert "Harbour" not in found.text
    assert not (personal and "Wismar" in found.text)
    assert opened.rows("How many stores are called Harbour 3?") == [(1,)]
    opened.engine.close()
