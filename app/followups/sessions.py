"""Where sessions are kept: the interface, and an implementation in the memory of one process."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

import msgspec

from app.followups.context import Context

MOST_SESSIONS = 10_000
"""Sessions kept at a time; beyond them the one used longest ago is forgotten."""


class Sessions(Protocol):
    """Contexts by session id, each forgotten a while after its last use. Thread-safe."""

    def recall(self, identity: str) -> Context | None:
        """What is remembered of a session; None if it is unknown, expired or unreadable."""

    def keep(self, identity: str, context: Context) -> None:
        """Remember this of a session from now on."""

    def close(self) -> None:
        """Let go of what is held open."""


class MemorySessions:
    """Sessions in the memory of one process; they end with it."""

    def __init__(self, ttl_s: float, *, most: int = MOST_SESSIONS, clock: Callable[[], float] = time.time) -> None:
        self._ttl_s = ttl_s
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._held: OrderedDict[str, tuple[float, Context]] = OrderedDict()

    def recall(self, identity: str) -> Context | None:
        """What is remembered of a session."""
        with self._lock:
            expires, context = self._held.get(identity, (0.0, None))
            return context if expires > self._clock() else None

    def keep(self, identity: str, context: Context) -> None:
        """Remember this of a session from now on."""
        with self._lock:
            self._held[identity] = (self._clock() + self._ttl_s, context)
            self._held.move_to_end(identity)
            while self._held and (len(self._held) > self._most or self._oldest_expired()):
                self._held.popitem(last=False)

    def close(self) -> None:
        """Forget every session."""
        with self._lock:
            self._held.clear()

    def _oldest_expired(self) -> bool:
        expires, _ = next(iter(self._held.values()))
        return expires <= self._clock()


def encode(context: Context) -> bytes:
    """A context as JSON."""
    return msgspec.json.encode(context)


def decode(stored: bytes) -> Context | None:
    """The context of its JSON; None for one that another version wrote and this one cannot read."""
    try:
        return msgspec.json.decode(stored, type=Context)
    except msgspec.MsgspecError:
        return None
