"""The connector of database servers: what every connector owes to ingest, odd types and names, and what changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psutil
import pytest
from shop_servers import database, execute

from connectors.base import Connector, Item, Problem, TableBatch, TableChanges, Unchanged
from connectors.errors import ConnectorError
from connectors.registry import open_connector
from ingest.layout import Layout
from ingest.pipeline import ingest_source, sync_source
from ingest.request import SourceRequest
from ingest.stores.snapshot import Store

pytestmark = pytest.mark.service

PLAIN = (
    "CREATE TABLE places (id integer PRIMARY KEY, name varchar(50) UNIQUE)",
    "CREATE TABLE people (id integer PRIMARY KEY, place integer, changed timestamp NULL, FOREIGN KEY (place) REFERENCES places (id))",
    "CREATE TABLE nothing (a integer)",
    "CREATE VIEW old_people AS SELECT * FROM people WHERE id < 2",
    "INSERT INTO places VALUES (1, 'Köln'), (2, 'Basel')",
    "INSERT INTO people VALUES (1, 1, '2024-01-01 10:00:00'), (2, 2, '2024-01-02 10:00:00'), (3, NULL, NULL)",
)


@pytest.fixture(params=["postgresql", "mariadb"])
def scheme(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def url(scheme: str) -> Iterator[str]:
    with database(scheme, *PLAIN) as made:
        yield made


def read(url: str, known: Mapping[str, str] | None = None, **options: str) -> list[Item]:
    return list(open_connector(url, options=options).read(known or {}))


def fingerprints(items: list[Item]) -> dict[str, str]:
    return {item.schema.path: item.fingerprint for item in items if isinstance(item, TableBatch | TableChanges)}


def rows(items: list[Item], table: str) -> list[dict[str, Any]]:
    batches = [item for item in items if isinstance(item, TableBatch) and item.schema.name == table]
    assert batches
    return [row for batch in batches for row in batch.rows.to_pylist()]


def test_keeps_the_connector_contract(url: str) -> None:
    connector = open_connector(url)
    assert isinstance(connector, Connector)
    connector.check()
    items = read(url)
    found = fingerprints(items)
    assert [item.path.rpartition(".")[2] for item in connector.discover()] == ["nothing", "people", "places"]
    assert [item.path for item in connector.discover()] == list(found)
    assert fingerprints(read(url)) == found
    assert all(isinstance(item, Unchanged) for item in read(url, found))
    execute(url, "UPDATE places SET name = 'Bern' WHERE id = 2")
    again = read(url, found)
    assert list(fingerprints(again)) == [path for path in found if path.endswith("places")]
    assert sorted(row["name"] for row in rows(again, "places")) == ["Bern", "Köln"]


def test_declares_keys_and_reads_views_when_asked(url: str) -> None:
    items = read(url, views="yes")
    people = next(item.schema for item in items if isinstance(item, TableBatch) and item.schema.name == "people")
    assert people.primary_key == ("id",)
    assert [(key.columns, key.to_table, key.to_columns) for key in people.foreign_keys] == [
        (("place",), "places", ("id",))
    ]
    assert [row["id"] for row in rows(items, "old_people")] == [1]
    assert rows(items, "nothing") == []
    assert list(fingerprints(read(url, tables="p*,old_people", exclude="places"))) == [
        item.schema.path
        for item in items
        if isinstance(item, TableBatch) and item.schema.name in ("people", "old_people")
    ]


POSTGRES_ODD = (
    "CREATE TYPE mood AS ENUM ('sad', 'ok')",
    "CREATE DOMAIN price AS numeric(10, 2) CHECK (VALUE >= 0)",
    """CREATE TABLE "select ""Größe"" 100%s" (
        "from" serial PRIMARY KEY, "Id" int, "ID" int, u uuid, j jsonb, b bytea, a int[], i interval, m mood, p price,
        n numeric, wide numeric(100, 50), r real, d date, ts timestamptz, t time, f boolean, c char(5), bits bit(3),
        doubled int GENERATED ALWAYS AS ("from" * 2) STORED)""",
    """COMMENT ON TABLE "select ""Größe"" 100%s" IS 'Odd; and ''quoted''.'""",
    """COMMENT ON COLUMN "select ""Größe"" 100%s".p IS 'net'""",
    """INSERT INTO "select ""Größe"" 100%s" VALUES (DEFAULT, 1, 2, '0000d8d2-5f2a-4bd2-8e4a-000000000001', '{"k": 1}', '\\x00',
        '{1,2}', '1 day', 'ok', 1.25, 12345678901234567890.125, 1e49, 0.1, 'infinity', '2024-06-01 00:30+02', '24:00',
        true, 'ab', B'101'), (DEFAULT, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'NaN', NULL, NULL,
        '2024-02-29', 'infinity', NULL, NULL, NULL, NULL)""",
)
MARIADB_ODD = (
    "SET sql_mode = ''",
    """CREATE TABLE `select "Größe`` 100%s` (
        `from` int unsigned AUTO_INCREMENT PRIMARY KEY, u uuid, j json, b blob, m enum('sad', 'ok'), s set('a', 'b'),
        n bigint unsigned, wide decimal(65, 30), r float, d date, ts timestamp NULL, t time, f tinyint(1),
        rating tinyint(1), bit1 bit(1), bits bit(8), y year, latin varchar(10) CHARACTER SET latin1,
        doubled bigint AS (y * 2) STORED, raw varbinary(4)) COMMENT 'Odd; and ''quoted''.' CHARSET utf8mb4""",
    """INSERT INTO `select "Größe`` 100%s` (u, j, b, m, s, n, wide, r, d, ts, t, f, rating, bit1, bits, y, latin, raw) VALUES
        ('0000d8d2-5f2a-4bd2-8e4a-000000000001', '{"k": 1}', 'x', 'ok', 'a,b', 18446744073709551615, 1.5, 0.1,
         '0000-00-00', '2024-06-01 00:30:00', '100:00:00', 1, 3, 1, 5, 2024, 'é', 'x'),
        (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2024-00-10', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)""",
)


