"""The profile of tables: types, ranges, frequent values, keys, personal columns, declared and inferred joins."""

import time
from pathlib import Path

import duckdb
import pytest

from connectors.base import ForeignKey
from ingest.profiler import column_type, profile
from ingest.stores.catalog import Catalog, FrequentValue, Join
from ingest.stores.tables import WrittenTable


def catalog(*statements: str, **declared: dict[str, object]) -> Catalog:
    """The profile of the tables that the statements make."""
    with duckdb.connect() as connection:
        for statement in statements:
            connection.execute(statement)
        names = [
            row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY table_oid").fetchall()
        ]
        tables = []
        for name in names:
            rows = connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()
            assert rows is not None
            tables.append(
                WrittenTable(name=name, path=name, suggested=name, fingerprint="", rows=rows[0], typed=True,
                             **declared.get(name, {}))  # type: ignore[arg-type]
            )  # fmt: skip
        return profile(connection, tables, source="s")


def test_columns_are_profiled() -> None:
    found = catalog(
        "CREATE TABLE t AS SELECT * FROM (VALUES "
        "(1, 'a', DATE '2024-01-02', 1.5::DECIMAL(6,2), 'NaN'::DOUBLE), (2, 'a', NULL, 2, 1), (3, 'b', DATE '2024-03-01', 3, 2)) "
        "v(id, kind, day, amount, ratio)"
    ).tables[0]
    by_name = {column.name: column for column in found.columns}
    assert [column.type for column in found.columns] == ["integer", "text", "date", "number", "number"]
    assert by_name["kind"].frequent == (FrequentValue("a", 2), FrequentValue("b", 1))
    assert (by_name["day"].nulls, by_name["day"].minimum, by_name["day"].maximum) == (1, "2024-01-02", "2024-03-01")
    assert (by_name["amount"].minimum, by_name["amount"].maximum) == (1.5, 3)
    assert (by_name["ratio"].minimum, by_name["ratio"].maximum) == (1.0, 2.0)
    assert by_name["id"].unique and not by_name["kind"].unique
    assert found.primary_key == ("id",)


@pytest.mark.parametrize(
    ("sql_type", "kind"),
    [("DECIMAL(18,0)", "integer"), ("DECIMAL(18,2)", "number"), ("INTEGER[]", "other"), ("UTINYINT", "integer"),
     ("TIMESTAMP WITH TIME ZONE", "timestamp"), ("STRUCT(a INTEGER)", "other")],
)  # fmt: skip
def test_engine_types_have_catalog_types(sql_type: str, kind: str) -> None:
    assert column_type(sql_type) == kind


def test_personal_columns_are_found_and_their_values_are_not_kept() -> None:
    found = catalog(
        "CREATE TABLE people AS SELECT i AS id, 'user' || i || '@corp.local' AS contact, '+49 30 ' || (1000000 + i) AS phone, "
        "'Berlin' AS city FROM range(50) r(i)"
    ).tables[0]
    kinds = {column.name: column.pii for column in found.columns}
    assert kinds == {"id": None, "contact": "EMAIL_ADDRESS", "phone": "PHONE_NUMBER", "city": None}
    for column in found.columns:
        if column.pii:
            assert (column.frequent, column.minimum, column.maximum) == ((), None, None)


def test_declared_keys_win_and_inferred_joins_fill_the_rest() -> None:
    found = catalog(
        "CREATE TABLE customers AS SELECT i AS id, 'c' || i AS name FROM range(20) r(i)",
        "CREATE TABLE products AS SELECT i AS product_id, 'p' || i AS title FROM range(20) r(i)",
        "CREATE TABLE orders AS SELECT i AS order_id, i % 20 AS buyer, i % 20 AS product_id FROM range(90) r(i)",
        orders={"foreign_keys": (ForeignKey(("buyer",), "customers", ("id",)),), "primary_key": ("order_id",)},
    )
    assert set(found.joins) == {
        Join(left_table="orders", left_columns=("buyer",), right_table="customers", right_columns=("id",),
             evidence="declared"),
        Join(left_table="orders", left_columns=("product_id",), right_table="products", right_columns=("product_id",),
             evidence="inferred", score=next(j.score for j in found.joins if j.evidence == "inferred")),
    }  # fmt: skip


def test_a_bridge_has_its_pair_as_key() -> None:
    found = catalog(
        "CREATE TABLE enrolment AS SELECT i % 10 AS student_id, i // 10 AS course_id, 'x' AS grade FROM range(50) r(i)"
    )
    assert found.tables[0].primary_key == ("student_id", "course_id")


def test_a_wide_and_hostile_table_is_profiled_quickly(tmp_path: Path) -> None:
    names = ", ".join(f'{i} AS "c {i} ""x"""' for i in range(1000))
    started = time.perf_counter()
    found = catalog(f"CREATE TABLE wide AS SELECT {names} FROM range(10)")
    assert len(found.tables[0].columns) == 1000
    assert time.perf_counter() - started < 30
