"""One e-mail message: the headers that matter, and what its writer wrote, without quotes and signature."""

from __future__ import annotations

import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesHeaderParser, BytesParser
from email.utils import parsedate_to_datetime
from typing import Any

_REPLY = re.compile(r"^\s*(?:(?:re|aw|sv|antw|rv|fw|fwd|wg|tr|enc)(?:\[\d+\])?\s*:\s*)+", re.I)
_ID = re.compile(r"<[^<>\s]{1,500}>")
_LEAD_IN = re.compile(
    r"^\s*(?:on\b.{5,300}\bwrote|am\b.{5,300}\bschrieb\b.{0,100}|el\b.{5,300}\bescribió|le\b.{5,300}\ba écrit|"
    r"il\b.{5,300}\bha scritto|op\b.{5,300}\bschreef\b.{0,100})\s?:\s*$",
    re.I | re.S,
)
_ORIGINAL = re.compile(
    r"^\s*(?:-{2,}\s*(?:original message|forwarded message|ursprüngliche nachricht|mensaje original|message d'origine)"
    r"\s*-{2,}|_{20,})\s*$",
    re.I,
)
_HEADER_BLOCK = re.compile(r"^\s*\*?(?:from|von|de)\s?:\*?\s.+", re.I)
_HEADER_NEXT = re.compile(
    r"^\s*\*?(?:sent|date|to|subject|gesendet|an|datum|betreff|enviado|para|envoyé|à)\s?:\*?\s", re.I
)
_SIGNATURE = re.compile(
    r"^(?:--|— )\s*$|^\s*(?:sent from my \w+|get outlook for \w+|von meinem \w+ gesendet|enviado desde mi \w+)",
    re.I,
)
_CLOSING = re.compile(
    r"^\s*(?:(?:best|kind|warm) (?:regards|wishes)|regards|many thanks|thanks(?: again)?|cheers|sincerely|yours \w+|"
    r"best|mit freundlichen grüßen|viele grüße|saludos|cordialement)[,.!]?\s*$",
    re.I,
)
_LONGEST_CLOSING = 8  # lines after a closing that can be a signature
_LARGEST_PART_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a message without its body."""

    key: str
    """How the mailbox finds it again."""
    identity: str
    """Its Message-ID, or a stand-in."""
    references: tuple[str, ...]
    subject: str
    moment: datetime | None
    writer: str
    """Address of who wrote it, lower-case."""
    people: tuple[str, ...]
    """Names and addresses of everybody in its headers."""
    is_spam: bool
    fingerprint: str

    @property
    def topic(self) -> str:
        """The subject without `Re:` and the like."""
        return bare_subject(self.subject)

    @property
    def is_reply(self) -> bool:
        """Whether the subject says that it answers something."""
        return self.subject.strip() != self.topic


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a message."""

    name: str
    content: bytes | None
    """None unless asked for."""


def bare_subject(subject: str) -> str:
    """The subject without `Re:`, `Fwd:`, `AW:` and list names."""
    return " ".join(_REPLY.sub("", subject).split())


def header_of(raw: bytes, key: str, fingerprint: str) -> Header:
    """The header of a message; `raw` may go on after the header. What cannot be read is left empty."""
    message = BytesHeaderParser(policy=email.policy.default).parsebytes(raw)
    identity = _ID.search(_text(message, "Message-ID"))
    named = [address for name in ("From", "To", "Cc", "Reply-To", "Sender") for address in _addresses(message, name)]
    writers = [address.addr_spec.lower() for address in _addresses(message, "From")]
    spam = _text(message, "X-Spam-Flag").strip().lower() == "yes" or _text(message, "X-Spam-Status").lower().startswith(
        "yes"
    )
    return Header(
        key=key,
        identity=identity[0] if identity else f"<{fingerprint}@no-message-id>",
        references=tuple(_ID.findall(_text(message, "References") + " " + _text(message, "In-Reply-To"))),
        subject=_text(message, "Subject"),
        moment=_moment(_text(message, "Date")),
        writer=writers[0] if writers else "",
        people=tuple(dict.fromkeys(p for a in named for p in (a.display_name, a.addr_spec) if p)),
        is_spam=spam,
        fingerprint=fingerprint,
    )


