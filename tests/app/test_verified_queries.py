"""Verified queries: which questions use one, with which values, and which never do."""

import msgspec
import pytest

from app.errors import AlreadyExists, InvalidRequest, NotFound, QuestionEmpty, QuestionTooLong
from app.validation import Rejected
from tests.app.verified_shop import HOSTILE, VISITOR, Shop, ingest_shop

IN_GERMANY = "SELECT count(*) FROM orders JOIN customers USING (customer_id) WHERE country = 'Germany'"
OF_ORDERS = "SELECT count(*) AS orders FROM orders WHERE "
SLOW = "SELECT count(*) FROM orders a" + "".join(
    f" JOIN orders {new} ON {old}.order_id < {new}.order_id" for old, new in zip("abcdef", "bcdefg", strict=True)
)
"""108 over 7, 2.7e10, rows."""
STATUS = OF_ORDERS + "status = 'paid'"


@pytest.fixture(scope="module")
def ingested(tmp_path_factory):
    folder = tmp_path_factory.mktemp("verified")
    ingest_shop(folder / "home", folder / "shop")
    return folder / "home"


@pytest.fixture
def shop(ingested, tmp_path):
    """The shop with nothing verified yet; its stores are shared, its state is not."""
    (tmp_path / "store").symlink_to(ingested / "store")
    return Shop(tmp_path)


def count(shop, condition):
    """What the tables hold, straight from the engine."""
    import duckdb

    path = shop.engine.store.snapshot().sources["shop"].tables_path
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(
            f"SELECT count(*) FROM orders JOIN customers USING (customer_id) WHERE {condition}"
        ).fetchone()[0]


@pytest.mark.parametrize(
    "asked",
    [
        "How many orders from Germany are paid?",
        "how many ORDERS from germany are paid",
        "HOW MANY ORDERS FROM GERMANY ARE PAID?",
        "Please tell me how many orders from Germany were paid.",
        "Could you tell me how many of the orders from Germany are paid, please?",
        "how many order from Germany is paid??",
    ],
)
def test_the_same_question_in_other_dress_is_answered_by_it(shop, asked):
    question = (
        "How many of the orders from Germany are paid?"
        if " of the " in asked
        else "How many orders from Germany are paid?"
    )
    query = shop.add(question, IN_GERMANY + " AND status = 'paid'")
    answer = shop.ask(asked)
    assert answer.verified == msgspec.convert({"id": query.id, "question": question}, type(answer.verified))
    assert (answer.status, answer.route, answer.confidence) == ("answered", "tables", 0.99)
    assert answer.table.rows == ((count(shop, "country = 'Germany' AND status = 'paid'"),),)


