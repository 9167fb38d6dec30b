"""The table writer: names, copies, staging and size."""

from pathlib import Path

import pyarrow as pa
import pytest

from connectors.base import ColumnSchema, ForeignKey, Problem, TableBatch, TableSchema
from ingest.stores.tables import TableWriter, WrittenTables, open_tables, unique_columns, unique_name, written_tables


def batch(columns: dict[str, list[object]], *, name: str = "orders", path: str = "orders.csv", typed: bool = False,
          **declared: object) -> TableBatch:  # fmt: skip
    rows = pa.RecordBatch.from_pydict(
        {key: pa.array(cells) if typed else pa.array(cells, pa.string()) for key, cells in columns.items()}
    )
    schema = TableSchema(name, path, tuple(ColumnSchema(key) for key in columns), typed, **declared)  # type: ignore[arg-type]
    return TableBatch(schema, rows, f"sha-{path}")


def write(path: Path, *batches: TableBatch) -> WrittenTables:
    with TableWriter(path) as writer:
        for each in batches:
            writer.write(each)
        return writer.finish()


def test_batches_of_a_table_become_one_typed_table(tmp_path: Path) -> None:
    written = write(
        tmp_path / "tables.duckdb",
        batch({"id": ["1", "2"], "total": ["€5", "€6.50"]}),
        batch({"id": ["3"], "total": ["€1"]}),
    )
    (table,) = written.tables
    assert (table.name, table.rows, table.units) == ("orders", 3, {"total": "EUR"})
    with open_tables(tmp_path / "tables.duckdb") as connection:
        assert connection.execute('SELECT sum(id), sum(total) FROM "orders"').fetchone() == (6, pytest.approx(12.5))
    assert [file.name for file in tmp_path.iterdir()] == ["tables.duckdb"]


def test_types_of_typed_sources_stay(tmp_path: Path) -> None:
    write(tmp_path / "t.duckdb", batch({"code": ["1", "2"], "day": ["2024-01-01", None], "n": [1, 2]}, typed=True))
    with open_tables(tmp_path / "t.duckdb") as connection:
        described = connection.execute('DESCRIBE "orders"').fetchall()
    assert [row[1] for row in described] == ["VARCHAR", "VARCHAR", "BIGINT"]


def test_unchanged_tables_are_copied_without_their_source(tmp_path: Path) -> None:
    keys = {"primary_key": ("id",), "foreign_keys": (ForeignKey(("c",), "customers", ("id",)),)}
    first = write(
        tmp_path / "a.duckdb",
        batch({"id": ["1"], "c": ["NA"]}, **keys),
        batch({"id": ["1"], "c": ["7"]}, name="Orders", path="old/Orders.csv"),
    )
    assert [table.name for table in first.tables] == ["orders", "old_Orders"]
    with TableWriter(tmp_path / "b.duckdb", previous=tmp_path / "a.duckdb") as writer:
        copied = writer.copy_unchanged("old/Orders.csv")
        with pytest.raises(LookupError, match=r"gone\.csv"):
            writer.copy_unchanged("gone.csv")
        writer.copy_unchanged("orders.csv")
        second = writer.finish()
    assert copied.name == "Orders" and copied.fingerprint == "sha-old/Orders.csv"
    assert second.tables[1].foreign_keys == keys["foreign_keys"]
    assert second.tables[1].primary_key == ("id",)
    with open_tables(tmp_path / "b.duckdb") as connection:
        assert connection.execute('SELECT c FROM "Orders"').fetchall() == [(7,)]
        assert written_tables(connection) == second.tables


def test_a_table_that_broke_off_is_forgotten_wherever_it_is(tmp_path: Path) -> None:
    rows = {"id": ["1"]}
    with TableWriter(tmp_path / "t.duckdb") as writer:
        for path in ("a.csv", "book.xlsx#One", "book.xlsx#Two"):
            writer.write(batch(rows, name=path[-3:], path=path))
        writer.discard(Problem("other.csv", "corrupt_file", "Damaged."))
        assert writer.holds("book.xlsx#Two") and writer.holds("a.csv")
        writer.discard(Problem("book.xlsx", "corrupt_file", "The workbook broke off in its second sheet."))
        writer.discard(Problem("a.csv", "corrupt_file", "Found damaged when another table was written already."))
        assert not writer.holds("book.xlsx#Two") and not writer.holds("a.csv")
        written = writer.finish()
    assert [table.path for table in written.tables] == ["book.xlsx#One"]
    with open_tables(tmp_path / "t.duckdb") as connection:
        assert written_tables(connection) == written.tables
    assert [file.name for file in tmp_path.iterdir()] == ["t.duckdb"]


def test_names_stay_close_to_the_sources() -> None:
    assert unique_name("Ümsatz 2024.csv", "Ümsatz 2024.csv", ()) == "Ümsatz 2024"
    assert unique_name("select", "select.csv", ()) == "select"
    assert unique_name("Orders", "b/orders.csv", {"orders"}) == "b_Orders"
    assert unique_name("orders", "orders.csv", {"orders"}) == "orders_2"
    assert unique_columns(["id", "ID", "", "id"])[0] == ("id", "ID_2", "column_3", "id_3")


def test_empty_and_columnless_tables(tmp_path: Path) -> None:
    written = write(tmp_path / "t.duckdb", batch({"id": []}), batch({}, name="none", path="none.csv"))
    assert [(table.name, table.rows) for table in written.tables] == [("orders", 0)]
    assert [finding.code for finding in written.findings] == ["no_columns"]


def test_the_file_holds_no_staging(tmp_path: Path) -> None:
    wide = {f"c{i}": [str(n % 50) for n in range(20_000)] for i in range(10)}
    write(tmp_path / "t.duckdb", *(batch(wide) for _ in range(5)))
    with open_tables(tmp_path / "t.duckdb") as connection:
        free = connection.execute("SELECT free_blocks FROM pragma_database_size()").fetchone()
    assert free is not None and free[0] <= 4
    assert (tmp_path / "t.duckdb").stat().st_size < 3_000_000


def test_batches_of_differing_types_are_reconciled(tmp_path: Path) -> None:
    write(tmp_path / "t.duckdb", batch({"n": [1, 2]}, typed=True), batch({"n": [1.5]}, typed=True))
    with open_tables(tmp_path / "t.duckdb") as connection:
        assert connection.execute('SELECT sum(n) FROM "orders"').fetchone() == (4.5,)
