"""Cleaning repairs text, removes what documents repeat, and says so."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Document
from ingest.cleaning import clean, clean_documents, find_boilerplate, repair


def document(path: str, text: str) -> Document:
    return Document(path=path, text=text, title=None, media_type="text/plain", fingerprint=path)


@pytest.mark.parametrize(
    ("broken", "whole", "name"),
    [
        ("f\u00c3\u00bcr Gr\u00c3\u00b6\u00c3\u0178e", "für Größe", "encoding"),
        ("it\u00e2\u20ac\u2122s", "it\u2019s", "encoding"),
        ("a\r\nb\rc", "a\nb\nc", "line_endings"),
        ("a\x00b\x1b", "ab", "control_characters"),
        ("pass\u00adword re\u200bset", "password reset", "invisible_characters"),
        ("ig\U000e0041nore", "ignore", "invisible_characters"),
        ("50\u00a0EUR\u202fnet", "50 EUR net", "spaces"),
        ("a\n\n\n\n\nb", "a\n\nb", "blank_lines"),
    ],
)
def test_each_repair_is_made_and_named(broken: str, whole: str, name: str) -> None:
    assert repair(broken) == (whole, (name,))


@pytest.mark.parametrize(
    "text", ["“Größe” – 5 € &amp; more…", "👩\u200d👩\u200d👧 family", "naïve café", "a\n\n\nb", "x = 1  # y"]
)
def test_what_is_whole_stays_as_it_is(text: str) -> None:
    assert repair(text) == (text, ())


@given(st.text())
def test_repairing_twice_changes_nothing_more(text: str) -> None:
    once, _ = repair(text)
    again, repairs = repair(once)
    assert "\r" not in again
    assert "\x00" not in again
    assert set(repairs) <= {"encoding", "invisible_characters"}


def site(number: int) -> Document:
    nav, cookies = "- [Home](/)\n- [Pricing](/pricing)", "We use cookies to improve your experience. Accept"
    foot = "© 2024 Brightpath Ltd. All rights reserved.\nQuestions? Write to help@brightpath.example"
    return document(f"{number}.md", f"{cookies}\n{nav}\n\n# Page {number}\n\n## Steps\n\nDo thing {number}.\n\n{foot}")


def test_lines_that_documents_share_at_their_edges_go_and_are_reported() -> None:
    cleaned = clean_documents([site(number) for number in range(6)])
    assert cleaned[3].text == ("# Page 3\n\n## Steps\n\nDo thing 3.\n\nQuestions? Write to help@brightpath.example")
    assert cleaned[3].repairs == ("boilerplate",)
    assert "- [Pricing](/pricing)" in cleaned[3].removed_lines
    assert cleaned[3].document.text == cleaned[3].text


def test_few_documents_prove_nothing() -> None:
    assert find_boilerplate(site(number).text for number in range(4)) == frozenset()


def test_a_line_of_fewer_than_three_in_ten_stays() -> None:
    texts = [f"Shared line of two\n\nText {n}" if n < 2 else f"Text {n}" for n in range(10)]
    assert find_boilerplate(texts) == frozenset()


def test_a_document_of_nothing_but_boilerplate_is_left() -> None:
    cleaned = clean(document("a", "Accept all cookies"), frozenset({"accept all cookies"}))
    assert cleaned.text == "Accept all cookies"
    assert cleaned.repairs == ()


@pytest.mark.parametrize("unit", ["x", " ", "a@", "-", "1", "\u00a0"])
def test_a_line_of_any_length_is_cleaned_in_time(unit: str) -> None:
    text = f"a {unit * 60_000} b"
    start = time.process_time()
    assert find_boilerplate([text] * 6) == frozenset(), "long lines are content"
    assert time.process_time() - start < 3, "the time grows with the square of the length"
