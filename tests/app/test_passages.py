"""Hybrid passage search over real indexes: fusion, visibility, versions, duplicates, scores."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path
from typing import Any

import pytest
from passage_corpus import Doc, build

from app.execution.passages import search
from app.values import Passage
from ingest.embedder import DEFAULT_MODEL, Embedder, open_embedder
from ingest.stores.passage_filter import PassageFilter

RETURNS = "You have {days} days from delivery to send back anything you do not want to keep."
SHOP = [
    Doc("returns.md", "Returns policy", "# Returns policy\n\n" + RETURNS.format(days=60), metadata={"version": "2026"}),
    Doc(
        "old/returns.md",
        "Returns policy (2022)",
        "# Returns policy (2022)\n\n" + RETURNS.format(days=30) + " Write to the returns team.",
        metadata={"status": "superseded", "superseded_by": "returns.md"},
    ),
    Doc("copy.md", "Returns", "# Returns\n\n" + RETURNS.format(days=60) + " Thanks."),
    Doc("stove.md", "Recall", "The stoves of batch FL-2403 are recalled. Stop using them."),
    Doc("stove2.md", "Stove care", "Clean the burner of your gas stove with a soft brush after cooking."),
    Doc("salary.md", "Salaries", "The shop manager earns 4,100 euros a month.", visibility="internal"),
    Doc("warranty.md", "Warranty", "Stoves come with two years of warranty.", modified="2024-03-01T00:00:00+00:00"),
    Doc("price2024.md", "Price list 2024", "Boot repair costs 70 euros."),
    Doc("price2025.md", "Price list 2025", "Boot repair costs 79 euros."),
    Doc("chapter1.md", "Chapter 1", "The knight leaves the castle at dawn."),
    Doc("chapter2.md", "Chapter 2", "The knight returns to the castle in the evening."),
]


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    shared = os.environ.get("ANSWERABLE_TEST_CACHE")
    return open_embedder(DEFAULT_MODEL, Path(shared) if shared else tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def corpus(embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Any:
    other = [Doc("returns.md", "Library returns", "Books are returned at the front desk within four weeks.")]
    return build(tmp_path_factory.mktemp("stores"), embedder, shop=SHOP, library=other)


def find(question: str, corpus: Any, embedder: Embedder, **options: Any) -> list[Passage]:
    chosen = {"sources": ["shop"], "visibilities": ("public",)} | options
    return search(question, corpus, embedder, **chosen)


def paths(found: list[Passage]) -> list[str]:
    return [passage.document for passage in found]


def test_meaning_and_words_both_find(corpus: Any, embedder: Embedder) -> None:
    assert paths(find("How long can I bring something back?", corpus, embedder))[0] in ("returns.md", "copy.md")
    assert paths(find("batch FL-2403", corpus, embedder))[0] == "stove.md"


def test_the_current_version_comes_before_the_superseded_one(corpus: Any, embedder: Embedder) -> None:
    found = paths(find("returns policy: how many days to send back?", corpus, embedder))
    assert found.index("old/returns.md") > found.index("returns.md")


def test_the_old_version_is_found_when_it_is_asked_for(corpus: Any, embedder: Embedder) -> None:
    assert paths(find("How many days under the returns policy of 2022?", corpus, embedder))[0] == "old/returns.md"


def test_of_titles_that_differ_in_a_year_the_newest_comes_first(corpus: Any, embedder: Embedder) -> None:
    assert paths(find("What does boot repair cost?", corpus, embedder))[0] == "price2025.md"
    assert paths(find("What did boot repair cost in 2024?", corpus, embedder))[0] == "price2024.md"


def test_chapters_are_no_versions_of_each_other(corpus: Any, embedder: Embedder) -> None:
    assert paths(find("When does the knight leave the castle?", corpus, embedder))[0] == "chapter1.md"


def test_near_duplicates_show_once(corpus: Any, embedder: Embedder) -> None:
    found = paths(find("days to send back anything you do not want to keep", corpus, embedder))
    assert len({"returns.md", "copy.md"} & set(found)) == 1


def test_what_a_visitor_may_not_see_is_not_found(corpus: Any, embedder: Embedder) -> None:
    question = "How much does the shop manager earn?"
    assert "salary.md" not in paths(find(question, corpus, embedder))
    assert paths(find(question, corpus, embedder, visibilities=("public", "internal")))[0] == "salary.md"


def test_only_the_sources_asked_for_are_searched(corpus: Any, embedder: Embedder) -> None:
    question = "How long may I keep books?"
    assert {passage.source for passage in find(question, corpus, embedder)} == {"shop"}
    assert find(question, corpus, embedder, sources=None)[0].source == "library"
    assert find(question, corpus, embedder, sources=["none"]) == []


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        (PassageFilter(document="price*"), {"price2024.md", "price2025.md"}),
        (PassageFilter(document="nothing/*"), set()),
        (PassageFilter(modified_after="2024-01-01"), {"warranty.md"}),
        (PassageFilter(modified_before="2024-01-01"), set()),
        (PassageFilter(metadata=(("status", "SUPERSEDED"),)), {"old/returns.md"}),
        (PassageFilter(document="salary.md"), set()),
    ],
)
def test_only_documents_that_fit_a_filter_are_found(
    only: PassageFilter, expected: set[str], corpus: Any, embedder: Embedder
) -> None:
    found = find("How long do I have to return a stove?", corpus, embedder, k=50, only=only)
    assert set(paths(found)) == expected


def test_a_synonym_is_found_for_a_word(corpus: Any, embedder: Embedder) -> None:
    best = find("guarantee", corpus, embedder)[0]
    assert best.document == "warranty.md"
    assert best.lexical > 0


def test_scores_tell_good_questions_from_strange_ones(corpus: Any, embedder: Embedder) -> None:
    good = find("How many days do I have to send something back?", corpus, embedder)
    strange = find("Who won the football world cup?", corpus, embedder)
    assert all(0 <= passage.score <= 1 for passage in good + strange)
    assert good[0].score > 0.5 > 0.2 > strange[0].score
    assert [passage.score for passage in good] == sorted((passage.score for passage in good), reverse=True)


def test_offsets_point_into_the_document(corpus: Any, embedder: Embedder) -> None:
    reader = corpus.sources["shop"].passages
    for passage in find("boot repair", corpus, embedder):
        assert reader.document_text(passage.document)[passage.start : passage.end] == passage.text


@pytest.mark.parametrize("question", ["", "?!*", '"', "AND OR NOT (", "a" * 5000, "title:x^3 +y -z", "\x00"])
def test_any_text_can_be_searched(question: str, corpus: Any, embedder: Embedder) -> None:
    assert len(find(question, corpus, embedder, k=3)) <= 3


def test_search_is_fast_once_the_question_is_embedded(corpus: Any, embedder: Embedder) -> None:
    vector = embedder.embed_query("boot repair")
    times = []
    for _ in range(20):
        start = time.perf_counter()
        find("boot repair", corpus, embedder, vector=vector)
        times.append(time.perf_counter() - start)
    assert statistics.median(times) < 0.03
