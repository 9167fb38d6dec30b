"""Segments built straight from given passages, for tests of the readers."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ingest.layout import Layout
from ingest.pii import PiiSpan
from ingest.stores import segment as files
from ingest.stores.lexical import build_lexical
from ingest.stores.manifest import Manifest, SourceEntry, current, publish
from ingest.stores.passage_writer import NewDocument, NewPassage, PassageWriter
from ingest.stores.segment import seal
from ingest.stores.vector_index import build_index
from ingest.stores.vectors import VectorWriter, open_vectors

DIMENSION = 4


@dataclass(frozen=True)
class Given:
    """A document whose passages are its paragraphs."""

    path: str
    text: str
    visibility: str = "internal"
    spans: tuple[PiiSpan, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    newer_version: str | None = None


def vector(number: int) -> np.ndarray:
    """The vector of the passage of that ordinal."""
    drawn = np.random.default_rng(number).standard_normal(DIMENSION).astype(np.float32)
    return drawn / np.linalg.norm(drawn)


def publish_source(home: Path, name: str, *documents: Given) -> Manifest:
    """Seal the documents as a segment of `name` and publish it beside the other sources."""
    layout = Layout(home)
    folder = layout.building / uuid.uuid4().hex
    folder.mkdir(parents=True)
    writer, vectors = PassageWriter(folder / files.PASSAGES), VectorWriter(folder / files.VECTORS, DIMENSION)
    for document in documents:
        passages, start = [], 0
        for paragraph in document.text.split("\n\n"):
            start = document.text.index(paragraph, start)
            vectors.append(vector(writer.passages + len(passages))[None])
            passages.append(NewPassage(start, start + len(paragraph), "Heading", "hash"))
            start += len(paragraph)
        stored = NewDocument(
            path=document.path,
            title=document.path.title(),
            url=None,
            fingerprint="fingerprint",
            content_hash="content",
            media_type="text/plain",
            modified="2026-01-02T03:04:05+00:00",
            visibility=document.visibility,
            metadata=dict(document.metadata),
            text=document.text,
            newer_version=document.newer_version,
        )
        writer.add(stored, passages, document.spans)
    vectors.close()
    build_index(open_vectors(folder / files.VECTORS), folder / files.VECTOR_INDEX)
    build_lexical(folder / files.LEXICAL, writer.entries())
    writer.close()
    segment = seal(folder, layout.segments, name, builders={"embedder": "e"}, inputs={}, counts={}, tables={})
    entry = SourceEntry(name=name, location=f"/{name}", kind="files", segment=segment.info.id, synced_at="2026-01-02")
    before = current(layout)
    return publish(layout, {each.name: each for each in (before.sources if before else ())} | {name: entry})