@pytest.mark.parametrize(
    ("verified", "sql", "asked"),
    [
        ("How many paid orders are there?", STATUS, "How many paid orders are there not?"),
        ("How many paid orders are there?", STATUS, "How many not paid orders are there?"),
        ("How many paid orders are there?", STATUS, "How many international paid orders are there?"),
        ("How many orders over 20?", OF_ORDERS + "amount > 20", "How many orders under 20?"),
        ("How many orders with more than 20?", OF_ORDERS + "amount > 20", "How many orders with less than 20?"),
        ("Show the orders by month", "SELECT date_trunc('month', order_date), count(*) FROM orders GROUP BY 1", "Show the orders by year"),
        ("What is the total amount by status?", "SELECT status, sum(amount) FROM orders GROUP BY 1", "What is the average amount by status?"),
        ("Which tickets opened in 2025?", OF_ORDERS + "year(order_date) = 2025", "Which tickets open in 2025?"),
        ("How many internal orders?", OF_ORDERS + "true", "How many international orders?"),
        ("How many orders didn't ship?", OF_ORDERS + "true", "How many orders did ship?"),
        ("How many orders can't ship?", OF_ORDERS + "true", "How many orders don't ship?"),
        ("How many orders from Germany?", IN_GERMANY, "How many orders from Frence?"),
        ("How many orders from Germany?", IN_GERMANY, "How many orders from United?"),
        ("How many orders in 2025?", OF_ORDERS + "year(order_date) = 2025", "How many orders over 2000?"),
        ("How many orders in 2025?", OF_ORDERS + "year(order_date) = 2025", "How many orders before 2025?"),
        ("How many orders in 2025?", OF_ORDERS + "year(order_date) = 2025", "How many orders since 2025?"),
        ("How many orders since 2025?", OF_ORDERS + "order_date >= DATE '2025-01-01'", "How many orders until 2025?"),
        ("How many orders from Germany?", IN_GERMANY, "How many orders to Germany?"),
        ("How many orders from Germany?", IN_GERMANY, "How many orders from Berlin?"),
        ("How many orders from Germany?", IN_GERMANY, "How many orders from Narnia?"),
        ("How many orders from Germany?", IN_GERMANY, "How many orders from Germany and France?"),
        ("How many orders from Germany?", IN_GERMANY, "How many customers from Germany?"),
        ("Which students have grade A?", OF_ORDERS + "true", "Which students have grade?"),
        ("List price of tents", "SELECT list_price FROM products WHERE category = 'tents'", "Price of tents"),
        ("The top 2 products", "SELECT product_name FROM products ORDER BY list_price DESC LIMIT 2", "The bottom 2 products"),
        ("The top 2 products", "SELECT product_name FROM products ORDER BY list_price DESC LIMIT 2", "The top 0 products"),
        ("The top 2 products", "SELECT product_name FROM products ORDER BY list_price DESC LIMIT 2", "The top two hundred products"),
        ("Orders of customers who signed up in 2024", OF_ORDERS + "year(order_date) = 2024", "In 2024, orders of customers who signed up"),
        ("Orders of products launched in 2024", OF_ORDERS + "year(order_date) = 2024", "In 2024, orders of products launched"),
    ],
)  # fmt: skip
def test_another_question_never_uses_it(shop, verified, sql, asked):
    shop.add(verified, sql)
    assert shop.ask(verified).verified is not None
    assert shop.ask(asked).verified is None


@pytest.mark.parametrize(
    ("asked", "country"),
    [
        ("How many orders from France?", "France"),
        ("How many orders from UK?", "United Kingdom"),
        ("How many orders from the united kingdom", "United Kingdom"),
        ("How many orders from 'France'?", "France"),
    ],
)
def test_another_value_of_the_column_is_put_in(shop, asked, country):
    shop.add("How many orders from Germany?", IN_GERMANY)
    answer = shop.ask(asked)
    assert answer.verified is not None
    assert answer.table.rows == ((count(shop, f"country = '{country}'"),),)
    assert f"country = '{country}'" in answer.sql.text


def test_a_stored_value_that_reads_like_sql_stays_a_literal(shop):
    shop.add("How many orders from Germany?", IN_GERMANY)
    answer = shop.ask("How many orders from Atlantis DROP TABLE orders?")
    assert answer.table.rows == ((count(shop, "country = '" + HOSTILE.replace("'", "''") + "'"),),)
    assert "country = 'Atlantis''; DROP TABLE orders; --'" in answer.sql.text
    assert shop.ask("How many orders are there?").table.rows == ((108,),)


def test_sql_in_a_question_is_refused_before_anything_matches(shop):
    shop.add("How many orders from Germany?", IN_GERMANY)
    answer = shop.ask("How many orders from Germany'; DROP TABLE orders; --?")
    assert (answer.status, answer.refusal.code, answer.verified) == ("refused", "unsafe", None)