def body_of(raw: bytes, *, with_attachments: bool = False) -> tuple[str, list[Attachment]]:
    """What the writer wrote, as text, and the attachments (their content only if asked for)."""
    message = BytesParser(policy=email.policy.default).parsebytes(raw)
    plain: list[str] = []
    html: list[str] = []
    attachments: list[Attachment] = []
    for part in _leaves(message):
        name, kind = _file_name(part), part.get_content_type()
        if name is not None or kind not in ("text/plain", "text/html"):
            if name is not None:
                attachments.append(Attachment(name, _content(part) if with_attachments else None))
            continue
        (plain if kind == "text/plain" else html).append(_decoded(part))
    text = "\n\n".join(filter(None, (own_words(each) for each in plain)))
    if not text.strip():
        text = "\n\n".join(filter(None, (own_words(html_text(each)) for each in html)))
    return text, attachments


def own_words(text: str) -> str:
    """The text without what it quotes and without the signature."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    kept: list[str] = []
    for number, line in enumerate(lines):
        if _starts_quotation(lines, number) or _SIGNATURE.match(line):
            break
        if not line.lstrip().startswith(">"):
            kept.append(line.rstrip())
    while kept and (not kept[-1].strip() or _LEAD_IN.match(kept[-1])):
        kept.pop()
    return _without_closing("\n".join(kept).strip("\n"))


def _starts_quotation(lines: list[str], number: int) -> bool:
    """Whether everything from this line on was written by somebody else."""
    line = lines[number]
    if _ORIGINAL.match(line):
        return True
    following = [each for each in lines[number + 1 : number + 4] if each.strip()]
    if _HEADER_BLOCK.match(line) and following and _HEADER_NEXT.match(following[0]):
        return True
    if not line.strip() or not (_LEAD_IN.match(line) or _LEAD_IN.match(" ".join(lines[number : number + 2]))):
        return False
    rest = [each for each in lines[number + 1 :] if each.strip() and not _LEAD_IN.match(each)]
    own = [each for each in rest[1:] if not each.lstrip().startswith(">")]
    if len(own) + 1 >= len(rest):  # what follows is not marked as quoted: the line must name a day
        return any(character.isdigit() for character in line)
    return len(own) <= len(rest) / 2


def _without_closing(text: str) -> str:
    """The text without a greeting formula and the few short lines after it."""
    lines = text.split("\n")
    for number in range(len(lines) - 1, max(-1, len(lines) - _LONGEST_CLOSING - 2), -1):
        if _CLOSING.match(lines[number]) and number:
            return "\n".join(lines[:number]).strip("\n")
    return text


def _leaves(message: Any) -> Iterator[Any]:
    """The parts that hold content; of a forwarded message none."""
    if message.get_content_type() == "message/rfc822":
        return
    if message.is_multipart():
        for part in message.iter_parts():
            yield from _leaves(part)
    else:
        yield message


def _text(message: Any, name: str) -> str:
    try:
        return " ".join(str(message.get(name, "")).split())
    except (ValueError, LookupError, TypeError, AttributeError, IndexError):  # malformed headers raise in the parser
        return ""


def _addresses(message: Any, name: str) -> tuple[Address, ...]:
    try:
        return tuple(message[name].addresses) if message[name] is not None else ()
    except (ValueError, LookupError, TypeError, AttributeError):
        return ()


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        return None


def _file_name(part: EmailMessage) -> str | None:
    """The name of an attachment; None for a part that is read as text."""
    try:
        name = part.get_filename()
        attached = part.get_content_disposition() == "attachment"
    except (ValueError, LookupError, TypeError, AttributeError):
        return "attachment"
    return (name or "attachment") if name or attached else None


def _content(part: EmailMessage) -> bytes | None:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else None


def _decoded(part: EmailMessage) -> str:
    """The text of a part by its charset; by UTF-8, else Windows-1252, where that is wrong or unknown."""
    content = (_content(part) or b"")[:_LARGEST_PART_BYTES]
    for charset in (part.get_content_charset() or "utf-8", "utf-8"):
        try:
            return content.decode(charset)
        except (LookupError, UnicodeDecodeError):
            continue
    return content.decode("cp1252", "replace")


def html_text(source: str) -> str:
    """The text of an HTML message without quotes and signature."""
    from connectors.formats.html import parsed_page
    from connectors.formats.html_blocks import text_of_element

    page = parsed_page(source)
    if page is None:
        return ""
    quotes = (
        "//blockquote|//*[contains(@class,'gmail_quote')]|//*[contains(@class,'yahoo_quoted')]|//*[@id='divRplyFwdMsg']"
    )
    signatures = "//*[contains(@class,'gmail_signature')]|//*[@id='Signature']"
    for element in page.xpath(f"{quotes}|{signatures}"):
        if element.getparent() is not None:
            element.drop_tree()
    body = page.find("body")
    return text_of_element(page if body is None else body)
