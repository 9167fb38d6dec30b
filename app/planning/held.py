"""Planners held ready: one for each segment and audience, built when first needed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.planning.planner import Planner
from ingest.stores.catalog import Visibility

if TYPE_CHECKING:
    from ingest.stores.snapshot import SourceReader

MOST_HELD = 128


class Planners:
    """Planners by segment and audience, the least recently used dropped first. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[str, tuple[Visibility, ...]], Planner] = OrderedDict()

    def of(self, source: SourceReader, visibilities: Sequence[Visibility]) -> Planner:
        """The planner over what an audience may see of a source."""
        key = (source.entry.segment, tuple(visibilities))
        with self._lock:
            if key not in self._held:
                self._held[key] = Planner(source.catalog, source.values, visibilities)
                while len(self._held) > MOST_HELD:
                    self._held.popitem(last=False)
            self._held.move_to_end(key)
            return self._held[key]
