"""Scrubbing: planted personal data never leaves, tokens are stable, and failure withholds."""

import ast
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import app
from app.scrubbing import WITHHELD, json_scalar, scrub_passages, scrub_rows, scrub_text
from app.values import ColumnInfo, Passage, Rows, ScrubbedRows, ValidatedQuery
from ingest.pii import PiiSpan


def query(*personal: str | None) -> ValidatedQuery:
    return ValidatedQuery(source="s", text="", executable="", max_rows=9, tables=("t",), personal=personal)


def rows(*cells: tuple[Any, ...]) -> Rows:
    return Rows(columns=tuple(ColumnInfo(f"c{i}", "text") for i in range(len(cells[0]))), rows=cells, truncated=False)


def scrub(personal: tuple[str | None, ...], *cells: tuple[Any, ...], sees: bool = False) -> ScrubbedRows:
    return scrub_rows(query(*personal), rows(*cells), sees_personal_data=sees)[0]


def test_personal_columns_are_masked_by_distinct_value() -> None:
    found, tokens = scrub_rows(
        query("PHONE_NUMBER", None), rows((5551234, 1), (5559876, 2), (5551234, 3), (None, 4)), sees_personal_data=False
    )
    first, second = "<PHONE_NUMBER_1>", "<PHONE_NUMBER_2>"
    assert found.rows == ((first, 1), (second, 2), (first, 3), (None, 4))
    assert found.masked == 3
    assert tokens.restore(f"call {second}") == "call 5559876"
    assert "5551234" not in repr(tokens)


def test_text_in_other_columns_is_scanned() -> None:
    found = scrub((None, None), ("mail anna@x.org or 4111 1111 1111 1111", "12 Main Street"), ("fine", "order 100-200"))
    assert found.rows[0] == ("mail <EMAIL_ADDRESS_1> or <CREDIT_CARD_1>", "12 Main Street")
    assert found.rows[1] == ("fine", "order 100-200")


def test_a_caller_who_may_see_sees() -> None:
    assert scrub(("EMAIL_ADDRESS",), ("a@b.org",), sees=True).rows == (("a@b.org",),)


def test_a_query_that_does_not_say_what_is_personal_withholds_all() -> None:
    assert scrub((), ("a@b.org", 7)).rows == ((WITHHELD, WITHHELD),)


@settings(deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_a_planted_address_never_leaves(before: str, after: str) -> None:
    cell = f"{before} jane.planted@corp.example {after}"
    assert "jane.planted@corp.example" not in str(scrub((None,), (cell,)).rows)
    assert "jane.planted@corp.example" not in scrub_text(cell, names=False)


@pytest.mark.parametrize(
    ("cell", "scalar"),
    [
        (Decimal("12.50"), 12.5),
        (Decimal("3.00"), 3),
        (Decimal("0.1"), 0.1),
        (Decimal("12345678901234567.89"), "12345678901234567.89"),
        (Decimal("NaN"), None),
        (float("inf"), None),
        (float("nan"), None),
        (date(2024, 3, 5), "2024-03-05"),
        (datetime(2024, 3, 5, 1, 2), "2024-03-05T01:02:00"),
        (b"\x00\x01", "<2 bytes: 0001…>"),
        ({"a": [1]}, '{"a": [1]}'),
        (True, True),
        (2**70, 2**70),
    ],
)
def test_cells_become_json_scalars(cell: Any, scalar: Any) -> None:
    found = json_scalar(cell)
    assert found == scalar and type(found) is type(scalar)


def passage(text: str, visibility: str = "internal") -> Passage:
    return Passage(
        source="s", document="d.md", title="Ask bo@x.org", url=None, heading="", text=text, start=0, end=len(text),
        score=1.0, visibility=visibility,  # type: ignore[arg-type]
    )  # fmt: skip


TEXT = "Anna Smith: anna@x.org, +49 30 1234567, IBAN DE89 3704 0044 0532 0130 00."


def test_internal_passages_hide_all_patterns_and_show_names() -> None:
    found, tokens = scrub_passages([passage(TEXT)], sees_personal_data=False)
    (scrubbed,) = found.passages
    assert scrubbed.text == "Anna Smith: <EMAIL_ADDRESS_1>, <PHONE_NUMBER_1>, IBAN <IBAN_CODE_1>."
    assert scrubbed.title == "Ask <EMAIL_ADDRESS_2>"
    assert found.masked == 1
    assert tokens.restore(scrubbed.text) == TEXT


def test_public_passages_show_contacts_but_no_bank_data() -> None:
    found, _ = scrub_passages([passage(TEXT, "public")], sees_personal_data=False)
    assert found.passages[0].text == "Anna Smith: anna@x.org, +49 30 1234567, IBAN <IBAN_CODE_1>."
    assert found.passages[0].title == "Ask bo@x.org"


def test_names_are_masked_where_asked() -> None:
    found, _ = scrub_passages([passage(TEXT)], sees_personal_data=False, names=True)
    assert "Anna" not in found.passages[0].text
    assert "Anna" not in scrub_text(TEXT, names=True)


def test_stored_spans_are_masked_too() -> None:
    spans = [[PiiSpan(0, 10, "NATIONAL_ID", 1.0)]]
    found, _ = scrub_passages([passage("X-12-3456Z is the id")], sees_personal_data=False, spans=spans)
    assert found.passages[0].text == "<NATIONAL_ID_1> is the id"


def test_callers_with_the_right_see_passages_unchanged() -> None:
    assert scrub_passages([passage(TEXT)], sees_personal_data=True)[0].passages == (passage(TEXT),)


class _Broken:
    """A detector whose model cannot be loaded."""

    def detect(self, texts: list[str], *, names: bool = True) -> list[tuple[PiiSpan, ...]]:
        raise OSError("no model")


def test_a_failing_detector_withholds() -> None:
    assert scrub_text("Anna", _Broken(), names=True) == WITHHELD  # type: ignore[arg-type]
    bad = [[PiiSpan(0, 5, "PERSON", 1.0), None]]
    found, _ = scrub_passages([passage(TEXT)], sees_personal_data=False, names=True, spans=bad)  # type: ignore[list-item]
    assert found.passages[0].text == WITHHELD


def test_only_this_module_constructs_scrubbed_values() -> None:
    guarded = {"ScrubbedRows", "ScrubbedPassages"}
    makers = set()
    for path in Path(str(app.__file__)).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if called in guarded:
                    makers.add(path.name)
    assert makers == {"scrubbing.py"}
