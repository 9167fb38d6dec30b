"""Which embedding model a question is embedded with: the one that made the vectors it is compared with.

A changed `ANSWERABLE_EMBEDDING_MODEL` reaches a source with its next sync, which builds a new segment and switches to
it in one step. Until then, and for sources that are not synchronised yet, questions are embedded with the model that
the segment names; its export stays in the cache.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

from app.errors import ModelMissing

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.settings import Settings
    from ingest.embedder import Embedder, Meter
    from ingest.stores.snapshot import Snapshot


class Embedders:
    """The embedding models of one process, each opened when first needed. Thread-safe."""

    def __init__(self, settings: Settings, meter: Callable[[], Meter] | None = None) -> None:
        """`meter` opens what counts the requests to an endpoint."""
        self._settings = settings
        self._meter = meter
        self._lock = threading.Lock()
        self._held: dict[str, Embedder] = {}
        self._configured: Embedder | None = None

    @property
    def configured(self) -> Embedder:
        """The model of the settings; raises an `EmbeddingError` that says what is wrong with it."""
        from ingest.embedder import open_embedder

        with self._lock:
            if self._configured is None:
                meter = self._meter() if self._meter is not None and self._settings.embeds_elsewhere else None
                opened = open_embedder(self._settings.embedding_model, self._settings.cache, meter)
                self._configured = self._held.setdefault(opened.fingerprint, opened)
            return self._configured

    def of(self, fingerprint: str) -> Embedder:
        """The model of that fingerprint. Raises `ModelMissing` if neither the cache nor the settings have it."""
        from ingest.embedder import EmbeddingError, open_export

        held = self._held.get(fingerprint)
        if held is not None:
            return held
        opened = open_export(fingerprint, self._settings.cache)
        if opened is not None:
            with self._lock:
                return self._held.setdefault(fingerprint, opened)
        try:
            configured = self.configured
        except EmbeddingError as error:
            raise ModelMissing(f"The embedding model cannot be used: {error}.", hint=error.hint) from error
        if fingerprint in ("", configured.fingerprint):
            return configured
        raise ModelMissing(
            f"The model that documents were embedded with ({fingerprint}) is no longer in the cache.",
            hint="Synchronise the sources with the model configured now: `answerable ingest sync`.",
        )

    def serving(self, snapshot: Snapshot) -> Embedder:
        """The model that most of the passages were embedded with; the configured one where there are none."""
        passages: Counter[str] = Counter()
        for source in snapshot.sources.values():
            if source.passages is not None:
                passages[source.passages.embedder] += source.entry.passages
        return self.of(passages.most_common(1)[0][0] if passages else "")

    def close(self) -> None:
        """End the connections of models behind an endpoint."""
        with self._lock:
            for embedder in self._held.values():
                embedder.close()
