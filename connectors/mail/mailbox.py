"""mbox files and maildir folders, read without changing them."""

from __future__ import annotations

import hashlib
import mailbox
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from connectors.base import Discovered, Item, Problem
from connectors.errors import SourceEmpty, SourceUnreadable
from connectors.exporting import yes_or_no
from connectors.files import patterns_of, require_known_options, require_readable
from connectors.formats.source_file import UnreadableItem
from connectors.mail.conversation import Conversation, MailOptions, conversations, discovered, read_conversations
from connectors.mail.message import Header, header_of

OPTIONS: dict[str, str] = {
    "attachments": "`yes`: attachments of known formats are read as documents (unset: only listed)",
    "staff": "comma-separated addresses or domains (`@example.com`) of those who answer",
    "spam": "`yes`: messages that a filter marked as spam are read too",
}
LARGEST_MESSAGE_BYTES = 50 << 20


def mail_options(options: Mapping[str, str]) -> MailOptions:
    """The options that all kinds of mailboxes share."""
    return MailOptions(
        attachments=yes_or_no("attachments", options, default=False),
        spam=yes_or_no("spam", options, default=False),
        staff=tuple(each.lower() for each in patterns_of(options.get("staff", ""))),
    )


class MailboxConnector:
    """Reads the conversations of one mbox file or maildir folder."""

    kind = "mailbox"
    personal = True
    discovery_reads = True

    def __init__(self, location: str, options: Mapping[str, str]) -> None:
        require_known_options(self.kind, options, OPTIONS)
        self.location = location
        self._path = Path(location).expanduser()
        self._options = mail_options(options)

    def check(self) -> None:
        """Raise a `ConnectorError` unless there is a message."""
        with _Opened(self._path) as opened:
            if next(opened.message_keys(), None) is None:
                raise SourceEmpty(f"{self.location} holds no message.", hint="Give an mbox file or a maildir folder.")

    def discover(self) -> Iterator[Discovered]:
        """Name the conversations."""
        with _Opened(self._path) as opened:
            yield from discovered(self._conversations(opened, []))

    def read(self, known: Mapping[str, str]) -> Iterator[Item]:
        """Yield each conversation, `Unchanged` where no message of it is new."""
        with _Opened(self._path) as opened:
            problems: list[Problem] = []
            found = self._conversations(opened, problems)
            yield from problems
            yield from read_conversations(found, known, lambda header: opened.raw(header.key), self._options)

    def _conversations(self, opened: _Opened, problems: list[Problem]) -> list[Conversation]:
        headers: list[Header] = []
        spam = 0
        for key in opened.message_keys():
            try:
                raw = opened.raw(key)
            except UnreadableItem as fault:
                problems.append(fault.problem(f"message-{hashlib.sha256(key.encode()).hexdigest()[:16]}"))
                continue
            header = header_of(raw, key, hashlib.sha256(raw).hexdigest())
            spam += header.is_spam
            if not header.is_spam or self._options.spam:
                headers.append(header)
        if spam and not self._options.spam:
            text = f"{spam} messages that are marked as spam were left out; the option spam=yes reads them."
            problems.append(Problem("spam", "spam_left_out", text, "noted"))
        return conversations(headers)


class _Opened:
    """An open mailbox."""

    def __init__(self, path: Path) -> None:
        require_readable(path)
        if path.is_dir() and not all((path / name).is_dir() for name in ("cur", "new")):
            hint = "A maildir has the folders cur, new and tmp; give an mbox file otherwise."
            raise SourceUnreadable(f"{path} is a folder and no maildir.", hint=hint)
        if path.is_file() and not _begins_like_mbox(path):
            raise SourceUnreadable(f"{path} is no mbox file: it does not begin with `From `.", hint="Export it again.")
        self._path = path
        self._box: Any = None

    def __enter__(self) -> _Opened:
        try:
            folder = self._path.is_dir()
            self._box = mailbox.Maildir(self._path, create=False) if folder else mailbox.mbox(self._path, create=False)
        except (OSError, mailbox.Error) as error:
            raise SourceUnreadable(f"{self._path} cannot be opened: {error}.", hint="Check the path.") from error
        return self

    def __exit__(self, *_: object) -> None:
        if not isinstance(self._box, mailbox.Maildir):
            self._box.close()

    def message_keys(self) -> Iterator[str]:
        """The messages' keys, in a stable order."""
        return (str(key) for key in sorted(self._box.keys()))

    def raw(self, key: str) -> bytes:
        """A message as it was received. Raises `UnreadableItem`."""
        maildir = isinstance(self._box, mailbox.Maildir)
        try:
            with self._box.get_file(key if maildir else int(key)) as stream:
                content = bytes(stream.read(LARGEST_MESSAGE_BYTES + 1))
        except (OSError, KeyError) as error:
            raise UnreadableItem("unreadable", f"The message cannot be read: {error}.") from error
        if len(content) > LARGEST_MESSAGE_BYTES:
            limit = LARGEST_MESSAGE_BYTES >> 20
            raise UnreadableItem("too_large", f"The message has more than {limit} MB and was left out.")
        return content


def _begins_like_mbox(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(5) in (b"From ", b"")