def test_odd_types_and_names_on_postgresql(tmp_path: Path) -> None:
    with database("postgresql", *POSTGRES_ODD) as url:
        items = read(url)
        name = 'select "Größe" 100%s'
        first, second = rows(items, name)
        assert first | {"u": None} == {
            "from": 1, "Id": 1, "ID_2": 2, "u": None, "j": '{"k": 1}', "b": None, "a": "{1,2}", "i": "1 day", "m": "ok",
            "p": Decimal("1.25"), "n": Decimal("12345678901234567890.125"), "wide": 1e49, "r": 0.1, "d": None,
            "ts": datetime(2024, 5, 31, 22, 30), "t": "24:00:00", "f": True, "c": "ab", "bits": "101", "doubled": 2,
        }  # fmt: skip
        assert {key for key, value in second.items() if value is not None} == {"from", "d", "doubled"}
        assert second["d"] == date(2024, 2, 29)
        schema = next(item.schema for item in items if isinstance(item, TableBatch))
        assert schema.comment == "Odd; and 'quoted'."
        assert {c.name: c.comment for c in schema.columns if c.comment} == {"p": "net"}
        assert {item.code for item in items if isinstance(item, Problem)} == {"binary_column", "wide_numbers"}
        assert_live_equals_copied(tmp_path, url, name)


def test_odd_types_and_names_on_mariadb(tmp_path: Path) -> None:
    with database("mariadb", *MARIADB_ODD) as url:
        name = 'select "Größe` 100%s'
        first, second = rows(read(url), name)
        assert first | {"u": None} == {
            "from": 1, "u": None, "j": '{"k": 1}', "b": None, "m": "ok", "s": "a,b", "n": Decimal(18446744073709551615),
            "wide": Decimal("1.5"), "r": 0.1, "d": None, "ts": first["ts"], "t": "100:00:00", "f": True, "rating": 3,
            "bit1": True, "bits": Decimal(5), "y": 2024, "latin": "é", "doubled": 4048, "raw": None,
        }  # fmt: skip
        assert {key for key, value in second.items() if value is not None} == {"from"}
        assert_live_equals_copied(tmp_path, url, name)


