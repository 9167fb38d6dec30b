"""The sample's tables, read straight from their files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import openpyxl
import pyarrow as pa
import pytest

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"


@pytest.fixture(scope="session")
def shop() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with one table for each of the shop's eight."""
    connection = duckdb.connect()
    for path in (SAMPLE / "shop").glob("*.csv"):
        connection.read_csv(str(path)).create(path.stem)
    connection.read_parquet(str(SAMPLE / "shop" / "order_items.parquet")).create("order_items")
    book = openpyxl.load_workbook(SAMPLE / "shop" / "stores.xlsx", read_only=True)
    for sheet in book:
        head, *rows = sheet.iter_rows(values_only=True)
        sheet_rows = pa.Table.from_pylist([dict(zip(head, row, strict=True)) for row in rows])
        connection.from_arrow(sheet_rows).create(sheet.title)
    book.close()
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def shop_reversed(shop: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """The same tables with their rows in the opposite order."""
    connection = duckdb.connect()
    for (table,) in shop.sql("SELECT table_name FROM information_schema.tables").fetchall():
        rows = shop.table(table).to_arrow_table()
        connection.from_arrow(rows.take(list(range(rows.num_rows - 1, -1, -1)))).create(table)
    yield connection
    connection.close()
