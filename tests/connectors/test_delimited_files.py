"""CSV and its relatives: encodings, delimiters, quoting, headers, irregular rows."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from connector_samples import columns, problems, read, read_table, write_text
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base import TableBatch

CITIES = "name;city\nJosé;Orléans\nZoë;Köln\nAna;Málaga\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"]
)
def test_encodings(tmp_path: Path, encoding: str) -> None:
    path = write_text(tmp_path / "a.csv", CITIES.encode(encoding))
    assert read_table(path)[0] == {"name": "José", "city": "Orléans"}
    assert not problems(path)


def test_cyrillic_code_page(tmp_path: Path) -> None:
    text = "имя,город\n" + "Иван Петров,Москва\nАнна Каренина,Санкт-Петербург\n" * 20
    path = write_text(tmp_path / "a.csv", text.encode("cp1251"))
    assert read_table(path)[0] == {"имя": "Иван Петров", "город": "Москва"}


def test_stray_legacy_bytes_late_in_a_utf8_file_are_repaired_and_reported(tmp_path: Path) -> None:
    rows = "".join(f"{number},café\n" for number in range(300_000))
    path = write_text(tmp_path / "a.csv", b"id,note\n" + rows.encode() + b"300000,na\xefve\n")
    assert read_table(path)[-1] == {"id": "300000", "note": "naïve"}
    assert problems(path)["mixed_encoding"].severity == "repaired"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_with_other_delimiters_inside_quotes(tmp_path: Path, delimiter: str) -> None:
    rows = [["id", "note", "price"], ["1", "a, b; c | d\te", "1,50"], ["2", 'say "hi"', "2,75"]]
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter).writerows(rows)
    path = write_text(tmp_path / "a.csv", buffer.getvalue())
    assert list(map(list, (row.values() for row in read_table(path)))) == rows[1:]
    assert columns(path) == ("id", "note", "price")


def test_decimal_commas_do_not_pass_for_delimiters(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.csv", "price;weight\n1,5;2,5\n3,5;4,5\n")
    assert read_table(path) == [{"price": "1,5", "weight": "2,5"}, {"price": "3,5", "weight": "4,5"}]


def test_excel_names_its_delimiter_in_the_first_line(tmp_path: Path) -> None:
    assert columns(write_text(tmp_path / "a.csv", "sep=;\na;b\n1;2\n")) == ("a", "b")


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_newlines_also_inside_quotes(tmp_path: Path, newline: str) -> None:
    path = write_text(tmp_path / "a.csv", f'id,note{newline}1,"two{newline}lines"{newline}2,one{newline}')
    assert read_table(path) == [{"id": "1", "note": f"two{newline}lines"}, {"id": "2", "note": "one"}]


def test_one_column(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.csv", "email\na@x.org\nb@x.org\n")
    assert read_table(path) == [{"email": "a@x.org"}, {"email": "b@x.org"}]


def test_cells_are_text_and_empty_ones_null(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.csv", "zip,n\n01234,\n,1.0\n")
    assert read_table(path) == [{"zip": "01234", "n": None}, {"zip": None, "n": "1.0"}]


def test_short_and_long_rows_are_reported_with_what_was_left_out(tmp_path: Path) -> None:
    body = "".join(f"{number},x,y\n" for number in range(200))
    path = write_text(tmp_path / "a.csv", "a,b,c\n" + body + "1\n1,2,3,lost,words\n1,2,3,,\n")
    rows = read_table(path)
    assert rows[200:] == [{"a": "1", "b": None, "c": None}] + [{"a": "1", "b": "2", "c": "3"}] * 2
    found = problems(path)
    assert "row 203: lost, words" in found["long_rows"].message
    assert found["short_rows"].severity == "repaired"


def test_rows_swallowed_by_a_quote_that_is_never_closed(tmp_path: Path) -> None:
    rows = [[str(number), f"pipe {number}", str(number * 2)] for number in range(400)]
    rows[150][1], rows[170][1] = '"5 inch pipe', '"6 inch pipe'
    path = write_text(tmp_path / "a.csv", "id,name,n\n" + "".join(",".join(row) + "\n" for row in rows))
    read_back = [list(row.values()) for row in read_table(path)]
    assert len(read_back) == 400
    assert read_back[151:170] == rows[151:170]
    assert "row" in problems(path)["unclosed_quote"].message


def test_long_prose_in_a_quoted_cell_stays_whole(tmp_path: Path) -> None:
    prose = "\n".join(f"Line {number}, with a comma, and more" for number in range(40))
    path = write_text(tmp_path / "a.csv", f'id,note,n\n1,"{prose}",2\n2,short,3\n')
    assert read_table(path)[0] == {"id": "1", "note": prose, "n": "2"}
    assert not problems(path)


def test_nul_bytes_late_in_a_file_are_reported(tmp_path: Path) -> None:
    body = "".join(f"{number},x\n" for number in range(60_000))
    path = write_text(tmp_path / "a.csv", "id,n\n" + body + "1\x00\x00,y\n")
    assert read_table(path)[-1] == {"id": "1", "n": "y"}
    assert problems(path)["nul_bytes"].severity == "repaired"


def test_early_rows_wider_than_the_header_lose_nothing(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.csv", "a,b\n1,2,3\n4,5,6\n")
    assert read_table(path) == [{"a": "1", "b": "2", "column_3": "3"}, {"a": "4", "b": "5", "column_3": "6"}]


def test_blank_rows_go_and_total_rows_stay(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.csv", "item,n\na,1\n\n,\nb,2\nTotal,3\n")
    assert [row["item"] for row in read_table(path)] == ["a", "b", "Total"]


def test_header_among_the_rows_of_joined_files(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.csv", "id,name\n1,x\nid,name\n2,y\n")
    assert [row["id"] for row in read_table(path)] == ["1", "2"]
    assert "header_among_rows" in problems(path)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"\xef\xbb\xbf\n \n", "empty_file"),
        (bytes(range(256)) * 40, "not_text"),
        (b"PK\x03\x04\x14\x00\x00\x00\x08\x00" + bytes(200), "not_text"),
        (b'a,b\n1,"' + b"x" * (5 << 20), "unclosed_quote"),
    ],
)
def test_what_is_no_table(tmp_path: Path, content: bytes, code: str) -> None:
    found = problems(write_text(tmp_path / "a.csv", content))
    assert found[code].severity == "skipped"


def test_header_without_rows_is_an_empty_table(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.csv", "id,name\n")
    (batch,) = [item for item in read(path) if isinstance(item, TableBatch)]
    assert batch.rows.num_rows == 0
    assert batch.rows.schema.names == ["id", "name"]


def test_batches_are_bounded(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.csv", "id,n\n" + "".join(f"{number},x\n" for number in range(120_000)))
    sizes = [item.rows.num_rows for item in read(path) if isinstance(item, TableBatch)]
    assert sum(sizes) == 120_000
    assert max(sizes) <= 50_000


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.lists(
            st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8), min_size=3, max_size=3
        ),
        max_size=12,
    )
)
def test_what_csv_writes_is_read_back(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([["first", "second", "third"], *rows])
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_bytes(buffer.getvalue().encode())
    kept = [row for row in rows if any(cell.strip() for cell in row) and row != ["first", "second", "third"]]
    if "no_header" not in problems(path) and columns(path) == ("first", "second", "third"):
        assert [list(row.values()) for row in read_table(path)] == [[cell or None for cell in row] for row in kept]


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_quote_open_at_the_end_does_not_swallow_rows_silently(tmp_path: Path, end: str) -> None:
    path = write_text(tmp_path / "a.csv", 'id,note\n1,x\n2,"open\n3,y\n4,z' + end)
    found = problems(path)["unclosed_quote"]
    assert found.severity == "skipped" and "last 2 lines" in found.message


@pytest.mark.parametrize("last", ['3,"two\nlines"', '3,"two\nlines"\n', '3,"open', '3,5" pipe\n', '3,"a ""b""\n"\n'])
def test_a_last_row_of_several_lines_is_a_row(tmp_path: Path, last: str) -> None:
    path = write_text(tmp_path / "a.csv", 'id,note\n1,19" screen\n2,x\n' + last)
    assert [row["id"] for row in read_table(path)] == ["1", "2", "3"]
    assert "unclosed_quote" not in problems(path)