def test_several_values_numbers_and_a_period_at_once(shop):
    shop.add(
        "What are the top 2 customers of orders over 20 from Germany or France in 2024?",
        "SELECT customer_id, sum(amount) AS spent FROM orders JOIN customers USING (customer_id) "
        "WHERE country IN ('Germany', 'France') AND amount > 20 AND year(order_date) = 2024 "
        "GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 2",
    )
    answer = shop.ask("Show me the top three customers of orders over 30.5 from France or UK in 2023")
    assert "IN ('France', 'United Kingdom')" in answer.sql.text
    assert "amount > 30.5 AND YEAR(order_date) = 2023" in answer.sql.text
    assert answer.sql.text.endswith("LIMIT 3")
    assert {row[0] for row in answer.table.rows} == {2, 4}
    assert answer.text.startswith("Customer id and spent — 2: €")


@pytest.mark.parametrize(
    ("condition", "asked", "expected"),
    [
        ("order_date >= DATE '2025-03-01' AND order_date < DATE '2025-04-01'", "in April 2024", "order_date >= '2024-04-01' AND order_date < '2024-05-01'"),
        ("order_date >= DATE '2025-03-01' AND order_date < DATE '2025-04-01'", "in 2024", "year(order_date) = 2024"),
        ("order_date >= DATE '2025-03-01' AND order_date < DATE '2025-04-01'", "last month", "order_date >= '2025-03-01' AND order_date < '2025-04-01'"),
        ("order_date >= DATE '2025-03-01' AND order_date < DATE '2025-04-01'", "in Q4 2024", "order_date >= '2024-10-01' AND order_date < '2025-01-01'"),
        ("DATE '2025-03-01' <= order_date AND '2025-04-01' > order_date", "in April 2024", "order_date >= '2024-04-01' AND order_date < '2024-05-01'"),
        ("order_date >= DATE '2025-03-01' AND order_date < DATE '2025-03-01' + INTERVAL 1 MONTH", "in April 2024", "order_date >= '2024-04-01' AND order_date < '2024-05-01'"),
        ("order_date BETWEEN '2025-03-01' AND '2025-03-31'", "in February 2024", "order_date >= '2024-02-01' AND order_date < '2024-03-01'"),
        ("order_date > DATE '2025-02-28' AND order_date <= DATE '2025-03-31'", "in February 2024", "order_date >= '2024-02-01' AND order_date < '2024-03-01'"),
        ("shipped_at BETWEEN '2025-03-01 00:00:00' AND '2025-03-31 23:59:59'", "in February 2024", "order_date >= '2024-02-01' AND order_date < '2024-03-01'"),
        ("shipped_at::DATE BETWEEN '2025-03-01' AND '2025-03-31'", "in February 2024", "order_date >= '2024-02-01' AND order_date < '2024-03-01'"),
        ("date_trunc('month', order_date) = DATE '2025-03-01'", "in April 2024", "order_date >= '2024-04-01' AND order_date < '2024-05-01'"),
        ("strftime(order_date, '%Y-%m') = '2025-03'", "in April 2024", "order_date >= '2024-04-01' AND order_date < '2024-05-01'"),
        ("year(order_date) = 2025 AND month(order_date) = 3", "in April 2024", "order_date >= '2024-04-01' AND order_date < '2024-05-01'"),
        ("extract(year FROM order_date) = 2025 AND date_part('month', order_date) = 3", "in April 2024", "order_date >= '2024-04-01' AND order_date < '2024-05-01'"),
        ("date_trunc('month', order_date) = DATE '2025-03-01'", "in 2024", None),
        ("year(order_date) = 2025 AND month(order_date) = 3", "in Q4 2024", None),
        ("order_date >= DATE '2025-03-01' AND order_date < DATE '2025-03-01' + INTERVAL 1 MONTH", "in 2024", "year(order_date) = 2024"),
        ("order_date >= DATE '2025-03-01' AND order_date < DATE '2025-04-01'", "since April 2024", None),
    ],
)  # fmt: skip
def test_a_month_in_any_literal_form_is_replaced_where_the_form_can_say_it(shop, condition, asked, expected):
    shop.add("How many orders were placed in March 2025?", OF_ORDERS + condition)
    rows = shop.rows(f"How many orders were placed {asked}?")
    assert rows == (None if expected is None else ((count(shop, expected),),))


