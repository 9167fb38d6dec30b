"""Approved questions near a refused one: suggested to those who may run them, never answered in its place."""

import pytest

from app.values import Caller
from tests.app.verified_shop import VISITOR, Shop, ingest_shop

CHURN = "Which wholesale accounts in Germany lapsed last quarter?"
NEAR = "Which wholesale accounts in Germany lapsed?"
SQL = "SELECT customer_id FROM customers WHERE country = 'Germany'"


@pytest.fixture(scope="module")
def ingested(tmp_path_factory):
    folder = tmp_path_factory.mktemp("suggestions")
    ingest_shop(folder / "home", folder / "shop")
    return folder / "home"


@pytest.fixture
def shop(ingested, tmp_path):
    (tmp_path / "store").symlink_to(ingested / "store")
    shop = Shop(tmp_path)
    shop.add(NEAR, SQL)
    shop.add("How many orders are paid?", "SELECT count(*) FROM orders WHERE status = 'paid'")
    return shop


def test_a_refused_question_is_told_with_what_would_be_answered(shop):
    found = shop.ask(CHURN)
    assert found.status == "refused" and found.refusal.suggestions == (NEAR,)
    assert f"You could ask: “{NEAR}”." in found.text and found.table is None and found.sql is None
    assert shop.ask(found.refusal.suggestions[0]).verified is not None, "a suggestion is answered as it stands"


def test_what_shares_too_little_is_not_suggested(shop):
    found = shop.ask("Which lapsed franchise permits were reissued by the ministry?")
    assert found.status == "refused" and found.refusal.suggestions == ()


def test_who_may_not_run_it_does_not_hear_of_it(shop):
    assert shop.ask(CHURN, VISITOR).refusal.suggestions == ()
    assert NEAR not in shop.ask(CHURN, VISITOR).text
    elsewhere = Caller(role="analyst", sources=("other",), key_id="k")
    assert NEAR not in shop.ask(CHURN, elsewhere).text
