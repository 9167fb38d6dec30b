"""Which messages belong together, and a conversation as one document."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from connectors.base import Discovered, Document, Item, Problem, Unchanged
from connectors.exporting import safe_name
from connectors.files import items_of
from connectors.formats.registry import SUFFIXES
from connectors.formats.source_file import SourceFile, UnreadableItem
from connectors.mail.message import Attachment, Header, body_of

_EARLIEST = datetime.fromtimestamp(0, tz=UTC)
_FORMAT = "1"
"""Part of every fingerprint: raised when conversations are worded differently."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages that answer each other, in order of time."""

    headers: tuple[Header, ...]

    @property
    def path(self) -> str:
        """Its identity, which tells nothing of what is in it."""
        return "conversation-" + hashlib.sha256(self.headers[0].identity.encode()).hexdigest()[:16]

    @property
    def fingerprint(self) -> str:
        """Identity of all its messages."""
        each = sorted(header.fingerprint for header in self.headers)
        return hashlib.sha256("\n".join([_FORMAT, *each]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class MailOptions:
    """How conversations are read."""

    attachments: bool = False
    spam: bool = False
    staff: tuple[str, ...] = ()
    """Addresses, or domains as `@example.com`, whose writers are called Support."""


def conversations(headers: Sequence[Header]) -> list[Conversation]:
    """The messages grouped by the messages that they refer to; replies that refer to nothing known, by subject."""
    leader: dict[str, str] = {}

    def top(identity: str) -> str:
        while (above := leader.setdefault(identity, identity)) != identity:
            leader[identity] = leader.setdefault(above, above)
            identity = above
        return identity

    ordered = sorted({header.identity: header for header in headers}.values(), key=_order)
    for header in ordered:
        for reference in header.references:
            leader[top(reference)] = top(header.identity)
    first_of_topic: dict[str, str] = {}
    for header in ordered:
        topic = header.topic.casefold()
        if topic and header.is_reply and not header.references and topic in first_of_topic:
            leader[top(header.identity)] = top(first_of_topic[topic])
        first_of_topic.setdefault(topic, header.identity)
    groups: dict[str, list[Header]] = {}
    for header in ordered:
        groups.setdefault(top(header.identity), []).append(header)
    return sorted((Conversation(tuple(group)) for group in groups.values()), key=lambda each: each.path)


def discovered(found: Sequence[Conversation]) -> Iterator[Discovered]:
    """The conversations by name."""
    return (Discovered(each.path, "document") for each in found)


def read_conversations(
    found: Sequence[Conversation], known: Mapping[str, str], raw_of: Callable[[Header], bytes], options: MailOptions
) -> Iterator[Item]:
    """Each conversation as a document, and its attachments where asked for; `Unchanged` where it is known."""
    for conversation in found:
        path = conversation.path
        if known.get(path) == conversation.fingerprint:
            yield Unchanged(path)
            below = f"{path}/"
            yield from (Unchanged(each) for each in known if each.startswith(below))
            continue
        try:
            document, attachments = _document(conversation, raw_of, options)
        except UnreadableItem as fault:
            yield fault.problem(path)
            continue
        if document.text.count("\n\n") <= 1:
            yield Problem(path, "no_text", "The conversation holds no text.")
        else:
            yield document
        yield from _attached(document, attachments, options)


def _document(
    conversation: Conversation, raw_of: Callable[[Header], bytes], options: MailOptions
) -> tuple[Document, list[Attachment]]:
    roles: dict[str, str] = {}
    pieces: list[str] = []
    attachments: list[Attachment] = []
    for header in conversation.headers:
        text, attached = body_of(raw_of(header), with_attachments=options.attachments)
        attachments += attached
        if text.strip():
            day = f", {header.moment:%Y-%m-%d}" if header.moment else ""
            pieces.append(f"## {_role(header.writer, roles, options.staff)}{day}\n\n{_without_headings(text)}")
    headers = conversation.headers
    title = next((header.topic for header in headers if header.topic), None) or "Conversation"
    moments = [header.moment for header in headers if header.moment]
    metadata = {"messages": str(len(headers))}
    if moments:
        metadata |= {"first_message": moments[0].date().isoformat(), "last_message": moments[-1].date().isoformat()}
    if attachments:
        metadata["attachments"] = ", ".join(attachment.name for attachment in attachments)
    document = Document(
        path=conversation.path,
        text="\n\n".join([f"# {title}", *pieces]) + "\n",
        title=title,
        media_type="message/rfc822",
        fingerprint=conversation.fingerprint,
        modified=moments[-1] if moments else _EARLIEST,
        metadata=metadata,
        people=tuple(dict.fromkeys(person for header in headers for person in header.people)),
    )
    return document, attachments


def _attached(document: Document, attachments: Sequence[Attachment], options: MailOptions) -> Iterator[Item]:
    """The attachments of known formats, named by number: their own names may tell who somebody is."""
    if not options.attachments:
        return
    for number, attachment in enumerate(attachments, 1):
        suffix = PurePosixPath(safe_name(attachment.name)).suffix.lower()
        path = f"{document.path}/attachment-{number}{suffix}"
        if suffix not in SUFFIXES or attachment.content is None:
            continue
        with TemporaryDirectory(prefix="answerable-mail-") as folder:
            target = Path(folder) / f"attachment{suffix}"
            target.write_bytes(attachment.content)
            for item in items_of(SourceFile(target, path), {}):
                if isinstance(item, Document | Problem):
                    yield item


def _role(writer: str, roles: dict[str, str], staff: Sequence[str]) -> str:
    """`Support` for staff, else `Customer`, numbered from the second on."""
    if writer in staff or any(pattern.startswith("@") and writer.endswith(pattern) for pattern in staff):
        return "Support"
    name = "Customer" if staff else "Writer"
    return roles.setdefault(writer, name if not roles and staff else f"{name} {len(roles) + 1}")


def _without_headings(text: str) -> str:
    """Lines of a message that would read as headings are only text."""
    return "\n".join(line.lstrip("# ") if line.startswith("#") else line for line in text.split("\n"))


def _order(header: Header) -> tuple[datetime, str]:
    return header.moment or _EARLIEST, header.identity
