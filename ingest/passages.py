"""The steps for passages, group by group: chunk, detect personal data, embed, store; then build the indexes.

The model runs in a thread of its own: while a group is embedded, personal data is looked for in it and the next one is
cut, so that `embed` in the report is only what the other steps had to wait for it.

What the last segment holds is taken over: the passages of a document with the same text, and the vector and the spans
of any passage that is embedded from the same text, wherever it stood.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from ingest.build import Build
from ingest.chunker import chunk, embedding_text
from ingest.errors import DetectionFailed
from ingest.previous import KnownPassage
from ingest.report import PassageCounts
from ingest.scrub import without_tokens
from ingest.staging import StagedDocument
from ingest.stores import segment as files
from ingest.stores.lexical import build_lexical
from ingest.stores.passage_writer import NewDocument, NewPassage, PassageWriter
from ingest.stores.vector_index import build_index
from ingest.stores.vectors import VectorWriter, open_vectors

if TYPE_CHECKING:
    from ingest.pii import PiiSpan

Item = TypeVar("Item")
_AT_ONCE = 128  # passages between two calls of `on_progress`


@dataclass(slots=True)
class Draft:
    """A passage being made; vector and spans are there once they were reused or computed."""

    start: int
    end: int
    heading: str
    text: str
    embedded: str
    """What is embedded for it."""
    content_hash: str
    vector: NDArray[np.float32] | None = None
    spans: tuple[PiiSpan, ...] | None = None
    """Relative to the passage."""


@dataclass(frozen=True, slots=True)
class Embedding:
    """Drafts without a vector, and what the model was given of them: content hashes and the vectors to come."""

    drafts: Sequence[Draft]
    parts: Sequence[tuple[Sequence[str], Future[NDArray[np.float32]]]]


@dataclass(frozen=True, slots=True)
class Group:
    """Documents that go through the steps together, and the passages of each."""

    documents: Sequence[StagedDocument]
    drafts: Sequence[Sequence[Draft]]
    embedding: Embedding


def write_passages(build: Build) -> None:
    """Fill `passages.sqlite`, the vectors and both indexes; nothing for a source without documents."""
    total = build.staging.count()
    if not total:
        return
    writer = PassageWriter(build.folder / files.PASSAGES)
    vectors = VectorWriter(build.folder / files.VECTORS, build.embedder.dimension)
    network = ThreadPoolExecutor(1, thread_name_prefix="embed")
    try:
        embedded = 0
        for group in _ahead(_begun(build, network)):
            embedded += _embed(build, group.embedding)
            _store(build, group.documents, group.drafts, writer, vectors)
            build.hooks.on_progress("documents", writer.documents, total)
        writer.add_boilerplate(build.boilerplate)
        count = writer.passages
        build.passages = PassageCounts(total=count, embedded=embedded, reused=count - embedded)
        _index(build, writer, vectors)
    finally:
        network.shutdown(cancel_futures=True)
        vectors.close()
        writer.close()


def _begun(build: Build, network: Executor) -> Iterator[Group]:
    """Groups of documents, cut and searched for personal data, their passages being embedded meanwhile."""
    for documents in build.staging.groups(build.options.group_documents, build.options.group_characters):
        drafts = _chunk(build, documents)
        every = [draft for each in drafts for draft in each]
        embedding = _begin_embedding(build, [draft for draft in every if draft.vector is None], network)
        _detect(build, [draft for draft in every if draft.spans is None])
        yield Group(documents, drafts, embedding)


def _ahead(groups: Iterator[Group]) -> Iterator[Group]:
    """The groups, each given out when the one after it was begun."""
    before = next(groups, None)
    while before is not None:
        after = next(groups, None)
        yield before
        before = after


def _chunk(build: Build, group: Sequence[StagedDocument]) -> list[list[Draft]]:
    with build.step("chunk"):
        return [[] if document.path in build.collapsed_into else _drafts(build, document) for document in group]


def _drafts(build: Build, document: StagedDocument) -> list[Draft]:
    known: Sequence[KnownPassage] | None = None
    if build.previous is not None and build.reuses("chunker", "embedder"):
        known = build.previous.passages_of(document.content_hash)
    if known is not None:
        drafts = [_draft(document, each.start, each.end, each.heading) for each in known]
    else:
        chunks = chunk(document.text, title=document.title, count=build.embedder.count_tokens)
        drafts = [_draft(document, each.start, each.end, each.heading) for each in chunks]
    for draft in drafts:
        _take_over(build, draft)
    return drafts


def _draft(document: StagedDocument, start: int, end: int, heading: str) -> Draft:
    text = document.text[start:end]
    embedded = embedding_text(document.title, heading, text)
    hashed = hashlib.sha256(f"{embedded}\0{text}".encode("utf-8", "replace")).hexdigest()
    return Draft(start, end, heading, text, embedded, hashed)


def _take_over(build: Build, draft: Draft) -> None:
    """Vector and spans of a passage that was embedded from the same text before."""
    if build.previous is None:
        return
    reuse_vector, reuse_spans = build.reuses("embedder"), build.reuses("pii")
    if not (reuse_vector or reuse_spans):
        return
    known = build.previous.passage(draft.content_hash)
    if known is not None and reuse_vector:
        draft.vector = build.previous.vectors[known.ordinal]
    if known is not None and reuse_spans:
        draft.spans = known.spans


def _detect(build: Build, drafts: Sequence[Draft]) -> None:
    with build.step("detect"):
        if not drafts:
            return
        for part in _parts(drafts):
            for draft, spans in zip(part, _found(build, [draft.text for draft in part]), strict=True):
                draft.spans = without_tokens(draft.text, spans) if build.scrubs else spans


def _found(build: Build, texts: list[str]) -> list[tuple[PiiSpan, ...]]:
    try:
        return build.detector.detect(texts, names=build.options.detect_names)
    except Exception as error:
        raise DetectionFailed(
            f"Personal data could not be looked for ({type(error).__name__}: {error}). Nothing was published.",
            hint="Run `answerable doctor`: it names the part of the installation that is missing.",
        ) from error


def _begin_embedding(build: Build, drafts: Sequence[Draft], network: Executor) -> Embedding:
    """Give the passages to the model. Equal texts are computed once."""
    unique = {draft.content_hash: draft.embedded for draft in drafts}
    parts = [
        (hashes, network.submit(build.embedder.embed, [unique[each] for each in hashes]))
        for hashes in _parts(list(unique))
    ]
    return Embedding(drafts, parts)


def _embed(build: Build, embedding: Embedding) -> int:
    """Wait for the vectors and give each draft its own; returns how many drafts were without."""
    with build.step("embed"):
        vector_of: dict[str, NDArray[np.float32]] = {}
        for hashes, vectors in embedding.parts:
            vector_of |= zip(hashes, vectors.result(), strict=True)
            build.hooks.on_progress("embed", len(vector_of), sum(len(each) for each, _ in embedding.parts))
        for draft in embedding.drafts:
            draft.vector = vector_of[draft.content_hash]
        return len(embedding.drafts)


def _store(
    build: Build,
    group: Sequence[StagedDocument],
    drafts: Sequence[Sequence[Draft]],
    writer: PassageWriter,
    vectors: VectorWriter,
) -> None:
    with build.step("store"):
        for document, own in zip(group, drafts, strict=True):
            rows = [draft.vector for draft in own if draft.vector is not None]
            if rows:
                vectors.append(np.stack(rows))
            passages = [NewPassage(draft.start, draft.end, draft.heading, draft.content_hash) for draft in own]
            writer.add(_new_document(build, document), passages, _document_spans(own))


def _new_document(build: Build, document: StagedDocument) -> NewDocument:
    return NewDocument(
        path=document.path,
        title=document.title,
        url=document.url,
        fingerprint=document.fingerprint,
        content_hash=document.content_hash,
        media_type=document.media_type,
        modified=document.modified,
        visibility=build.visibility_of(document.path),
        metadata=document.metadata,
        text=document.text,
        signature=document.signature,
        collapsed_into=build.collapsed_into.get(document.path),
        newer_version=build.newer_version.get(document.path),
        links=build.staging.links(document.path),
    )


def _document_spans(drafts: Sequence[Draft]) -> Iterator[PiiSpan]:
    """The spans of a document's passages, with offsets in the document."""
    from ingest.pii import PiiSpan

    for draft in drafts:
        for span in draft.spans or ():
            yield PiiSpan(draft.start + span.start, draft.start + span.end, span.kind, span.score)


def _index(build: Build, writer: PassageWriter, vectors: VectorWriter) -> None:
    with build.step("index"):
        vectors.close()
        build_index(open_vectors(build.folder / files.VECTORS), build.folder / files.VECTOR_INDEX)
        build_lexical(build.folder / files.LEXICAL, writer.entries())


def _parts(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))
