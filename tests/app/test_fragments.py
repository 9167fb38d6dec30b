"""What a question says beyond what went before, which option a reply chooses, and what points back."""

from __future__ import annotations

import pytest

from app.followups.choosing import choice, is_bare
from app.followups.fragment import fragment_of, points_back


@pytest.mark.parametrize(
    ("question", "text", "marks"),
    [
        ("And in 2024?", "in 2024", {"also", "relates"}),
        ("what about Germany?", "Germany", {"about"}),
        ("ok, and how about the web channel, please?", "the web channel", {"also", "about"}),
        ("Now by month", "by month", {"change", "relates"}),
        ("per country instead", "per country", {"instead", "relates"}),
        ("only the paid ones", "the paid ones", {"change"}),
        ("in 2025 only", "in 2025", {"change", "relates"}),
        ("show me their emails", "show me their emails", {"asks", "points"}),
        ("break it down by country", "by country", {"change", "relates"}),
        ("Can you show it by month", "by month", {"change", "relates"}),
        ("How many customers do we have?", "How many customers do we have", {"asks"}),
        ("By what time must I order?", "By what time must I order", set()),
        ("only for the IT department", "for the IT department", {"change", "relates"}),
    ],
)
def test_marks_are_taken_off_and_told(question: str, text: str, marks: set[str]) -> None:
    found = fragment_of(question)
    assert found.text == text
    names = ("also", "about", "change", "instead", "points", "asks", "relates")
    assert {name for name in names if getattr(found, name)} == marks


@pytest.mark.parametrize(
    ("question", "command"),
    [
        ("the other way round", "reverse"),
        ("as a list", "list"),
        ("which ones?", "list"),
        ("how many is that?", "count"),
        ("How many are there?", "count"),
        ("remove the filter", "unfiltered"),
        ("for all years", "all_time"),
        ("as a total", "ungrouped"),
        ("and the average?", "aggregate"),
        ("top 3", "ranked"),
        ("the 5 lowest", "ranked"),
        ("just the top one", "ranked"),
        ("How many customers are there?", None),
        ("top 3 products by revenue", None),
        ("which ones are waterproof?", None),
        ("list them by price", None),
    ],
)
def test_commands(question: str, command: str | None) -> None:
    assert fragment_of(question).command == command


OPTIONS = ("How many orders last month?", "How many support tickets last month?", "How many customers last month?")


@pytest.mark.parametrize(
    ("reply", "at"),
    [
        ("the first", 0),
        ("1", 0),
        ("2.", 1),
        ("option 3", 2),
        ("#2", 1),
        ("second one", 1),
        ("the last one", 2),
        ("support tickets", 1),
        ("I mean customers", 2),
        ("the one about orders, please", 0),
        ("how many ORDERS last month", 0),
        ("4", None),
        ("last month", None),
        ("orders and customers", None),
        ("yes", None),
        ("How many customers do we have in Germany this year?", None),
        ("", None),
    ],
)
def test_a_reply_chooses_an_option_or_none(reply: str, at: int | None) -> None:
    assert choice(reply, OPTIONS) == (None if at is None else OPTIONS[at])


def test_yes_chooses_the_only_option() -> None:
    assert choice("Yes, please", OPTIONS[:1]) == OPTIONS[0]
    assert is_bare("the second one") and is_bare("yes") and not is_bare("orders")


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("show me their emails", True),
        ("sort them by price", True),
        ("how many of those are paid?", True),
        ("customers and their emails", False),
        ("show customers with their emails", False),
        ("do they ship to France?", False),
    ],
)
def test_what_asks_of_rows_named_before(question: str, expected: bool) -> None:
    assert points_back(question) is expected
