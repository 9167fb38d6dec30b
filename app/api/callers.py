"""Who is asking: the key or a visitor's ticket in `Authorization: Bearer …`, or on a loopback address nobody known."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from litestar import Request

from app.api.cross_origin import is_own, request_origin, takes_ticket, values
from app.errors import ConfigurationError, NotAuthenticated, NotPermitted
from app.ops.site import Site
from app.ops.traces import Trace
from app.settings import Settings
from app.values import Caller

if TYPE_CHECKING:
    from app.api.limits import Limits
    from app.ops.keys import Key, KeyStore
    from app.ops.sites import SiteStore
    from app.ops.tickets import Tickets

_log = logging.getLogger("answerable.callers")

HINT = "Send a key that `answerable keys add` made as `Authorization: Bearer …`."


class Asker(msgspec.Struct, frozen=True, kw_only=True):
    """The caller of a request and the key that it showed, if any."""

    caller: Caller
    site: Site | None = None
    """The site whose visitor asks, by a ticket."""

    @property
    def key_id(self) -> str | None:
        """The id of the key, or of the visitor's site."""
        return self.caller.key_id

    @property
    def sees_all_answers(self) -> bool:
        """Whether answers that others were given may be read."""
        return self.caller.role == "owner" and self.caller.sources is None

    def may_read(self, trace: Trace) -> bool:
        """Whether this caller was given that answer, or may read every one."""
        if self.sees_all_answers:
            return True
        own = self.key_id is not None and trace.key_id == self.key_id
        return own and trace.visitor == self.caller.visitor


class Callers:
    """Recognises callers by the keys and tickets of one state file, and counts what they ask."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keys: KeyStore | None = None
        self._sites: SiteStore | None = None
        self._tickets: Tickets | None = None
        self._limits: Limits | None = None

    def check_start(self) -> None:
        """Raise `ConfigurationError` if the service could be reached from elsewhere and no key exists."""
        if self._settings.needs_key and not self.keys.any_valid():
            raise ConfigurationError(
                f"ANSWERABLE_HOST is {self._settings.host!r}: callers need a key there, and there is none.",
                hint="Make one with `answerable keys add --role owner`, or bind to 127.0.0.1.",
            )

    @property
    def keys(self) -> KeyStore:
        """The stored keys."""
        from app.ops.keys import KeyStore

        if self._keys is None:
            self._keys = KeyStore(self._settings.state_path)
        return self._keys

    @property
    def sites(self) -> SiteStore:
        """The stored sites."""
        from app.ops.sites import SiteStore

        if self._sites is None:
            self._sites = SiteStore(self._settings.state_path)
        return self._sites

    @property
    def tickets(self) -> Tickets:
        """What issues and verifies tickets."""
        from app.ops.tickets import Tickets

        if self._tickets is None:
            self._tickets = Tickets(self._settings.state_path, self._settings.ticket_ttl_s)
        return self._tickets

    @property
    def limits(self) -> Limits:
        """What counts requests; raises `ConfigurationError` if it is set up wrongly."""
        from app.api.limits import Limits

        if self._limits is None:
            self._limits = Limits(self._settings)
        return self._limits

    def allows_origin(self, origin: str) -> bool:
        """Whether pages of an origin may show the widget of some site. A state that cannot be read allows none."""
        import sqlalchemy as sa

        try:
            return self.sites.any_allows(origin)
        except sa.exc.SQLAlchemyError as error:
            _log.error("the sites cannot be read: %s", type(error).__name__)
            return False

    def asker(self, request: Request[Any, Any, Any]) -> Asker:
        """The asker of a request, counted; raises `NotAuthenticated`, `NotPermitted` or `RateLimited`."""
        given = values(request.scope, b"authorization")
        if not given:
            if self._settings.needs_key:
                self.limits.check_address(request)
                raise NotAuthenticated("This service needs a key.", hint=HINT)
            return Asker(caller=Caller(role="owner"))
        scheme, _, token = given[0].decode("latin-1").partition(" ")
        token = token.strip() if len(given) == 1 and scheme.casefold() == "bearer" else ""
        if token.startswith("wt_"):
            return self._visitor(request, token)
        return Asker(caller=caller_of(self.key(request, token), self._settings))

    def key(self, request: Request[Any, Any, Any], token: str) -> Key:
        """The valid key of a token, counted; raises `NotAuthenticated` or `RateLimited`.

        Every token is looked up, however many wrong ones its address has sent: others behind it may have right ones.
        """
        key = self.keys.matching(token)
        if key is None:
            self.limits.count_guess(request)
        elif key.valid:
            self.limits.check_key(key.id)
            return key
        else:
            self.limits.check_address(request)
        if key is None or key.revoked_at is not None or key.expires_at is None:
            raise NotAuthenticated("The key is not known or was revoked.", hint=HINT)
        ended = datetime.fromtimestamp(key.expires_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
        raise NotAuthenticated(f"The key expired on {ended}.", code="key_expired", hint=HINT)

    def _visitor(self, request: Request[Any, Any, Any], token: str) -> Asker:
        try:
            asker = self._admitted(request, token)
        except (NotAuthenticated, NotPermitted):
            self.limits.check_address(request)
            raise
        self.limits.check_visitor(f"{asker.key_id}:{asker.caller.visitor}")
        self.limits.check_address(request)
        return asker

    def _admitted(self, request: Request[Any, Any, Any], token: str) -> Asker:
        """The visitor of a ticket that is used where it may be, by a page of its origin."""
        from app.ops.tickets import TicketNotValid

        ticket = self.tickets.verify(token)
        if not takes_ticket(request.scope):
            raise NotPermitted("A visitor's ticket does not open this.", hint="It is for what the widget asks.")
        site = self.sites.by_id(ticket.site)
        if site is None or not site.allows(ticket.origin):
            raise TicketNotValid("The ticket's site is no more, or has left this origin.", hint=HINT)
        if not _comes_from(request, ticket.origin):
            raise NotPermitted("The ticket is for another origin.", code="origin_not_allowed")
        caller = Caller(role="visitor", sources=site.options.sources, key_id=site.id, visitor=ticket.visitor)
        return Asker(caller=caller, site=site)


def _comes_from(request: Request[Any, Any, Any], origin: str) -> bool:
    """Whether a page of an origin sent this. A browser names the origin unless a page reads its own server."""
    if request.headers.get("origin") is not None or request.method not in ("GET", "HEAD"):
        return request_origin(request.scope) == origin
    return is_own(origin, request.headers.get("host", ""))


def caller_of(key: Key, settings: Settings) -> Caller:
    """What a key's holder may see."""
    reveals = key.role in settings.reveal_personal_data
    return Caller(role=key.role, sources=key.sources, sees_personal_data=reveals, key_id=key.id)
