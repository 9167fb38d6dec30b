"""Typing of all-text tables: each style with its near misses, nothing lost, everything told."""

from datetime import date, datetime, time
from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base import ColumnSchema, TableSchema
from ingest.column_types import TypedTable, type_table


def typed(columns: dict[str, list[str | None]]) -> tuple[TypedTable, dict[str, list[object]]]:
    """The typing of the columns, and their converted values."""
    staging = pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})
    schema = TableSchema("t", "t.csv", tuple(ColumnSchema(name) for name in columns), typed=False)
    with duckdb.connect() as connection:
        connection.register("staging", staging)
        found = type_table(connection, "staging", schema)
        rows = connection.execute(f"SELECT {found.select_list} FROM staging").fetchall()
    return found, {name: [row[i] for row in rows] for i, name in enumerate(columns)}


def codes(found: TypedTable) -> set[str]:
    return {finding.code for finding in found.findings}


@pytest.mark.parametrize(
    ("cells", "sql_type", "values"),
    [
        (["1", " 2 ", "-3"], "BIGINT", [1, 2, -3]),
        (["1.50", "2", "+3.25"], "DECIMAL(6,2)", [Decimal("1.50"), Decimal(2), Decimal("3.25")]),
        (["1,234.56", "12", "-3,000.1"], "DECIMAL(6,2)", [Decimal("1234.56"), Decimal(12), Decimal("-3000.10")]),
        (["1.234,56", "0,5", "7"], "DECIMAL(6,2)", [Decimal("1234.56"), Decimal("0.50"), Decimal(7)]),
        (["1 234,5", "1\u00a0234 567,1"], "DECIMAL(8,1)", [Decimal("1234.5"), Decimal("1234567.1")]),
        (["1'234.50", "2"], "DECIMAL(6,2)", [Decimal("1234.50"), Decimal(2)]),
        (["(12)", "13", "(1,234,000)"], "BIGINT", [-12, 13, -1234000]),
        (["1e-5", "2.5E3", "3"], "DOUBLE", [1e-5, 2500.0, 3.0]),
        (["yes", "No", "YES"], "BOOLEAN", [True, False, True]),
        (["y", "N", "y"], "BOOLEAN", [True, False, True]),
        (["0", "1", "1"], "BIGINT", [0, 1, 1]),
        (["2024-03-05", "2023-1-2"], "DATE", [date(2024, 3, 5), date(2023, 1, 2)]),
        (["13/01/2024", "01/02/2024"], "DATE", [date(2024, 1, 13), date(2024, 2, 1)]),
        (["01/13/2024", "01/02/2024"], "DATE", [date(2024, 1, 13), date(2024, 1, 2)]),
        (["5.3.2024", "31.12.2023"], "DATE", [date(2024, 3, 5), date(2023, 12, 31)]),
        (["2024/03/05", "2024/12/31"], "DATE", [date(2024, 3, 5), date(2024, 12, 31)]),
        (["5-Mar-2024", "06 April 2023"], "DATE", [date(2024, 3, 5), date(2023, 4, 6)]),
        (["5-Mar-24", "6-Apr-99"], "DATE", [date(2024, 3, 5), date(1999, 4, 6)]),
        (["March 5, 2024", "Sept 6 2023"], "DATE", [date(2024, 3, 5), date(2023, 9, 6)]),
        (["2024-01-01T10:00:00", "2024-01-02 11:30"], "TIMESTAMP", [datetime(2024, 1, 1, 10), datetime(2024, 1, 2, 11, 30)]),
        (["2024-01-01T10:00:00+02:00", "2024-01-01T10:00:00Z"], "TIMESTAMP", [datetime(2024, 1, 1, 8), datetime(2024, 1, 1, 10)]),
        (["13/01/2024 9:05 PM", "14/01/2024 08:00"], "TIMESTAMP", [datetime(2024, 1, 13, 21, 5), datetime(2024, 1, 14, 8)]),
        (["10:00", "9:15 am", "23:59:01"], "TIME", [time(10), time(9, 15), time(23, 59, 1)]),
        (["202401", "202402"], "BIGINT", [202401, 202402]),
        (["1999", "2024"], "BIGINT", [1999, 2024]),
    ],
)  # fmt: skip
def test_a_style_is_recognised_and_converted(cells: list[str], sql_type: str, values: list[object]) -> None:
    found, rows = typed({"c": list(cells)})
    assert found.columns[0].sql_type == sql_type
    assert rows["c"] == values


@pytest.mark.parametrize(
    "cells",
    [
        ["01234", "99999"],  # codes with leading zeros
        ["00123", "123", "0123"],  # of several widths, which are different codes
        ["007", "7.5"],
        ["-007", "12"],
        ["1234567890123456789", "1"],  # more digits than an integer has
        ["1.234.5", "2"],
        ["31/02/2024", "01/01/2024"],  # a day that does not exist
        ["25:00", "10:00"],
        ["n", "n"],  # one word alone is no boolean
        ["1_000", "2"],
        ["0x1F", "3"],
        ["5 m", "6 m"],
        ["$5", "€6"],
        ["Infinity", "1"],
    ],
)
def test_near_misses_stay_text_as_they_are(cells: list[str]) -> None:
    found, rows = typed({"c": list(cells)})
    assert found.columns[0].sql_type == "VARCHAR"
    assert rows["c"] == cells


