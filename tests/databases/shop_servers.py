"""Databases of random names on this machine's servers, and the sample shop's tables loaded into them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import openpyxl
import psycopg
import pyarrow as pa
import pymysql

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"
POSTGRES = os.environ.get("TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432")
MARIADB = os.environ.get("TEST_MARIADB_URL", "mariadb://root@127.0.0.1:3306")
SCHEMES = ("postgresql", "mariadb")
KEYS = {
    "customers": "customer_id", "products": "product_id", "orders": "order_id", "order_items": "order_id, line_number",
    "returns": "return_id", "support_tickets": "ticket_id", "stores": "store_id", "employees": "employee_id",
}  # fmt: skip
_TYPES = {
    "VARCHAR": ("text", "varchar(200)"),
    "DOUBLE": ("double precision", "double"),
    "BOOLEAN": ("boolean", "tinyint(1)"),
    "TINYINT": ("smallint", "smallint"),
    "TIMESTAMP": ("timestamp", "datetime"),
}
_DATES = {("stores", "opened_on"), ("employees", "hired_on")}


def without(scheme: str) -> str | None:
    """Why there is no such server to test with; None if there is one."""
    try:
        with admin(scheme):
            return None
    except (psycopg.Error, pymysql.Error) as error:
        return f"no {scheme} server: {type(error).__name__}"


@contextmanager
def admin(scheme: str, database: str = "") -> Iterator[object]:
    """A connection of the server's own user, with every right."""
    if scheme == "postgresql":
        connection = psycopg.connect(f"{POSTGRES}/{database or 'postgres'}", autocommit=True, connect_timeout=3)
    else:
        connection = pymysql.connect(
            host="127.0.0.1", user="root", database=database or None, autocommit=True, connect_timeout=3,
            charset="utf8mb4",
        )  # fmt: skip
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def database(scheme: str, *statements: str) -> Iterator[str]:
    """The URL of a new database in which the statements were run; dropped afterwards."""
    name = f"answerable_{secrets.token_hex(6)}"
    with admin(scheme) as connection:
        connection.cursor().execute(f"CREATE DATABASE {name}")
    try:
        execute(f"{scheme}://x/{name}", *statements)
        yield f"{POSTGRES if scheme == 'postgresql' else MARIADB}/{name}"
    finally:
        with admin(scheme) as connection:
            force = " WITH (FORCE)" if scheme == "postgresql" else ""
            connection.cursor().execute(f"DROP DATABASE IF EXISTS {name}{force}")


def execute(url: str, *statements: str) -> None:
    """Run statements in the URL's database, as the server's own user."""
    scheme, name = url.partition("://")[0], url.rpartition("/")[2]
    with admin(scheme, name) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def shop_tables() -> duckdb.DuckDBPyConnection:
    """The sample shop's eight tables."""
    connection = duckdb.connect()
    for path in sorted((SAMPLE / "shop").glob("*.csv")):
        connection.read_csv(str(path)).create(path.stem)
    connection.read_parquet(str(SAMPLE / "shop" / "order_items.parquet")).create("order_items")
    book = openpyxl.load_workbook(SAMPLE / "shop" / "stores.xlsx", read_only=True)
    for sheet in book:
        head, *rows = sheet.iter_rows(values_only=True)
        connection.from_arrow(pa.Table.from_pylist([dict(zip(head, row, strict=True)) for row in rows])).create(
            sheet.title
        )
    book.close()
    return connection


def load_shop(url: str) -> None:
    """Create and fill the shop's tables."""
    scheme, name = url.partition("://")[0], url.rpartition("/")[2]
    with shop_tables() as shop, admin(scheme, name) as connection, connection.cursor() as cursor:
        for table, key in KEYS.items():
            columns = shop.execute(f"DESCRIBE {table}").fetchall()
            spelled = ", ".join(f"{column} {_type(scheme, table, column, kind)}" for column, kind, *_ in columns)
            cursor.execute(f"CREATE TABLE {table} ({spelled}, PRIMARY KEY ({key}))")
            rows = shop.execute(f"SELECT * FROM {table}").fetchall()
            if scheme == "postgresql":
                with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(row)
            else:
                marks = ", ".join(["%s"] * len(columns))
                cursor.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


def _type(scheme: str, table: str, column: str, kind: str) -> str:
    if (table, column) in _DATES:
        return "date"
    if kind == "DOUBLE" and column != "discount":
        return "numeric(10, 2)"
    names = _TYPES.get(kind, (kind, kind))
    return names[0] if scheme == "postgresql" else names[1]
