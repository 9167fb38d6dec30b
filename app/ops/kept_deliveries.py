"""Deliveries that are not made yet, kept in the state file so that neither a restart nor a long fault loses one.

Whoever tries a delivery holds it for a while; one that nobody holds is taken up by any process of the service. A
process that dies after a delivery and before it is noted makes it twice: its id is the same, so a receiver can tell.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import sqlalchemy as sa

from app.ops.state import DELIVERIES, held_state

HELD_S = 900.0
"""Seconds for which one is held: longer than all its tries in a row take."""
KEPT_S = 86_400.0
"""Seconds after which one is given up."""
MOST_KEPT = 2_000
"""Deliveries of one kind that are kept; further ones are refused."""


class KeptDeliveries:
    """The deliveries of one kind (`webhook`, `mail`) in one state file. Thread-safe; opened when first used."""

    def __init__(self, state: Path, kind: str, *, clock: Callable[[], float] = time.time) -> None:
        self._state = state
        self._kind = kind
        self._clock = clock

    @cached_property
    def _engine(self) -> sa.Engine:
        return held_state(self._state)

    def keep(self, identity: str, content: bytes) -> bool:
        """Keep one for whoever takes it; False if there are too many."""
        now = self._clock()
        with self._engine.begin() as connection:
            count = connection.scalar(sa.select(sa.func.count()).where(DELIVERIES.c.kind == self._kind)) or 0
            if count < MOST_KEPT:
                row = {"id": identity, "kind": self._kind, "at": now, "held_until": now, "content": content}
                connection.execute(sa.insert(DELIVERIES).values(row))
        return count < MOST_KEPT

    def take(self) -> tuple[str, bytes] | None:
        """Hold the oldest that nobody holds: its id and content; None if there is none."""
        now = self._clock()
        free = sa.and_(DELIVERIES.c.kind == self._kind, DELIVERIES.c.held_until <= now)
        oldest = sa.select(DELIVERIES.c.id).where(free).order_by(DELIVERIES.c.at).limit(1).scalar_subquery()
        held = sa.update(DELIVERIES).where(DELIVERIES.c.id == oldest).values(held_until=now + HELD_S)
        with self._engine.begin() as connection:
            row = connection.execute(held.returning(DELIVERIES.c.id, DELIVERIES.c.content)).first()
        return (row.id, row.content) if row is not None else None

    def leave(self, identity: str, *, pause_s: float) -> bool:
        """Let whoever comes take it again, after a pause; False if it has been tried for long enough."""
        now = self._clock()
        own = sa.and_(DELIVERIES.c.id == identity, DELIVERIES.c.at > now - KEPT_S)
        with self._engine.begin() as connection:
            left = connection.execute(sa.update(DELIVERIES).where(own).values(held_until=now + pause_s))
        return left.rowcount == 1

    def purge(self) -> None:
        """Delete what is left of any kind long after it should have been sent: nobody sends that kind any more."""
        if not self._state.exists():
            return
        with self._engine.begin() as connection:
            connection.execute(sa.delete(DELIVERIES).where(DELIVERIES.c.at < self._clock() - 2 * KEPT_S))

    def forget(self, identity: str) -> None:
        """It is made, or given up."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(DELIVERIES).where(DELIVERIES.c.id == identity))
