"""A folder of an IMAP server: `imaps://user@host/folder`, read without marking anything as seen (EXAMINE, BODY.PEEK).

Messages are known by the folder's UIDVALIDITY and their UIDs (RFC 3501): headers are listed at every sync, bodies are
fetched only for conversations with a new message.
"""

from __future__ import annotations

import base64
import imaplib
import ipaddress
import re
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from connectors.base import Discovered, Item, Problem
from connectors.errors import ConnectorError, SourceEmpty, SourceUnreadable
from connectors.exporting import whole_number
from connectors.files import require_known_options
from connectors.formats.source_file import UnreadableItem
from connectors.mail.conversation import Conversation, conversations, discovered, read_conversations
from connectors.mail.mailbox import LARGEST_MESSAGE_BYTES, mail_options
from connectors.mail.mailbox import OPTIONS as MAIL_OPTIONS
from connectors.mail.message import Header, header_of
from connectors.secrets import expanded, has_placeholder

OPTIONS: dict[str, str] = MAIL_OPTIONS | {
    "password": "where the password is: an environment variable as ${NAME}",
    "max_messages": "most messages of the folder (unset: 100000)",
    "timeout_s": "seconds to wait for the server (unset: 60)",
}
_AT_ONCE = 200  # messages in one request for headers
_FIELDS = "MESSAGE-ID REFERENCES IN-REPLY-TO SUBJECT DATE FROM TO CC REPLY-TO SENDER X-SPAM-FLAG X-SPAM-STATUS"
_UID, _SIZE = re.compile(rb"\bUID (\d+)"), re.compile(rb"\bRFC822\.SIZE (\d+)")


@dataclass(frozen=True, slots=True)
class _Address:
    """Where a folder is. `user` and `password` may hold placeholders."""

    host: str
    port: int
    tls: bool
    user: str
    password: str
    folder: str


class ImapConnector:
    """Reads the conversations of one folder."""

    kind = "imap"
    personal = True
    discovery_reads = True

    def __init__(self, location: str, options: Mapping[str, str]) -> None:
        require_known_options(self.kind, options, OPTIONS)
        self.location = location
        self._address = _address(location, options.get("password", ""))
        self._shown = f"folder {self._address.folder} of {self._address.host}"
        self._options = mail_options(options)
        self._most = whole_number("max_messages", options, 100_000, 10_000_000)
        self._timeout_s = whole_number("timeout_s", options, 60, 3600)

    def check(self) -> None:
        """Raise a `ConnectorError` unless the folder can be opened and holds a message."""
        with self._folder() as (server, _):
            if not self._uids(server):
                raise SourceEmpty(f"The {self._shown} holds no message.", hint="Check the folder's name.")

    def discover(self) -> Iterator[Discovered]:
        """Name the conversations."""
        with self._folder() as (server, validity):
            found = self._conversations(server, validity, [])
        yield from discovered(found)

    def read(self, known: Mapping[str, str]) -> Iterator[Item]:
        """Yield each conversation, `Unchanged` where no message of it is new."""
        with self._folder() as (server, validity):
            problems: list[Problem] = []
            found = self._conversations(server, validity, problems)
            yield from problems
            yield from read_conversations(found, known, lambda header: _message(server, header.key), self._options)

    @contextmanager
    def _folder(self) -> Iterator[tuple[imaplib.IMAP4, str]]:
        """The folder, opened for reading only, and its UIDVALIDITY."""
        address = self._address
        password = expanded(address.password)
        server: imaplib.IMAP4 | None = None
        try:
            server = self._connected()
            server.login(expanded(address.user), password)
            answer, _ = server.select(_quoted(address.folder), readonly=True)
            if answer != "OK":
                raise SourceUnreadable(f"There is no {self._shown}.", hint="Check the folder's name, e.g. INBOX.")
            validity = server.response("UIDVALIDITY")[1][0] or b"0"
            yield server, validity.decode("ascii", "replace")
        except (OSError, imaplib.IMAP4.error) as error:
            raise _fault(self._shown, error, password) from error
        finally:
            if server is not None:
                with suppress(OSError, imaplib.IMAP4.error):
                    server.logout()
                with suppress(OSError):
                    server.shutdown()

    def _connected(self) -> imaplib.IMAP4:
        address, context = self._address, ssl.create_default_context()
        if address.tls:
            return imaplib.IMAP4_SSL(address.host, address.port, ssl_context=context, timeout=self._timeout_s)
        server = imaplib.IMAP4(address.host, address.port, timeout=self._timeout_s)
        if "STARTTLS" in server.capabilities:
            server.starttls(context)
        elif not _is_loopback(address.host):
            server.shutdown()
            hint = "Use imaps://, or a server that offers STARTTLS."
            raise SourceUnreadable(f"{address.host} would take the password in clear text.", hint=hint)
        return server

    def _uids(self, server: imaplib.IMAP4) -> list[str]:
        _, found = server.uid("SEARCH", "UNDELETED")
        uids = sorted((found[0] or b"").split(), key=int)
        if len(uids) > self._most:
            raise SourceUnreadable(
                f"The {self._shown} holds {len(uids)} messages.", hint="Raise the option max_messages."
            )
        return [uid.decode("ascii") for uid in uids]

    def _conversations(self, server: imaplib.IMAP4, validity: str, problems: list[Problem]) -> list[Conversation]:
        headers: list[Header] = []
        spam = 0
        uids = self._uids(server)
        for start in range(0, len(uids), _AT_ONCE):
            for uid, size, raw in _headers(server, uids[start : start + _AT_ONCE]):
                if size > LARGEST_MESSAGE_BYTES:
                    limit = LARGEST_MESSAGE_BYTES >> 20
                    text = f"The message has more than {limit} MB and was left out."
                    problems.append(Problem(f"message-{uid}", "too_large", text))
                    continue
                header = header_of(raw, uid, f"{validity}.{uid}")
                spam += header.is_spam
                if not header.is_spam or self._options.spam:
                    headers.append(header)
        if spam and not self._options.spam:
            text = f"{spam} messages that are marked as spam were left out; the option spam=yes reads them."
            problems.append(Problem("spam", "spam_left_out", text, "noted"))
        return conversations(headers)


