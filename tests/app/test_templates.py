"""Wording over the small shop: every number in a text is a figure, and every figure is the cell it names."""

from __future__ import annotations

import re

import duckdb
import msgspec
import pytest

from app.planning.schema_index import SchemaIndex
from app.table_answers import outside_the_data
from app.validation import validate
from app.values import ColumnInfo, Rows
from app.verbalising.numbers import percent, spoken
from app.verbalising.restatement import computed
from app.verbalising.templates import word
from tests.planning.shop import TODAY, build


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return build(tmp_path_factory.mktemp("shop"))


def worded(shop, question):
    from app.scrubbing import scrub_rows

    best = shop.planner.plan(question, TODAY).candidates[0]
    query = validate(best.sql, shop.catalog, database="tables", max_rows=100)
    with duckdb.connect(str(shop.path), read_only=True) as connection:
        cursor = connection.execute(query.executable)
        names = [item.alias for item in (*best.plan.select, *best.plan.evidence)]
        columns = tuple(ColumnInfo(name, "other") for name in names)
        rows = Rows(columns=columns, rows=tuple(cursor.fetchall()), truncated=False)
    scrubbed, _ = scrub_rows(query, rows, sees_personal_data=False)
    return word(best.plan, scrubbed, shop.planner.index), scrubbed


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How many customers are there?", "There are 4 customers."),
        ("How many customers are from France?", "There is 1 customer with country “France”."),
        ("net revenue in March 2025", "The net revenue in March 2025 (order date) is €150."),
        ("Which products weigh less than 100?", "No products with weight g under 100."),
        ("How many products are waterproof?", "There are 3 products with waterproof “yes”."),
        (
            "How many orders were not paid in 2025?",
            "There are 2 orders with status other than “paid” in 2025 (order date).",
        ),
        ("Which customers have never placed an order?", "1 customer with no orders: Di Noor."),
        ("What is the average weight of tents?", "The average weight g of products with category “tents” is 2,550."),
    ],
)
def test_short_answers(shop, question, text):
    assert worded(shop, question)[0].text == text


@pytest.mark.parametrize(
    "question",
    [
        "How many customers are there?",
        "net revenue by category",
        "top 2 products by net revenue",
        "Which customer placed the most orders?",
        "List the names and prices of products with a price between 60 and 150",
        "Number of orders per month in 2025",
        "What is the average weight of tents?",
    ],
)
def test_every_figure_is_its_cell(shop, question):
    found, rows = worded(shop, question)
    assert found.figures
    names = [column.name for column in rows.columns]
    for figure in found.figures:
        assert figure.text in found.text
        if figure.row is not None:
            cell = rows.rows[figure.row][names.index(figure.column)]
            said = float(re.sub(r"[^\d.-]", "", figure.text))
            assert said == pytest.approx(float(cell), rel=1e-2)
            assert said == cell or figure.formula == "rounded"


def test_a_period_without_data_is_not_a_zero(shop):
    best = shop.planner.plan("How many orders were there in 2019?", TODAY).candidates[0]
    found = outside_the_data(best.plan, shop.planner)
    assert found.code == "not_in_data" and "2024-11-02" in found.reason
    inside = shop.planner.plan("How many orders were there in 2025?", TODAY).candidates[0]
    assert outside_the_data(inside.plan, shop.planner) is None


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1204, None, "1,204"),
        (1204.5, "EUR", "€1,204.50"),
        (-3.0, "USD", "-$3.00"),
        (12.5, "%", "12.5%"),
        (3.25, "kg", "3.25 kg"),
        (0.03456, None, "0.0346"),
        (1e6, None, "1,000,000"),
    ],
)
def test_numbers_are_written_as_people_read_them(value, unit, text):
    assert spoken(value, unit) == text


def test_every_number_of_a_text_is_a_figure(shop):
    for question in (
        "net revenue in March 2025",
        "List the names and prices of products with a price between 60 and 150",
        "top 2 products by net revenue in 2025",
        "How many customers are older than 30?",
    ):
        found, _ = worded(shop, question)
        left = found.text
        for text in sorted((figure.text for figure in found.figures), key=len, reverse=True):
            left = left.replace(text, "")
        assert not re.search(r"\d", left), (found.text, left)


def test_a_restatement_comes_from_the_plan(shop):
    plan = shop.planner.plan("top 2 products by net revenue in 2025", TODAY).candidates[0].plan
    said = computed(plan, shop.planner.index, ("orders", "products"))
    assert said.text == "Of all products in 2025 (order date), the 2 with the highest net revenue"
    assert (said.period.first, said.period.last) == ("2025-01-01", "2025-12-31")
    assert (said.source, said.tables, said.conditions) == ("shop", ("orders", "products"), ())


@pytest.mark.parametrize(
    ("value", "text"), [(0.1397, "14.0%"), (0.0, "0.0%"), (0.00423, "0.42%"), (1.0, "100.0%"), (-0.05, "-5.0%")]
)
def test_ratios_are_said_in_percent(value, text):
    assert percent(value) == text


def test_the_figure_of_a_ratio_says_how_it_follows_from_its_cell(shop):
    from app.scrubbing import scrub_rows

    catalog = msgspec.structs.replace(
        shop.catalog, metrics=(msgspec.structs.replace(shop.catalog.metrics[0], unit="ratio"),)
    )
    index = SchemaIndex(catalog, ("public", "internal"))
    best = shop.planner.plan("net revenue", TODAY).candidates[0]
    query = validate(best.sql, catalog, database="tables", max_rows=10)
    rows = Rows(columns=(ColumnInfo("net revenue", "number"),), rows=((0.1397,),), truncated=False)
    found = word(best.plan, scrub_rows(query, rows, sees_personal_data=False)[0], index)
    assert found.text == "The net revenue is 14.0%."
    assert [(f.text, f.row, f.column, f.formula) for f in found.figures] == [
        ("14.0%", 0, "net_revenue", "100 * net_revenue")
    ]
