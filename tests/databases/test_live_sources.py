"""Live sources when something is wrong: no server, a slow one, a changed schema; and what is kept of them."""

from __future__ import annotations

import json
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from shop_servers import database, execute

from app.answer import answer
from app.asking import question_from
from app.engine import Engine
from app.errors import ExecutionFailed
from app.execution.tables import database_name
from app.settings import load_settings
from app.validation import Rejected, check_sql, validate
from app.values import Answer, Caller, Deadline
from ingest.layout import Layout
from ingest.pipeline import ingest_source, sync_source
from ingest.request import SourceRequest
from ingest.stores.manifest import current, publish
from ingest.stores.snapshot import Store

pytestmark = pytest.mark.service

SHOP = (
    "CREATE TABLE customers (id int PRIMARY KEY, city varchar(40), email varchar(60))",
    "CREATE TABLE orders (id int PRIMARY KEY, customer_id int, placed date, amount numeric(10, 2), FOREIGN KEY (customer_id) REFERENCES customers (id))",
    "INSERT INTO customers VALUES (1, 'Berlin', 'a@example.com'), (2, 'Köln', 'b@example.com'), (3, 'berlin', 'c@example.com')",
    "INSERT INTO orders VALUES (1, 1, '2024-01-05', 10.50), (2, 2, '2024-02-05', 20), (3, 1, '2024-02-06', 5)",
)
QUESTION = "How many orders are there?"


@pytest.fixture(params=["postgresql", "mariadb"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    with database(request.param, *SHOP) as made:
        yield made


@pytest.fixture
def home(tmp_path: Path, url: str) -> Path:
    ingest_source(tmp_path, SourceRequest(url, name="db", options={"mode": "live"}))
    return tmp_path


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Engine]]:
    """A server's kind and an engine over a live source of it, for tests that change nothing."""
    hidden = ("CREATE TABLE hidden (id int)", "INSERT INTO hidden VALUES (1), (2), (3), (4), (5), (6), (7)")
    with database(request.param, *SHOP, *hidden) as made:
        home = tmp_path_factory.mktemp("kept")
        ingest_source(home, SourceRequest(made, name="db", options={"mode": "live", "exclude": "hidden"}))
        with engine_over(home) as engine:
            yield request.param, engine


@contextmanager
def engine_over(home: Path, **env: str) -> Iterator[Engine]:
    engine = Engine(load_settings({"ANSWERABLE_HOME": str(home), **env}))
    yield engine
    engine.close()


def ask(home: Path, question: str, source: str = "db", **env: str) -> Answer:
    with engine_over(home, **env) as engine:
        return answer(question_from(question, engine, Caller(), sources=[source]), engine)


def republished(home: Path, **changes: object) -> None:
    """Publish the sources again with something else in their entries, as if their server had moved."""
    layout = Layout(home)
    manifest = current(layout)
    assert manifest is not None
    publish(layout, {e.name: msgspec.structs.replace(e, **changes) for e in manifest.sources})


def test_answers_follow_the_server_without_a_sync(home: Path, url: str) -> None:
    found = ask(home, QUESTION)
    assert found.status == "answered" and found.table is not None and found.table.rows == ((3,),)
    execute(url, "INSERT INTO orders VALUES (4, 3, '2031-01-01', 1)")
    found = ask(home, QUESTION)
    assert found.table is not None and found.table.rows == ((4,),)
    later = ask(home, "How many orders were placed in 2031?")
    assert later.table is not None and later.table.rows == ((1,),)
    republished(home, synced_at="2020-01-01T00:00:00+00:00")
    assert str(ask(home, QUESTION).as_of) > "2026"
    assert ask(home, "How many orders were placed in 1990?").status == "refused"


def test_nothing_is_copied_but_values_of_columns_without_personal_data(home: Path, url: str) -> None:
    folder = Layout(home).segment(Store(home).snapshot().sources["db"].entry.segment)
    content = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert b"example.com" not in content
    assert "Köln".encode() in content
    ingest_source(home, SourceRequest(url, name="db", options={"mode": "live", "values": "none"}))
    folder = Layout(home).segment(Store(home).snapshot().sources["db"].entry.segment)
    content = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert "Köln".encode() not in content
    quoted = ask(home, 'How many customers have city "Köln"?')
    assert quoted.table is not None and quoted.table.rows == ((1,),)


