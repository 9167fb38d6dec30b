"""The sample is what its README says: generated the same each time, small, consistent, and only of invented people."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import openpyxl
import pyarrow.parquet as pq
import pytest
import yaml

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"
SUPERSEDED, CURRENT = "policies/archive/returns-2022.md", "policies/returns.md"


@pytest.fixture(scope="module")
def made_again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sample")
    subprocess.run([sys.executable, "-B", str(SAMPLE / "make_sample.py"), "--out", str(out)], check=True)
    return out


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["customers", "products", "orders", "returns", "support_tickets"])
def test_csv_tables_are_made_the_same(made_again: Path, name: str) -> None:
    assert sha256(made_again / "shop" / f"{name}.csv") == sha256(SAMPLE / "shop" / f"{name}.csv")


def test_parquet_and_workbook_hold_the_same(made_again: Path) -> None:
    """Their bytes hang on the versions of the libraries that write them; their content must not."""
    items = "shop/order_items.parquet"
    assert pq.read_table(made_again / items).equals(pq.read_table(SAMPLE / items))
    books = [openpyxl.load_workbook(root / "shop" / "stores.xlsx") for root in (made_again, SAMPLE)]
    cells = [{sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book} for book in books]
    assert cells[0] == cells[1]


def test_a_second_run_writes_the_same_bytes(made_again: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-B", str(SAMPLE / "make_sample.py"), "--out", str(tmp_path)], check=True)
    files = [path.relative_to(made_again) for path in made_again.rglob("*") if path.is_file()]
    assert len(files) == 9
    assert [path for path in files if sha256(tmp_path / path) != sha256(made_again / path)] == []


def test_the_sample_is_small_and_large_enough(shop: duckdb.DuckDBPyConnection) -> None:
    files = [path for path in SAMPLE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) < 10_000_000
    documents = [path for path in (SAMPLE / "help-centre").rglob("*") if path.is_file()]
    assert len(documents) >= 45
    assert {path.suffix for path in documents} == {".md", ".html", ".pdf", ".docx"}
    assert shop.sql("SELECT count(*) FROM order_items").fetchall()[0][0] >= 50_000


@pytest.mark.parametrize(
    ("child", "parent", "key"),
    [
        ("orders", "customers", "customer_id"),
        ("orders", "stores", "store_id"),
        ("order_items", "orders", "order_id"),
        ("order_items", "products", "product_id"),
        ("returns", "orders", "order_id"),
        ("support_tickets", "customers", "customer_id"),
        ("employees", "stores", "store_id"),
    ],
)
def test_foreign_keys_hold(shop: duckdb.DuckDBPyConnection, child: str, parent: str, key: str) -> None:
    orphans = f"SELECT count(*) FROM {child} WHERE {key} NOT IN (SELECT {key} FROM {parent})"
    assert shop.sql(orphans).fetchall() == [(0,)]


def test_returns_agree_with_the_lines_they_came_from(shop: duckdb.DuckDBPyConnection) -> None:
    differing = """
        SELECT count(*) FROM order_items i
        FULL JOIN returns r ON r.order_id = i.order_id AND r.product_id = i.product_id
        WHERE coalesce(r.quantity, 0) <> coalesce(i.returned_quantity, -1)
    """
    assert shop.sql(differing).fetchall() == [(0,)]


def test_the_description_names_what_exists(shop: duckdb.DuckDBPyConnection) -> None:
    described = yaml.safe_load((SAMPLE / "shop" / "describe.yaml").read_text(encoding="utf-8"))
    existing = {
        (table, column)
        for table, column in shop.sql("SELECT table_name, column_name FROM information_schema.columns").fetchall()
    }
    named = {(table, column) for table, content in described["tables"].items() for column in content["columns"]}
    named |= {(table, column) for table, content in described["tables"].items() for column in content["key"]}
    for join in described["joins"]:
        named |= {tuple(side.split(".")) for side in join.split(" -> ")}
    assert named - existing == set()


@pytest.mark.parametrize("metric", ["net revenue", "gross margin", "average order value", "units sold", "return rate"])
def test_metrics_can_be_computed(shop: duckdb.DuckDBPyConnection, metric: str) -> None:
    described = yaml.safe_load((SAMPLE / "shop" / "describe.yaml").read_text(encoding="utf-8"))
    content = described["metrics"][metric]
    query = (
        f"SELECT {content['expression']} FROM order_items JOIN orders USING (order_id) "
        "JOIN products USING (product_id) "
        f"WHERE {content['filter']}"
    )
    assert shop.sql(query.replace("order_items.order_id", "order_id")).fetchall()[0][0] > 0


def test_people_are_invented(shop: duckdb.DuckDBPyConnection) -> None:
    emails = [
        row[0] for row in shop.sql("SELECT email FROM customers UNION ALL SELECT work_email FROM employees").fetchall()
    ]
    assert [mail for mail in emails if not re.search(r"[@.]example\.(com|org|net)$", mail)] == []
    phones = [row[0] for row in shop.sql("SELECT phone FROM customers WHERE phone IS NOT NULL").fetchall()]
    assert [phone for phone in phones if not re.fullmatch(r"\+1 \d{3}-555-01\d\d", phone)] == []


def test_one_returns_policy_is_superseded_by_the_other() -> None:
    old, new = ((SAMPLE / "help-centre" / path).read_text(encoding="utf-8") for path in (SUPERSEDED, CURRENT))
    assert f"superseded_by: {CURRENT}" in old
    assert "**30 days**" in old
    assert f"supersedes: {SUPERSEDED}" in new
    assert "**60 days**" in new
