import pytest

from app.splitting import conjuncts, leans_on_another, parts, spellings


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
        ("Where is the store and until when is it open?", ("Where is the store?", "until when is it open?")),
        ("What is a kayak, and can I hire one?", ("What is a kayak?", "can I hire one?")),
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
        "How many customers who live in Berlin and who ordered twice are there?",
        "How many members live in Berlin and are gold members?",
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


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (
            "What is the phone number and the address of the Munich office?",
            ("What is the phone number of the Munich office?", "What is the address of the Munich office?"),
        ),
        (
            "What's the fee for a late return and the deadline?",
            ("What's the fee for a late return?", "What's the deadline for a late return?"),
        ),
        (
            "How long is the warranty, and the phone number?",
            ("How long is the warranty?", "What is the phone number?"),
        ),
        (
            "What is the address of the office and its phone number?",
            ("What is the address of the office?", "What is the phone number of the office?"),
        ),
        ("What is the difference between the tent and the tarp?", None),
        ("What is the price of salt and pepper?", None),
        ("Who is Ada?", None),
    ],
)
def test_two_things_of_one_question_word(question, expected):
    assert conjuncts(question) == (expected or (question,))
