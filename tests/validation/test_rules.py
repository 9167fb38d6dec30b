"""Every rule on statements that must never run and on queries that must."""

from __future__ import annotations

import pytest

from app.validation import Rejected, check_sql, validate
from ingest.stores.catalog import Catalog, Column, Table


def column(name, kind="integer", **more):
    return Column(name=name, type=kind, sql_type="BIGINT" if kind == "integer" else "VARCHAR", **more)


CATALOG = Catalog(
    source="shop",
    tables=(
        Table(
            name="customers",
            path="c",
            rows=1000,
            columns=(column("id"), column("name", "text", pii="PERSON"), column("email", "text", pii="EMAIL_ADDRESS")),
        ),
        Table(
            name="orders",
            path="o",
            rows=5000,
            columns=(column("id"), column("customer_id"), column("total"), column("day", "text")),
        ),
        Table(name="Order Details", path="d", rows=9000, columns=(column("order id"), column("Ünit", "text"))),
    ),
)

UNSAFE = {
    "single_query": [
        "DROP TABLE orders",
        "DELETE FROM orders",
        "UPDATE orders SET total = 0",
        "INSERT INTO orders VALUES (1,2,3,'x')",
        "CREATE TABLE t AS SELECT 1",
        "ATTACH 'x.duckdb' AS x",
        "COPY orders TO 'out.csv'",
        "PRAGMA version",
        "SET threads = 1",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT * FROM r",
        "SELECT * INTO t FROM orders",
        "SHOW TABLES",
        "DESCRIBE orders",
        "SUMMARIZE orders",
        "EXPLAIN SELECT 1",
        "CALL enable_logging()",
        "BEGIN",
        "VACUUM",
        "USE memory",
        "SELECT * FROM orders FOR UPDATE",
        "SELECT * FROM orders USING SAMPLE 10%",
        "WITH d AS (SELECT 1) INSERT INTO orders SELECT 1,2,3,'4'",
    ],
    "parse": [
        "SELECT 1; DROP TABLE orders",
        "SELECT 1;;DROP TABLE orders",
        "",
        "   ;",
        "SELECT FROM WHERE",
        "SELECT (" * 400,
    ],
    "known_functions": [
        "SELECT * FROM read_csv('secret.csv')",
        "SELECT * FROM ReAd_TeXt ('secret.csv')",
        "SELECT * FROM \"read_text\"('x')",
        "SELECT getenv('HOME')",
        "SELECT current_setting('memory_limit')",
        "SELECT * FROM query('SELECT 1')",
        "FROM query_table('orders')",
        "SELECT * FROM duckdb_secrets()",
        "SELECT * FROM range(1000000000)",
        "SELECT list_sum(range(1000000000))",
        "SELECT repeat('a', 1000000000)",
        "SELECT * FROM generate_series(1, 100000000000)",
        "SELECT nextval('s')",
        "SELECT version()",
        "SELECT * FROM glob('*')",
        "SELECT pg_sleep(10)",
        "SELECT total FROM orders WHERE getvariable('x') = 1",
    ],
    "known_tables": [
        "SELECT * FROM 'secret.csv'",
        'SELECT * FROM "secret.csv"',
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM 'https://x.example/y.parquet'",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM pg_catalog.pg_tables",
        "SELECT * FROM sqlite_master",
        "SELECT * FROM other.main.orders",
        "SELECT id FROM orders UNION ALL SELECT 1 FROM secrets",
        "SELECT (SELECT max(x) FROM hidden) FROM orders",
        "WITH x AS (SELECT * FROM hidden) SELECT * FROM x",
    ],
    "known_columns": [
        "SELECT salary FROM customers",
        "SELECT rowid FROM orders WHERE nope = 1",
        "SELECT o.secret FROM orders AS o",
    ],
    "named_columns": [
        "SELECT c FROM customers c",
        "SELECT customers FROM customers",
        "SELECT list(c) FROM customers AS c",
        "SELECT c::text FROM customers c",
        "SELECT c['email'] FROM customers c",
        "SELECT CASE WHEN true THEN c END FROM customers c",
        "SELECT name AS c, C FROM customers c",
        "SELECT * REPLACE (customers AS name) FROM customers",
        "SELECT x FROM (SELECT email AS harmless FROM customers) x",
        "SELECT a.x FROM (SELECT c AS x FROM customers c) a",
        "WITH e AS (SELECT email FROM customers) SELECT e FROM e",
        "SELECT id FROM orders UNION ALL SELECT customers FROM customers",
        "SELECT (SELECT max(c) FROM orders o WHERE o.customer_id = c.id) FROM customers c",
        "SELECT count(*) FROM orders o GROUP BY o",
        "SELECT rank() OVER (ORDER BY o) AS o FROM orders o",
        "SELECT b FROM customers AS c(a, b)",
        "SELECT c.b FROM customers AS c(a, b, d)",
    ],
    "bounded_joins": [
        "SELECT * FROM orders a, orders b, orders c",
        "SELECT count(*) FROM customers a, customers b, customers c, customers d, customers e",
        "SELECT 1 FROM orders CROSS JOIN customers CROSS JOIN orders AS o2",
    ],
}
SAFE = [
    "SELECT count(*) FROM orders",
    "SELECT name FROM customers WHERE id IN (SELECT customer_id FROM orders WHERE total > 10)",
    "SELECT c.name, sum(o.total) AS spent FROM customers c JOIN orders o ON c.id = o.customer_id GROUP BY c.name HAVING sum(o.total) > 5 ORDER BY spent DESC LIMIT 3",
    "SELECT c.name FROM customers AS c, orders AS o WHERE c.id = o.customer_id AND o.day LIKE '2025%'",
    "WITH big AS (SELECT * FROM orders WHERE total > 100) SELECT count(*) FROM big",
    "SELECT id FROM orders EXCEPT SELECT id FROM customers",
    'SELECT "order id", "Ünit" FROM "Order Details"',
    "SELECT id, row_number() OVER (PARTITION BY customer_id ORDER BY total DESC) FROM orders",
    "SELECT CASE WHEN total > 10 THEN 'big' ELSE 'small' END, CAST(id AS VARCHAR) FROM orders",
    "SELECT date_trunc('month', CAST(day AS DATE)), count(*) FROM orders GROUP BY 1",
    "SELECT total / NULLIF((SELECT sum(total) FROM orders), 0) FROM orders",
    "SELECT 'DROP TABLE orders; --' AS harmless FROM orders",
    "SELECT * FROM main.orders",
    "SELECT COUNT(*) FROM ORDERS",
    "SELECT day, count(*) AS orders FROM orders GROUP BY day ORDER BY orders DESC",
    "SELECT day, count(*) AS orders FROM orders GROUP BY day HAVING orders > 1",
    "SELECT x.a FROM (SELECT id, total FROM orders) AS x(a, b)",
    "WITH e(a) AS (SELECT total FROM orders) SELECT max(a) FROM e",
]


