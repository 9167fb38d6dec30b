import pytest

from app.splitting import leans_on_another, parts, spellings


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is the return window and who pays shipping?", ("What is the return window?", "who pays shipping?")),
        (
            "How long can I return things, and what is our return rate?",
            ("How long can I return things?", "what is our return rate?"),
        ),
        (
            "How many orders were there? And which store sold most?",
            ("How many orders were there?", "which store sold most?"),
        ),
    ],
)
def test_compound_questions_are_split(question, expected):
    assert parts(question) == expected


@pytest.mark.parametrize(
    "question",
    [
        "How many orders and returns were there in 2025?",
        "List names and prices of tents",
        "tents and how",
        "Who is Ada?",
        "Show products that are red and are cheap",
        "a and what b and what c and what d and what e f g",
    ],
)
def test_single_questions_stay_whole(question):
    assert parts(question) == (question,)


def test_it_is_spelled_out_from_the_part_before():
    tried = list(spellings("What does express shipping cost?", "how many orders used it in 2025?"))
    assert tried[0] == "how many orders used express shipping cost in 2025?"
    assert "how many orders used express shipping in 2025?" in tried
    assert leans_on_another("how many orders used it?") and not leans_on_another("how many orders are there?")
