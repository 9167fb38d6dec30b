"""Verified queries as examples for a model: the nearest of the source, and only those that the caller may run."""

import pytest

from app.values import Caller
from app.verified.checking import Proposal, add_verified
from tests.app.verified_shop import TODAY, ingest_shop
from tests.llm.scripted_models import OWNER, VISITOR, Asked, unanswerable

UNREAD = "Give me the mean basket size in euros by shopper nation"
PAIRS = {
    "Mean basket of Germany?": "SELECT avg(amount) FROM orders JOIN customers USING (customer_id) WHERE country = 'Germany' /* note */",
    "Basket size in 2024?": "SELECT avg(amount) FROM orders WHERE year(order_date) = 2024",
    "Size of tents?": "SELECT product_name, list_price FROM products WHERE category = 'tents'",
    "Mean price of jackets?": "SELECT avg(list_price) FROM products WHERE category = 'jackets'",
    "Cities of people?": "SELECT city FROM customers",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples")
    ingest_shop(folder / "home", folder / "shop")
    service = Asked(folder / "home")
    for question, statement in PAIRS.items():
        proposal = Proposal(source="shop", question=question, sql=statement)
        add_verified(proposal, service.engine, OWNER, TODAY)
    return folder / "home"


def examples(home, caller=OWNER, question=UNREAD, **fields):
    asked = Asked(home, unanswerable())
    asked.ask(question, caller, **fields)
    return [each["question"] for each in asked.models.asked[0]["inputs"]["examples"]]


def test_the_nearest_three_are_shown_without_comments(home):
    asked = Asked(home, unanswerable())
    asked.ask(UNREAD)
    shown = asked.models.asked[0]["inputs"]["examples"]
    assert {each["question"] for each in shown} >= {"Basket size in 2024?", "Mean basket of Germany?"}
    assert len(shown) == 3 and "note" not in str(shown)


def test_nothing_in_common_is_no_example(home):
    assert examples(home, question="Quarrels about zebras?") == []


def test_a_visitor_gets_none(home):
    assert examples(home, VISITOR) == []


def test_a_key_without_the_source_gets_none_and_asks_nothing(home):
    asked = Asked(home)
    found = asked.ask(UNREAD, Caller(sources=("other",)))
    assert found.refusal.code == "no_sources" and asked.models.asked == []


def test_a_stale_query_is_no_example(tmp_path):
    ingest_shop(tmp_path / "home", tmp_path / "shop")
    add_verified(
        Proposal(source="shop", question="Basket size?", sql="SELECT avg(amount) FROM orders"), Asked(tmp_path / "home").engine, OWNER, TODAY
    )  # fmt: skip
    assert examples(tmp_path / "home") == ["Basket size?"]
    renamed = "order_id,customer_id,order_date,shipped_at,status,year_sold,total\n1,1,2024-01-01,2024-01-01 10:00:00,paid,2024,5\n"
    description = "tables: {orders: {default_date: order_date, key: [order_id]}}\n"
    ingest_shop(tmp_path / "home", tmp_path / "shop", orders=renamed, description=description)
    assert examples(tmp_path / "home") == []
