"""Where the header of a table is, and what its columns are called."""

from __future__ import annotations

import pytest

from connectors.formats.tabular_header import find_header, unique_names


def header(text: str) -> tuple[tuple[str, ...], int, set[str]]:
    """Names, index of the first row of values, and the codes reported for rows written with `|` and newlines."""
    found = find_header([line.split("|") for line in text.split("\n")], "t")
    return found.names, found.first_row, {problem.code for problem in found.problems}


@pytest.mark.parametrize(
    ("rows", "names", "first_row", "codes"),
    [
        ("a|b\n1|2", ("a", "b"), 1, set()),
        ("Sales 2024||\n\na|b|c\n1|2|3", ("a", "b", "c"), 3, {"title_rows"}),
        ("Report:|Sales||\nPrinted|today||\n|||\na|b|c|d\n1|2|3|4", ("a", "b", "c", "d"), 4, {"title_rows"}),
        ("Exported by|Ann\n|\na|b|c\n1|2|3", ("a", "b", "c"), 3, {"title_rows"}),
        ("name|note\nann|x|y\nbob|z|w", ("name", "note", "column_3"), 1, {"empty_header"}),
        ("id||name\n1|x|y", ("id", "column_2", "name"), 1, {"empty_header"}),
        ("n|N|n\n1|2|3", ("n", "N_2", "n_3"), 1, {"repeated_header"}),
        ("1|2.5|foo\n2|3.5|bar\n3|4.5|foo", ("column_1", "column_2", "column_3"), 0, {"no_header"}),
        ("red|small\nred|large\nblue|small\nred|large", ("column_1", "column_2"), 0, {"no_header"}),
        ("ann@x.org|2024-01-01\nbob@x.org|2024-01-02", ("column_1", "column_2"), 0, {"no_header"}),
        ("country|2019|2020|2021\nFR|1|2|3\nDE|4|5|6", ("country", "2019", "2020", "2021"), 1, set()),
        ("name|city\nann|rome\nbob|oslo", ("name", "city"), 1, set()),
        ("name|active\nann|yes\nbob|no", ("name", "active"), 1, set()),
        ("a|b", ("a", "b"), 1, set()),
        ("1|2", ("column_1", "column_2"), 0, {"no_header"}),
        (
            "Region|2023||2024|\n|Sales|Cost|Sales|Cost\nN|1|2|3|4\nS|5|6|7|8",
            ("Region", "2023 Sales", "2023 Cost", "2024 Sales", "2024 Cost"), 2, set(),
        ),
        ("key|value\nlimit|\nTotal|3\n|9", ("key", "value"), 1, set()),
        ("Order ID|Customer Name\n A-1 | Ann ", ("Order ID", "Customer Name"), 1, set()),
    ],
)  # fmt: skip
def test_header(rows: str, names: tuple[str, ...], first_row: int, codes: set[str]) -> None:
    assert header(rows) == (names, first_row, codes)


def test_title_rows_are_quoted_in_the_report() -> None:
    found = find_header([["Sales of 2024", ""], ["a", "b"], ["1", "2"]], "t")
    assert "Sales of 2024" in found.problems[0].message


@pytest.mark.parametrize(
    ("names", "unique"),
    [
        (["a", "A", "a"], ["a", "A_2", "a_3"]),
        (["a", "a", "a_2"], ["a", "a_3", "a_2"]),
        (["a_2", "a", "a"], ["a_2", "a", "a_3"]),
        (["x"], ["x"]),
    ],
)
def test_unique_names(names: list[str], unique: list[str]) -> None:
    assert unique_names(names) == unique