@pytest.mark.parametrize(
    ("said", "condition", "asked", "expected"),
    [
        ("in 2025", "year(order_date) = 2025", "in 2024", "year(order_date) = 2024"),
        ("in 2025", "strftime('%Y', order_date) = '2025'", "in 2024", "year(order_date) = 2024"),
        ("in 2025", "year_sold = 2025", "in 2024", "year(order_date) = 2024"),
        ("in 2025", "year_sold = 2025", "in March 2024", None),
        ("in 2025", "year(order_date) = 2025", "in March 2024", None),
        ("in 2025", "order_date >= '2025-01-01' AND order_date < '2026-01-01'", "in March 2024", "order_date >= '2024-03-01' AND order_date < '2024-04-01'"),
        ("between 2023 and 2024", "year(order_date) BETWEEN 2023 AND 2024", "from 2024 to 2025", "year(order_date) >= 2024"),
        ("since 2024", "order_date >= DATE '2024-01-01'", "since 2025", "year(order_date) >= 2025"),
        ("since 2024", "year(order_date) >= 2024", "since 2025", "year(order_date) >= 2025"),
        ("since 2024", "year(order_date) >= 2024", "since March 2025", None),
        ("before March 2024", "order_date < DATE '2024-03-01'", "before 2025", "year(order_date) < 2025"),
        ("after 2023", "order_date > DATE '2023-12-31'", "after March 2025", "order_date >= '2025-04-01'"),
        ("until March 2024", "order_date <= DATE '2024-03-31'", "until April 2025", "order_date < '2025-05-01'"),
        ("last month", "order_date >= DATE '2025-03-01' AND order_date < DATE '2025-04-01'", "in March 2024", "order_date >= '2024-03-01' AND order_date < '2024-04-01'"),
        ("in the last 30 days", "order_date >= DATE '2025-03-17' AND order_date < DATE '2025-04-16'", "in the last 60 days", "order_date >= '2025-02-15' AND order_date < '2025-04-16'"),
    ],
)  # fmt: skip
def test_years_and_open_periods_keep_their_form(shop, said, condition, asked, expected):
    shop.add(f"How many orders were placed {said}?", OF_ORDERS + condition)
    rows = shop.rows(f"How many orders were placed {asked}?")
    assert rows == (None if expected is None else ((count(shop, expected),),))


def test_a_relative_period_moves_with_the_day_of_asking(shop):
    from datetime import date

    shop.add("How many orders last month?", OF_ORDERS + "order_date BETWEEN '2025-03-01' AND '2025-03-31'")
    answer = shop.ask("How many orders last month?", today=date(2024, 3, 5))
    assert "'2024-02-01'" in answer.sql.text
    assert "'2024-02-29'" in answer.sql.text


def test_a_relative_period_beside_other_fixed_dates_is_refused(shop):
    with pytest.raises(InvalidRequest, match="last month"):
        shop.add("How many orders last month?", OF_ORDERS + "order_date BETWEEN '2024-03-01' AND '2024-03-31'")
    shop.add(
        "How many orders last month?", OF_ORDERS + "order_date >= date_trunc('month', current_date) - INTERVAL 1 MONTH"
    )


