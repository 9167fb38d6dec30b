"""Sessions in the state file, so that every server process on it knows them.

A row holds the SHA-256 of key and session name in place of both, and is deleted when it expires. It is written before
the answer is returned, in a transaction that waits for no disk (`synchronous=NORMAL` in WAL mode).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from app.followups.context import Context
from app.followups.sessions import MOST_SESSIONS, decode, encode
from app.ops.state import SESSIONS, open_state

_log = logging.getLogger("answerable.sessions")

PURGE_S, PURGE_EVERY = 60.0, 500
"""Seconds, and sessions written by this process, after which what has expired is deleted at the latest."""


class StateSessions:
    """Sessions of one state file. A file that cannot be read or written costs the context, never the answer."""

    def __init__(
        self, state: Path, ttl_s: float, *, most: int = MOST_SESSIONS, clock: Callable[[], float] = time.time
    ) -> None:
        self._engine = open_state(state, kept_open=True)
        self._ttl_s = ttl_s
        self._most = most
        self._clock = clock
        self._next_purge = 0.0
        self._written = 0

    def recall(self, identity: str) -> Context | None:
        """What is remembered of a session; None if it is unknown, expired or unreadable."""
        query = sa.select(SESSIONS.c.context).where(SESSIONS.c.id == identity, SESSIONS.c.expires_at > self._clock())
        try:
            with self._engine.connect() as connection:
                stored = connection.execute(query).scalar()
        except sa.exc.SQLAlchemyError as error:
            _log.error("a session cannot be read: %s", type(error).__name__)
            return None
        return decode(stored) if stored is not None else None

    def keep(self, identity: str, context: Context) -> None:
        """Remember this of a session from now on."""
        values = {"context": encode(context), "expires_at": self._clock() + self._ttl_s}
        statement = insert(SESSIONS).values(id=identity, **values)
        try:
            with self._engine.begin() as connection:
                connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))
                self._written += 1
                if self._clock() >= self._next_purge or self._written >= PURGE_EVERY:
                    self._next_purge, self._written = self._clock() + PURGE_S, 0
                    self._purge(connection)
        except sa.exc.SQLAlchemyError as error:
            _log.error("a session cannot be kept: %s", type(error).__name__)

    def close(self) -> None:
        """Close the connections to the file."""
        self._engine.dispose()

    def _purge(self, connection: sa.Connection) -> None:
        """Delete what has expired, and of the rest all but the newest `most`."""
        connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.expires_at <= self._clock()))
        newest = sa.select(SESSIONS.c.expires_at).order_by(SESSIONS.c.expires_at.desc()).offset(self._most).limit(1)
        beyond = connection.execute(newest).scalar()
        if beyond is not None:
            connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.expires_at <= beyond))
