"""DuckDB and SQLite files."""

from __future__ import annotations

import datetime as dt
import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest
from connector_samples import problems, read, read_table, write_duckdb, write_sqlite, write_text

from connectors.base import ForeignKey, TableBatch, TableSchema

THIRD = dt.datetime(2024, 1, 3)


def schemas(path: Path, **options: str) -> dict[str, TableSchema]:
    return {item.schema.name: item.schema for item in read(path, **options) if isinstance(item, TableBatch)}


def test_duckdb_keys_comments_and_views(tmp_path: Path) -> None:
    path = write_duckdb(
        tmp_path / "shop.duckdb",
        "CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR)",
        "CREATE TABLE orders (id INTEGER, customer_id INTEGER REFERENCES customers (id))",
        "COMMENT ON TABLE customers IS 'who buys'",
        "COMMENT ON COLUMN customers.name IS 'full name'",
        "CREATE VIEW named AS SELECT name FROM customers",
    )
    found = schemas(path, views="yes")
    assert list(found) == ["customers", "orders", "named"]
    assert found["customers"].primary_key == ("id",)
    assert found["customers"].comment == "who buys"
    assert found["customers"].columns[1].comment == "full name"
    assert found["orders"].foreign_keys == (ForeignKey(("customer_id",), "customers", ("id",)),)
    assert found["orders"].path == "shop.duckdb#main.orders"
    assert "named" not in schemas(path) and "named" not in schemas(path, views="no")
    only_views = write_duckdb(tmp_path / "mart.duckdb", "CREATE VIEW totals AS SELECT 1 AS total")
    assert list(schemas(only_views)) == ["totals"]


def test_duckdb_types(tmp_path: Path) -> None:
    path = write_duckdb(
        tmp_path / "t.duckdb",
        "CREATE TABLE t (i HUGEINT, d DECIMAL(9, 2), z TIMESTAMPTZ, e ENUM ('a', 'b'), s STRUCT(x INTEGER),"
        ' l INTEGER[], m MAP(VARCHAR, INTEGER), u UUID, v INTERVAL, b BLOB, j JSON, "we""ird name" INTEGER)',
        "INSERT INTO t VALUES (170000000000000000000, 1.5, '2024-01-02 03:04:05+02', 'a', {'x': 1}, [1, 2],"
        " MAP {'k': 1}, '00000000-0000-0000-0000-000000000001', INTERVAL 3 DAY, 'x'::BLOB, '{\"a\": 1}', 7)",
    )
    assert read_table(path) == [{
        "i": Decimal(170000000000000000000), "d": Decimal("1.50"), "z": dt.datetime(2024, 1, 2, 1, 4, 5), "e": "a",
        "s": '{"x": 1}', "l": "[1, 2]", "m": '{"k": 1}', "u": "00000000-0000-0000-0000-000000000001", "v": "3 days",
        "b": None, "j": '{"a": 1}', 'we"ird name': 7,
    }]  # fmt: skip
    assert problems(path)["binary_column"].severity == "noted"


def test_duckdb_tables_of_one_name_in_several_schemas(tmp_path: Path) -> None:
    path = write_duckdb(
        tmp_path / "t.duckdb", "CREATE TABLE a (x INT)", "CREATE SCHEMA old", "CREATE TABLE old.a (x INT)",
        "CREATE TABLE old.b (x INT)",
    )  # fmt: skip
    assert {name: schema.path for name, schema in schemas(path).items()} == {
        "main_a": "t.duckdb#main.a", "old_a": "t.duckdb#old.a", "b": "t.duckdb#old.b",
    }  # fmt: skip


def test_duckdb_view_cannot_reach_files(tmp_path: Path) -> None:
    secret = write_text(tmp_path / "secret.csv", "a,b\n1,2\n")
    path = write_duckdb(
        tmp_path / "t.duckdb", "CREATE TABLE t (x INT)", f"CREATE VIEW leak AS SELECT * FROM read_csv('{secret}')"
    )
    assert list(schemas(path)) == ["t"]
    assert problems(path, views="yes")["unreadable_table"].path == "t.duckdb#main.leak"


