"""Hand-over: a visitor's conversation passed on to a person, by mail or as the webhook event `handover.requested`.

The page tells the conversation, so it could tell anything. What this visitor was answered under an id is taken from its
trace instead; the rest is marked as reported by the page. Personal data is masked unless the site's options say
`as_written`; the answers of traces are masked in any case. The contact is passed on as it is: the visitor gives it so
that somebody can reply.

    handover.requested  {reference, site, name, contact, message, masked, conversation}
    conversation        [{question, text, answer, citations, reported}]
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from app.errors import HandoverUnavailable, InvalidRequest, NotFound, RateLimited
from app.ops.kept_deliveries import KeptDeliveries
from app.ops.mail import Letter, Mailer, mail_server, one_line, plain_address
from app.ops.site import Site
from app.ops.traces import WITHHELD, Trace

if TYPE_CHECKING:
    from app.engine import Engine

_log = logging.getLogger("answerable.handover")

PER_VISITOR = "5/hour"
PER_SITE = "120/hour"
"""Hand-overs that one process takes; beyond them 429: a page must not be able to flood a mailbox."""
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"

Find = Callable[[str], "Trace | None"]
"""The trace of an answer that this visitor was given; None for any other id."""


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """A question and what was answered, as the page tells it."""

    question: Annotated[str, Meta(max_length=4000)]
    text: Annotated[str, Meta(max_length=20_000)] = ""
    answer: Annotated[str, Meta(max_length=64)] | None = None


class HandoverRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a visitor wants to have passed on."""

    conversation: Annotated[list[Turn], Meta(max_length=50)] = []
    message: Annotated[str, Meta(max_length=4000)] = ""
    contact: Annotated[str, Meta(max_length=200)] | None = None


class PassedTurn(msgspec.Struct, frozen=True, kw_only=True):
    """A question and its answer as they are passed on."""

    question: str
    text: str
    answer: str | None
    citations: tuple[str, ...] = ()
    """`[n] title (source/document)` or its URL."""
    reported: bool
    """Nothing but the page says that this was answered."""


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """What is passed on."""

    reference: str
    site: str
    name: str
    contact: str | None
    message: str
    masked: bool
    conversation: tuple[PassedTurn, ...]


class HandoverTaken(msgspec.Struct, frozen=True, kw_only=True):
    """That it will be passed on, and under which reference."""

    kind: Literal["mail", "webhook"]
    reference: str


class Handovers:
    """Passes conversations on. Thread-safe; raises `ConfigurationError` where the mail server's settings are wrong."""

    def __init__(self, engine: Engine, mailer: Mailer | None = None) -> None:
        self._engine = engine
        server = mail_server(engine.settings)
        self._kept = KeptDeliveries(engine.settings.state_path, "mail")
        self._mailer = mailer or (Mailer(server, kept=self._kept) if server is not None else None)
        self._limits: _Limits | None = None

    def request(self, request: HandoverRequest, site: Site, visitor: str, find: Find) -> HandoverTaken:
        """Pass a conversation on; raises `NotFound`, `InvalidRequest`, `RateLimited` or `HandoverUnavailable`."""
        kind = site.options.handover.kind
        if kind not in ("mail", "webhook"):
            raise NotFound("This site passes no conversations on.", hint="`handover` of the session says how it is.")
        if not request.conversation and not request.message.strip():
            raise InvalidRequest("There is nothing to pass on.", hint="Send a message, a conversation or both.")
        self._count(site, visitor)
        passed = self._passed(request, site, find)
        if not (self._mail(passed, site) if kind == "mail" else self._tell(passed)):
            _log.error("a hand-over of site %s by %s was not taken", site.id, kind)
            raise HandoverUnavailable("The conversation cannot be passed on now.", hint="Try again later.")
        return HandoverTaken(kind=kind, reference=passed.reference)

    def resume(self) -> None:
        """Send what earlier processes have left; for a process that stays."""
        try:
            self._kept.purge()
        except Exception as error:  # noqa: BLE001 - the service starts all the same
            _log.error("old deliveries cannot be deleted: %s", type(error).__name__)
        if self._mailer is not None:
            self._mailer.resume()

    def close(self) -> None:
        """Send what is queued, for a few seconds at most."""
        if self._mailer is not None:
            self._mailer.close()

    def _count(self, site: Site, visitor: str) -> None:
        if self._limits is None:
            self._limits = _Limits()
        if not self._limits.take(site.id, visitor):
            raise RateLimited("Many conversations were passed on already.", hint="Try again in an hour.")

    def _passed(self, request: HandoverRequest, site: Site, find: Find) -> Passed:
        masked = site.options.handover.personal_data == "masked"
        turns = [
            _turn(turn, find(turn.answer) if turn.answer else None, masked=masked) for turn in request.conversation
        ]
        contact = (request.contact or "").strip()
        passed = Passed(
            reference="H-" + "".join(secrets.choice(_ALPHABET) for _ in range(8)),
            site=site.id,
            name=site.options.name,
            contact=contact if plain_address(contact) else (one_line(contact) or None),
            message=request.message.strip(),
            masked=masked,
            conversation=tuple(turns),
        )
        return self._masked(passed) if masked else passed

    def _masked(self, passed: Passed) -> Passed:
        """The same with personal data masked in what the page told; withheld if it cannot be looked for."""
        reported = [turn for turn in passed.conversation if turn.reported]
        texts = [passed.message, *(text for turn in reported for text in (turn.question, turn.text))]
        try:
            found = iter(self._engine.masked(texts))
        except Exception as error:  # noqa: BLE001 - whatever failed, unmasked text is not passed on
            _log.error("the text of a hand-over was withheld: masking failed: %s", type(error).__name__)
            found = iter([WITHHELD] * len(texts))
        message = next(found)
        turns = [
            msgspec.structs.replace(turn, question=next(found), text=next(found)) if turn.reported else turn
            for turn in passed.conversation
        ]
        return msgspec.structs.replace(passed, message=message, conversation=tuple(turns))

    def _mail(self, passed: Passed, site: Site) -> bool:
        reply_to = passed.contact if passed.contact is not None and plain_address(passed.contact) else None
        letter = Letter(
            reference=passed.reference,
            to=site.options.handover.target,
            subject=f"{one_line(passed.name)}: a visitor asks for a person ({passed.reference})",
            text=as_text(passed),
            reply_to=reply_to,
        )
        return self._mailer is not None and self._mailer.send(letter)

    def _tell(self, passed: Passed) -> bool:
        announcements = self._engine.announcements
        if not announcements.hears("handover.requested"):
            return False
        announcements.tell("handover.requested", msgspec.to_builtins(passed))
        return True


