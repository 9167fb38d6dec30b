"""Planning with a model over live sources: the model writes DuckDB's SQL, the server gets its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from shop_servers import database

from app.values import Answer
from ingest.pipeline import ingest_source
from ingest.request import SourceRequest
from tests.llm.scripted_models import Asked, sql, unanswerable

pytestmark = pytest.mark.service

SHOP = (
    "CREATE TABLE customers (id int PRIMARY KEY, city varchar(40), email varchar(60))",
    "CREATE TABLE orders (id int PRIMARY KEY, customer_id int, placed date, amount numeric(10, 2), FOREIGN KEY (customer_id) REFERENCES customers (id))",
    "INSERT INTO customers VALUES (1, 'Berlin', 'a@example.com'), (2, 'Bonn', 'b@example.com')",
    "INSERT INTO orders VALUES (1, 1, '2024-01-05', 10.50), (2, 2, '2024-02-05', 20), (3, 1, '2024-02-06', 5)",
)
UNREAD = "Give me the mean basket size by shopper place"
MEAN = "SELECT city, avg(amount) AS average_amount FROM orders JOIN customers ON customers.id = customer_id GROUP BY city ORDER BY city"


@pytest.fixture(params=["postgresql", "mariadb"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    with database(request.param, *SHOP) as url:
        ingest_source(tmp_path, SourceRequest(url, name="db", options={"mode": "live"}))
        yield tmp_path


def asked(home: Path, *said: object, threshold: float = 0.4) -> tuple[Asked, Answer]:
    service = Asked(home, *said)  # type: ignore[arg-type]
    try:
        return service, service.ask(UNREAD, threshold=threshold)
    finally:
        service.engine.close()


def test_the_statement_runs_on_the_server_in_its_dialect(home: Path) -> None:
    service, found = asked(home, sql(MEAN))
    assert found.table is not None and found.table.rows == (("Berlin", 7.75), ("Bonn", 20))
    assert found.sql is not None and found.sql.dialect in ("postgres", "mysql") and found.planner.by == "model"
    assert service.models.asked[0]["inputs"]["dialect"] == "duckdb"
    assert "server" in service.models.asked[0]["inputs"]["notes"]


def test_what_cannot_be_translated_is_corrected(home: Path) -> None:
    service, found = asked(home, sql("SELECT arg_max(city, id) FROM customers"), sql(MEAN))
    assert found.planner is not None and found.planner.repairs == 1
    assert "live source" in service.models.asked[1]["inputs"]["previous"]["message"]
    assert len(service.ran) == 2


def test_a_table_that_is_not_there_never_reaches_the_server(home: Path) -> None:
    service, found = asked(home, sql("SELECT count(*) FROM pg_catalog.pg_tables"), unanswerable())
    assert service.ran == [] and found.status == "refused"