def test_duckdb_file_is_not_written_to(tmp_path: Path) -> None:
    path = write_duckdb(tmp_path / "t.duckdb", "CREATE TABLE t (x INT)")
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    read(path)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("declared", "values", "expected"),
    [
        ("INTEGER", "(1), (NULL)", [1, None]),
        ("INTEGER", "(1), ('n/a')", ["1", "n/a"]),
        ("INTEGER", "(1), (2.5)", [1.0, 2.5]),
        ("INTEGER", "(9007199254740993), (0.5)", ["9007199254740993", "0.5"]),
        ("INTEGER", "(9223372036854775807)", [9223372036854775807]),
        ("TEXT", "('01234'), ('7')", ["01234", "7"]),
        ("BOOLEAN", "(1), (0)", [True, False]),
        ("BOOLEAN", "(1), (2)", [1, 2]),
        ("DATE", "('2024-02-29'), (NULL)", [dt.date(2024, 2, 29), None]),
        ("DATE", "('2024-02-30')", ["2024-02-30"]),
        ("DATETIME", "('2024-01-02 03:04:05'), ('2024-01-03')", [dt.datetime(2024, 1, 2, 3, 4, 5), THIRD]),
        ("DATETIME", "('2024-01-02 03:04:05'), ('soon')", ["2024-01-02 03:04:05", "soon"]),
        ("TEXT", "('2024-01-02T03:04:05.25')", [dt.datetime(2024, 1, 2, 3, 4, 5, 250000)]),
        ("TEXT", "('2024-01-02 03:04')", [dt.datetime(2024, 1, 2, 3, 4)]),
        ("TEXT", "('2024-01-02 03:04:05Z')", ["2024-01-02 03:04:05Z"]),
        ("TEXT", "('2024-01-02 27:04:05')", ["2024-01-02 27:04:05"]),
        ("", "(1), ('x'), (2.5)", ["1", "x", "2.5"]),
        ("BLOB", "(x'ff'), (NULL)", [None, None]),
        ("TEXT", "('x'), (x'ff')", ["x", None]),
    ],
)  # fmt: skip
def test_sqlite_values_survive_whatever_was_declared(
    tmp_path: Path, declared: str, values: str, expected: list[object]
) -> None:
    path = write_sqlite(tmp_path / "t.sqlite", f"CREATE TABLE t (v {declared})", f"INSERT INTO t VALUES {values}")
    got = [row["v"] for row in read_table(path)]
    assert got == expected
    assert list(map(type, got)) == list(map(type, expected))


def test_sqlite_keys_odd_names_and_views(tmp_path: Path) -> None:
    path = write_sqlite(
        tmp_path / "t.sqlite",
        'CREATE TABLE people (id INTEGER PRIMARY KEY, "full ""name""" TEXT)',
        'CREATE TABLE "Order Details" (a INTEGER, b INTEGER, who REFERENCES people, PRIMARY KEY (b, a)) WITHOUT ROWID',
        'INSERT INTO "Order Details" VALUES (1, 2, 3)',
        "CREATE VIEW v AS SELECT id FROM people",
        "CREATE VIEW broken AS SELECT * FROM gone",
    )
    found = schemas(path, views="yes")
    assert list(found) == ["Order Details", "people", "v"]
    assert found["Order Details"].primary_key == ("b", "a")
    assert found["Order Details"].foreign_keys == (ForeignKey(("who",), "people", ("id",)),)
    assert found["people"].columns[1].name == 'full "name"'
    assert problems(path, views="yes")["unreadable_table"].path == "t.sqlite#broken"


def test_sqlite_text_that_is_not_utf8(tmp_path: Path) -> None:
    path = write_sqlite(
        tmp_path / "t.sqlite", "CREATE TABLE t (v TEXT)", "INSERT INTO t VALUES (CAST(x'636166e9' AS TEXT))"
    )
    assert read_table(path) == [{"v": "café"}]


def test_sqlite_reads_what_the_log_holds(tmp_path: Path) -> None:
    path = write_sqlite(tmp_path / "t.sqlite", "CREATE TABLE t (v INTEGER)")
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("INSERT INTO t VALUES (7)")
    writer.commit()
    first = {item.fingerprint for item in read(path)}
    assert read_table(path) == [{"v": 7}]
    writer.execute("INSERT INTO t VALUES (8)")
    writer.commit()
    assert read_table(path) == [{"v": 7}, {"v": 8}]
    assert {item.fingerprint for item in read(path)}.isdisjoint(first)
    writer.close()


def test_sqlite_nothing_is_written_beside_the_file(tmp_path: Path) -> None:
    path = write_sqlite(tmp_path / "t.sqlite", "PRAGMA journal_mode = WAL", "CREATE TABLE t (v INTEGER)")
    assert list(tmp_path.iterdir()) == [path]
    read(path)
    assert list(tmp_path.iterdir()) == [path]


def test_database_damaged_inside(tmp_path: Path) -> None:
    path = write_sqlite(
        tmp_path / "t.sqlite",
        "CREATE TABLE good (v INTEGER)", "INSERT INTO good VALUES (1)", "CREATE TABLE bad (v TEXT)",
        *[f"INSERT INTO bad VALUES ('{number} {'x' * 500}')" for number in range(200)],
    )  # fmt: skip
    content = bytearray(path.read_bytes())
    content[4096 * 5 : 4096 * 12] = b"\xff" * (4096 * 7)
    path.write_bytes(content)
    assert read_table(path, name="good") == [{"v": 1}]
    assert problems(path, views="yes")["unreadable_table"].path == "t.sqlite#bad"


def test_databases_in_a_folder_are_read_too(tmp_path: Path) -> None:
    write_duckdb(tmp_path / "a.duckdb", "CREATE TABLE t (x INT)")
    write_sqlite(tmp_path / "b.db", "CREATE TABLE u (x INT)")
    write_text(tmp_path / "c.db", bytes(range(256)) * 9)
    assert {item.path if not isinstance(item, TableBatch) else item.schema.path for item in read(tmp_path)} == {
        "a.duckdb#main.t", "b.db#u", "c.db",
    }  # fmt: skip
