"""Make the generated part of the sample: the shop's tables, and the help centre's PDF and DOCX documents.

    python data/sample/make_sample.py [--out FOLDER] [--only shop|help-centre]

The Markdown and HTML documents, the description file and the questions are written by hand and kept beside this script.
"""

from __future__ import annotations

import argparse
import csv
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
from office_documents import fix_zip, write_office_documents
from shop_tables import COLUMNS, Row, build

HERE = Path(__file__).parent
CSV_TABLES = ("customers", "products", "orders", "returns", "support_tickets")
MONEY = frozenset({"list_price", "unit_cost", "shipping_fee", "refund_amount"})


def main() -> None:
    """Write the chosen parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write into (default: beside this script)")
    parser.add_argument("--only", choices=("shop", "help-centre"), help="make one part only")
    options = parser.parse_args()
    if options.only in (None, "shop"):
        write_shop(options.out / "shop")
    if options.only in (None, "help-centre"):
        write_office_documents(options.out / "help-centre")


def write_shop(folder: Path) -> None:
    """Write CSVs, `order_items.parquet` and `stores.xlsx` (sheets `stores` and `employees`)."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = build()
    for name in CSV_TABLES:
        write_csv(folder / f"{name}.csv", COLUMNS[name], tables[name])
    write_order_items(folder / "order_items.parquet", tables["order_items"])
    write_workbook(folder / "stores.xlsx", {name: tables[name] for name in ("stores", "employees")})


def write_csv(path: Path, columns: tuple[str, ...], rows: list[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([as_text(name, cell) for name, cell in zip(columns, row, strict=True)] for row in rows)


def as_text(column: str, cell: Any) -> str:
    """A cell as CSV text: ISO dates, two decimals for money, empty for null."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ", timespec="minutes")
    if isinstance(cell, date):
        return cell.isoformat()
    return f"{cell:.2f}" if column in MONEY else str(cell)


def write_order_items(path: Path, rows: list[Row]) -> None:
    types = (pa.int32(), pa.int8(), pa.int32(), pa.int8(), pa.decimal128(8, 2), pa.float64(), pa.int8())
    columns = [list(column) for column in zip(*rows, strict=True)]
    columns[4] = [Decimal(str(price)) for price in columns[4]]
    arrays = [pa.array(column, type=kind) for column, kind in zip(columns, types, strict=True)]
    pq.write_table(pa.table(arrays, names=list(COLUMNS["order_items"])), path, compression="zstd")


def write_workbook(path: Path, tables: dict[str, list[Row]]) -> None:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in tables.items():
        sheet = book.create_sheet(name)
        sheet.append(COLUMNS[name])
        for row in rows:
            sheet.append(row)
    book.save(path)
    fix_zip(path)


if __name__ == "__main__":
    main()
