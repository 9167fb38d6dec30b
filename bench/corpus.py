"""Documents in a real passage store, built without the pipeline around it, for the benches of search and reading."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from connectors.base import Document
from connectors.registry import open_connector
from ingest.chunker import chunk, embedding_text
from ingest.cleaning import clean_documents
from ingest.embedder import Embedder
from ingest.stores.lexical import build_lexical
from ingest.stores.passage_writer import NewDocument, NewPassage, PassageWriter
from ingest.stores.passages import PassageReader
from ingest.stores.vector_index import build_index


@dataclass(frozen=True, slots=True)
class Corpus:
    """A snapshot of one source, in the shape that search reads."""

    sources: Mapping[str, Any] = field(default_factory=dict)


def documents_in(folder: Path) -> list[Document]:
    """The documents that the files connector finds."""
    return [item for item in open_connector(str(folder)).read({}) if isinstance(item, Document)]


def documents_of(path: Path) -> list[Document]:
    """The documents of a `corpus.jsonl` (`id`, `title`, `text`)."""
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return [Document(row["id"], row["text"], row["title"], "text/plain", row["id"]) for row in rows]


def build(folder: Path, documents: Sequence[Document], embedder: Embedder) -> Corpus:
    """Chunk, embed and index the documents under `folder`; what lies there already is used again."""
    store = folder / "passages.sqlite"
    if not (folder / "done").is_file():
        folder.mkdir(parents=True)
        writer = PassageWriter(store)
        texts: list[str] = []
        for cleaned in clean_documents(documents):
            document = cleaned.document
            chunks = chunk(cleaned.text, title=document.title, count=embedder.count_tokens)
            texts += [embedding_text(document.title, c.heading, cleaned.text[c.start : c.end]) for c in chunks]
            writer.add(_new(document), [NewPassage(c.start, c.end, c.heading, "") for c in chunks], ())
        build_lexical(folder / "lexical", writer.entries())
        writer.close()
        build_index(np.asarray(embedder.embed(texts)), folder / "vectors.faiss")
        (folder / "done").touch()
    reader = PassageReader(store, folder / "vectors.faiss", folder / "lexical", embedder=embedder.fingerprint)
    return Corpus({"corpus": SimpleNamespace(passages=reader)})


def _new(document: Document) -> NewDocument:
    return NewDocument(
        path=document.path,
        title=document.title,
        url=document.url,
        fingerprint=document.fingerprint,
        content_hash=document.fingerprint,
        media_type=document.media_type,
        modified=document.modified.isoformat() if document.modified else None,
        visibility="public",
        metadata=dict(document.metadata),
        text=document.text,
    )