@pytest.mark.parametrize(
    ("question", "sql", "other"),
    [
        # a second date that depends on the first
        ("Growth in March 2025?", "SELECT (SELECT count(*) FROM orders WHERE strftime(order_date, '%Y-%m') = '2025-03') / (SELECT count(*) FROM orders WHERE strftime(order_date, '%Y-%m') = '2025-02')", "Growth in April 2025?"),
        # a second year beside the one that is said
        ("Growth in 2025?", "SELECT count(*) FILTER (year_sold = 2025) - count(*) FILTER (year_sold = 2024) FROM orders", "Growth in 2024?"),
        # the value is also a label
        ("Share of Germany?", "SELECT 'Germany' AS place, count(*) FROM customers WHERE country = 'Germany'", "Share of France?"),
        # a constant of the same column stands beside it
        ("Customers in Germany?", "SELECT count(*) FROM customers WHERE country = 'Germany' AND country <> 'France'", "Customers in Luxembourg?"),
        # the same text in two columns
        ("Customers in Luxembourg?", "SELECT count(*) FROM customers WHERE country = 'Luxembourg' OR city = 'Luxembourg'", "Customers in Germany?"),
        # twice the same number
        ("The top 2 customers with 2 orders?", "SELECT customer_id FROM orders GROUP BY 1 HAVING count(*) >= 2 LIMIT 2", "The top 3 customers with 2 orders?"),
        # a number in a calculation
        ("Revenue with 19 percent tax?", "SELECT sum(amount) * 19 FROM orders", "Revenue with 20 percent tax?"),
        # a constant that stands for the length of the period
        ("Mean monthly orders in 2024?", "SELECT count(*) / 12 FROM orders WHERE order_date >= '2024-01-01' AND order_date < '2025-01-01'", "Mean monthly orders in March 2024?"),
    ],
)  # fmt: skip
def test_what_is_not_surely_aligned_is_fixed(shop, question, sql, other):
    shop.add(question, sql)
    assert shop.ask(question).verified is not None
    assert shop.ask(other).verified is None


def test_exact_fixes_the_values_but_not_the_day_of_asking(shop):
    query = shop.add("How many orders from Germany?", IN_GERMANY, exact=True)
    assert query.parameters == ()
    assert shop.ask("how many orders from germany").verified is not None
    assert shop.ask("How many orders from France?").verified is None
    moving = shop.add(
        "How many orders last month?", OF_ORDERS + "order_date BETWEEN '2025-03-01' AND '2025-03-31'", exact=True
    )
    assert [parameter.kind for parameter in moving.parameters] == ["period"]


@pytest.mark.parametrize(
    "asked",
    [
        "In March 2024, how many orders were placed?",
        "How many orders were placed in March 2024?",
        "March 2024: how many orders were placed",
    ],
)
def test_the_only_period_may_stand_at_either_end(shop, asked):
    shop.add("How many orders were placed in March 2025?", OF_ORDERS + "strftime(order_date, '%Y-%m') = '2025-03'")
    assert shop.rows(asked) == ((3,),)


def test_a_period_without_data_is_said_instead_of_a_zero(shop):
    shop.add("How many orders in 2025?", OF_ORDERS + "year(order_date) = 2025")
    answer = shop.ask("How many orders in 2019?")
    assert (answer.status, answer.refusal.code) == ("refused", "not_in_data")
    assert "order date runs from 2023-01-01 to 2025-12-28" in answer.text


def test_the_verified_values_win_over_a_more_general_pair(shop):
    shop.add("How many orders from Germany?", IN_GERMANY)
    special = shop.add(
        "How many orders from France?", IN_GERMANY.replace("Germany", "France") + " AND status = 'paid'", exact=True
    )
    assert shop.ask("How many orders from France?").verified.id == special.id
    assert shop.ask("How many orders from UK?").verified is not None


def test_two_pairs_that_would_answer_differently_answer_nothing(shop):
    shop.add("How many orders from Germany?", IN_GERMANY)
    shop.add("How many orders from France?", IN_GERMANY.replace("Germany", "France") + " AND status = 'paid'")
    assert shop.ask("How many orders from UK?").verified is None


