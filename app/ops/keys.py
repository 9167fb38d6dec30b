"""Keys: made once, shown once, stored as hashes, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from app.errors import NotFound
from app.ops.state import KEYS, held_state
from app.values import Role


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is listed; the token itself is not kept."""

    id: str
    name: str
    role: Role
    sources: tuple[str, ...] | None
    created_at: float
    """Seconds since the epoch."""
    revoked_at: float | None
    expires_at: float | None = None
    """Seconds since the epoch; None: never."""

    @property
    def valid(self) -> bool:
        """Whether it opens anything now."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > time.time())


class KeyStore:
    """The keys in one state file. A token reads `ak_<id>_<secret>`."""

    def __init__(self, state: Path) -> None:
        self._engine = held_state(state)

    def add(
        self, role: Role, *, name: str = "", sources: Sequence[str] | None = None, expires_at: float | None = None
    ) -> tuple[Key, str]:
        """A new key and its token, which cannot be shown again."""
        identity = secrets.token_hex(4)
        token = f"ak_{identity}_{secrets.token_urlsafe(32)}"
        limited = tuple(sources) if sources else None
        key = Key(
            id=identity,
            name=name or role,
            role=role,
            sources=limited,
            created_at=time.time(),
            revoked_at=None,
            expires_at=expires_at,
        )
        row = msgspec.structs.asdict(key) | {"sources": _encoded(limited), "hash": _hash(token)}
        with self._engine.begin() as connection:
            connection.execute(sa.insert(KEYS).values(row))
        return key, token

    def all(self) -> list[Key]:
        """Every key, revoked ones too, oldest first."""
        with self._engine.connect() as connection:
            return [_key(row) for row in connection.execute(sa.select(KEYS).order_by(KEYS.c.created_at))]

    def any_valid(self) -> bool:
        """Whether there is a key that opens anything."""
        return any(key.valid for key in self.all())

    def revoke(self, identity: str) -> Key:
        """End a key from the next request on; raises `NotFound`."""
        with self._engine.begin() as connection:
            connection.execute(sa.update(KEYS).where(KEYS.c.id == identity).values(revoked_at=time.time()))
        found = next((key for key in self.all() if key.id == identity), None)
        if found is None:
            raise NotFound(f"There is no key {identity!r}.", hint="`answerable keys list` shows the keys.")
        return found

    def find(self, token: str) -> Key | None:
        """The key of a token; None if it is not known, has expired or was revoked."""
        key = self.matching(token)
        return key if key is not None and key.valid else None

    def matching(self, token: str) -> Key | None:
        """The key of a token, whether or not it still opens anything; None if it is not known.

        Whatever the token is, this is one look-up by primary key, one hash and one comparison in constant time.
        """
        parts = token.split("_", 2)
        identity = parts[1] if len(parts) == 3 else ""
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(KEYS).where(KEYS.c.id == identity)).first()
        stored = row.hash if row is not None else _NO_KEY
        same = hmac.compare_digest(stored, _hash(token))
        return _key(row) if row is not None and same else None

    def by_id(self, identity: str) -> Key | None:
        """The key of an id; None if it is not known, has expired or was revoked."""
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(KEYS).where(KEYS.c.id == identity)).first()
        key = _key(row) if row is not None else None
        return key if key is not None and key.valid else None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


_NO_KEY = _hash("")
"""What a token of an unknown id is compared with, so that it costs what one of a known id does."""


def _encoded(sources: tuple[str, ...] | None) -> str | None:
    return None if sources is None else msgspec.json.encode(sources).decode()


def _key(row: sa.Row[Any]) -> Key:
    return Key(
        id=row.id,
        name=row.name,
        role=row.role,
        sources=None if row.sources is None else tuple(msgspec.json.decode(row.sources)),
        created_at=row.created_at,
        revoked_at=row.revoked_at,
        expires_at=row.expires_at,
    )
