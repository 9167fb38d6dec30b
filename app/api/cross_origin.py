"""What pages of other origins may ask: the widget's requests, from origins of sites. Everything else is closed (CORS).

The same table says what a visitor's ticket opens: all of these but the session, which needs none.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

SESSION = "/v1/widget/session"
_ID = r"[0-9A-Za-z_-]{1,64}"
OPEN = (
    ("POST", re.compile(SESSION)),
    ("POST", re.compile(r"/v1/ask")),
    ("DELETE", re.compile(rf"/v1/ask/{_ID}")),
    ("POST", re.compile(r"/v1/feedback")),
    ("GET", re.compile(rf"/v1/answers/{_ID}")),
    ("GET", re.compile(rf"/v1/answers/{_ID}/chart\.svg")),
    ("POST", re.compile(r"/v1/widget/handover")),
)
"""Method and whole path of each."""
PUBLIC_FILES = ("/widget.js",)
"""Files that any page may load, and read to check their integrity."""
HEADERS = (
    (b"access-control-expose-headers", b"x-trace-id, retry-after"),
    (b"vary", b"Origin"),
)
PREFLIGHT_HEADERS = (
    (b"access-control-allow-headers", b"authorization, content-type, accept, last-event-id"),
    (b"access-control-max-age", b"600"),
)
TICKET = re.compile(rb"bearer +wt_", re.IGNORECASE)

Scope = Mapping[str, Any]


class Sharing(msgspec.Struct, frozen=True, kw_only=True):
    """How a request stands to pages of other origins."""

    varies: bool = False
    """The response depends on the `Origin` header."""
    origin: bytes = b""
    """The origin whose pages may read the response; empty: none."""
    preflight_for: bytes = b""
    """The method that a preflight asks about; empty: this is none."""
    guarded: bool = False
    """Whoever sends it shows a ticket, asks for one or only asks whether they may: nobody is taken for the owner."""

    def headers(self) -> list[tuple[bytes, bytes]]:
        """What the response carries of it."""
        if not self.origin:
            return [(b"vary", b"Origin")] if self.varies else []
        found = [(b"access-control-allow-origin", self.origin), *HEADERS]
        if self.preflight_for:
            found += [(b"access-control-allow-methods", self.preflight_for), *PREFLIGHT_HEADERS]
        return found


async def sharing(scope: Scope, is_allowed: Callable[[str], Awaitable[bool]]) -> Sharing:
    """How a request stands; `is_allowed` tells whether pages of an origin may show some site's widget."""
    asked = values(scope, b"access-control-request-method")
    preflight = scope["method"] == "OPTIONS" and len(asked) == 1
    method = asked[0].decode("latin-1") if preflight else scope["method"]
    path = path_of(scope)
    if not is_open(method, path):
        return Sharing()
    origin = request_origin(scope)
    if origin is None or not await is_allowed(origin):
        return Sharing(varies=True)
    given = values(scope, b"authorization")
    guarded = preflight or path == SESSION or (len(given) == 1 and TICKET.match(given[0]) is not None)
    return Sharing(
        varies=True,
        origin=origin.encode("ascii"),
        preflight_for=method.encode() if preflight else b"",
        guarded=guarded,
    )


def is_open(method: str, path: str) -> bool:
    """Whether this is one of the widget's requests."""
    return any(method == known and pattern.fullmatch(path) for known, pattern in OPEN)


def takes_ticket(scope: Scope) -> bool:
    """Whether a visitor's ticket opens this."""
    path = path_of(scope)
    return path != SESSION and is_open(scope["method"], path)


def path_of(scope: Scope) -> str:
    """The path as it was sent: the router also answers to others that mean the same, which are not the widget's."""
    raw = scope.get("raw_path")
    return raw.decode("latin-1") if isinstance(raw, bytes) else str(scope["path"])


def request_origin(scope: Scope) -> str | None:
    """The `Origin` header as it stands; None where there is none, several, or one that is not ASCII."""
    found = values(scope, b"origin")
    if len(found) != 1 or not found[0].isascii():
        return None
    return found[0].decode("ascii")


def is_own(origin: str, host: str) -> bool:
    """Whether an origin is the service's own as the `Host` header names it."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    usual = {"http": ":80", "https": ":443"}.get(parts.scheme)
    if usual is None or not parts.netloc:
        return False
    return parts.netloc.casefold().removesuffix(usual) == host.casefold().removesuffix(usual)


def values(scope: Scope, name: bytes) -> list[bytes]:
    """Every value of a header."""
    return [value for known, value in scope["headers"] if known == name]