@pytest.mark.parametrize(
    ("sql", "finding"),
    [
        ("SELECT 1; SELECT 2", "one statement"),
        ("DROP TABLE orders", "Only SELECT"),
        ("DELETE FROM orders", "Only SELECT"),
        ("SELECT * FROM nowhere", "nowhere"),
        ("SELECT weight_g FROM products", "weight_g"),
        ("SELECT * FROM read_csv('/etc/passwd')", "read_csv"),
        ("SELEC count(*)", "read as SQL"),
        ("SELECT " + "1 + " * 20_000 + "1", "characters|nested"),
        ("", "statement"),
    ],
)
def test_sql_that_does_not_validate_is_refused_with_the_findings(shop, sql, finding):
    with pytest.raises(Rejected, match=finding) as raised:
        shop.add("How many orders?", sql)
    assert raised.value.findings
    assert shop.engine.verified.all() == ()


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"question": "  "}, QuestionEmpty),
        ({"question": "x" * 10_000}, QuestionTooLong),
        ({"question": "the?"}, InvalidRequest),
        ({"question": "🙂"}, InvalidRequest),
        ({"question": "Delete all orders"}, InvalidRequest),
        ({"source": "nowhere"}, NotFound),
        ({"note": "x" * 2001}, InvalidRequest),
        ({"sql": "SELECT cast(status AS INTEGER) FROM orders"}, InvalidRequest),
    ],
)
def test_what_could_not_be_asked_or_fails_is_not_kept(shop, fields, error):
    with pytest.raises(error):
        shop.add(**({"question": "How many orders?", "sql": "SELECT count(*) FROM orders"} | fields))
    assert shop.engine.verified.all() == ()


def test_a_statement_that_takes_too_long_is_not_kept(shop):
    from app.errors import DeadlineExceeded

    slow = Shop(shop.home, table_timeout_s=0.2)
    with pytest.raises(DeadlineExceeded):
        slow.add("How many hands of seven orders?", SLOW)
    assert slow.engine.verified.all() == ()


def test_the_same_question_again_is_an_error_unless_forced(shop):
    first = shop.add("How many orders from Germany?", IN_GERMANY)
    with pytest.raises(AlreadyExists, match=first.id):
        shop.add("how many of orders from Germany".replace("of ", ""), IN_GERMANY)
    second = shop.add("How many orders from Germany", IN_GERMANY + " AND status = 'paid'", force=True)
    assert second.id == first.id
    assert shop.rows("How many orders from Germany?") == ((count(shop, "country = 'Germany' AND status = 'paid'"),),)


def test_of_concurrent_adds_one_wins(shop):
    from concurrent.futures import ThreadPoolExecutor

    def add(number):
        try:
            return Shop(shop.home).add("How many orders from Germany?", f"{IN_GERMANY} AND amount > {number}")
        except AlreadyExists:
            return None

    with ThreadPoolExecutor(4) as pool:
        added = [query for query in pool.map(add, range(8)) if query]
    assert len(added) == 1
    assert [query.id for query in shop.engine.verified.all()] == [added[0].id]


def test_another_process_sees_what_is_added_and_removed(shop):
    other = Shop(shop.home)
    assert other.ask("How many orders from Germany?").verified is None
    query = shop.add("How many orders from Germany?", IN_GERMANY)
    assert other.ask("How many orders from Germany?").verified is not None
    shop.engine.verified.store.remove(query.id)
    assert other.ask("How many orders from Germany?").verified is None
    with pytest.raises(NotFound):
        shop.engine.verified.store.remove(query.id)


def test_a_visitor_gets_no_match_from_what_is_not_public(shop):
    shop.add("How many orders from Germany?", IN_GERMANY)
    shop.add("What do tents cost us?", "SELECT product_name, unit_cost FROM products WHERE category = 'tents'")
    shop.add("What do tents sell for?", "SELECT product_name, list_price FROM products WHERE category = 'tents'")
    for asked in ("How many orders from Germany?", "What do tents cost us?"):
        assert shop.ask(asked, VISITOR).verified is None
    answer = shop.ask("What do jackets sell for?", VISITOR)
    assert answer.table.rows == (("Fox Jacket", 150), ("Moor Jacket", 90))
    assert answer.verified.question == "What do jackets sell for?"


