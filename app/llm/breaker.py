"""A circuit breaker: a model that failed several times in a row is left alone for a while, then probed once.

closed --FAILURES in a row, or one that will not pass by itself--> open --rest is over--> half-open
half-open --the one probe succeeds--> closed        --it fails--> open, for twice as long
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Literal, TypeAlias

State: TypeAlias = Literal["closed", "open", "half-open"]

FAILURES = 5
FIRST_REST_S = 5.0
LONGEST_REST_S = 120.0


class Breaker:
    """Of one model at one provider. Thread-safe; `clock` gives seconds.

    Each `True` of `allows` is followed by one of `succeeded`, `failed` and `undecided`.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._rest_s = 0.0
        self._rests_until = 0.0
        self._probing = False

    @property
    def state(self) -> State:
        """As it is now."""
        with self._lock:
            return self._state()

    def allows(self) -> bool:
        """Whether the model may be asked; the first asker after a rest makes the probe, others wait for its outcome."""
        with self._lock:
            state = self._state()
            if state == "half-open" and not self._probing:
                self._probing = True
                return True
            return state == "closed"

    def succeeded(self) -> None:
        """The model answered."""
        with self._lock:
            self._failures, self._rest_s, self._probing = 0, 0.0, False

    def failed(self, *, lasting: bool = False) -> None:
        """The model did not answer; `lasting`: and will not until somebody repairs something, such as a key."""
        with self._lock:
            self._failures += 1
            if self._probing or lasting or self._failures >= FAILURES:
                self._rest_s = min(LONGEST_REST_S, max(FIRST_REST_S, 2 * self._rest_s))
                self._rests_until = self._clock() + self._rest_s
            self._probing = False

    def undecided(self) -> None:
        """The call says nothing about the model: it was cancelled, or the request was at fault."""
        with self._lock:
            self._probing = False

    def _state(self) -> State:
        if not self._rest_s:
            return "closed"
        return "open" if self._clock() < self._rests_until else "half-open"


class Breakers:
    """One breaker for each model at each provider."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[tuple[str, str], Breaker] = {}

    def of(self, provider: str, model: str) -> Breaker:
        """The breaker of a model."""
        with self._lock:
            return self._found.setdefault((provider, model), Breaker())
