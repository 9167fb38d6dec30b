"""The chunker's promises: exact offsets, bounded sizes, order, structure."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.chunker import Chunk, chunk, embedding_text
from ingest.structure import blocks

LIMIT = 80


def words(text: str) -> int:
    return len(re.findall(r"\w{1,8}|[^\w\s]", text))


def cut(text: str, title: str | None = None, **options: int) -> list[Chunk]:
    return chunk(text, title=title, count=words, **options)


def pieces(text: str, **options: int) -> list[str]:
    return [text[found.start : found.end] for found in cut(text, **options)]


LINES = st.sampled_from(
    [
        "# Returns",
        "## How long do I have?",
        "### Details ###",
        "Refunds take 5 days. Dr. Ash agrees! Does e.g. a gift count?",
        "You need:",
        "- the receipt",
        "  continued here",
        "1. Pack it.",
        "2. Send it.",
        "| plan | price |",
        "|---|---|",
        "| basic | 5 EUR |",
        "```sh",
        "answerable serve # not a heading",
        "```",
        "Underlined",
        "---",
        "",
        "",
        "   \t",
        "x" * 700,
        "one two three four five six seven eight nine ten " * 12,
        "返品は30日以内です。送料は無料です。",
    ]
)
DOCUMENTS = st.one_of(
    st.lists(LINES, max_size=25).map("\n".join),
    st.text(max_size=400),
    st.text(alphabet="ab .#|`-\n1", max_size=400),
)


@settings(max_examples=300, deadline=None)
@given(DOCUMENTS)
@example("#\n# \n#\ta\n")
@example("- \n-a\n- b\n\n  c")
def test_chunks_with_the_whitespace_between_them_rebuild_the_text(text: str) -> None:
    at = 0
    for found in cut(text, target_tokens=50, max_tokens=LIMIT):
        assert found.start >= at
        assert not text[at : found.start].strip()
        passage = text[found.start : found.end]
        assert passage
        assert passage == passage.strip()
        at = found.end
    assert not text[at:].strip()


@settings(max_examples=200, deadline=None)
@given(DOCUMENTS)
def test_no_chunk_is_over_the_limit(text: str) -> None:
    assert all(words(passage) <= LIMIT for passage in pieces(text, target_tokens=50, max_tokens=LIMIT))


@settings(max_examples=200, deadline=None)
@given(DOCUMENTS)
def test_the_heading_path_is_that_of_the_headings_above_the_content(text: str) -> None:
    headings = [block for block in blocks(text) if block.kind == "heading"]
    contents = [block for block in blocks(text) if block.kind != "heading"]
    for found in cut(text):
        content = next((block for block in contents if block.end > found.start), None)
        if content is None or content.start >= found.end:
            continue
        path: list[tuple[int, str]] = []
        for heading in headings:
            if heading.start < content.start:
                path = [entry for entry in path if entry[0] < heading.level] + [(heading.level, heading.label)]
        assert found.heading == " > ".join(label for _, label in path)


def test_sections_are_not_mixed_and_carry_their_headings() -> None:
    text = "# Help\n\n## Returns\n\n30 days.\n\n### Gifts\n\nSame.\n\n## Shipping\n\nFree over 50 EUR.\n"
    assert [(found.heading, text[found.start : found.end]) for found in cut(text, "Help")] == [
        ("Returns", "# Help\n\n## Returns\n\n30 days."),
        ("Returns > Gifts", "### Gifts\n\nSame."),
        ("Shipping", "## Shipping\n\nFree over 50 EUR."),
    ]


def test_a_list_stays_whole_with_the_line_that_introduces_it() -> None:
    text = "word " * 45 + "\n\nYou need:\n\n" + "\n".join(f"- thing number {n} of the list" for n in range(8))
    assert pieces(text, target_tokens=60, max_tokens=LIMIT)[-1].startswith("You need:\n\n- thing number 0")


def test_a_long_list_is_cut_between_items() -> None:
    text = "\n".join(f"{n}. Step {n} has some words in it\n   and a second line." for n in range(1, 30))
    assert all(re.match(r"\d+\. Step", passage) for passage in pieces(text, target_tokens=50, max_tokens=LIMIT))


def test_a_long_table_is_cut_between_rows() -> None:
    text = "| plan | price |\n|---|---|\n" + "\n".join(f"| plan {n} | {n} EUR |" for n in range(60))
    found = pieces(text, target_tokens=50, max_tokens=LIMIT)
    assert len(found) > 3
    assert all(passage.startswith("|") and passage.endswith("|") for passage in found)


def test_a_hash_in_code_is_no_heading() -> None:
    assert [found.heading for found in cut("# Use\n\n```sh\n# a comment\nrun\n```\n\nDone.")] == ["Use"]


def test_paragraphs_are_cut_between_sentences() -> None:
    text = " ".join(f"Sentence number {n} talks about e.g. Dr. No and 3.5 kg." for n in range(40))
    assert all(passage.startswith("Sentence") and passage.endswith("kg.") for passage in pieces(text, max_tokens=LIMIT))


def test_a_small_rest_joins_the_passage_before_it() -> None:
    text = "First paragraph. " + "word " * 190 + "\n\nA short end of five words."
    assert len(pieces(text)) == 1


def test_megabytes_without_a_space_are_cut() -> None:
    found = cut("a" * 1_000_000)
    assert found[-1].end == 1_000_000
    assert max(each.end - each.start for each in found) < 4_000


def test_the_embedded_text_names_title_and_headings_once() -> None:
    assert embedding_text("Help", "Returns", "## Returns\n\n30 days.") == "Help > Returns\n30 days."
    assert embedding_text(None, "", "30 days.") == "30 days."
    assert embedding_text(None, "A", "# A") == "A\n# A"


def test_a_long_title_leaves_room_for_the_text() -> None:
    text = "word " * 500
    for found in cut(text, "very long title " * 50):
        assert words(embedding_text("very long title " * 50, found.heading, text[found.start : found.end])) <= 254


@pytest.mark.parametrize("unit", [".", "!", "x", " ", "# ", "- ", "=", "|", "1.", '."'])
def test_a_line_of_any_length_is_cut_in_time(unit: str) -> None:
    text = f"# T\n\na {unit * 60_000} b\n\n# c {unit * 60_000} d\n"
    start = time.process_time()
    assert chunk(text, title="T", count=lambda piece: len(piece.split()))
    assert time.process_time() - start < 3, "the time grows with the square of the length"
