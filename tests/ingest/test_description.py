"""Description files: what they say reaches the catalog, and what is wrong is said with line and remedy."""

from pathlib import Path

import pytest

from ingest.description import apply_description, read_description
from ingest.errors import DescriptionError
from ingest.stores.catalog import Catalog, Column, FrequentValue, Join, Table


def column(name: str, kind: str = "integer", **more: object) -> Column:
    return Column(name=name, type=kind, sql_type="X", **more)  # type: ignore[arg-type]


CATALOG = Catalog(
    source="shop",
    tables=(
        Table(name="orders", path="orders.csv", rows=3, columns=(
            column("id"), column("customer_id"), column("total", "number"), column("day", "date"),
            column("status", "text", frequent=(FrequentValue("P", 2),)))),
        Table(name="customers", path="c.csv", rows=3, columns=(
            column("id"), column("full name", "text", frequent=(FrequentValue("Anna", 1),)),
            column("mail", "text", pii="EMAIL_ADDRESS"))),
    ),
    joins=(Join(left_table="orders", left_columns=("customer_id",), right_table="orders", right_columns=("id",),
                evidence="inferred", score=0.7),),
)  # fmt: skip

GOOD = """
description: A shop
visibility: internal
tables:
  orders:
    synonyms: [purchases]
    visibility: public
    key: [id]
    default_date: day
    columns:
      total: {unit: EUR, synonyms: amount, visibility: internal}
      status: {labels: {P: paid}}
  CUSTOMERS:
    columns:
      full name: {pii: person}
      mail: {pii: none}
joins: ["orders.customer_id -> customers.id"]
metrics:
  net revenue: {table: orders, expression: "sum(orders.total)", filter: "status <> 'X'", unit: EUR}
documents:
  "policies/*": {visibility: public}
planner_threshold: 0.8
models: never
"""


def applied(tmp_path: Path, text: str) -> Catalog:
    path = tmp_path / "describe.yaml"
    path.write_text(text, encoding="utf-8")
    return apply_description(CATALOG, read_description(path))


def test_everything_said_reaches_the_catalog(tmp_path: Path) -> None:
    found = applied(tmp_path, GOOD)
    orders, customers = found.tables
    assert (orders.visibility, orders.primary_key, orders.default_date) == ("public", ("id",), "day")
    by_name = {c.name: c for c in orders.columns}
    assert (by_name["total"].unit, by_name["total"].synonyms, by_name["total"].visibility) == (
        "EUR",
        ("amount",),
        "internal",
    )
    assert by_name["day"].visibility == "public"
    assert by_name["status"].labels == {"P": "paid"}
    name, mail = customers.columns[1:]
    assert (name.pii, name.pii_declared, name.frequent) == ("PERSON", True, ())
    assert (mail.pii, mail.pii_declared) == (None, True)
    assert [(j.right_table, j.evidence) for j in found.joins] == [("customers", "described")]
    assert found.metrics[0].name == "net revenue" and found.metrics[0].unit == "EUR"
    assert (found.description, found.planner_threshold, found.models) == ("A shop", 0.8, "never")


def test_document_globs(tmp_path: Path) -> None:
    path = tmp_path / "describe.yaml"
    path.write_text(GOOD, encoding="utf-8")
    description = read_description(path)
    assert description.document_visibility("policies/a/b.md") == "public"
    assert description.document_visibility("notes.md") is None


@pytest.mark.parametrize(
    ("text", "line", "words", "hint"),
    [
        ("tabels: {}", 1, "unknown key 'tabels'", "tables"),
        ("tables:\n  ordres: {}", 2, "no table 'ordres'", "'orders'"),
        ("tables:\n  orders:\n    columns:\n      totl: {unit: EUR}", 4, "no column 'totl'", "'total'"),
        ("tables:\n  orders:\n    columns:\n      total: {untis: EUR}", 4, "unknown key 'untis'", "unit"),
        ("tables:\n  orders:\n    default_date: status", 2, "default_date", "dates"),
        ("tables:\n  orders:\n    visibility: secret", 3, "'visibility' is 'secret'", "public, internal"),
        ("tables:\n  orders:\n    columns:\n      id:\n        pii: nose", 5, "personal data 'nose'", "email"),
        ("joins:\n  - orders.customer_id = customers.id", 2, "cannot read the join", "->"),
        ("joins: ['orders.customer -> customers.id']", 1, "no column 'customer'", "customer_id"),
        ("metrics:\n  m: {table: orders, expression: 'sum(totl)'}", 2, "no column 'totl'", "'total'"),
        ("metrics:\n  m: {table: orders, expression: 'total'}", 2, "does not aggregate", "sum"),
        ("metrics:\n  m: {table: orders, expression: 'sum(total'}", 2, "cannot be read", "DuckDB"),
        ("metrics:\n  m: {table: orders, expression: 'sum((select 1))'}", 2, "holds a query", "columns"),
        ("models: sometimes", 1, "'models' is 'sometimes'", "allowed, never"),
        ("planner_threshold: 7", 1, "out of range", "1.0"),
        ("a: [1", 2, "", "Check indentation"),
        ("tables:\n  orders: {}\n  orders: {}", 3, "twice", "one"),
    ],
)
def test_mistakes_name_line_and_remedy(tmp_path: Path, text: str, line: int, words: str, hint: str) -> None:
    with pytest.raises(DescriptionError) as caught:
        applied(tmp_path, text)
    assert f"line {line}" in caught.value.message or (line == 2 and "line 1" in caught.value.message)
    assert words in caught.value.message
    assert hint in caught.value.hint


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    assert applied(tmp_path, "# nothing yet\n") == CATALOG