def test_personal_data_is_masked(shop):
    shop.add("Who lives in Berlin?", "SELECT full_name, email FROM customers WHERE city = 'Berlin'")
    answer = shop.ask("Who lives in Bonn?")
    assert answer.table.rows == (("<PERSON_1>", "<EMAIL_ADDRESS_1>"),)
    assert "fi@example.com" not in answer.text


@pytest.mark.parametrize(
    ("sql", "text", "figures"),
    [
        ("SELECT count(*) FROM orders", "There are 108 orders.", [("108", 0, "count(*)")]),
        ("SELECT count(*) AS n FROM orders WHERE amount < 0", "There are 0 orders.", [("0", 0, "n")]),
        ("SELECT max(amount) AS dearest FROM orders", "The dearest is €73.50.", [("€73.50", 0, "dearest")]),
        ("SELECT avg(amount) FROM orders", "The average amount is €41.42.", [("€41.42", 0, "avg(amount)")]),
        ("SELECT country FROM customers WHERE city = 'Paris'", "The country is France.", []),
        ("SELECT city, customer_id FROM customers WHERE city = 'Paris'", "Paris, customer id 2.", [("2", 0, "customer_id")]),
        ("SELECT city FROM customers WHERE customer_id < 3 ORDER BY 1", "2 cities: Berlin, Paris.", [("2", None, None)]),
        ("SELECT status, count(*) AS orders FROM orders GROUP BY 1 ORDER BY 1", "Status and orders — cancelled: 36; paid: 36; unpaid: 36.", [("36", 0, "orders"), ("36", 1, "orders"), ("36", 2, "orders")]),
        ("SELECT city, country FROM customers WHERE customer_id < 3 ORDER BY 1", "City and country — Berlin, Germany | Paris, France.", []),
        ("SELECT city FROM customers WHERE false", "No row matches.", []),
    ],
)  # fmt: skip
def test_rows_are_worded_with_figures_that_are_in_the_table(shop, sql, text, figures):
    shop.add("Tell us the thing", sql)
    answer = shop.ask("Tell us the thing")
    assert answer.text == text
    assert [(f.text, f.row, f.column) for f in answer.figures] == figures
    names = [column.name for column in answer.table.columns]
    for figure in answer.figures:
        if figure.row is not None:
            shown = float(figure.text.strip("€").replace(",", ""))
            assert shown == pytest.approx(answer.table.rows[figure.row][names.index(figure.column)], abs=0.005)


def test_nothing_to_measure_is_said(shop):
    shop.add("Total of unknown?", "SELECT sum(amount) FROM orders WHERE amount < 0")
    assert shop.ask("Total of unknown?").refusal.code == "not_in_data"


def test_a_threshold_above_its_confidence_leaves_it_out(shop):
    shop.add("How many orders from Germany?", IN_GERMANY)
    assert shop.ask("How many orders from Germany?", threshold=0.99).verified is not None
    assert shop.ask("How many orders from Germany?", threshold=1.0).status == "refused"


def test_out_of_time_is_told_and_does_not_make_it_stale(shop):
    query = shop.add("How many orders from Germany?", IN_GERMANY)
    from app.answer import answer
    from app.asking import question_from
    from app.values import Caller, Deadline

    asked = question_from("How many orders from Germany?", shop.engine, Caller())
    out = answer(msgspec.structs.replace(asked, deadline=Deadline.after(0)), shop.engine)
    assert out.status == "partial"
    assert shop.engine.verified.store.find(query.id).status == "active"


def test_without_any_nothing_is_opened(shop):
    shop.ask("How many orders are there?")
    assert not (shop.home / "state.db").exists()
