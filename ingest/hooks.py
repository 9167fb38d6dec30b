"""What a caller may watch or bound of an ingest run, as ordinary parameters."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from ingest.embedder import DEFAULT_MODEL, Meter

STEPS = (
    "read", "clean", "deduplicate", "chunk", "detect", "embed", "store", "index", "profile", "seal", "publish",
    "switch", "collect",
)  # fmt: skip
"""The steps of a run in their order; those from `chunk` to `store` come once for each group of documents. At `switch`
the new manifest is written and not yet current."""

Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Called with a step, how many items are done, and of how many (None: unknown)."""


def _ignore_step(step: str) -> None:
    """Nobody watches."""


def _ignore_progress(step: str, done: int, total: int | None) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class IngestHooks:
    """Who is told of what. `on_step` is called as a step begins; what it raises ends the run."""

    on_step: Callable[[str], None] = _ignore_step
    on_progress: Progress = _ignore_progress


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """How an ingest run works. The defaults are for a laptop."""

    model: str = field(default_factory=lambda: os.environ.get("ANSWERABLE_EMBEDDING_MODEL") or DEFAULT_MODEL)
    """Embedding model."""
    meter_of: Callable[[str], Meter] | None = None
    """What counts the requests to an embedding endpoint, for the source of a name; None: nobody does."""
    detect_names: bool = True
    """Find names of people too; the slowest part of detecting."""
    group_documents: int = 256
    """Most documents held in memory at once, and"""
    group_characters: int = 2_000_000
    """most characters of them, unless a single document is larger."""
    memory_limit: str = "512MB"
    """Memory for the table engine."""
    keep_manifests: int = 3
    """Manifests that stay available for a rollback."""
    grace_s: float = 600.0
    """Seconds that a replaced manifest and its segments stay for readers that still hold them."""
    rebuild: bool = False
    """Read and embed everything again."""