def assert_live_equals_copied(home: Path, url: str, table: str) -> None:
    """Every column, alone and aggregated, is the same from a live source."""
    from app.execution.executors import Executors
    from app.execution.tables import database_name
    from app.validation import validate
    from app.values import Deadline

    for mode in ("copy", "live"):
        ingest_source(home, SourceRequest(url, name=mode, options={"mode": mode}))
    snapshot, executors = Store(home).snapshot(), Executors("512MB", 1, 10)
    quoted = '"' + table.replace('"', '""') + '"'
    catalog = snapshot.sources["live"].catalog
    assert sum(t.rows for t in catalog.tables) == 2
    columns = ", ".join('"' + c.name.replace('"', '""') + '"' for c in catalog.tables[0].columns)
    for sql in (
        f'SELECT {columns} FROM {quoted} ORDER BY "from"',
        f"SELECT count(*), count(d), min(d), max(f), sum(n) FROM {quoted}",
    ):
        found = [
            executors.run(
                validate(sql, snapshot.sources[mode].catalog, database=database_name(mode), max_rows=10),
                snapshot, Deadline.after(20),
            )
            for mode in ("copy", "live")
        ]  # fmt: skip
        assert found[0] == found[1]
    executors.close()


def stored(home: Path, source: str, sql: str) -> list[Any]:
    with duckdb.connect(str(Store(home).snapshot().sources[source].tables_path), read_only=True) as tables:
        return tables.execute(sql).fetchall()


def test_a_cursor_brings_new_and_changed_rows_and_finds_deletions(tmp_path: Path, url: str) -> None:
    request = SourceRequest(url, name="db", options={"cursor": "people=changed"})
    ingest_source(tmp_path, request)
    before = Store(tmp_path).snapshot().sources["db"].segment.tables
    assert ingest_source(tmp_path, request).changed is False

    execute(
        url,
        "UPDATE people SET place = 1, changed = '2024-02-01 00:00:00' WHERE id = 2",
        "INSERT INTO people VALUES (4, 2, '2024-02-02 00:00:00')",
    )
    (change,) = [item for item in read(url, before, cursor="people=changed") if isinstance(item, TableChanges)]
    assert change.rows == 4
    report = sync_source(tmp_path, "db")
    assert (report.tables.changed, report.tables.unchanged) == (1, 2)
    people = "SELECT id, place FROM people ORDER BY id"
    assert stored(tmp_path, "db", people) == [(1, 1), (2, 1), (3, None), (4, 2)]

    execute(url, "DELETE FROM people WHERE id = 1")
    sync_source(tmp_path, "db")
    assert stored(tmp_path, "db", people) == [(2, 1), (3, None), (4, 2)]

    execute(url, "ALTER TABLE people ADD COLUMN nick varchar(9)")
    sync_source(tmp_path, "db")
    assert stored(tmp_path, "db", "SELECT count(nick) FROM people") == [(0,)]


def test_only_rows_at_or_after_the_last_cursor_are_read(url: str) -> None:
    known = fingerprints(read(url, cursor="changed"))
    execute(url, "INSERT INTO people VALUES (9, 2, '2025-01-01 00:00:00')")
    connector = open_connector(url, options={"cursor": "changed"})
    changes = [item for item in connector.read(known) if isinstance(item, TableChanges)]
    assert len(changes) == 1
    seen: list[int] = []
    for item in open_connector(url, options={"cursor": "changed"}).read(known):
        if isinstance(item, TableChanges):
            seen = sorted(row["id"] for batch in item.changed() for row in batch.rows.to_pylist())
    assert seen == [2, 3, 9], "the row at the last cursor, the row without one, and the new row"


def test_many_tables_are_read(tmp_path: Path) -> None:
    statements = [f"CREATE TABLE t{n} (id int PRIMARY KEY, v varchar(9))" for n in range(120)]
    with database("postgresql", *statements) as url:
        assert len(fingerprints(read(url))) == 120
        assert ingest_source(tmp_path, SourceRequest(url, name="live", options={"mode": "live"})).tables.total == 120


@pytest.mark.slow
def test_a_big_table_is_read_in_bounded_memory() -> None:
    made = "CREATE TABLE big AS SELECT n AS id, repeat('x', 100) AS t, n / 3.0 AS x FROM generate_series(1, 300000) n"
    process, count = psutil.Process(), 0
    with database("postgresql", made) as url:
        start = most = process.memory_info().rss
        for item in open_connector(url).read({}):
            assert isinstance(item, TableBatch)
            assert item.rows.nbytes < 12 << 20
            count += item.rows.num_rows
            most = max(most, process.memory_info().rss)
    assert count == 300_000
    assert most - start < 100 << 20, "bytes"