@pytest.mark.parametrize(("rule", "sql"), [(rule, sql) for rule, statements in UNSAFE.items() for sql in statements])
def test_unsafe_statements_are_rejected_with_a_reason(rule, sql):
    checked = check_sql(sql, CATALOG)
    assert not checked.allowed and checked.sql is None
    assert all(f.message for f in checked.findings)
    assert rule in {f.rule for f in checked.findings} | ({"single_query"} if rule != "single_query" else set()), (
        checked.findings
    )


@pytest.mark.parametrize("sql", SAFE)
def test_reading_queries_pass_and_validation_is_idempotent(sql):
    once = check_sql(sql, CATALOG)
    assert once.allowed, once.findings
    assert once.sql is not None and check_sql(once.sql, CATALOG).sql == once.sql


def validated(sql, catalog=CATALOG, rows=10):
    return validate(sql, catalog, database="s_1", max_rows=rows)


def test_the_executable_names_the_sandbox_and_bounds_the_rows():
    query = validated("SELECT id FROM orders")
    assert '"s_1"."main"."orders"' in query.executable and query.executable.endswith("LIMIT 11")
    assert query.tables == ("orders",)


def test_a_limit_of_its_own_is_kept_inside_the_bound():
    assert "LIMIT 5" in validated("SELECT id FROM orders ORDER BY total LIMIT 5").executable


def test_a_star_shows_only_visible_columns():
    query = validated(
        "SELECT * FROM customers",
        Catalog(source="s", tables=(Table(name="customers", path="c", rows=1, columns=(column("id"),)),)),
    )
    assert "email" not in query.executable


@pytest.mark.parametrize(
    ("sql", "kinds"),
    [
        ("SELECT id, name, email FROM customers", (None, "PERSON", "EMAIL_ADDRESS")),
        ("SELECT * FROM (SELECT email AS id FROM customers) AS x", ("EMAIL_ADDRESS",)),
        ("SELECT upper(substr(email, 1, 3)) || 'x' FROM customers", ("EMAIL_ADDRESS",)),
        ("SELECT max(email), count(email), count(*) FROM customers", ("EMAIL_ADDRESS", None, None)),
        ("WITH e AS (SELECT email AS harmless FROM customers) SELECT harmless FROM e", ("EMAIL_ADDRESS",)),
        ("SELECT day FROM orders UNION SELECT email FROM customers", ("EMAIL_ADDRESS",)),
        (
            "SELECT (SELECT max(c.email) FROM customers AS c WHERE c.id = o.customer_id) FROM orders AS o",
            ("EMAIL_ADDRESS",),
        ),
        ("SELECT CASE WHEN id > 1 THEN name END FROM customers", ("PERSON",)),
        ("SELECT string_agg(email, ',') FROM customers", ("EMAIL_ADDRESS",)),
    ],
)
def test_personal_data_is_followed_through_the_query(sql, kinds):
    assert validated(sql).personal == kinds


def test_a_rejected_statement_carries_every_finding():
    with pytest.raises(Rejected) as caught:
        validated("SELECT getenv('HOME') FROM hidden")
    assert {f.rule for f in caught.value.findings} == {"known_functions", "known_tables"}
    assert caught.value.code == "sql_rejected"
