"""The same questions have the same answers copied and live, on PostgreSQL and on MariaDB."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import msgspec
import pytest
from shop_servers import SAMPLE

from app.answer import answer
from app.asking import question_from
from app.engine import Engine
from app.evals import Case, load
from app.evals.metrics import same_rows
from app.execution.tables import database_name
from app.settings import load_settings
from app.validation import Rejected, validate
from app.values import Answer, Caller, Deadline, Rows

pytestmark = pytest.mark.service

CASES = [case for case in load(SAMPLE / "questions.jsonl") if case.expect.queries]
SOURCES = ("postgresql-copy", "postgresql-live", "mariadb-copy", "mariadb-live")
DIALECTS = {"postgresql-live": "postgres", "mariadb-live": "mysql"}


@pytest.fixture(scope="module")
def engine(shop_home: Path) -> Iterator[Engine]:
    opened = Engine(load_settings({"ANSWERABLE_HOME": str(shop_home)}))
    yield opened
    opened.close()


def ask(engine: Engine, case: Case, source: str) -> Answer:
    today = case.today or date(2026, 6, 30)
    return answer(question_from(case.question, engine, Caller(), sources=[source], today=today), engine)


COMPUTED = (
    "most expensive product in each category",
    "top 2 products by net revenue in each category",
    "How did net revenue grow from 2024 to 2025?",
    "month over month growth of orders in 2025",
    "running total of net revenue by month in 2025",
    "rank stores by floor area",
    "second most expensive product",
    "difference between the highest and the lowest list price",
    "How many customers have more than 10 orders?",
    "How many customers have fewer than 3 orders?",
    "products more expensive than the average of their category",
    "percentage of orders that are cancelled",
    "Which products weigh more than 3 kg?",
)
COMPUTED_CASES = [msgspec.structs.replace(CASES[0], id=question, question=question) for question in COMPUTED]


@pytest.mark.parametrize("case", [*CASES, *COMPUTED_CASES], ids=lambda case: case.id)
def test_sample_questions(engine: Engine, case: Case) -> None:
    expected = ask(engine, case, "files")
    assert expected.status == "answered" or case not in COMPUTED_CASES, expected.text
    for source in SOURCES:
        found = ask(engine, case, source)
        assert found.status == expected.status, (source, found.text)
        assert found.route == expected.route
        if expected.table is None or expected.sql is None:
            continue
        assert found.table is not None and found.sql is not None
        assert found.sql.dialect == DIALECTS.get(source, "duckdb")
        assert [c.name for c in found.table.columns] == [c.name for c in expected.table.columns], source
        ordered = "ORDER BY" in expected.sql.text
        assert same_rows(found.table.rows, expected.table.rows, ordered=ordered), source
        if len(found.table.rows) == 1:
            assert re.sub(r"\s+", " ", found.text) == re.sub(r"\s+", " ", expected.text)


STATEMENTS = [
    "SELECT count(*), count(store_id), count(DISTINCT store_id) FROM orders",
    "SELECT count(DISTINCT (customer_id, store_id)) FROM orders",
    "SELECT avg(list_price), avg(weight_g), sum(weight_g), min(launch_date), max(product_name) FROM products",
    "SELECT avg(unit_price), sum(unit_price), sum(quantity) / count(*), 100.0 * sum(quantity) / nullif(count(*), 0) FROM order_items",
    "SELECT 7 / 2, 7 // 2, -7 // 2, 7 % 3, -7 % 3, order_id / 4 FROM orders WHERE order_id < 20 ORDER BY order_id",
    "SELECT count(*) FILTER (WHERE status = 'X'), sum(shipping_fee) FILTER (WHERE channel = 'web'), count(DISTINCT customer_id) FILTER (WHERE status <> 'X') FROM orders",
    "SELECT avg(shipping_fee) FILTER (WHERE channel = 'nowhere'), count(*) FILTER (WHERE channel = 'nowhere') FROM orders",
    "SELECT status, count(*) FROM orders WHERE status = 'x' GROUP BY status",
    "SELECT count(*) FROM customers WHERE city ILIKE '%ZÜRICH%' OR city ILIKE 'm_nchen' OR city LIKE 'b%'",
    "SELECT count(*) FROM products WHERE product_name LIKE '%\\%' OR product_name ILIKE '%50\\%%' ESCAPE '\\'",
    "SELECT DISTINCT city FROM customers ORDER BY city NULLS LAST LIMIT 40",
    "SELECT loyalty_tier, count(*) FROM customers GROUP BY loyalty_tier ORDER BY loyalty_tier",
    "SELECT loyalty_tier, count(*) FROM customers GROUP BY loyalty_tier ORDER BY loyalty_tier DESC NULLS LAST",
    "SELECT loyalty_tier, count(*) FROM customers GROUP BY loyalty_tier ORDER BY loyalty_tier NULLS FIRST",
    "SELECT promo_code, sum(shipping_fee) AS total FROM orders GROUP BY promo_code ORDER BY total DESC NULLS LAST, promo_code LIMIT 5",
    "SELECT CAST(date_trunc('month', order_date) AS DATE) AS m, count(*) FROM orders GROUP BY 1 ORDER BY 1",
    "SELECT CAST(date_trunc('week', opened_at) AS DATE) AS w, count(*) FROM support_tickets GROUP BY 1 ORDER BY 1 LIMIT 60",
    "SELECT CAST(date_trunc('quarter', opened_at) AS DATE) AS q, count(*) FROM support_tickets GROUP BY 1 ORDER BY 1",
    "SELECT date_trunc('year', order_date) AS y, count(*) FROM orders GROUP BY 1 ORDER BY 1",
    "SELECT year(order_date), month(order_date), count(*) FROM orders GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT extract(dow FROM order_date) AS d, extract(week FROM order_date) AS w, count(*) FROM orders GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT strftime(order_date, '%Y-%m') AS m, count(*) FROM orders GROUP BY 1 ORDER BY 1",
    "SELECT date_diff('day', launch_date, discontinued_on), date_diff('month', launch_date, discontinued_on), discontinued_on - launch_date FROM products ORDER BY product_id",
    "SELECT count(*) FROM orders WHERE order_date >= DATE '2025-12-31' + INTERVAL 1 MONTH AND order_date < '2026-03-01'",
    "SELECT waterproof, count(*), max(list_price) FROM products WHERE waterproof GROUP BY waterproof",
    "SELECT waterproof, NOT waterproof, waterproof = true FROM products ORDER BY product_id LIMIT 5",
    "SELECT max(waterproof), min(waterproof), sum(waterproof) FROM products",
    "SELECT round(list_price, 1), round(unit_cost), floor(list_price), ceil(list_price), abs(list_price - unit_cost) FROM products ORDER BY product_id",
    "SELECT round(unit_price * (1 - discount), 2) FROM order_items ORDER BY order_id, line_number LIMIT 100",
    "SELECT upper(city), lower(country), length(city), left(city, 3), substring(city, 2, 4), city || ', ' || country FROM customers ORDER BY customer_id LIMIT 50",
    "SELECT store_name FROM stores WHERE opened_on > (SELECT min(opened_on) FROM stores) ORDER BY store_name",
    "SELECT count(*) FROM customers WHERE NOT EXISTS (SELECT 1 FROM orders WHERE orders.customer_id = customers.customer_id)",
    "SELECT count(*) FROM customers WHERE customer_id NOT IN (SELECT customer_id FROM orders)",
    "SELECT city FROM customers INTERSECT SELECT city FROM stores ORDER BY city",
    "SELECT city FROM stores EXCEPT SELECT city FROM customers WHERE country = 'Germany' ORDER BY city",
    "SELECT channel, status FROM orders UNION SELECT 'none', 'none' FROM stores ORDER BY 1, 2",
    "WITH m AS (SELECT customer_id, count(*) AS n FROM orders GROUP BY customer_id) SELECT n, count(*) FROM m WHERE n > (SELECT avg(n) FROM m) GROUP BY n ORDER BY n",
    "SELECT category, product_name, r FROM (SELECT category, product_name, rank() OVER (PARTITION BY category ORDER BY list_price DESC, product_id) AS r FROM products) t WHERE r <= 2 ORDER BY category, r",
    "SELECT m, n, sum(n) OVER (ORDER BY m), n - lag(n) OVER (ORDER BY m), avg(n) OVER (ORDER BY m ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM (SELECT month(order_date) AS m, count(*) AS n FROM orders WHERE year(order_date) = 2024 GROUP BY 1) t ORDER BY m",
    "SELECT channel, 100.0 * count(*) / nullif(sum(count(*)) OVER (), 0) AS share FROM orders GROUP BY channel ORDER BY channel",
    "SELECT stores.city, count(orders.order_id) FROM stores LEFT JOIN orders ON orders.store_id = stores.store_id AND orders.status = 'D' GROUP BY stores.city ORDER BY stores.city",
    "SELECT CASE WHEN list_price > 100 THEN 'dear' ELSE 'cheap' END AS c, count(*), stddev(list_price), var_pop(weight_g) FROM products GROUP BY 1 HAVING count(*) > 1 ORDER BY 1",
    "SELECT coalesce(loyalty_tier, 'none') AS t, nullif(marketing_opt_in, false) AS o, count(*) FROM customers GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT count(*) FROM orders WHERE order_date BETWEEN '2024-01-01' AND '2024-01-31' AND channel IN ('web', 'WEB') AND order_id BETWEEN '1' AND 100000",
    "SELECT CAST(order_id AS VARCHAR), CAST(order_date AS VARCHAR), CAST(shipping_fee IS NULL AS INTEGER) FROM orders ORDER BY order_id LIMIT 5",
]


def run(engine: Engine, sql: str, source: str) -> Rows:
    snapshot = engine.store.snapshot()
    query = validate(sql, snapshot.sources[source].catalog, database=database_name(source), max_rows=100)
    return engine.tables.run(query, snapshot, Deadline.after(20))


def _near(cell: object) -> object:
    """Sums and averages of doubles hang on the order of the rows in their last digits."""
    return pytest.approx(cell, rel=1e-12) if isinstance(cell, float) else cell


@pytest.mark.parametrize("sql", STATEMENTS)
def test_statements(engine: Engine, sql: str) -> None:
    for scheme in ("postgresql", "mariadb"):
        copied, live = run(engine, sql, f"{scheme}-copy"), run(engine, sql, f"{scheme}-live")
        assert live.columns == copied.columns
        assert live.truncated == copied.truncated
        for mine, theirs in zip(live.rows, copied.rows, strict=True):
            assert [type(cell) for cell in mine] == [type(cell) for cell in theirs]
            assert [_near(cell) for cell in mine] == list(theirs)


@pytest.mark.parametrize(
    ("sql", "servers"),
    [
        ("SELECT median(weight_g), quantile_cont(discount, 0.9) FROM products, order_items WHERE products.product_id = order_items.product_id", ("mariadb",)),
        ("SELECT median(unit_price) FROM order_items", ("mariadb", "postgresql")),
        ("SELECT arg_max(city, customer_id) FROM customers", ("mariadb", "postgresql")),
        ("SELECT greatest(list_price, unit_cost) FROM products", ("mariadb", "postgresql")),
        ("SELECT CAST(list_price AS VARCHAR) FROM products", ("mariadb", "postgresql")),
        ("SELECT city FROM customers QUALIFY row_number() OVER (ORDER BY city) = 1", ("mariadb", "postgresql")),
        ("SELECT DISTINCT ON (city) city, customer_id FROM customers", ("mariadb", "postgresql")),
        ("SELECT count(*) FROM orders WHERE order_date = 'yesterday'", ("mariadb", "postgresql")),
        ("SELECT count(*) FROM orders WHERE order_id = 'abc'", ("mariadb", "postgresql")),
        ("SELECT order_date + 1 FROM orders", ("mariadb", "postgresql")),
        ("SELECT string_agg(city, ',') FROM customers", ("mariadb", "postgresql")),
    ],
)  # fmt: skip
def test_what_would_not_mean_the_same_is_refused(engine: Engine, sql: str, servers: tuple[str, ...]) -> None:
    for scheme in ("postgresql", "mariadb"):
        if scheme not in servers:
            assert run(engine, sql, f"{scheme}-live").rows == run(engine, sql, f"{scheme}-copy").rows
            continue
        with pytest.raises(Rejected, match="live source") as refused:
            run(engine, sql, f"{scheme}-live")
        assert [finding.rule for finding in refused.value.findings] == ["dialect"]
