"""Who looks at the console: the key that somebody logged in with, kept in a signed cookie.

    answerable_console = JWT {kid, exp}      HttpOnly, SameSite=Strict, Secure over https

The key is looked up for every page, so that a revoked or expired key ends its sessions. On a loopback address where no
key is needed the console opens without one, as the API does.
"""

from __future__ import annotations

import time
from typing import Any

import msgspec
from litestar import Request
from litestar.datastructures import Cookie

from app.api.callers import Asker, Callers, caller_of
from app.errors import NotAuthenticated, NotPermitted
from app.ops.keys import Key
from app.ops.secrets_kept import kept_secret
from app.settings import Settings
from app.values import Caller

COOKIE = "answerable_console"
STAFF = ("owner", "analyst")


class Viewer(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever looks at a page."""

    asker: Asker
    key: Key | None
    """None on a loopback address without a key."""

    @property
    def caller(self) -> Caller:
        """What they may see."""
        return self.asker.caller

    @property
    def owns(self) -> bool:
        """Whether they may see and change everything."""
        return self.asker.sees_all_answers

    def must_own(self) -> None:
        """Raise `NotPermitted` unless they may see and change everything."""
        if not self.owns:
            raise NotPermitted("This page is for owners of all sources.", hint="Log in with a key of role owner.")


class Viewers:
    """Recognises viewers by their cookie."""

    def __init__(self, settings: Settings, callers: Callers) -> None:
        self._settings = settings
        self._callers = callers

    def viewer(self, request: Request[Any, Any, Any]) -> Viewer:
        """The viewer of a request; raises `NotAuthenticated` or `NotPermitted`."""
        cookie = request.cookies.get(COOKIE)
        if cookie is None:
            if self._settings.needs_key:
                raise NotAuthenticated("Log in to see the console.")
            return Viewer(asker=Asker(caller=Caller(role="owner")), key=None)
        key = self._callers.keys.by_id(self._key_id(cookie))
        if key is None:
            raise NotAuthenticated("The key that you logged in with has expired or was revoked.")
        return self._of(key)

    def log_in(self, token: str, *, secure: bool) -> Cookie:
        """The cookie of a session for the holder of a key; raises `NotAuthenticated` or `NotPermitted`."""
        key = self._callers.keys.find(token.strip())
        if key is None:
            raise NotAuthenticated("This key is not known, has expired or was revoked.")
        self._of(key)
        import jwt

        lasts_s = self._settings.console_session_s
        content = {"kid": key.id, "exp": int(time.time() + lasts_s)}
        return _cookie(jwt.encode(content, self._secret, "HS256"), secure=secure, lasts_s=int(lasts_s))

    def log_out(self, *, secure: bool) -> Cookie:
        """The cookie that ends a session."""
        return _cookie("", secure=secure, lasts_s=0)

    def _of(self, key: Key) -> Viewer:
        if key.role not in STAFF:
            raise NotPermitted("The console is for owners and analysts.", hint="A visitor's key opens the API only.")
        return Viewer(asker=Asker(caller=caller_of(key, self._settings)), key=key)

    def _key_id(self, cookie: str) -> str:
        import jwt

        try:
            return str(jwt.decode(cookie, self._secret, ["HS256"], options={"require": ["exp", "kid"]})["kid"])
        except jwt.InvalidTokenError as error:
            raise NotAuthenticated("Your session is over. Log in again.") from error

    @property
    def _secret(self) -> str:
        return kept_secret(self._settings.state_path, "console")


def _cookie(value: str, *, secure: bool, lasts_s: int) -> Cookie:
    return Cookie(
        key=COOKIE, value=value, path="/console", max_age=lasts_s, secure=secure, httponly=True, samesite="strict"
    )
