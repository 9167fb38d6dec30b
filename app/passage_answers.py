"""Document questions: embed -> search -> scrub -> read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from app.execution.passages import search
from app.named_documents import named_documents, without_names
from app.scrubbing import scrub_passages
from app.splitting import leans_on_another
from app.stopwatch import Stopwatch
from app.terms import term_set
from app.values import Passage, Question
from app.verbalising.cues import in_plain_words
from app.verbalising.extractive import Reading, read

if TYPE_CHECKING:
    from app.engine import Engine
    from ingest.stores.snapshot import Snapshot

PASSAGES_READ = 8
LEAST_TERMS = 2
"""Content words that "show me their emails" needs besides "their" to be answered: it is of something said before."""


class PassageAnswer(msgspec.Struct, frozen=True):
    """What the documents say, with the passages that were read."""

    reading: Reading | None
    passages: tuple[Passage, ...]

    @property
    def confidence(self) -> float:
        """How likely the passages hold the answer, in [0, 1]; 0 without any."""
        return self.reading.confidence if self.reading is not None else 0.0


def answer_passages(
    question: Question, text: str, snapshot: Snapshot, engine: Engine, sources: Sequence[str], watch: Stopwatch
) -> PassageAnswer:
    """The extractive answer to `text` from the sources' documents."""
    searchable = [name for name in sources if snapshot.sources[name].passages is not None]
    if not searchable or question.deadline.left() <= 0:
        return PassageAnswer(None, ())
    readers = [snapshot.sources[name].passages for name in searchable]
    named = named_documents(text, (each for each in readers if each is not None), question.caller.visibilities)
    text = without_names(in_plain_words(text), named) if named else in_plain_words(text)
    embedder = engine.embedders.serving(snapshot)
    with watch.stage("embed"):
        vector = embedder.embed_query(text)
    with watch.stage("search"):
        found = search(
            text,
            snapshot,
            embedder,
            sources=searchable,
            visibilities=question.caller.visibilities,
            k=PASSAGES_READ,
            vector=vector,
            embedder_of=engine.embedders.of,
            documents=named,
        )
    if not found:
        return PassageAnswer(None, ())
    with watch.stage("scrub"):
        scrubbed, _tokens = scrub_passages(
            found,
            sees_personal_data=question.caller.sees_personal_data,
            names=engine.settings.scrub_names,
            spans=[passage.spans for passage in found],
        )
    if leans_on_another(text) and len(term_set(text)) < LEAST_TERMS:
        return PassageAnswer(None, scrubbed.passages)
    with watch.stage("read"):
        reading = read(text, scrubbed, embedder, vector=vector, language=question.language)
    return PassageAnswer(reading, scrubbed.passages)
