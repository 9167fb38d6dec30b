"""The headers that keep a response from being more than it is: the one place that says which.

Every response gets each of these that its handler did not set itself. The console's pages, the widget's pages and
charts set policies of their own; nothing sets a wider one for anything else.
"""

from __future__ import annotations

from collections.abc import Iterable

DEFAULTS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"cache-control", b"no-store"),
)
OVER_TLS = (b"strict-transport-security", b"max-age=31536000")
"""Browsers come back by https only, for a year; sent over https alone, also where a trusted proxy ends it."""

Header = tuple[bytes, bytes]


def secured(given: Iterable[Header], *, scheme: str) -> list[Header]:
    """The headers of a response with those that it lacks."""
    headers = list(given)
    names = {name.lower() for name, _ in headers}
    wanted = (*DEFAULTS, OVER_TLS) if scheme == "https" else DEFAULTS
    return headers + [header for header in wanted if header[0] not in names]
