"""Documents that a question names by path or file name come first; what is no such name changes nothing."""

from __future__ import annotations

import pytest

from app.named_documents import document_names, named_documents, without_names
from app.values import Caller
from tests.app.hire_pages import Hire, ingest_hire


@pytest.fixture(scope="module")
def hire(tmp_path_factory):
    folder = tmp_path_factory.mktemp("named")
    (folder / "pages" / "old").mkdir(parents=True)
    (folder / "pages" / "old" / "payment.md").write_text("# Paying (2019)\n\nWe took cash and cheques.\n")
    (folder / "pages" / "100%_sure.md").write_text("# A wager\n\nThe warden wagers a lemonade on every race.\n")
    ingest_hire(folder / "home", folder)
    return Hire(folder / "home")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("What does returns.md say about sale items?", ["returns.md"]),
        ("Summarise /policies/returns.html, please", ["policies/returns.html"]),
        ("What is in help/returns?", ["help/returns"]),
        ("Is it 3.5 or 4.25?", []),
        ("Who is J. Doe?", []),
        ("../../etc/passwd", []),
        ("a.md b.md c.md d.md e.md", ["a.md", "b.md", "c.md", "d.md"]),
        ("", []),
    ],
)
def test_what_may_be_a_documents_name(text, names):
    assert document_names(text) == names


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("What does it cost according to the file hire.md?", "What does it cost ?"),
        ("What is in hire.md about rowing boats?", "What is about rowing boats?"),
    ],
)
def test_the_passages_need_not_repeat_the_name(text, rest):
    assert without_names(text, ["hire.md"]) == rest


def test_a_name_is_looked_up_as_it_is_written(hire):
    reader = hire.engine.store.snapshot().sources["pages"].passages
    assert named_documents("What is in payment.md?", [reader], ("internal",)) == ["payment.md"]
    assert named_documents("What is in old/payment.md?", [reader], ("internal",)) == ["old/payment.md"]
    assert named_documents("What is in payment.md?", [reader], ("public",)) == []
    whole, other = (reader.named(name, ("internal",)) for name in ("payment.md", "old/payment.md"))
    assert whole and other and not set(whole) & set(other)
    for pattern in ("%", "_ayment.md", "%.md", "\\", "'; --"):
        assert reader.named(pattern, ("internal",)) == []
    assert reader.named("100%_sure.md", ("internal",))


def test_the_document_that_is_named_answers(hire):
    found = hire.ask("How much is a rowing boat according to hire.md?")
    assert found.status == "answered"
    assert found.citations[0].document == "hire.md"
    assert "€14" in found.text


def test_every_document_is_found_by_its_path(hire):
    from app.execution.passages import search

    snapshot = hire.engine.store.snapshot()
    for document in snapshot.sources["pages"].passages.documents():
        found = search(
            document.path, snapshot, hire.engine.embedder, sources=None, visibilities=Caller().visibilities,
            documents=document_names(document.path),
        )  # fmt: skip
        assert found[0].document == document.path or "%" in document.path


def test_a_name_that_no_document_has_changes_nothing(hire):
    asked = hire.ask("What does a kayak cost in version/9.9 of prices.xlsx?")
    assert asked.status in ("answered", "refused")
