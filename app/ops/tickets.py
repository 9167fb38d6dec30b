"""Tickets: what a visitor's page shows instead of a key, bound to a site and an origin and soon over.

    wt_ + JWT {site, origin, visitor, iat, exp, proven}      HS256 by a secret that only this service has

A ticket opens nothing by itself: site and origin are looked up for every request, so that revoking a site ends its
tickets at once.
"""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Any

import msgspec

from app.errors import NotAuthenticated
from app.ops.identity import ALGORITHM, JWT_MAX_CHARS, LONGEST_S, unreadable, verified_subject, visitor_of
from app.ops.secrets_kept import kept_secret
from app.ops.site import Site

PREFIX = "wt_"
RENEWABLE_S = 86_400
"""Seconds after its end in which a ticket still says who its visitor was."""
HINT = "Ask for another at POST /v1/widget/session."


class TicketExpired(NotAuthenticated):
    """The ticket was one; its time is over."""

    code = "ticket_expired"


class TicketNotValid(NotAuthenticated):
    """Not a ticket of this service, or of a site that is no more."""

    code = "ticket_not_valid"


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """What a ticket says. Times are seconds since the epoch."""

    site: str
    """The site's id."""
    origin: str
    visitor: str
    iat: int
    exp: int
    proven: int | None = None
    """When the site's server last said who the visitor is; None for one whom nobody knows."""


class Tickets:
    """Issues and verifies the tickets of one state file."""

    def __init__(self, state: Path, ttl_s: float) -> None:
        self._ttl_s = int(ttl_s)
        self._secret = kept_secret(state, "tickets")
        self._names = kept_secret(state, "visitors")

    def issue(
        self, site: Site, origin: str, *, renew: str | None = None, identity: str | None = None, secret: str = ""
    ) -> tuple[str, Ticket]:
        """A ticket for a page of an origin, as it is sent and what it says.

        The visitor is the one whom `identity` names (by the site's `secret`; raises `IdentityNotValid`), else that of
        the ticket to renew, else a new one.
        """
        import jwt

        now = int(time.time())
        visitor, proven = self._visitor(site, origin, renew, identity, secret)
        end = now + self._ttl_s if site.expires_at is None else min(now + self._ttl_s, int(site.expires_at))
        ticket = Ticket(site=site.id, origin=origin, visitor=visitor, iat=now, exp=max(end, now + 1), proven=proven)
        claims = {name: value for name, value in msgspec.structs.asdict(ticket).items() if value is not None}
        return PREFIX + jwt.encode(claims, self._secret, ALGORITHM), ticket

    def verify(self, token: str) -> Ticket:
        """What a ticket says; raises `TicketExpired` or `TicketNotValid`."""
        ticket = self._read(token)
        if ticket is None:
            raise TicketNotValid("The ticket is not valid.", hint=HINT)
        if ticket.exp <= time.time():
            raise TicketExpired("The ticket has expired.", hint=HINT)
        return ticket

    def _visitor(
        self, site: Site, origin: str, renew: str | None, identity: str | None, secret: str
    ) -> tuple[str, int | None]:
        now = int(time.time())
        if identity is not None:
            return visitor_of(site.id, verified_subject(identity, secret), self._names), now
        earlier = self._read(renew) if renew is not None else None
        if earlier is None or (earlier.site, earlier.origin) != (site.id, origin) or earlier.exp <= now - RENEWABLE_S:
            return f"v_{secrets.token_hex(16)}", None
        if earlier.proven is not None and earlier.proven <= now - LONGEST_S:
            return f"v_{secrets.token_hex(16)}", None
        return earlier.visitor, earlier.proven

    def _read(self, token: str) -> Ticket | None:
        """What a ticket of this service says, over or not; None for anything else."""
        if not token.startswith(PREFIX) or len(token) > JWT_MAX_CHARS:
            return None
        import jwt

        options: Any = {"verify_exp": False, "verify_iat": False}
        try:
            claims = jwt.decode(token.removeprefix(PREFIX), self._secret, [ALGORITHM], options=options)
            return msgspec.convert(claims, Ticket)
        except unreadable():  # a msgspec.ValidationError is a ValueError
            return None
