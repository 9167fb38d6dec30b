"""Exports of help desks as conversations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from connector_samples import fingerprints, unchanged, write_text

from connectors.base import Connector, Document, Item, Problem
from connectors.errors import SourceEmpty
from connectors.registry import kind_of, open_connector

TICKET = {
    "id": 42, "subject": "Tent leaks", "status": "solved", "tags": ["tent", "warranty"], "requester_id": 7,
    "created_at": "2024-02-01T09:00:00Z", "updated_at": "2024-02-03T09:00:00Z",
    "description": "My tent leaks.\n\nBest regards,\nQzu Vrbnsk",
    "comments": [
        {"author_id": 7, "body": "My tent leaks.\n\nBest regards,\nQzu Vrbnsk", "public": True, "created_at": "2024-02-01T09:00:00Z"},
        {"author_id": 8, "html_body": "<p>Seal the <b>seams</b>.</p>", "public": True, "created_at": "2024-02-02T09:00:00Z"},
        {"author_id": 8, "body": "He is difficult.", "public": False, "created_at": "2024-02-02T10:00:00Z"},
    ],
}  # fmt: skip
USERS = [
    {"id": 7, "name": "Qzu Vrbnsk", "email": "qzu@customer.example", "role": "end-user"},
    {"id": 8, "name": "Anna Agentova", "email": "anna@shop.example", "role": "agent"},
]
CONVERSATION = {
    "type": "conversation", "id": "c-1", "created_at": 1706778000, "updated_at": 1706864400, "state": "closed", "title": None,
    "source": {"subject": "<p>Invoice</p>", "body": "<p>Where is it?</p>",
               "author": {"type": "user", "name": "Qzu Vrbnsk", "email": "qzu@customer.example"}},
    "tags": {"type": "tag.list", "tags": [{"name": "billing"}]},
    "conversation_parts": {"conversation_parts": [
        {"part_type": "comment", "body": "<p>In your account.</p>", "author": {"type": "admin", "name": "Anna"}, "created_at": 1706781600},
        {"part_type": "note", "body": "<p>Check this.</p>", "author": {"type": "admin", "name": "Anna"}, "created_at": 1706781700},
        {"part_type": "close", "body": None, "author": {"type": "bot"}, "created_at": 1706781800},
    ]},
}  # fmt: skip
TENT = "# Tent leaks\n\n## Customer, 2024-02-01\n\nMy tent leaks.\n\n## Agent, 2024-02-02\n\nSeal the seams.\n"
INVOICE = "# Invoice\n\n## Customer, 2024-02-01\n\nWhere is it?\n\n## Agent, 2024-02-01\n\nIn your account.\n"


def written(folder: Path, name: str, *values: Any) -> Path:
    return write_text(folder / name, "\n".join(json.dumps(value) for value in values))


def items(path: Path, known: dict[str, str] | None = None, **options: str) -> list[Item]:
    return list(open_connector(str(path), kind="helpdesk", options=options).read(known or {}))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("zendesk.json", [{"users": USERS, "tickets": [TICKET]}]),
        ("one.json", [TICKET]),
        ("list.json", [[TICKET, {"id": 3}]]),
        ("lines.jsonl", [TICKET, TICKET | {"id": 43}]),
        (
            "wrapped.json",
            [{"ticket": {k: v for k, v in TICKET.items() if k != "comments"}, "comments": TICKET["comments"]}],
        ),
    ],
)
def test_tickets_are_told_by_their_structure(tmp_path: Path, name: str, values: list[Any]) -> None:
    path = written(tmp_path, name, *values)
    assert kind_of(str(path)) == "helpdesk"
    connector = open_connector(str(path))
    assert isinstance(connector, Connector) and connector.personal
    connector.check()
    document = next(item for item in connector.read({}) if isinstance(item, Document))
    assert (document.path, document.title, document.text) == ("ticket-42", "Tent leaks", TENT)
    assert document.metadata == {"status": "solved", "tags": "tent, warranty", "created": "2024-02-01"}


def test_conversations_are_told_by_their_parts(tmp_path: Path) -> None:
    path = written(tmp_path, "intercom.json", {"type": "conversation.list", "conversations": [CONVERSATION]})
    assert kind_of(str(path)) == "helpdesk"
    (document,) = items(path, url="https://desk.example/c/{id}")
    assert isinstance(document, Document)
    assert (document.path, document.text, document.url) == ("conversation-c-1", INVOICE, "https://desk.example/c/c-1")
    assert document.metadata == {"state": "closed", "tags": "billing", "created": "2024-02-01"}
    assert {"Qzu Vrbnsk", "qzu@customer.example", "Anna"} <= set(document.people)


def test_internal_notes_are_read_only_when_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, "both.json", {"tickets": [TICKET], "conversations": [CONVERSATION]})
    shown = "".join(item.text for item in items(path) if isinstance(item, Document))
    assert "difficult" not in shown and "Check this" not in shown
    told = "".join(item.text for item in items(path, internal="yes") if isinstance(item, Document))
    assert "difficult" in told and "Check this" in told


def test_only_changed_records_are_read_again(tmp_path: Path) -> None:
    path = written(tmp_path, "export.json", {"tickets": [TICKET, TICKET | {"id": 43}]})
    known = fingerprints(items(path))
    assert unchanged(items(path, known)) == ["ticket-42", "ticket-43"]
    written(tmp_path, "export.json", {"tickets": [TICKET, TICKET | {"id": 43, "status": "open"}]})
    again = items(path, known)
    assert unchanged(again) == ["ticket-42"] and [i.path for i in again if isinstance(i, Document)] == ["ticket-43"]


def test_one_bad_file_does_not_stop_the_others(tmp_path: Path) -> None:
    written(tmp_path, "good.json", TICKET)
    written(tmp_path, "other.json", [{"a": 1}])
    write_text(tmp_path / "broken.json", '{"tickets": [')
    write_text(tmp_path / "deep.json", "[" * 200_000)
    written(tmp_path, "odd.json", {"id": "../../etc", "conversation_parts": [], "source": {"body": "Hello there"}})
    written(
        tmp_path, "silent.json", TICKET | {"id": 9, "description": "", "comments": [{"body": "x", "public": False}]}
    )
    found = items(tmp_path)
    assert {item.title for item in found if isinstance(item, Document)} == {"Tent leaks", "Conversation"}
    assert all("/" not in item.path for item in found)
    assert {i.path: i.code for i in found if isinstance(i, Problem)} == {
        "other.json": "not_helpdesk", "broken.json": "corrupt_file", "deep.json": "corrupt_file", "ticket-9": "no_text",
    }  # fmt: skip


def test_other_json_is_no_export_and_an_empty_folder_is_named(tmp_path: Path) -> None:
    assert kind_of(str(written(tmp_path, "rows.json", [{"comments": 3, "id": 1}]))) == "files"
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceEmpty):
        open_connector(str(tmp_path / "empty"), kind="helpdesk").check()
