"""A dropped-in sheet of 10,000 rows is computed with, never estimated: the classic failures of asking spreadsheets."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from tests.app.asking_tables import Asked, write_csv

ROWS = 10_000
HEADER = ["Order No", "Order Date", "Region", "Status", "Product", "Customer", "Quantity", "Amount"]
REGIONS = ("North", "South", "East", "West")
STATUSES = ("paid", "paid", "paid", "open", "returned")
TITLE = [["Sales 2025, all regions"], ["exported on 2026-01-07"], []]


def sheet() -> list[list[Any]]:
    """Rows without a pattern that an estimate could guess, the same in every run."""
    rows: list[list[Any]] = []
    state = 7
    for number in range(1, ROWS + 1):
        state = (state * 1_103_515_245 + 12_345) % 2**31
        pick = state >> 8
        rows.append(
            [
                f"ORD-{number:05d}",
                date(2025, 1, 1) + timedelta(days=pick % 365),
                REGIONS[pick // 3 % 4],
                STATUSES[pick // 7 % 5],
                f"Item {pick // 11 % 45 + 1:02d}",
                f"Customer {pick // 13 % 700 + 1:03d}",
                pick % 9 + 1,
                Decimal(pick % 50_000) / 100,
            ]
        )
    rows[-2][5] = "Zebulon Archer"  # row 9,999: what an answer from the first rows cannot know
    return rows


SALES = sheet()


def write_xlsx(path: Path, rows: list[list[Any]], above: list[list[Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    book = Workbook(write_only=True)
    page = book.create_sheet("Sales")
    for row in (*above, HEADER, *rows):
        page.append([float(cell) if isinstance(cell, Decimal) else cell for cell in row])
    book.save(path)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("sheets")
    total = ["Total", "", "", "", "", "", sum(row[6] for row in SALES), sum(row[7] for row in SALES)]
    write_csv(folder / "csv" / "sales.csv", HEADER, SALES)
    write_csv(folder / "messy-csv" / "sales.csv", HEADER, [*SALES, [], total], above=TITLE)
    write_xlsx(folder / "xlsx" / "sales.xlsx", SALES, [])
    write_xlsx(folder / "messy-xlsx" / "sales.xlsx", [*SALES, [], total], TITLE)
    opened = Asked(folder / "home")
    for name in ("csv", "messy-csv", "xlsx", "messy-xlsx"):
        opened.add(folder / name, name)
    yield opened
    opened.engine.close()


@pytest.fixture(params=["csv", "messy-csv", "xlsx", "messy-xlsx"])
def source(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def summed(key: int, value: int) -> dict[Any, Any]:
    found: dict[Any, Any] = defaultdict(int)
    for row in SALES:
        found[row[key]] += row[value]
    return found


@pytest.mark.parametrize("status", ["open", "returned"])
def test_counts_are_exact(asked: Asked, source: str, status: str) -> None:
    expected = sum(row[3] == status and row[2] == "North" for row in SALES)
    assert asked.rows(f"How many sales in region North have the status {status}?", source) == [(expected,)]


def test_all_rows_are_counted(asked: Asked, source: str) -> None:
    assert asked.rows("How many sales are there?", source) == [(ROWS,)]


def test_sums_are_exact(asked: Asked, source: str) -> None:
    march = sum(row[7] for row in SALES if row[1].month == 3)
    [(got,)] = asked.rows("What was the total amount in March 2025?", source)
    assert Decimal(str(got)).quantize(Decimal("0.01")) == march
    [(got,)] = asked.rows("What is the total quantity?", source)
    assert got == sum(row[6] for row in SALES)


def test_top_n_is_over_all_rows(asked: Asked, source: str) -> None:
    by_product = Counter(summed(4, 7))
    got = asked.rows("What are the top 5 products by total amount?", source)
    assert [row[0] for row in got] == [product for product, _ in by_product.most_common(5)]


def test_averages_by_group_are_exact(asked: Asked, source: str) -> None:
    count = Counter(row[2] for row in SALES)
    got = dict(asked.rows("What is the average amount by region?", source))
    assert {region: round(float(amount), 6) for region, amount in got.items()} == {
        region: round(float(amount / count[region]), 6) for region, amount in summed(2, 7).items()
    }


def test_distinct_values_are_counted(asked: Asked, source: str) -> None:
    expected = len({row[5] for row in SALES})
    assert asked.rows("How many different customers are there?", source) == [(expected,)]


def test_the_end_of_the_sheet_is_found(asked: Asked, source: str) -> None:
    row = SALES[-2]
    [(got,)] = asked.rows("What is the amount of order no ORD-09999?", source)
    assert Decimal(str(got)).quantize(Decimal("0.01")) == row[7]
    assert asked.rows("Which order no has the customer Zebulon Archer?", source) == [("ORD-09999",)]


@pytest.mark.parametrize("name", ["messy-csv", "messy-xlsx"])
def test_titles_and_totals_are_reported(asked: Asked, name: str) -> None:
    codes = {finding.code for finding in asked.reports[name].findings}
    assert {"title_rows", "total_row"} <= codes


@pytest.mark.parametrize(
    ("last", "kept"),
    [
        (["Grand total", "", 45], False),
        (["Summe:", None, "45"], False),
        (["Average", "", 4.5], False),
        (["Total", "", ""], False),
        (["Total", "", 46], True),
        (["Total Foods Ltd", "b", 45], False),
        (["Totally Spices", "b", 45], True),
        (["n9", "Total", 45], True),
    ],
)
def test_only_totals_are_left_out(tmp_path: Path, last: list[Any], kept: bool) -> None:
    opened = Asked(tmp_path / "home")
    write_csv(
        tmp_path / "in" / "fees.csv", ["name", "kind", "fee"], [*([f"n{n}", "ab"[n % 2], n] for n in range(10)), last]
    )
    opened.add(tmp_path / "in", "fees")
    assert opened.rows("How many fees are there?") == [(10 + kept,)]
    opened.engine.close()


@pytest.mark.parametrize(
    ("last", "kept"),
    [
        ([["Subtotal", "", 45], ["Grand total", "", 45]], 0),
        ([["Total", "", 45], ["Average", "", 4.5]], 0),
        ([["Total", "", 45], [], ["Total", "", 45]], 0),
        ([["Total", "", 45], ["n10", "a", 10]], 2),
        ([["Subtotal", "", 45], ["Grand total", "", 90]], 2),
        ([["Total", "", 45], ["Total", "", 45], ["Total", "", 45], ["Total", "", 45]], 4),
    ],
    ids=["two totals", "total and mean", "a gap between", "data after it", "a total of totals", "more than three"],
)
def test_several_totals_are_left_out_together_or_not_at_all(tmp_path: Path, last: list[Any], kept: int) -> None:
    opened = Asked(tmp_path / "home")
    rows = [[f"n{n}", "ab"[n % 2], n] for n in range(10)]
    write_csv(tmp_path / "in" / "fees.csv", ["name", "kind", "fee"], [*rows, *last])
    opened.add(tmp_path / "in", "fees")
    assert opened.rows("How many fees are there?") == [(10 + kept,)]
    opened.engine.close()


def test_a_totals_row_does_not_change_the_type_of_its_columns(tmp_path: Path) -> None:
    """Its label stands in a column of padded numbers, which stay as wide as they are."""
    opened = Asked(tmp_path / "home")
    rows = [[f"{n:05d}", f"Reader {n}", n % 7] for n in range(120, 130)] + [["123", "Another reader", 3]]
    total = ["Total", "", sum(row[2] for row in rows)]
    write_csv(tmp_path / "in" / "readers.csv", ["badge", "reader", "books"], [*rows, total])
    opened.add(tmp_path / "in", "readers")
    (table,) = opened.engine.store.snapshot().sources["readers"].catalog.tables
    assert {column.name: column.type for column in table.columns} == {
        "badge": "text",
        "reader": "text",
        "books": "integer",
    }
    assert table.rows == 11
    assert opened.rows("How many books has the badge 00123?") == [(123 % 7,)]
    assert opened.rows("How many books has the badge 00129?") == [(129 % 7,)]
    assert opened.rows("What is the total number of books?") == [(total[2],)]
    opened.engine.close()
