"""A small shop: a real DuckDB file, its catalog from the profiler and a value index, for planner tests."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import SimpleNamespace

import duckdb
import msgspec

from app.planning.planner import Planner
from ingest.stores.catalog import Catalog, Column, Join, Metric, Table
from ingest.stores.values import ValueHit, normalise

TODAY = date(2026, 6, 30)
SCHEMA = """
CREATE TABLE customers(customer_id INTEGER, full_name VARCHAR, country VARCHAR, email VARCHAR, signup_date DATE, age INTEGER);
CREATE TABLE products(product_id INTEGER, product_name VARCHAR, category VARCHAR, list_price DECIMAL(8,2), weight_g INTEGER, waterproof BOOLEAN);
CREATE TABLE orders(order_id INTEGER, customer_id INTEGER, order_date DATE, status VARCHAR, shipping_fee DECIMAL(6,2));
CREATE TABLE order_items(order_id INTEGER, line INTEGER, product_id INTEGER, quantity INTEGER, unit_price DECIMAL(8,2));
CREATE TABLE repairs(repair_id INTEGER, customer_id INTEGER, opened_on DATE, closed_on DATE);
INSERT INTO repairs VALUES (1,1,'2025-05-01','2025-05-09'),(2,1,'2026-06-01',NULL),(3,2,'2026-06-20',NULL);
INSERT INTO customers VALUES (1,'Ada King','Germany','ada@example.com','2023-01-05',34),(2,'Bo Lind','France',NULL,'2024-02-01',51),
 (3,'Cy Moss','Germany','cy@example.com','2024-03-09',28),(4,'Di Noor','United Kingdom','di@example.com','2025-06-01',45);
INSERT INTO products VALUES (1,'Fell Tent','tents',320.00,2100,true),(2,'Ridge Tent','tents',180.00,3000,true),(3,'Fox Jacket','jackets',150.00,620,true),
 (4,'Ember Stove','stoves',60.00,240,false),(5,'Moor Jacket','jackets',90.00,800,false);
INSERT INTO orders VALUES (10,1,'2024-11-02','paid',5.00),(11,1,'2025-03-04','paid',0.00),(12,2,'2025-03-20','cancelled',5.00),(13,3,'2025-04-11','paid',7.50),(14,1,'2025-07-01','shipped',0);
INSERT INTO order_items VALUES (10,1,1,1,320),(10,2,4,2,60),(11,1,3,1,150),(12,1,2,1,180),(13,1,4,1,55),(13,2,5,3,90),(14,1,1,1,300);
"""
KEYS = {
    "customers": ("customer_id",),
    "products": ("product_id",),
    "orders": ("order_id",),
    "order_items": ("order_id", "line"),
    "repairs": ("repair_id",),
}
SYNONYMS = {
    ("customers", "full_name"): ("name",),
    ("products", "product_name"): ("name",),
    ("products", "list_price"): ("price",),
    ("products", "weight_g"): ("weight",),
    ("orders", "order_date"): ("ordered", "placed"),
}
TYPES = {"INTEGER": "integer", "VARCHAR": "text", "DATE": "date", "BOOLEAN": "boolean"}


class Values:
    def __init__(self, hits: list[ValueHit]) -> None:
        self._hits = hits

    def lookup(self, norms):
        wanted = set(norms)
        return [hit for hit in self._hits if hit.norm in wanted]


def _column(connection, table: str, name: str, kind: str) -> Column:
    low, high, distinct, filled, rows = connection.execute(
        f'SELECT min("{name}"), max("{name}"), count(DISTINCT "{name}"), count("{name}"), count(*) FROM "{table}"'
    ).fetchone()
    return Column(
        name=name,
        type=TYPES.get(kind, "number"),
        sql_type=kind,
        nulls=rows - filled,
        distinct=distinct,
        unique=distinct == rows,
        minimum=str(low),
        maximum=str(high),
        synonyms=SYNONYMS.get((table, name), ()),
        pii="EMAIL_ADDRESS" if name == "email" else None,
    )


def build(folder: Path) -> SimpleNamespace:
    path = folder / "tables.duckdb"
    connection = duckdb.connect(str(path))
    connection.execute(SCHEMA)
    tables, hits = [], []
    for table, key in KEYS.items():
        described = connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ?", [table]
        ).fetchall()
        columns = tuple(_column(connection, table, name, kind) for name, kind in described)
        rows = connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]
        default = next((c.name for c in columns if c.type == "date"), None)
        tables.append(Table(name=table, path=table, columns=columns, rows=rows, primary_key=key, default_date=default))
        for column in columns:
            if column.type == "text" and column.pii is None:
                found = connection.execute(f'SELECT DISTINCT "{column.name}" FROM "{table}"').fetchall()
                hits += [ValueHit(table, column.name, value, normalise(value), 1) for (value,) in found]
    connection.close()
    joins = tuple(
        Join(left_table=left, left_columns=(key,), right_table=right, right_columns=(key,), evidence="declared")
        for left, right, key in (
            ("orders", "customers", "customer_id"),
            ("repairs", "customers", "customer_id"),
            ("order_items", "orders", "order_id"),
            ("order_items", "products", "product_id"),
        )
    )
    metric = Metric(
        name="net revenue",
        table="order_items",
        expression="sum(quantity * unit_price)",
        filter="orders.status <> 'cancelled'",
        synonyms=("revenue",),
        unit="EUR",
    )
    catalog = Catalog(source="shop", tables=tuple(tables), joins=joins, metrics=(metric,))
    return SimpleNamespace(
        path=path, catalog=catalog, values=Values(hits), planner=Planner(catalog, Values(hits), ("public", "internal"))
    )


def only_public(catalog: Catalog) -> Catalog:
    """The catalog with `products` public and all else internal."""

    def public(table: Table) -> Table:
        columns = tuple(msgspec.structs.replace(c, visibility="public") for c in table.columns)
        return msgspec.structs.replace(table, visibility="public", columns=columns)

    return msgspec.structs.replace(
        catalog, tables=tuple(public(t) if t.name == "products" else t for t in catalog.tables)
    )
