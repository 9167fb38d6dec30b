"""Exports of help desks (Zendesk, Intercom and alike, as JSON): one document for each ticket or conversation.

What a record is, is told by its structure: `comments` make a Zendesk ticket, `conversation_parts` an Intercom
conversation. Writers appear by their role; internal notes are left out unless asked for.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

from connectors.base import Discovered, Document, Item, Problem, Unchanged
from connectors.errors import SourceEmpty
from connectors.exporting import yes_or_no
from connectors.files import require_known_options, require_readable
from connectors.formats.dates import as_utc
from connectors.formats.encoding import decode
from connectors.formats.source_file import UnreadableItem
from connectors.mail.message import html_text, own_words
from connectors.walking import walk

OPTIONS: dict[str, str] = {
    "internal": "`yes`: internal notes are read too (unset: only what the customer saw)",
    "url": "web address of a record, with {id}",
}
SUFFIXES = (".json", ".jsonl", ".ndjson")
_LARGEST_FILE_BYTES = 512 << 20
_HEAD_BYTES = 1 << 16
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MARKUP = re.compile(r"<(?:p|br|div|span|a|ul|ol|li|b|strong|img|blockquote|table)\b[^>]*>", re.I)
_CUSTOMERS = frozenset({"end-user", "end_user", "user", "lead", "contact", "customer", "requester", "visitor"})
_BOTS = frozenset({"bot", "operator", "system", "automation"})
_PERSON_FIELDS = frozenset({
    "author", "from", "to", "requester", "submitter", "assignee", "user", "contact", "customer", "sender", "admin",
    "contacts", "users", "teammates", "collaborators", "followers",
})  # fmt: skip
_LISTS = ("tickets", "conversations", "results", "data", "records", "items")
_PEOPLE_LISTS = ("users", "contacts", "admins", "agents", "end_users", "teammates")
_LEAST_SHARED = "The file holds no tickets with comments and no conversations with parts."

Record: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _People:
    """Roles and names by id, as far as the export has them."""

    roles: dict[str, str] = field(default_factory=dict)
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Message:
    """One message of a record."""

    role: str
    text: str
    moment: datetime | None


class HelpdeskConnector:
    """Reads one export file, or the export files of a folder."""

    kind = "helpdesk"
    personal = True
    discovery_reads = True

    def __init__(self, location: str, options: Mapping[str, str]) -> None:
        require_known_options(self.kind, options, OPTIONS)
        self.location = location
        self._root = Path(location).expanduser()
        self._internal = yes_or_no("internal", options, default=False)
        self._url = options.get("url")

    def check(self) -> None:
        """Raise a `ConnectorError` unless there is an export file."""
        require_readable(self._root)
        if next(self._files(), None) is None:
            raise SourceEmpty(f"{self.location} holds no export.", hint="Exports are .json, .jsonl or .ndjson files.")

    def discover(self) -> Iterator[Discovered]:
        """Name the tickets and conversations."""
        return (Discovered(item.path, "document") for item in self.read({}) if isinstance(item, Document))

    def read(self, known: Mapping[str, str]) -> Iterator[Item]:
        """Yield each ticket or conversation, `Unchanged` where its record is the same."""
        require_readable(self._root)
        for path, location in self._files():
            try:
                yield from self._read_file(location, known)
            except UnreadableItem as fault:
                yield fault.problem(path)
            except OSError as error:
                yield Problem(path, "unreadable", f"The file cannot be read: {error.strerror or error}.")

    def _files(self) -> Iterator[tuple[str, Path]]:
        found = [(self._root.name, self._root)] if self._root.is_file() else walk(self._root)
        return (each for each in found if not isinstance(each, Problem) and each[1].suffix.lower() in SUFFIXES)

    def _read_file(self, location: Path, known: Mapping[str, str]) -> Iterator[Item]:
        values = _values(location)
        people = _people(values)
        records = [record for value in values for record in _records(value)]
        if not records:
            raise UnreadableItem("not_helpdesk", f"{_LEAST_SHARED} Add it as a source of kind files.")
        for record in records:
            body = json.dumps([record, self._internal, self._url, "1"], sort_keys=True)
            fingerprint = hashlib.sha256(body.encode()).hexdigest()
            path = _path(record)
            if known.get(path) == fingerprint:
                yield Unchanged(path)
                continue
            document = self._document(record, people, path, fingerprint)
            yield document or Problem(path, "no_text", "Nothing in it was written for the customer to see.")

    def _document(self, record: Record, people: _People, path: str, fingerprint: str) -> Document | None:
        intercom = _is_conversation(record)
        told = _conversation_messages(record, people) if intercom else _ticket_messages(record, people)
        messages = [message for message, is_public in told if message.text and (is_public or self._internal)]
        if not messages:
            return None
        source = record.get("source") if isinstance(record.get("source"), dict) else {}
        title = _plain(record.get("subject") or record.get("title") or (source or {}).get("subject")) or "Conversation"
        pieces = [f"## {each.role}{_day(each.moment)}\n\n{each.text}" for each in messages]
        identity = str(record.get("id", ""))
        moments = [each.moment for each in messages if each.moment]
        return Document(
            path=path,
            text="\n\n".join([f"# {title}", *pieces]) + "\n",
            title=title,
            media_type="application/json",
            fingerprint=fingerprint,
            url=self._url.replace("{id}", quote(identity, safe="")) if self._url and identity else None,
            modified=_moment(record.get("updated_at")) or (moments[-1] if moments else None),
            metadata=_metadata(record),
            people=tuple(dict.fromkeys([*_named(record), *(name for each in people.names.values() for name in each)])),
        )


def looks_like_export(location: Path) -> bool:
    """Whether a JSON file begins like an export, by the names of its fields."""
    try:
        with location.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError:
        return False
    if b'"conversation_parts"' in head:
        return True
    return b'"comments"' in head and (b'"requester_id"' in head or b'"submitter_id"' in head)


def _values(location: Path) -> list[Any]:
    """The file's JSON value, or those of its lines."""
    if location.stat().st_size > _LARGEST_FILE_BYTES:
        limit = _LARGEST_FILE_BYTES >> 20
        raise UnreadableItem("too_large", f"The export has more than {limit} MB: split it, or export it line by line.")
    text, _ = decode(location)
    try:
        return [json.loads(text)]
    except (ValueError, RecursionError) as error:
        lines = [line for line in text.split("\n") if line.strip()]
        if len(lines) < 2:
            raise UnreadableItem("corrupt_file", f"The file is not JSON: {error}.") from error
    values: list[Any] = []
    for number, line in enumerate(lines, 1):
        try:
            values.append(json.loads(line))
        except (ValueError, RecursionError) as error:
            raise UnreadableItem("corrupt_file", f"Record {number} is not JSON: {error}.") from error
    return values


