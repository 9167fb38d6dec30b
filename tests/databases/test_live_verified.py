"""Verified queries on a live PostgreSQL source: added, answered with other literals, stale when the schema changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from shop_servers import database, execute

from app.answer import answer
from app.asking import question_from
from app.engine import Engine
from app.errors import AppError
from app.settings import Settings
from app.values import Answer, Caller
from app.verified.checking import Proposal, add_verified
from ingest.pipeline import ingest_source, sync_source
from ingest.request import SourceRequest

pytestmark = pytest.mark.service

TODAY = date(2026, 6, 30)
SHOP = (
    "CREATE TABLE visits (id int PRIMARY KEY, port varchar(40), boats int, seen date)",
    "INSERT INTO visits VALUES (1, 'Kiel', 4, '2025-03-01'), (2, 'Emden', 9, '2025-04-02'), (3, 'Kiel', 5, '2024-04-03')",
)
QUESTION = "How many boats came to Kiel?"
SQL = "SELECT sum(boats) AS boats FROM visits WHERE port = 'Kiel'"


@pytest.fixture
def url() -> Iterator[str]:
    with database("postgresql", *SHOP) as made:
        yield made


@pytest.fixture
def engine(tmp_path: Path, url: str) -> Iterator[Engine]:
    ingest_source(tmp_path, SourceRequest(url, name="ports", options={"mode": "live"}))
    opened = Engine(Settings(home=tmp_path, trace_retention_days=0))
    yield opened
    opened.close()


def ask(engine: Engine, text: str) -> Answer:
    return answer(question_from(text, engine, Caller(), today=TODAY), engine)


def add(engine: Engine, question: str, sql: str) -> str:
    return add_verified(Proposal(source="ports", question=question, sql=sql), engine, Caller(), TODAY).id


def test_a_verified_query_is_answered_by_the_server_with_other_values(engine: Engine, url: str) -> None:
    add(engine, QUESTION, SQL)
    found = ask(engine, QUESTION)
    assert found.verified is not None and found.table is not None and found.sql is not None
    assert found.table.rows == ((9,),)
    assert found.sql.dialect == "postgres"
    other = ask(engine, "How many boats came to Emden?")
    assert other.verified is not None and other.table is not None and other.table.rows == ((9,),)
    assert other.sql is not None and "'Emden'" in other.sql.text
    execute(url, "UPDATE visits SET boats = 20 WHERE port = 'Emden'")
    now = ask(engine, "How many boats came to Emden?")
    assert now.table is not None and now.table.rows == ((20,),), "the rows are the server's"


def test_a_period_is_put_in(engine: Engine) -> None:
    sql = "SELECT count(*) AS visits FROM visits WHERE seen >= DATE '2025-01-01' AND seen < DATE '2026-01-01'"
    add(engine, "How many arrivals were there in 2025?", sql)
    for year, count in ((2025, 2), (2024, 1)):
        found = ask(engine, f"How many arrivals were there in {year}?")
        assert found.verified is not None and found.table is not None and found.table.rows == ((count,),)


def test_it_is_stale_after_the_schema_changed_and_comes_back_with_it(engine: Engine, url: str, tmp_path: Path) -> None:
    number = add(engine, QUESTION, SQL)
    execute(url, "ALTER TABLE visits RENAME COLUMN boats TO vessels")
    unsynced = ask(engine, QUESTION)
    assert unsynced.status == "refused" and unsynced.refusal is not None
    assert unsynced.refusal.code == "source_changed"
    sync_source(tmp_path, "ports")
    assert ask(engine, QUESTION).verified is None
    stale = engine.verified.store.find(number)
    assert stale is not None and stale.status == "stale"
    assert "visits.boats is gone" in str(stale.reason)
    execute(url, "ALTER TABLE visits RENAME COLUMN vessels TO boats")
    sync_source(tmp_path, "ports")
    found = ask(engine, QUESTION)
    assert found.verified is not None and found.table is not None and found.table.rows == ((9,),)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT pg_sleep(1) FROM visits",
        "SELECT usename FROM pg_catalog.pg_user",
        "DELETE FROM visits",
        "SELECT nothing FROM visits",
        "SELECT arg_max(port, boats) FROM visits",
    ],
)
def test_what_the_server_may_not_be_asked_is_not_kept(engine: Engine, sql: str) -> None:
    with pytest.raises(AppError):
        add(engine, QUESTION, sql)
    assert ask(engine, QUESTION).verified is None
