"""How long each stage of an answer took."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.values import Span


class Stopwatch:
    """Adds up milliseconds by stage; what several threads do side by side counts for each."""

    def __init__(
        self, on_stage: Callable[[str], None] | None = None, on_span: Callable[[Span], None] | None = None
    ) -> None:
        self._lock = threading.Lock()
        self._started = time.perf_counter()
        self._spent: dict[str, float] = {}
        self._on_stage = on_stage
        """Hears of each stage when it begins; what it raises keeps the stage from beginning."""
        self._on_span = on_span
        """Hears of each stage when it has ended."""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of the block for the stage `name`, also when it raises."""
        if self._on_stage is not None:
            self._on_stage(name)
        started = time.perf_counter()
        try:
            yield
        finally:
            spent = (time.perf_counter() - started) * 1000
            with self._lock:
                self._spent[name] = self._spent.get(name, 0.0) + spent
            if self._on_span is not None:
                self._on_span(Span(name, round((started - self._started) * 1000, 3), round(spent, 3)))

    def timing_ms(self) -> dict[str, float]:
        """Milliseconds by stage, with the whole as `total`."""
        total = (time.perf_counter() - self._started) * 1000
        return {name: round(spent, 3) for name, spent in (*self._spent.items(), ("total", total))}