def _records(value: Any) -> Iterator[Record]:
    """The tickets and conversations in a value."""
    if isinstance(value, list):
        for each in value:
            yield from _records(each)
    elif isinstance(value, dict):
        if _is_conversation(value) or isinstance(value.get("comments"), list):
            inner = value.get("ticket")
            yield inner | {"comments": value["comments"]} if isinstance(inner, dict) and "comments" in value else value
            return
        for name in (*_LISTS, "ticket", "conversation"):
            if isinstance(value.get(name), list | dict):
                yield from _records(value[name])


def _is_conversation(record: Record) -> bool:
    return "conversation_parts" in record


def _ticket_messages(ticket: Record, people: _People) -> Iterator[tuple[_Message, bool]]:
    """The comments of a ticket, and whether the customer saw each; its description where it has none."""
    requester = str(ticket.get("requester_id") or ticket.get("submitter_id") or "")
    comments = [each for each in ticket.get("comments", []) if isinstance(each, dict)]
    description = _plain(ticket.get("description"))
    if description and not any(description[:80] == _body(each)[:80] for each in comments):
        yield _Message("Customer", own_words(description), _moment(ticket.get("created_at"))), True
    for comment in comments:
        author = str(comment.get("author_id") or "")
        role = people.roles.get(author) or _role(comment.get("author"))
        role = role or ("Customer" if author and author == requester else "Agent")
        message = _Message(role, own_words(_body(comment)), _moment(comment.get("created_at")))
        yield message, comment.get("public") is not False