@pytest.mark.parametrize(
    ("cells", "unit", "values"),
    [
        (["€1,200.50", "-€4.10", "(€5)"], "EUR", [Decimal("1200.50"), Decimal("-4.10"), Decimal(-5)]),
        (["€ 34,50", "€ 11,00"], "EUR", [Decimal("34.50"), Decimal(11)]),
        (["₹12,34,567", "₹1,000"], "INR", [1234567, 1000]),
        (["12,50 €", "1.000,00 €"], "EUR", [Decimal("12.50"), Decimal(1000)]),
        (["$5", "$1,234,567"], "USD", [5, 1234567]),
        (["12 USD", "USD 13"], "USD", [12, 13]),
        (["12.5%", "100 %"], "%", [Decimal("12.5"), Decimal(100)]),
    ],
)
def test_signs_become_the_unit(cells: list[str], unit: str, values: list[object]) -> None:
    found, rows = typed({"c": list(cells)})
    assert found.columns[0].unit == unit
    assert rows["c"] == values


def test_words_for_no_value_become_null_and_are_reported() -> None:
    found, rows = typed({"amount": ["1", "n/a", "-", ""], "name": ["NA", "x", "-", ""]})
    assert rows["amount"] == [1, None, None, None]
    assert rows["name"] == ["NA", "x", "-", None]
    assert codes(found) == {"null_words"}
    assert "2 of 3" in found.findings[0].message


def test_a_mixed_column_loses_nothing_and_says_what_did_not_fit() -> None:
    found, rows = typed({"c": ["1", "2", "about 3", "4"]})
    assert rows["c"] == ["1", "2", "about 3", "4"]
    (finding,) = found.findings
    assert finding.code == "mixed_column"
    assert "3 of 4" in finding.message and "'about 3'" in finding.message


def test_one_value_in_many_rows_decides() -> None:
    cells: list[str | None] = [str(n) for n in range(20_000)]
    found, _ = typed({"c": [*cells, "x"]})
    assert found.columns[0].sql_type == "VARCHAR"
    assert "20000 of 20001" in found.findings[0].message
    found, rows = typed({"c": [*cells, "1,234.5"]})
    assert found.columns[0].sql_type == "DECIMAL(6,1)"
    assert rows["c"][-1] == Decimal("1234.5")


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ({}, date(2024, 4, 3)),  # day first by default
        ({"paid": ["25/01/2024", "26/01/2024"]}, date(2024, 4, 3)),
        ({"paid": ["01/25/2024", "01/26/2024"]}, date(2024, 3, 4)),
        ({"price": ["$5.00", "$6.00"]}, date(2024, 3, 4)),
    ],
)
def test_ambiguous_dates_follow_the_table_and_are_reported(others: dict[str, list[str | None]], expected: date) -> None:
    found, rows = typed({"due": ["03/04/2024", "01/02/2024"], **others})
    assert rows["due"][0] == expected
    assert "ambiguous_dates" in codes(found)


def test_the_decimal_comma_of_another_column_decides() -> None:
    _, alone = typed({"a": ["1.234", "2.345"]})
    found, rows = typed({"a": ["1.234", "2.345"], "b": ["0,5", "12,75"]})
    assert alone["a"] == [Decimal("1.234"), Decimal("2.345")]
    assert rows["a"] == [1234, 2345]
    assert "ambiguous_numbers" in codes(found)


def test_phone_numbers_are_no_numbers() -> None:
    found, _ = typed({"phone": ["5551234567", "5559876543"], "zip": ["10115", "80331"]})
    assert [column.sql_type for column in found.columns] == ["VARCHAR", "BIGINT"]


def test_hostile_column_names_and_values_are_only_data() -> None:
    name = 'a"; DROP TABLE x; --'
    found, rows = typed({name: ["'; SELECT 1; --", "b"]})
    assert found.columns[0].name == name
    assert rows[name] == ["'; SELECT 1; --", "b"]


_CELLS = st.one_of(
    st.none(),
    st.integers().map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=2).map(str),
    st.dates().map(str),
    st.sampled_from(["yes", "no", "-", "N/A", "1,234", "1.234,5", "€5", "05/06/2024", "12:30", "x"]),
    st.text(max_size=8),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(_CELLS, min_size=1, max_size=12))
def test_no_value_is_ever_lost(cells: list[str | None]) -> None:
    found, rows = typed({"c": cells})
    words = {"na", "n/a", "n.a.", "#n/a", "#na", "nan", "null", "none", "nil", "-", "--", "---", "–", "—"}
    for before, after in zip(cells, rows["c"], strict=True):
        blank = before is None or not before.strip(" \t\r\n\u00a0\u2007\u202f\ufeff")
        if after is None and not blank:
            assert before is not None and found.columns[0].sql_type != "VARCHAR"
            assert before.strip(" \t\r\n\u00a0\u2007\u202f\ufeff").lower() in words
