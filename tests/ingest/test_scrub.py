"""Scrubbing at ingest: planted details of people are in no byte of what is stored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connectors.base import Document
from ingest.errors import DetectionFailed, IngestError
from ingest.layout import Layout
from ingest.pii import open_detector
from ingest.scrub import Scrubber
from tests.ingest.ingesting import all_passages, found_documents, ingest, new_home, passages_of, write_files

LETTER = """---
title: Complaint of Margaret Hollingsworth
author: Hollingsworth, M.
contact: margaret.hollingsworth@example.com
---
# Complaint of Margaret Hollingsworth

Dear support, my name is Margaret Hollingsworth and my tent leaks. Call me on +44 20 7946 0958 or write to
margaret.holl\u200bingsworth@example.com. My card is 4111 1111 1111 1111.

The tent is waterproof up to a water column of 3000 mm.
"""
PLANTED = ("Margaret", "Hollingsworth", "margaret.holl", "7946 0958", "4111 1111")


def stored_bytes(home: Path) -> bytes:
    files = [path for path in Layout(home).store.rglob("*") if path.is_file()]
    return b"\0".join(path.read_bytes() for path in files)


def planted_in(home: Path) -> list[str]:
    everything = stored_bytes(home).lower()
    return [word for word in PLANTED if word.lower().encode() in everything]


@pytest.fixture
def letters(tmp_path: Path) -> tuple[Path, Path]:
    source = tmp_path / "letters"
    write_files(source, complaint_md=LETTER, rules_md="# Rules\n\nTents are repaired within 21 days.\n")
    return new_home(tmp_path), source


def test_details_are_nowhere_in_the_store_and_the_rest_is_found(letters) -> None:
    home, source = letters
    ingest(home, source, options={"scrub": "true"})
    assert planted_in(home) == []
    assert found_documents(home, "letters", "waterproof water column") == ["complaint.md"]
    (document,) = [each for each in passages_of(home, "letters").documents() if each.path == "complaint.md"]
    assert document.metadata["author"] == "<PERSON>"
    text = passages_of(home, "letters").document_text("complaint.md")
    assert "<PERSON_1>" in text and "<EMAIL_ADDRESS_1>" in text and "3000 mm" in text
    assert all(
        "<" not in passage.text[s.start : s.end] for passage in all_passages(home, "letters") for s in passage.spans
    )


def test_without_the_option_the_text_stays(letters) -> None:
    home, source = letters
    ingest(home, source)
    assert "Hollingsworth" in planted_in(home)


def test_switching_it_on_removes_what_was_stored_before_and_syncs_keep_it(letters) -> None:
    home, source = letters
    ingest(home, source)
    report = ingest(home, source, options={"scrub": "true"})
    assert report.changed and planted_in(home) == []
    write_files(source, more_md="# More\n\nAsk Margaret Hollingsworth, whose tent it was.\n")
    report = ingest(home, source)
    assert (report.documents.new, report.documents.unchanged) == (1, 2)
    assert planted_in(home) == []
    assert ingest(home, source).changed is False
    assert ingest(home, source, options={"scrub": "false"}).changed
    assert "Hollingsworth" in planted_in(home)


def test_an_unreadable_document_of_before_is_not_kept_unscrubbed(letters) -> None:
    home, source = letters
    ingest(home, source)
    (source / "complaint.md").write_bytes(b"\x00\x01nonsense\x00" * 100)
    ingest(home, source, options={"scrub": "true"})
    assert planted_in(home) == []


def test_a_wrong_value_is_refused(letters) -> None:
    home, source = letters
    with pytest.raises(IngestError) as caught:
        ingest(home, source, options={"scrub": "perhaps"})
    assert caught.value.code == "scrub_option_wrong"


class _Failing:
    def detect(self, texts: list[str], *, names: bool = True) -> list[tuple]:
        raise RuntimeError("the model is missing")


def test_what_cannot_be_examined_is_not_stored() -> None:
    with pytest.raises(DetectionFailed):
        Scrubber(_Failing).scrubbed(Document("a.md", "text", None, "text/markdown", "f"))  # type: ignore[arg-type]


def scrubbed(text: str, *people: str, title: str | None = None, path: str = "a.md", url: str | None = None) -> Document:
    document = Document(path, text, title, "text/markdown", "f", people=people, url=url)
    return Scrubber(open_detector).scrubbed(document)


def test_people_whom_the_source_names_are_found_wherever_they_stand() -> None:
    found = scrubbed(
        "hi qzu, thanks! QZU VRBNSK wrote: the stove works. Vrbnsk's stove. Will you be there? It will.",
        "Qzu Vrbnsk",
        "Will Otterbein",
        title="Stove of qzu  vrbnsk",
    )
    assert not {"qzu", "vrbnsk"} & set(
        f"{found.text} {found.title}".lower().replace("'", " ").replace(",", " ").split()
    )
    assert "the stove works" in found.text and "It will." in found.text and "Will you" not in found.text
    assert found.people == ()


def test_the_same_value_has_the_same_token_and_another_one_another() -> None:
    found = scrubbed(
        "Write to a.b@example.com or c.d@example.com; a.b@example.com is quicker.", title="a.b@example.com"
    )
    assert found.title == "<EMAIL_ADDRESS_1>"
    assert found.text.startswith("Write to <EMAIL_ADDRESS_1> or <EMAIL_ADDRESS_2>; <EMAIL_ADDRESS_1> is")


def test_addresses_in_path_and_url_go_too() -> None:
    found = scrubbed("text", path="mail/jane.roe@example.com.md", url="https://x.example/?u=jane.roe@example.com")
    assert "jane" not in found.path and found.path.endswith(".md") and found.url is None
    again = scrubbed("text", path="mail/jane.roe@example.com.md")
    assert again.path == found.path


def test_scrubbing_twice_changes_nothing_more() -> None:
    once = scrubbed("Call Margaret Hollingsworth on +44 20 7946 0958 about order 7.")
    assert scrubbed(once.text).text == once.text


def test_conversations_are_scrubbed_unless_told_otherwise(tmp_path: Path) -> None:
    export = {
        "users": [{"id": 7, "name": "Margaret Hollingsworth", "email": "margaret.holl@example.com", "role": "end-user"}],
        "tickets": [{
            "id": 1, "subject": "hollingsworth: tent", "requester_id": 7, "comments": [
                {"author_id": 7, "body": "margaret here, my tent leaks. Ring 020 7946 0958 (4111 1111 1111 1111)."},
                {"author_id": 8, "body": "Hi Margaret, seal the seams with silicone."},
            ],
        }],
    }  # fmt: skip
    source = tmp_path / "export.json"
    source.write_text(json.dumps(export))
    home = new_home(tmp_path)
    report = ingest(home, source)
    assert (report.kind, report.documents.total) == ("helpdesk", 1)
    assert planted_in(home) == []
    assert found_documents(home, "export", "silicone seams") == ["ticket-1"]
    ingest(home, source, options={"scrub": "false"})
    assert "Hollingsworth" in planted_in(home)
