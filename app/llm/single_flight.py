"""Equal calls at the same time are made once: the first one is made, the others wait for what it brings."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from app.llm.errors import Cancelled, OutOfTime
from app.values import Deadline

Found = TypeVar("Found")

_LOOK_EVERY_S = 0.05
"""How often a follower looks whether whoever asked has gone."""


class _Flight(Generic[Found]):
    def __init__(self) -> None:
        self.ended = threading.Event()
        self.found: Found | None = None


class SingleFlight(Generic[Found]):
    """Calls under way by key. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[str, _Flight[Found]] = {}

    def run(
        self, key: str, call: Callable[[], Found], deadline: Deadline, stopped: Callable[[], bool]
    ) -> tuple[Found, bool]:
        """What `call` returns, and whether another caller's call of the same key brought it.

        A caller whose leader fails takes its place: the failure may have been the leader's own, its deadline or its
        budget. Raises what `call` raises, and `OutOfTime` or `Cancelled` for a follower that cannot wait any longer.
        """
        while True:
            with self._lock:
                flight = self._flights.get(key)
                leads = flight is None
                if flight is None:
                    flight = self._flights[key] = _Flight()
            if leads:
                return self._led(key, flight, call), False
            _await(flight, deadline, stopped)
            if flight.found is not None:
                return flight.found, True

    def _led(self, key: str, flight: _Flight[Found], call: Callable[[], Found]) -> Found:
        try:
            flight.found = call()
            return flight.found
        finally:
            with self._lock:
                del self._flights[key]
            flight.ended.set()


def _await(flight: _Flight[Found], deadline: Deadline, stopped: Callable[[], bool]) -> None:
    while not flight.ended.wait(min(_LOOK_EVERY_S, deadline.left())):
        if stopped():
            raise Cancelled("whoever asked has gone")
        if deadline.left() <= 0:
            raise OutOfTime("the deadline passed while an equal call was under way")
