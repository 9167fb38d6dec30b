"""Mail to the operator: plain text, from a thread of its own, tried again for a while (`app.ops.outbox`).

`smtp://` begins in clear text and must be secured by STARTTLS, except where the server is on this machine and does not
offer it; `smtps://` is secured from the start. Certificates are checked.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Sequence
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import msgspec

from app.errors import ConfigurationError
from app.ops.outbox import Outbox, Try
from app.settings import Settings, is_loopback

if TYPE_CHECKING:
    from app.ops.kept_deliveries import KeptDeliveries

PAUSES_S = (2.0, 15.0, 60.0, 300.0)
"""Seconds before the second, third … try."""
TIMEOUT_S = 15.0
PORTS = {"smtp": 587, "smtps": 465}
_ADDRESS = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._%+'-]{0,62}[A-Za-z0-9_+-])?@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}")
_HINT = "Such as smtp://user:password@mail.example.com:587 (STARTTLS) or smtps://…:465, and ANSWERABLE_MAIL_FROM."
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A mail to be sent. `subject` and `text` may hold anything; addresses are `plain_address` ones."""

    reference: str
    to: str
    subject: str
    text: str
    reply_to: str | None = None


class MailServer(msgspec.Struct, frozen=True, kw_only=True):
    """Where mails are given up, and who they are from."""

    scheme: str
    host: str
    port: int
    user: str
    password: str
    sender: str

    def __repr__(self) -> str:
        return f"MailServer({self.scheme}://{self.host}:{self.port})"


class Mailer(Outbox[Letter]):
    """Sends letters. Thread-safe."""

    def __init__(
        self,
        server: MailServer,
        *,
        kept: KeptDeliveries | None = None,
        pauses_s: Sequence[float] = PAUSES_S,
        timeout_s: float = TIMEOUT_S,
        context: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__("mail", pauses_s, kept)
        self._server = server
        self._timeout_s = timeout_s
        self._context = context

    def send(self, letter: Letter) -> bool:
        """Queue a letter; returns at once and never raises. False if the queue is full."""
        return self._put(letter)

    def _prepared(self, item: Letter, delivery: str) -> Try:
        message = composed(item, self._server.sender, delivery)
        return lambda: self._try(message)

    def _called(self, item: Letter) -> str:
        return f"the mail of hand-over {item.reference}"

    def _packed(self, item: Letter) -> bytes:
        return msgspec.json.encode(item)

    def _unpacked(self, content: bytes) -> Letter:
        return msgspec.json.decode(content, type=Letter)

    def _try(self, message: EmailMessage) -> tuple[str, bool]:
        try:
            connection = self._connected()
            try:
                connection.send_message(message)
            finally:
                with suppress(OSError, smtplib.SMTPException):  # what was taken is not sent again for a bad farewell
                    connection.quit()
                connection.close()
        except smtplib.SMTPRecipientsRefused as error:
            code = next(iter(error.recipients.values()))[0]
            return f"the recipient was refused with {code}", code < 500
        except smtplib.SMTPResponseException as error:
            return f"{type(error).__name__} {error.smtp_code}", error.smtp_code < 500
        except (smtplib.SMTPNotSupportedError, ssl.SSLCertVerificationError, InsecureServer) as error:
            return str(error) or type(error).__name__, False
        except (OSError, smtplib.SMTPException) as error:
            return type(error).__name__, True
        return "", False

    def _connected(self) -> smtplib.SMTP:
        server, context = self._server, self._context or ssl.create_default_context()
        own_name = server.sender.partition("@")[2]  # a look-up of this machine's name could take long
        if server.scheme == "smtps":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, own_name, timeout=self._timeout_s, context=context
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, own_name, timeout=self._timeout_s)
        try:
            if server.scheme == "smtp":
                self._secure(connection, context)
            if server.user:
                connection.login(server.user, server.password)
        except BaseException:
            connection.close()
            raise
        return connection

    def _secure(self, connection: smtplib.SMTP, context: ssl.SSLContext) -> None:
        connection.ehlo_or_helo_if_needed()
        if connection.has_extn("starttls"):
            connection.starttls(context=context)
        elif not is_loopback(self._server.host):
            raise InsecureServer("the server does not offer STARTTLS")


class InsecureServer(Exception):
    """The server would have what is sent in clear text."""


def composed(letter: Letter, sender: str, delivery: str) -> EmailMessage:
    """The mail: no header holds more than one line, the body is plain text without control characters.

    Its Message-ID is the same at each try of a delivery.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = letter.to
    message["Subject"] = one_line(letter.subject)[:200]
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{letter.reference}.{delivery}@{sender.partition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    if letter.reply_to is not None and plain_address(letter.reply_to):
        message["Reply-To"] = letter.reply_to
    text = letter.text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode()
    message.set_content(_CONTROL.sub(" ", text), cte="base64")
    return message


def one_line(text: str) -> str:
    """The text without control characters, on one line."""
    return " ".join(_CONTROL.sub(" ", text.encode("utf-8", "replace").decode()).split())


def plain_address(text: str) -> bool:
    """Whether a text is one mail address and nothing else."""
    return len(text) <= 200 and ".." not in text and _ADDRESS.fullmatch(text) is not None


def mail_server(settings: Settings) -> MailServer | None:
    """The configured server; None if there is none. Raises `ConfigurationError`."""
    if not settings.smtp_url:
        return None
    try:
        parts = urlsplit(settings.smtp_url)
        port = parts.port or PORTS.get(parts.scheme, 0)
        host = parts.hostname or ""
    except ValueError:
        port, host = 0, ""
    printable = settings.smtp_url.isprintable() and not any(c.isspace() for c in settings.smtp_url)
    if not (host and port and printable) or parts.scheme not in PORTS or parts.path.strip("/") or parts.query:
        raise ConfigurationError("ANSWERABLE_SMTP_URL is not the address of a mail server.", hint=_HINT)
    if not plain_address(settings.mail_from):
        raise ConfigurationError("ANSWERABLE_MAIL_FROM is not a mail address.", hint=_HINT)
    return MailServer(
        scheme=parts.scheme,
        host=host,
        port=port,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        sender=settings.mail_from,
    )