class _Limits:
    """How many hand-overs were taken of late, counted in this process."""

    def __init__(self) -> None:
        from limits import parse
        from limits.strategies import MovingWindowRateLimiter

        from app.ops.windows import Windows

        self._limiter = MovingWindowRateLimiter(Windows())
        self._per_visitor, self._per_site = parse(PER_VISITOR), parse(PER_SITE)

    def take(self, site: str, visitor: str) -> bool:
        """Whether one more is allowed."""
        own = self._limiter.hit(self._per_visitor, site, visitor)
        return own and self._limiter.hit(self._per_site, site)


def _turn(turn: Turn, trace: Trace | None, *, masked: bool) -> PassedTurn:
    if trace is None:
        return PassedTurn(question=turn.question, text=turn.text, answer=turn.answer, reported=True)
    return PassedTurn(
        question=trace.question if masked else turn.question,
        text=str(trace.answer.get("text", "")),
        answer=trace.id,
        citations=tuple(_cited(each) for each in trace.answer.get("citations", ())),
        reported=False,
    )


def _cited(citation: dict[str, object]) -> str:
    place = citation.get("url") or f"{citation.get('source')}/{citation.get('document')}"
    return f"[{citation.get('n')}] {citation.get('title') or citation.get('document')} ({place})"


def as_text(passed: Passed) -> str:
    """The mail's text."""
    contact = passed.contact or "not given"
    lines = [
        f"A visitor of {one_line(passed.name)} asks to talk to a person.",
        "",
        f"Reference: {passed.reference}",
        f"Contact:   {one_line(contact)}",
        f"Personal data: {'masked' if passed.masked else 'as written'}",
    ]
    if passed.message:
        lines += ["", "Message", "-------", *_quoted("M", passed.message)]
    if passed.conversation:
        lines += ["", "Conversation", "------------"]
    for turn in passed.conversation:
        lines += [
            "",
            *_quoted("Q", turn.question),
            *_quoted("A", turn.text),
            *(f"   {one_line(each)}" for each in turn.citations),
        ]
        note = "as the page reported; no such answer was found" if turn.reported else f"answer {turn.answer}"
        lines.append(f"   ({note})")
    return "\n".join(lines) + "\n"


def _quoted(mark: str, text: str) -> Sequence[str]:
    """Each line behind a mark, so that no text can pass for the frame around it."""
    return [f"{mark}: {line}" for line in text.splitlines() or [""]]
