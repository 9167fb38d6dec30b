"""XLSX workbooks and Parquet files."""

from __future__ import annotations

import datetime as dt
import zipfile
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from connector_samples import (
    columns,
    problems,
    read,
    read_table,
    truncated,
    write_bomb,
    write_parquet,
    write_text,
    write_xlsx,
)
from openpyxl import Workbook, load_workbook

from connectors.base import TableBatch


def test_cells_become_plain_text(tmp_path: Path) -> None:
    values = [
        1,
        2.0,
        0.1 + 0.2,
        1e-7,
        True,
        dt.datetime(2024, 1, 2),
        dt.datetime(2024, 1, 2, 3, 4, 5),
        dt.time(3, 4),
        " x ",
    ]
    path = write_xlsx(tmp_path / "b.xlsx", {"S": [[f"c{number}" for number in range(len(values))], values]})
    texts = ["1", "2", "0.3", "0.0000001", "true", "2024-01-02", "2024-01-02 03:04:05", "03:04:00", "x"]
    assert list(read_table(path)[0].values()) == texts


def test_every_sheet_with_content_is_a_table(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "book.xlsx", {"One": [["a"], [1]], "None": [], "Two": [["b"], [2]]})
    tables = [(item.schema.name, item.schema.path) for item in read(path) if isinstance(item, TableBatch)]
    assert tables == [("One", "book.xlsx#One"), ("Two", "book.xlsx#Two")]


def test_only_sheet_is_named_after_the_file(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "orders.xlsx", {"Sheet1": [["a"], [1]]})
    (batch,) = [item for item in read(path) if isinstance(item, TableBatch)]
    assert (batch.schema.name, batch.schema.path) == ("orders", "orders.xlsx#Sheet1")


def test_title_rows_and_merged_group_headers(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    for row in (["Results"], [], ["Region", 2023, None, 2024, None], [None, "Sales", "Cost", "Sales", "Cost"],
                ["North", 1, 2, 3, 4], ["South", 5, 6, 7, 8]):  # fmt: skip
        sheet.append(row)
    sheet.merge_cells("B3:C3")
    sheet.merge_cells("D3:E3")
    book.save(tmp_path / "b.xlsx")
    assert columns(tmp_path / "b.xlsx") == ("Region", "2023 Sales", "2023 Cost", "2024 Sales", "2024 Cost")
    assert "title_rows" in problems(tmp_path / "b.xlsx")


def test_codes_shown_with_leading_zeros_keep_them(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "b.xlsx", {"S": [["zip", "n"], [1234, 1234]]})
    book = load_workbook(path)
    book["S"]["A2"].number_format = "00000"
    book.save(path)
    assert read_table(path) == [{"zip": "01234", "n": "1234"}]


def test_formulas_without_value_and_errors_are_noted(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "b.xlsx", {"S": [["a", "b", "c"], [1, "=A2*2", "#N/A"], [2, "=A3*2", "x"]]})
    assert read_table(path)[0] == {"a": "1", "b": None, "c": None}
    found = problems(path)
    assert found["formula_without_value"].message.startswith("2 ")
    assert found["cell_errors"].severity == "noted"


def test_hidden_sheets_are_left_out_and_reported(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "b.xlsx", {"Open": [["a"], [1]], "Salaries": [["b"], [2]]})
    book = load_workbook(path)
    book["Salaries"].sheet_state = "hidden"
    book.save(path)
    assert [item.schema.path for item in read(path) if isinstance(item, TableBatch)] == ["b.xlsx#Open"]
    assert "Salaries" in problems(path)["hidden_sheet"].message


@pytest.mark.parametrize("suffix", [".xlsx", ".docx"])
def test_bad_office_files(tmp_path: Path, suffix: str) -> None:
    entry = "xl/workbook.xml" if suffix == ".xlsx" else "word/document.xml"
    with zipfile.ZipFile(tmp_path / f"other{suffix}", "w") as archive:
        archive.writestr("hello.txt", "hello")
    write_bomb(tmp_path / f"bomb{suffix}", entry)
    write_text(tmp_path / f"empty{suffix}", "")
    write_text(tmp_path / f"locked{suffix}", b"\xd0\xcf\x11\xe0" + bytes(500))
    found = {item.path.partition(".")[0]: item.code for item in read(tmp_path)}
    assert found == {"bomb": "zip_bomb", "empty": "empty_file", "locked": "encrypted_file", "other": "corrupt_file"}


def test_damaged_bytes_inside_a_workbook(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "b.xlsx", {"S": [["a"], *[[number] for number in range(500)]]})
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("xl/worksheets/sheet1.xml").header_offset + 80
    content[start : start + 20] = bytes(20)
    path.write_bytes(content)
    assert [(type(item).__name__, item.code) for item in read(path)] == [("Problem", "corrupt_file")]


def test_parquet_keeps_types_and_writes_nested_values_as_json(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path / "p.parquet",
        {
            "i": pa.array([1, None], pa.int32()),
            "d": pa.array([Decimal("1.50"), None]),
            "day": [dt.date(2024, 1, 1), None],
            "kind": pa.array(["a", "b"]).dictionary_encode(),
            "at": [{"city": "Rome", "on": dt.date(2024, 1, 1)}, None],
            "tags": [["x", "y"], []],
            "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
            "raw": [b"text", b"\xff\xfe"],
        },
    )
    assert read_table(path)[0] == {
        "i": 1, "d": Decimal("1.50"), "day": dt.date(2024, 1, 1), "kind": "a",
        "at": '{"city": "Rome", "on": "2024-01-01"}', "tags": '["x", "y"]', "map": '{"k": 1}', "raw": "text",
    }  # fmt: skip
    assert read_table(path)[1]["raw"] is None
    assert "raw" in problems(path)["binary_column"].message


def test_parquet_without_rows(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "p.parquet", {"a": pa.array([], pa.int64())})
    (batch,) = read(path)
    assert batch.rows.num_rows == 0


def test_parquet_cut_off(tmp_path: Path) -> None:
    path = truncated(write_parquet(tmp_path / "p.parquet", {"a": list(range(1000))}))
    assert list(problems(path)) == ["corrupt_file"]