def _address(location: str, password: str) -> _Address:
    parts = urlsplit(location)
    user, colon, in_url = (parts.username or ""), parts.password is not None, parts.password or ""
    scheme = parts.scheme.lower()
    folder = unquote(parts.path.strip("/")) or "INBOX"
    if scheme not in ("imap", "imaps") or not parts.hostname or not user or not folder.isprintable():
        raise ConnectorError("This is not the location of a mail folder.", hint="Give imaps://user@host/folder.")
    secret = unquote(in_url) if colon else password
    if not has_placeholder(secret):
        raise ConnectorError(
            "The password of a mail folder is not written out." if secret else "The mail folder needs a password.",
            hint="Set an environment variable and name it: -o 'password=${IMAP_PASSWORD}'.",
        )
    tls = scheme == "imaps"
    return _Address(parts.hostname, parts.port or (993 if tls else 143), tls, unquote(user), secret, folder)


def _headers(server: imaplib.IMAP4, uids: Sequence[str]) -> Iterator[tuple[str, int, bytes]]:
    """UID, size in bytes and header of each message."""
    wanted = f"(UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS ({_FIELDS})])"
    _, answers = server.uid("FETCH", ",".join(uids), wanted)
    for answer in answers:
        if not isinstance(answer, tuple):
            continue
        uid, size = _UID.search(answer[0]), _SIZE.search(answer[0])
        if uid:
            yield uid[1].decode("ascii"), int(size[1]) if size else 0, answer[1]


def _message(server: imaplib.IMAP4, uid: str) -> bytes:
    """A whole message. Raises `UnreadableItem` for one that was deleted meanwhile."""
    _, answers = server.uid("FETCH", uid, "(BODY.PEEK[])")
    for answer in answers:
        if isinstance(answer, tuple):
            return bytes(answer[1])
    raise UnreadableItem("changed_meanwhile", "A message was deleted while it was read; sync again.")


def _quoted(folder: str) -> str:
    """A folder's name as IMAP writes it: modified UTF-7 (RFC 3501, 5.1.3) as a quoted string."""
    pieces: list[str] = []
    for text in re.findall(r"[\x20-\x7e]+|[^\x20-\x7e]+", folder):
        if text.isascii():
            pieces.append(text.replace("&", "&-"))
        else:
            encoded = base64.b64encode(text.encode("utf-16-be")).decode("ascii").rstrip("=").replace("/", ",")
            pieces.append(f"&{encoded}-")
    return '"' + "".join(pieces).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _fault(shown: str, error: Exception, password: str) -> ConnectorError:
    said = " ".join(str(error).replace(password, "***").split())[:200] if password else ""
    if isinstance(error, ssl.SSLError):
        hint = "Check the host's certificate."
        return SourceUnreadable(f"The {shown} cannot be reached over TLS: {said}", hint=hint)
    if isinstance(error, socket.gaierror | ConnectionError | TimeoutError):
        return SourceUnreadable(f"The {shown} cannot be reached.", hint="Check host, port and network.")
    if "AUTHENTICATIONFAILED" in said.upper() or "login" in said.lower():
        return SourceUnreadable(f"The {shown} refuses this user or password.", hint="Renew the password's variable.")
    return SourceUnreadable(f"The {shown} cannot be read: {said}", hint="Try again; the server's answer is above.")
