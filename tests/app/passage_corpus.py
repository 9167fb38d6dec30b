"""A small source of documents in the real passage stores, for the tests of search and reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingest.chunker import chunk, embedding_text
from ingest.embedder import Embedder
from ingest.stores.lexical import build_lexical
from ingest.stores.passage_writer import NewDocument, NewPassage, PassageWriter
from ingest.stores.passages import PassageReader
from ingest.stores.vector_index import build_index


@dataclass(frozen=True)
class Doc:
    path: str
    title: str
    text: str
    visibility: str = "public"
    metadata: Mapping[str, str] = field(default_factory=dict)
    modified: str | None = None


@dataclass(frozen=True)
class Source:
    passages: PassageReader


@dataclass(frozen=True)
class Corpus:
    """What search reads of a snapshot: sources by name."""

    sources: Mapping[str, Source]


def build(folder: Path, embedder: Embedder, **sources: Sequence[Doc]) -> Any:
    return Corpus({name: Source(_reader(folder / name, embedder, docs)) for name, docs in sources.items()})


def _reader(folder: Path, embedder: Embedder, docs: Sequence[Doc]) -> PassageReader:
    folder.mkdir(parents=True)
    writer = PassageWriter(folder / "passages.sqlite")
    texts = []
    for doc in docs:
        chunks = chunk(doc.text, title=doc.title, count=embedder.count_tokens)
        texts += [embedding_text(doc.title, each.heading, doc.text[each.start : each.end]) for each in chunks]
        new = NewDocument(
            path=doc.path, title=doc.title, url=None, fingerprint=doc.path, content_hash=doc.path,
            media_type="text/markdown", modified=doc.modified, visibility=doc.visibility,
            metadata=doc.metadata, text=doc.text,
        )  # fmt: skip
        writer.add(new, [NewPassage(each.start, each.end, each.heading, "") for each in chunks], ())
    build_lexical(folder / "lexical", writer.entries())
    writer.close()
    build_index(embedder.embed(texts), folder / "vectors.faiss")
    return PassageReader(folder / "passages.sqlite", folder / "vectors.faiss", folder / "lexical")
