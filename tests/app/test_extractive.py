"""Answers read from passages: what is quoted, where it is cited, and when there is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.abstention import FEATURES, QUICK_WEIGHTS, WEIGHTS
from app.values import Passage, ScrubbedPassages
from app.verbalising.cues import answer_kind, holds
from app.verbalising.extractive import THRESHOLD, Reading, read
from app.verbalising.units import units
from ingest.embedder import DEFAULT_MODEL, Embedder, open_embedder

RETURNS = """## How long do I have?

You have **60 days** from the day of delivery. Purchases made between 15 November and 24 December can be returned \
until 28 February. Sale items are no exception to this rule, whatever they cost. The parcel shop gives you a receipt \
for it, which you should keep in a safe place. Ask in any \
of our stores if you are not sure what the day of delivery was."""
STEPS = """## How to send something back

Keep the parcel ready, with all of the things in it that came with the order, and with the tags still attached to them.

1. Sign in and choose **Return items**.
2. Pick the items and a reason.
3. Print the label, or show the code at the parcel shop, which is the quicker way for most people.
4. Hand the parcel in within 14 days of registering the return and keep the receipt until you have your refund.

Large parcels are collected at your door."""
PRICES = """## What does a return cost?

| From | Cost |
|---|---|
| Germany | free |
| France | €3.95 |
| Canada | you pay the shipment |"""


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    shared = os.environ.get("ANSWERABLE_TEST_CACHE")
    return open_embedder(DEFAULT_MODEL, Path(shared) if shared else tmp_path_factory.mktemp("cache"))


def passage(
    text: str, embedder: Embedder, question: str, *, heading: str = "", start: int = 0, end: int = 0
) -> Passage:
    cosine = float(embedder.embed_query(question) @ embedder.embed([text])[0])
    return Passage(
        source="help", document="returns.md", title="Returns", url="https://help.example/returns", heading=heading,
        text=text, start=start, end=end or start + len(text), score=max(0.05, cosine), cosine=cosine, lexical=5.0,
    )  # fmt: skip


def ask(question: str, embedder: Embedder, *texts: str) -> Reading:
    heading = [text.split("\n")[0].removeprefix("## ") for text in texts]
    found = [passage(text, embedder, question, heading=h) for text, h in zip(texts, heading, strict=True)]
    found.sort(key=lambda each: -each.score)
    return read(question, ScrubbedPassages(passages=tuple(found)), embedder)


def test_the_sentence_that_answers_is_quoted_and_cited(embedder: Embedder) -> None:
    reading = ask("How many days from the day of delivery do I have?", embedder, RETURNS, STEPS)
    assert "You have 60 days from the day of delivery." in reading.text
    assert "[1]" in reading.text
    cited = reading.citations[0]
    assert (cited.n, cited.document, cited.url) == (1, "returns.md", "https://help.example/returns")
    assert RETURNS[cited.start : cited.end] == cited.quote
    assert "**60 days**" in cited.quote
    assert reading.confidence >= THRESHOLD


def test_steps_are_kept_whole_and_in_order(embedder: Embedder) -> None:
    reading = ask("How do I send something back?", embedder, STEPS, RETURNS)
    places = [reading.text.find(f"{number}. ") for number in range(1, 5)]
    assert -1 not in places
    assert places == sorted(places)


def test_a_table_row_is_worded_with_its_header(embedder: Embedder) -> None:
    reading = ask("What does a return from France cost?", embedder, PRICES)
    assert "From: France; Cost: €3.95" in reading.text
    assert "| France | €3.95 |" in reading.citations[0].quote


def test_offsets_count_from_where_the_passage_begins(embedder: Embedder) -> None:
    question = "How long do I have to return it?"
    found = passage(RETURNS, embedder, question, start=1000)
    for cited in read(question, ScrubbedPassages(passages=(found,)), embedder).citations:
        assert RETURNS[cited.start - 1000 : cited.end - 1000] == cited.quote


def test_masks_do_not_shift_what_stands_around_them(embedder: Embedder) -> None:
    stored = "Ask jo@example.com about returns. Returns take 60 days in all."
    masked = stored.replace("jo@example.com", "<EMAIL_ADDRESS_1>")
    question = "How many days do returns take?"
    found = passage(masked, embedder, question, end=len(stored))
    cited = read(question, ScrubbedPassages(passages=(found,)), embedder).citations[-1]
    assert stored[cited.start : cited.end].endswith("Returns take 60 days in all.")
    assert 0 <= cited.start < cited.end <= len(stored)


@pytest.mark.parametrize(
    "question",
    [
        "Who is the CEO?",
        "What is the weather like today?",
        "What is the phone number of the Mars store?",
        "How tall is Mount Everest?",
        "Write me a poem about the sea",
    ],
)
def test_what_the_passages_do_not_hold_is_refused(question: str, embedder: Embedder) -> None:
    assert ask(question, embedder, RETURNS, STEPS, PRICES).confidence < THRESHOLD


def test_no_passages_no_answer(embedder: Embedder) -> None:
    assert read("Anything?", ScrubbedPassages(passages=()), embedder) == Reading("", (), 0.0, {})


def test_what_is_missing_never_raises_the_confidence() -> None:
    assert set(WEIGHTS) == set(FEATURES) == {*QUICK_WEIGHTS, "unit_cosine"}
    for weights in (WEIGHTS, QUICK_WEIGHTS):
        assert all(weight <= 0 for name, weight in weights.items() if "missing" in name)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300), st.text(max_size=60))
def test_every_citation_is_exact_whatever_the_text(embedder: Embedder, text: str, question: str) -> None:
    found = Passage(
        source="s", document="d", title=None, url=None, heading="", text=text, start=7, end=7 + len(text), score=0.5
    )
    reading = read(question, ScrubbedPassages(passages=(found,)), embedder)
    assert 0 <= reading.confidence <= 1
    for cited in reading.citations:
        assert text[cited.start - 7 : cited.end - 7] == cited.quote
        assert f"[{cited.n}]" in reading.text


@pytest.mark.parametrize(
    ("question", "kind", "answer", "other"),
    [
        ("How much does it cost?", "money", "It is €5.", "It is blue."),
        ("How long does it take?", "duration", "Three working days.", "Not easily."),
        ("When was it founded?", "date", "Founded in 1987.", "It is a firm."),
        ("How many colours are there?", "number", "There are four.", "There are some."),
        ("What is your e-mail address?", "contact", "Write to a@b.example.", "Write to us."),
        ("When do you open?", "time", "From 9:30 to 18:00.", "Every day."),
    ],
)
def test_the_kind_of_answer(question: str, kind: str, answer: str, other: str) -> None:
    assert answer_kind(question) == kind
    assert holds(answer_kind(question), answer)
    assert not holds(answer_kind(question), other)


def test_units_of_a_passage() -> None:
    found = units(STEPS + "\n\n" + PRICES)
    assert [unit.kind for unit in found] == ["sentence", *["item"] * 4, "sentence", *["row"] * 3]
    assert found[1].text == "Sign in and choose Return items."
    assert found[1].ordered