def test_a_changed_schema_says_to_sync_and_a_sync_helps(home: Path, url: str) -> None:
    execute(url, "ALTER TABLE orders DROP COLUMN amount")
    found = ask(home, "What is the total amount of orders?")
    assert found.status == "refused" and found.refusal is not None
    assert found.refusal.code == "source_changed"
    assert "answerable ingest sync db" in found.text
    assert sync_source(home, "db").tables.changed == 1
    assert "amount" not in {c.name for t in Store(home).snapshot().sources["db"].catalog.tables for c in t.columns}
    execute(url, "DROP TABLE orders")
    gone = ask(home, QUESTION)
    assert gone.refusal is not None and gone.refusal.code == "source_changed"
    sync_source(home, "db")
    assert [t.name for t in Store(home).snapshot().sources["db"].catalog.tables] == ["customers"]


@contextmanager
def silent_server() -> Iterator[int]:
    """The port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        held: list[socket.socket] = []

        def accept() -> None:
            try:
                while True:
                    held.append(listening.accept()[0])
            except OSError:
                return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(5)
    for connection in held:
        connection.close()


@pytest.mark.parametrize("answers", [False, True], ids=["refused", "silent"])
def test_an_unreachable_server_is_said_in_time_without_its_password(
    home: Path, url: str, answers: bool, caplog: pytest.LogCaptureFixture
) -> None:
    scheme = url.partition("://")[0]
    with silent_server() as port:
        republished(home, location=f"{scheme}://me:s3cret@127.0.0.1:{port if answers else 1}/db")
        started = time.monotonic()
        found = ask(home, QUESTION, ANSWERABLE_TABLE_TIMEOUT_S="2")
    assert time.monotonic() - started < 15
    assert found.status == "refused" and found.refusal is not None
    assert found.refusal.code in ("source_unreachable", "source_timeout")
    told = msgspec.json.encode(found).decode() + caplog.text
    assert "s3cret" not in told
    assert "127.0.0.1" not in found.text, "where the server is concerns the operator only"


def test_a_slow_statement_is_stopped_and_the_next_one_runs(home: Path, url: str) -> None:
    execute(url, "CREATE TABLE wide (id int PRIMARY KEY)")
    numbers = "generate_series(1, 3000) n" if url.startswith("postgresql") else "seq_1_to_3000"
    execute(url, f"INSERT INTO wide SELECT {'n' if numbers[-1] == 'n' else 'seq'} FROM {numbers}")
    sync_source(home, "db")
    with engine_over(home, ANSWERABLE_TABLE_TIMEOUT_S="0.5") as engine:
        snapshot = engine.store.snapshot()
        sql = "SELECT count(*) FROM wide a JOIN wide b ON a.id < b.id JOIN wide c ON b.id < c.id"
        query = validate(sql, snapshot.sources["db"].catalog, database=database_name("db"), max_rows=5)
        started = time.monotonic()
        with pytest.raises(Exception, match="did not answer within") as error:
            engine.tables.run(query, snapshot, Deadline.after(20))
        assert error.value.code == "source_timeout"  # type: ignore[attr-defined]
        assert time.monotonic() - started < 5
        fine = validate(
            "SELECT count(*) FROM wide", snapshot.sources["db"].catalog, database=database_name("db"), max_rows=5
        )
        assert engine.tables.run(fine, snapshot, Deadline.after(20)).rows == ((3000,),)


def test_other_sources_go_on_being_answered(home: Path, url: str) -> None:
    copied = home.parent / f"{home.name}-both"
    shutil.copytree(home, copied)
    ingest_source(copied, SourceRequest(url, name="copied"))
    layout = Layout(copied)
    manifest = current(layout)
    assert manifest is not None
    gone = "postgresql://me@127.0.0.1:1/db"
    publish(
        layout, {e.name: msgspec.structs.replace(e, location=gone) if e.name == "db" else e for e in manifest.sources}
    )
    assert ask(copied, QUESTION, source="copied").status == "answered"
    assert ask(copied, QUESTION, source="db").status == "refused"


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("SELECT city, count(*) FROM customers GROUP BY city", None),
        ("SELECT * FROM pg_catalog.pg_user", "known_tables"),
        ("SELECT pg_sleep(9) FROM customers", "known_functions"),
        ("DELETE FROM customers", "single_query"),
        ("SELECT arg_max(city, id) FROM customers", "dialect"),
        ("SELECT '\\' || city FROM customers WHERE city = '\\'' OR 1=1 -- '", None),
    ],
)  # fmt: skip
def test_statements_are_checked_for_the_server(kept: tuple[str, Engine], sql: str, rule: str | None) -> None:
    catalog = kept[1].store.snapshot().sources["db"].catalog
    check = check_sql(sql, catalog)
    assert check.allowed == (rule is None), check.findings
    if rule is not None:
        assert rule in {finding.rule for finding in check.findings}
    else:
        assert ("`city`" in str(check.sql)) == (kept[0] == "mariadb")


QUOTES = [
    "x' OR '1'='1",
    "x\\' OR 1=1 -- ",
    "x\\",
    "'; DROP TABLE customers; --",
    "100%s %(a)s :b ?",
    "Ü\\'`\"",
    "\\\\''\\",
]


@pytest.mark.parametrize("value", QUOTES)
def test_no_value_gets_out_of_its_quotes(kept: tuple[str, Engine], value: str) -> None:
    literal = "'" + value.replace("'", "''") + "'"
    sql = f"SELECT city, {literal} AS said FROM customers WHERE city = {literal} OR city ILIKE {literal} OR id = 1"
    assert rows(kept[1], sql) == (("Berlin", value),)


@pytest.mark.parametrize(
    "sql",
    [
        "WITH hidden AS (SELECT count(*) AS n FROM hidden) SELECT n FROM hidden",
        "WITH a AS (SELECT 1 AS x FROM customers), b AS (SELECT count(*) AS n FROM hidden) SELECT n FROM b, a WHERE x = n",
        "WITH hidden AS (SELECT count(*) AS n FROM customers) SELECT n FROM hidden WHERE EXISTS (WITH c AS (SELECT 1 AS y FROM hidden) SELECT y FROM c)",
    ],
)
def test_no_name_is_left_to_the_server_to_find(kept: tuple[str, Engine], sql: str) -> None:
    """A common table expression named like a table that is not in the catalog never reads that table."""
    try:
        found = rows(kept[1], sql)
    except (Rejected, ExecutionFailed):
        return
    assert found == ((3,),), "the three customers, not the seven hidden rows"


def rows(engine: Engine, sql: str) -> tuple[tuple[object, ...], ...]:
    snapshot = engine.store.snapshot()
    query = validate(sql, snapshot.sources["db"].catalog, database=database_name("db"), max_rows=9)
    return engine.tables.run(query, snapshot, Deadline.after(20)).rows


@pytest.mark.parametrize(
    ("condition", "cities"),
    [
        ("city = 'Berlin'", ["Berlin"]),
        ("city = 'Koln'", []),
        ("city = 'Berlin '", []),
        ("city ILIKE 'BERLIN'", ["Berlin", "berlin"]),
        ("city ILIKE 'KÖ%'", ["Köln"]),
        ("city IN ('berlin', 'KÖLN')", ["berlin"]),
    ],
)
def test_case_and_accents_mean_what_they_mean_copied(
    kept: tuple[str, Engine], condition: str, cities: list[str]
) -> None:
    found = rows(kept[1], f"SELECT city FROM customers WHERE {condition} ORDER BY city")
    assert [city for (city,) in found] == cities


def test_the_command_line_never_shows_the_password(tmp_path: Path, cli: Callable[..., object]) -> None:
    with database("postgresql", *SHOP) as url:
        secret = url.replace("postgres@", "postgres:s3cr%3Ft@")
        outputs = []
        for arguments in (
            ("ingest", "add", secret, "--name", "db", "-o", "mode=live"), ("ingest", "list", "--json"),
            ("ingest", "show", "db", "--json"), ("ask", QUESTION, "--source", "db", "--json"),
        ):  # fmt: skip
            done = cli(tmp_path, *arguments)
            assert done.returncode == 0, done.stdout + done.stderr
            outputs.append(done.stdout + done.stderr)
    assert not [text for text in outputs if "s3cr" in text]
    assert json.loads(outputs[-1])["sql"]["dialect"] == "postgres"


def test_a_password_in_a_variable_reaches_the_server(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DB_PASSWORD", "")
    named = url.replace("@", ":${DB_PASSWORD}@", 1)
    assert ingest_source(tmp_path, SourceRequest(named, name="db", options={"mode": "live"})).location == named
    assert ask(tmp_path, QUESTION).status == "answered"