def test_a_table_that_may_not_be_read_is_a_problem(url: str, scheme: str) -> None:
    if scheme == "postgresql":
        execute(url, "CREATE VIEW broken AS SELECT 1 / (id - id) AS a FROM people")
    else:
        execute(url, "CREATE TABLE gone (id int)", "CREATE VIEW broken AS SELECT id FROM gone", "DROP TABLE gone")
    items = read(url, views="yes")
    assert [item.code for item in items if isinstance(item, Problem)] == ["unreadable_table"]
    assert {"people", "places", "nothing"} < {item.schema.name for item in items if isinstance(item, TableBatch)}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"tables": "peple"}, "no table 'peple'"),
        ({"mode": "lazy"}, "mode is 'lazy'"),
        ({"cursor": "people=nope"}, "'nope' is not in"),
        ({"password": "x"}, "no option 'password'"),
        ({"schema": "elsewhere"}, "no tables"),
    ],
)  # fmt: skip
def test_a_wrong_option_is_an_error_that_says_what_to_do(url: str, options: dict[str, str], says: str) -> None:
    with pytest.raises(ConnectorError, match=says) as error:
        read(url, **options)
    assert error.value.hint


ADDRESSES: list[tuple[Callable[[str], str], str, str]] = [
    (lambda url: url.replace("//", "//nobody:s3cret@").replace("postgres@", "").replace("root@", ""), "source_access_denied", "s3cret"),
    (lambda url: url + "_gone", "source_not_found", "_none_"),
    (lambda url: "postgresql://me:s3cret@127.0.0.1:1/db", "source_unreachable", "s3cret"),
    (lambda url: "mariadb://me:s3cret@127.0.0.1:1/db", "source_unreachable", "s3cret"),
    (lambda url: "mariadb://me:s3cret@127.0.0.1/db?local_infile=1", "connector_error", "s3cret"),
    (lambda url: "postgresql://me:s3cret@127.0.0.1/db?options=-csearch_path%3Dx", "connector_error", "s3cret"),
    (lambda url: "postgresql://me:${ANSWERABLE_TEST_UNSET}@127.0.0.1/db", "secret_missing", "_none_"),
]  # fmt: skip


@pytest.mark.parametrize(("made", "code", "secret"), ADDRESSES)
def test_a_wrong_address_is_an_error_without_its_password(
    made: Callable[[str], str], code: str, secret: str, url: str
) -> None:
    if code == "source_access_denied" and url.startswith("postgresql"):
        return  # a server that trusts every user of this machine refuses nobody
    with pytest.raises(ConnectorError) as error:
        open_connector(made(url)).check()
    assert error.value.code == code
    told = f"{error.value} {error.value.hint} {error.value.__cause__!r}"
    assert secret not in told


def test_passwords_are_stored_for_the_owner_only_and_shown_to_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database("postgresql", *PLAIN) as url:
        literal = url.replace("postgres@", "postgres:p%40ss?w@")
        report = ingest_source(tmp_path, SourceRequest(literal.replace("?", "%3F"), name="literal"))
        assert "p%40ss" not in repr(report)
        assert "***" in report.location
        manifests = sorted(Layout(tmp_path).manifests.glob("*.json"))
        assert [oct(path.stat().st_mode & 0o777) for path in manifests] == ["0o600"]
        segment = Layout(tmp_path).segments
        assert not [path for path in segment.rglob("*") if path.is_file() and b"p%40ss" in path.read_bytes()]

        monkeypatch.setenv("DB_PASSWORD", "p@ss")
        named = url.replace("postgres@", "postgres:${DB_PASSWORD}@")
        other = tmp_path / "other"
        assert ingest_source(other, SourceRequest(named, name="named")).location == named
        assert b"${DB_PASSWORD}" in next(Layout(other).manifests.glob("*.json")).read_bytes()
        monkeypatch.delenv("DB_PASSWORD")
        with pytest.raises(ConnectorError, match="DB_PASSWORD"):
            sync_source(other, "named")


def test_sessions_can_only_read(url: str, scheme: str) -> None:
    from connectors.databases.address import parse_address
    from connectors.databases.server import Refused, Server

    server = Server(parse_address(url))
    for sql in ("INSERT INTO places VALUES (7, 'x')", "SELECT 1; SELECT 2", "DROP TABLE nothing"):
        with pytest.raises(Refused), server.session() as session:
            session.rows(sql.replace("places", "public.places") if scheme == "postgresql" else sql)
    server.close()
