"""What is told of a statement without a plan: restated from its tree, and how much of a question it accounts for."""

import pytest

from app.planning.coverage import coverage
from app.planning.planner import Planner
from app.verbalising.sql_restatement import restated
from app.verified.outputs import outputs_of
from app.verified.reading import read_sql
from tests.planning.shop import TODAY, build


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return build(tmp_path_factory.mktemp("restated"))


def told(shop, statement):
    reading = read_sql(statement, shop.catalog)
    return restated(reading, outputs_of(reading), "shop", tuple(reading.schema))


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("SELECT count(*) FROM orders", "Number of orders"),
        ("SELECT country, count(*) AS n FROM customers GROUP BY country", "Country and number of customers from customers"),
        ("SELECT count(*) FROM orders WHERE status = 'paid' AND shipping_fee > 5", "Number of orders, with status “paid”, with shipping fee over 5"),
        ("SELECT count(*) FROM orders WHERE 5 < shipping_fee", "Number of orders, with shipping fee over 5"),
        ("SELECT count(*) FROM orders WHERE status IN ('paid', 'shipped') AND NOT status = 'x'", "Number of orders, with status “paid” or “shipped”, further conditions are in the query"),
        ("SELECT count(*) FROM orders WHERE shipping_fee BETWEEN 1 AND 5", "Number of orders, with shipping fee from 1 to 5"),
        ("SELECT count(*) FROM customers WHERE email IS NULL", "Number of customers, with no email"),
        ("SELECT product_name FROM products WHERE product_name LIKE '%Tent' LIMIT 3", "Product name from products, with product name like “%Tent”, the first 3"),
        ("SELECT count(*) FROM orders WHERE order_date >= DATE '2025-03-01' AND order_date < DATE '2025-04-01'", "Number of orders, in March 2025 (order date)"),
        ("SELECT count(*) FROM orders WHERE order_date >= DATE '2025-03-01'", "Number of orders, from 1 March 2025 on (order date)"),
        ("SELECT count(*) FROM orders WHERE order_date < DATE '2025-03-01'", "Number of orders, before 1 March 2025 (order date)"),
        ("SELECT status FROM orders GROUP BY status HAVING count(*) > 1", "Status from orders, further conditions are in the query"),
        ("SELECT full_name FROM customers WHERE customer_id IN (SELECT customer_id FROM orders)", "Full name from customers and orders, further conditions are in the query"),
        ("SELECT status FROM orders UNION SELECT country FROM customers", "Status from customers and orders, further conditions are in the query"),
        ("SELECT count(*) FROM products WHERE waterproof = TRUE", "Number of products, with waterproof “yes”"),
    ],
)  # fmt: skip
def test_a_statement_in_words(shop, statement, text):
    assert told(shop, statement).text == text


def test_its_parts(shop):
    found = told(
        shop,
        "SELECT count(*) FROM orders WHERE status = 'paid' AND order_date >= '2025-03-01' AND order_date < '2025-04-01'",
    )
    assert (found.source, found.tables, found.conditions) == ("shop", ("orders",), ("with status “paid”",))
    assert (found.period.first, found.period.last) == ("2025-03-01", "2025-03-31")


@pytest.mark.parametrize(
    ("question", "statement", "share"),
    [
        ("mean shipping fee", "SELECT avg(shipping_fee) FROM orders", 1.0),
        ("mean shipping fee", "SELECT country FROM customers", 0.0),
        ("paid orders of zebras", "SELECT count(*) FROM orders WHERE status = 'paid'", 2 / 3),
        ("customers from Germany", "SELECT count(*) FROM customers WHERE country = 'Germany'", 1.0),
        ("customers from Germany", "SELECT count(*) FROM customers", 0.5),
        ("revenue by category", "SELECT category, sum(quantity * unit_price) FROM order_items JOIN products USING (product_id) GROUP BY 1", 1.0),
        ("Wie viele Kunden haben wir in der Stadt?", "SELECT count(*) FROM customers", None),
    ],
)  # fmt: skip
def test_words_that_a_statement_accounts_for(shop, question, statement, share):
    planner = Planner(shop.catalog, shop.values, ("public", "internal"))
    found = coverage(question, read_sql(statement, shop.catalog), planner, TODAY)
    assert found == (None if share is None else pytest.approx(share))