def _conversation_messages(conversation: Record, people: _People) -> Iterator[tuple[_Message, bool]]:
    """The opening message and the parts of a conversation, and whether the customer saw each."""
    source = conversation.get("source") or conversation.get("conversation_message") or {}
    if isinstance(source, dict):
        role = _role(source.get("author")) or "Customer"
        yield _Message(role, own_words(_body(source)), _moment(conversation.get("created_at"))), True
    parts = conversation["conversation_parts"]
    parts = parts.get("conversation_parts", []) if isinstance(parts, dict) else parts
    for part in parts if isinstance(parts, list) else []:
        if isinstance(part, dict):
            author = part.get("author") if isinstance(part.get("author"), dict) else {}
            role = _role(author) or people.roles.get(str((author or {}).get("id"))) or "Agent"
            is_public = "note" not in str(part.get("part_type", "comment"))
            yield _Message(role, own_words(_body(part)), _moment(part.get("created_at"))), is_public


def _body(message: Record) -> str:
    return _plain(message.get("plain_body") or message.get("body") or message.get("html_body"))


def _plain(value: object) -> str:
    """The text of a field that may hold HTML."""
    text = value if isinstance(value, str) else ""
    return (html_text(text) if _MARKUP.search(text) else text).strip()


def _role(author: object) -> str | None:
    """`Customer`, `Agent` or `Bot`, where the author's record tells."""
    if not isinstance(author, dict):
        return None
    told = str(author.get("role") or author.get("type") or "").lower()
    if told in _CUSTOMERS:
        return "Customer"
    return "Bot" if told in _BOTS else "Agent" if told else None


def _people(values: Iterable[Any]) -> _People:
    """The people whom an export lists beside its records."""
    people = _People()
    for value in values:
        for name in _PEOPLE_LISTS if isinstance(value, dict) else ():
            listed = value.get(name)
            for person in listed if isinstance(listed, list) else []:
                if isinstance(person, dict) and "id" in person:
                    identity = str(person["id"])
                    default = {"type": "admin"} if name in ("admins", "agents", "teammates") else {"type": "user"}
                    people.roles[identity] = _role(person) or _role(default) or "Customer"
                    people.names[identity] = tuple(_named(person))
    return people


def _named(value: object, place: str = "") -> Iterator[str]:
    """Names, addresses and telephone numbers in the fields of a record that hold those of people."""
    if isinstance(value, list):
        for each in value:
            yield from _named(each, place)
    elif isinstance(value, dict):
        is_person = place in _PERSON_FIELDS or not {"email", "phone"}.isdisjoint(value)
        for name, each in value.items():
            if not isinstance(each, str):
                yield from _named(each, name)
            elif name in ("email", "phone") or (name in ("name", "address", "display_name") and is_person):
                yield each


def _metadata(record: Record) -> dict[str, str]:
    """Status, tags and times of a record."""
    found = {name: str(record[name]) for name in ("status", "state", "priority", "type") if record.get(name)}
    if found.get("type") == "conversation":
        del found["type"]
    tags = record.get("tags")
    tags = tags.get("tags", []) if isinstance(tags, dict) else tags
    names = [str(tag.get("name") if isinstance(tag, dict) else tag) for tag in (tags if isinstance(tags, list) else [])]
    if names:
        found["tags"] = ", ".join(names)
    if created := _moment(record.get("created_at")):
        found["created"] = created.date().isoformat()
    return found


def _path(record: Record) -> str:
    kind = "conversation" if _is_conversation(record) else "ticket"
    identity = str(record.get("id") or "")
    if not _PLAIN_ID.fullmatch(identity):
        body = identity or json.dumps(record, sort_keys=True)
        identity = hashlib.sha256(body.encode("utf-8", "replace")).hexdigest()[:16]
    return f"{kind}-{identity}"


def _moment(value: object) -> datetime | None:
    """A time as ISO 8601 or as seconds since 1970."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return datetime.fromtimestamp(value, tz=UTC)
        except (ValueError, OverflowError, OSError):
            return None
    return as_utc(value) if isinstance(value, str) else None


def _day(moment: datetime | None) -> str:
    return f", {moment:%Y-%m-%d}" if moment else ""
