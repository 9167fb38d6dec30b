"""Moving windows in the memory of one process, bounded: whoever has many addresses must not fill it.

The storage that comes with `limits` keeps every name that it ever saw and starts a thread of its own.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque

from limits.storage import MovingWindowSupport, Storage

MOST_NAMES = 20_000
"""Names that are counted; beyond them those not heard of for longest are forgotten."""
MOST_MOMENTS = 1_000_000
"""Moments kept of all names together, about 32 bytes each."""


class Windows(Storage, MovingWindowSupport):
    """The storage of `limits.strategies.MovingWindowRateLimiter`. Thread-safe."""

    STORAGE_SCHEME = None

    def __init__(self, *, most_names: int = MOST_NAMES, most_moments: int = MOST_MOMENTS) -> None:
        super().__init__()
        self._most_names, self._most_moments = most_names, most_moments
        self._lock = threading.Lock()
        self._moments: OrderedDict[str, deque[float]] = OrderedDict()
        self._held = 0

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count `amount` more now if that makes no more than `limit` in the last `expiry` seconds."""
        with self._lock:
            now = time.time()
            moments = self._within(key, now - expiry)
            if len(moments) + amount > limit:
                return False
            moments.extend([now] * amount)
            self._held += amount
            self._moments[key] = moments
            self._moments.move_to_end(key)
            self._forget()
            return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """When the oldest of the last `expiry` seconds was (now, if none was), and how many there were."""
        del limit
        with self._lock:
            now = time.time()
            moments = self._within(key, now - expiry)
            return (moments[0] if moments else now), len(moments)

    def clear(self, key: str) -> None:
        """Forget a name."""
        with self._lock:
            self._held -= len(self._moments.pop(key, ()))

    def reset(self) -> int | None:
        """Forget every name; how many there were."""
        with self._lock:
            known = len(self._moments)
            self._moments.clear()
            self._held = 0
            return known

    def get(self, key: str) -> int:
        """How many moments are kept of a name."""
        with self._lock:
            return len(self._moments.get(key, ()))

    def check(self) -> bool:
        """Memory is always there."""
        return True

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Fixed windows are not offered."""
        raise NotImplementedError

    def get_expiry(self, key: str) -> float:
        """Fixed windows are not offered."""
        raise NotImplementedError

    @property
    def base_exceptions(self) -> type[Exception]:
        """What the storage may raise."""
        return ValueError

    def _within(self, key: str, since: float) -> deque[float]:
        """The moments of a name since then; older ones are dropped, and a name that has none is forgotten."""
        moments = self._moments.get(key)
        if moments is None:
            return deque()
        while moments and moments[0] <= since:
            moments.popleft()
            self._held -= 1
        if not moments:
            del self._moments[key]
        return moments

    def _forget(self) -> None:
        while len(self._moments) > 1 and (len(self._moments) > self._most_names or self._held > self._most_moments):
            _, moments = self._moments.popitem(last=False)
            self._held -= len(moments)
