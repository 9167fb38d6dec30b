"""Who is asking: the key in `Authorization: Bearer …`, or on a loopback address nobody in particular."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from litestar import Request

from app.errors import ConfigurationError, NotAuthenticated
from app.settings import Settings
from app.values import Caller

if TYPE_CHECKING:
    from app.ops.keys import Key, KeyStore

HINT = "Send a key that `answerable keys add` made as `Authorization: Bearer …`."


class Asker(msgspec.Struct, frozen=True, kw_only=True):
    """The caller of a request and the key that it showed, if any."""

    caller: Caller
    key_id: str | None = None

    @property
    def sees_all_answers(self) -> bool:
        """Whether answers that others were given may be read."""
        return self.caller.role == "owner" and self.caller.sources is None


class Callers:
    """Recognises callers by the keys of one state file."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keys: KeyStore | None = None

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

    def asker(self, request: Request[Any, Any, Any]) -> Asker:
        """The asker of a request; raises `NotAuthenticated`."""
        header = request.headers.get("authorization")
        if header is None:
            if self._settings.needs_key:
                raise NotAuthenticated("This service needs a key.", hint=HINT)
            return Asker(caller=Caller(role="owner"))
        scheme, _, token = header.partition(" ")
        key = self.keys.find(token.strip()) if scheme.casefold() == "bearer" else None
        if key is None:
            raise NotAuthenticated("The key is not known or was revoked.", hint=HINT)
        return Asker(caller=caller_of(key, self._settings), key_id=key.id)


def caller_of(key: Key, settings: Settings) -> Caller:
    """What a key's holder may see."""
    reveals = key.role in settings.reveal_personal_data
    return Caller(role=key.role, sources=key.sources, sees_personal_data=reveals, key_id=key.id)
