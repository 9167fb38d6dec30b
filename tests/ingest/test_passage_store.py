"""Reading passages: offsets, spans, visibility, neighbours, from several threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from ingest.pii import PiiSpan
from ingest.stores.passage_filter import PassageFilter
from ingest.stores.passage_writer import storable
from ingest.stores.passages import PassageReader
from ingest.stores.snapshot import Store
from tests.ingest.built_segments import Given, publish_source, vector

TEXT = "Über uns — die Straße 🙂.\n\nWrite to anna@example.org or call.\n\nThe end of ümlauts."
MAIL = TEXT.index("anna"), TEXT.index(" or call")
DOCUMENTS = (
    Given("a.md", TEXT, "public", (PiiSpan(*MAIL, "EMAIL_ADDRESS", 1.0),), (("author", "me"),)),
    Given("b.md", "Only for staff.", "internal", newer_version="a.md"),
    Given("c.md", "An old price list.", "public", newer_version="b.md"),
)
BOTH = ("public", "internal")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> PassageReader:
    home = tmp_path_factory.mktemp("home")
    publish_source(home, "docs", *DOCUMENTS)
    passages = Store(home).snapshot().sources["docs"].passages
    assert passages is not None
    return passages


def test_offsets_cut_the_text_out_of_the_document(reader: PassageReader) -> None:
    assert reader.count == 5
    for passage in reader.get(range(5), BOTH):
        text = reader.document_text(passage.document)
        assert text is not None
        assert passage.text == text[passage.start : passage.end] != ""
    assert [passage.text for passage in reader.get([0, 1, 2], BOTH)] == TEXT.split("\n\n")


def test_passages_come_in_the_order_asked_for_and_unknown_ones_are_left_out(reader: PassageReader) -> None:
    assert [passage.ordinal for passage in reader.get([3, 99, 0, -1, 2], BOTH)] == [3, 0, 2]
    assert reader.get([], BOTH) == []


def test_a_passage_knows_its_document(reader: PassageReader) -> None:
    first, staff = reader.get([0, 3], BOTH)
    assert (first.document, first.title, first.visibility) == ("a.md", "A.Md", "public")
    assert first.metadata == {"author": "me"}
    assert first.modified == "2026-01-02T03:04:05+00:00"
    assert staff.metadata == {"newer_version": "a.md"}


def test_what_a_caller_may_not_see_is_neither_given_nor_named(reader: PassageReader) -> None:
    (old,) = reader.get([3, 4], ["public"])
    assert (old.document, old.metadata) == ("c.md", {})
    assert reader.get([4], BOTH)[0].metadata == {"newer_version": "b.md"}
    assert reader.get([4], []) == []
    named = PassageFilter(metadata=(("newer_version", "b.md"),))
    for search in (
        lambda seen: reader.search_lexical("price", 9, seen, named),
        lambda seen: reader.search_dense(vector(4), 9, seen, named),
    ):
        assert search(["public"]) == []
        assert [ordinal for ordinal, _ in search(BOTH)] == [4]


def test_spans_are_relative_to_the_passage(reader: PassageReader) -> None:
    before, holder, after = reader.get([0, 1, 2], BOTH)
    (span,) = holder.spans
    assert holder.text[span.start : span.end] == "anna@example.org"
    assert before.spans == after.spans == ()
    (in_document,) = reader.document_spans("a.md")
    assert TEXT[in_document.start : in_document.end] == "anna@example.org"


def test_neighbours_stay_within_the_document(reader: PassageReader) -> None:
    before, after = reader.neighbours(1, BOTH)
    assert before is not None and before.ordinal == 0
    assert after is not None and after.ordinal == 2
    assert reader.neighbours(2, BOTH)[1] is None
    assert reader.neighbours(3, BOTH) == (None, None)
    assert reader.neighbours(99, BOTH) == (None, None)


def test_search_sees_only_what_the_caller_may(reader: PassageReader) -> None:
    query = vector(3)
    assert reader.search_dense(query, 1, BOTH)[0][0] == 3
    assert {ordinal for ordinal, _ in reader.search_dense(query, 9, ["public"])} == {0, 1, 2, 4}
    assert [ordinal for ordinal, _ in reader.search_lexical("staff", 9, BOTH)] == [3]
    assert reader.search_lexical("staff", 9, ["public"]) == []


def test_documents_are_listed(reader: PassageReader) -> None:
    assert [(each.path, each.passages, each.visibility) for each in reader.documents()] == [
        ("a.md", 3, "public"),
        ("b.md", 1, "internal"),
        ("c.md", 1, "public"),
    ]
    assert reader.document("d.md") is None
    assert reader.document_text("d.md") is None


def test_titles_and_texts_are_those_of_a_visibility(reader: PassageReader) -> None:
    assert [*reader.texts(["public"])] == [TEXT, "An old price list."]
    assert [*reader.texts(BOTH)] == [TEXT, "Only for staff.", "An old price list."]
    public, every = [*reader.titles(["public"])], [*reader.titles(BOTH)]
    assert {"A.Md", "C.Md"} <= set(public) and len(public) == len(set(public))
    assert set(every) - set(public) == {"B.Md"}
    assert not any(">" in title for title in every)


def test_threads_share_a_reader(reader: PassageReader) -> None:
    def read(number: int) -> tuple[object, ...]:
        found = reader.search_dense(vector(1), 2, BOTH) + reader.search_lexical("write call", 2, BOTH)
        return tuple(passage.text for passage in reader.get([ordinal for ordinal, _ in found], BOTH))

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(read, range(100)))) == 1


def test_what_sqlite_cannot_hold_is_replaced_without_moving_offsets() -> None:
    assert storable("a\0b\ud800c") == "a b\ufffdc"
    assert storable(None) is None
