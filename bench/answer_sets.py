"""The mixed set that reading and abstention are measured and calibrated on: questions with and without their text.

- XQuAD (CC BY-SA 4.0): 240 encyclopaedic paragraphs; with the question's paragraph in the index, and with it taken out
  (other paragraphs of the article stay);
- TAT-QA (CC BY 4.0): questions of the label `text` over one annual report's paragraphs each, with and without the ones
  that answer. A report is searched alone: "when did the company adopt it?" is answerable in one report only;
- off the subject: SciFact claims (CC BY 4.0) and TAT-QA's questions over XQuAD's paragraphs, XQuAD's over all reports.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.execution.passages import search
from app.values import Passage
from bench.corpus import Corpus, build, documents_of
from bench.retrieval import questions_of, relevant_of
from connectors.base import Document
from ingest.embedder import Embedder
from ingest.stores.passage_filter import PassageFilter

OFF_TOPIC = 300
"""SciFact claims, and XQuAD questions, asked over another subject's texts."""
DEPTH, READ = 20, 8
"""Passages searched for, and kept once the ones that are not in the index are taken out."""


@dataclass(frozen=True, slots=True)
class Asking:
    """One question over what the index holds: `group` keeps the readings of a question in one fold."""

    set: str
    group: int
    text: str
    passages: tuple[Passage, ...]
    answers: tuple[str, ...]
    """Folded answers, one of which must be in the text; empty where the answer is not in the index."""
    off_topic: bool = False

    @property
    def answerable(self) -> bool:
        """Whether the text that answers is in the index."""
        return bool(self.answers)


def askings(data: Path, work: Path, embedder: Embedder) -> Iterator[Asking]:
    """The whole mixed set; indexes are kept under `work`."""
    retrieval, routing = data / "retrieval", data / "routing"
    paragraphs = build(work / "xquad_en", documents_of(retrieval / "xquad_en" / "corpus.jsonl"), embedder)
    reports = build(work / "tatqa", _report_documents(routing), embedder)
    yield from _encyclopaedia(retrieval / "xquad_en", paragraphs, embedder)
    yield from _reports(routing, reports, embedder)
    claims = [claim["text"] for claim in questions_of(retrieval / "scifact")[:OFF_TOPIC]]
    of_reports = [row["question"] for row in _report_questions(routing)]
    of_paragraphs = [question["text"] for question in questions_of(retrieval / "xquad_en")[::4][:OFF_TOPIC]]
    for number, (text, corpus) in enumerate(
        [(text, paragraphs) for text in claims + of_reports] + [(text, reports) for text in of_paragraphs]
    ):
        yield Asking("off_topic", 100_000 + number, text, found(text, corpus, embedder), (), True)


def found(
    text: str,
    corpus: Corpus,
    embedder: Embedder,
    *,
    without: frozenset[str] = frozenset(),
    only: PassageFilter | None = None,
) -> tuple[Passage, ...]:
    """The passages found as if the documents `without` were not in the index."""
    hits = search(text, corpus, embedder, sources=None, visibilities=("public",), k=DEPTH, only=only)
    return tuple(passage for passage in hits if passage.document not in without)[:READ]


def _encyclopaedia(folder: Path, corpus: Corpus, embedder: Embedder) -> Iterator[Asking]:
    relevant = relevant_of(folder)
    for group, question in enumerate(questions_of(folder)):
        answers = tuple(answer.casefold() for answer in question["answers"])
        removed = frozenset(relevant[question["id"]])
        yield Asking("xquad", group, question["text"], found(question["text"], corpus, embedder), answers)
        yield Asking("xquad", group, question["text"], found(question["text"], corpus, embedder, without=removed), ())


def _reports(folder: Path, corpus: Corpus, embedder: Embedder) -> Iterator[Asking]:
    for number, row in enumerate(_report_questions(folder)):
        only = PassageFilter(document=f"{row['context_id']}/*")
        removed = frozenset(f"{row['context_id']}/{each}" for each in row["rel_paragraph_ids"])
        answers = tuple(str(answer).casefold() for answer in row["answer"])
        for without, wanted in ((frozenset[str](), answers), (removed, ())):
            passages = found(row["question"], corpus, embedder, without=without, only=only)
            if passages:
                yield Asking("tatqa", 10_000 + number, row["question"], passages, wanted)


def _report_documents(folder: Path) -> list[Document]:
    return [
        Document(f"{context['id']}/{paragraph['id']}", paragraph["text"], None, "text/plain", paragraph["id"])
        for context in _rows(folder / "tatqa_contexts_dev.jsonl")
        for paragraph in context["paragraphs"]
    ]


def _report_questions(folder: Path) -> list[dict[str, Any]]:
    """The questions that a report's text answers in its own words."""
    rows = _rows(folder / "tatqa_questions_dev.jsonl")
    return [row for row in rows if row["label"] == "text" and row["answer_type"] in ("span", "multi-span")]


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
