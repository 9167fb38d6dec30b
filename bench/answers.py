"""Extractive answers and abstention: how often the answer is in the text, and how well refusing works.

    python -m bench.answers --data BENCH_DATA [--cache ~/.answerable/cache] [--work FOLDER] [--fit]

Answerable: XQuAD questions with their paragraph in the index. Unanswerable: the same questions with it taken out (other
paragraphs of the article stay), and SciFact claims, which are off the subject. `--fit` prints weights for
`app/abstention.py`, learnt on all of them; figures are from five folds over questions otherwise, so that no question
is scored by weights that saw it. The sample help centre, which nothing is learnt from, is scored with the weights as
they stand in the code.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.abstention import FEATURES, THRESHOLD
from app.execution.passages import search
from app.values import ScrubbedPassages
from app.verbalising.extractive import Reading, read
from bench.corpus import Corpus, build, documents_in, documents_of
from bench.retrieval import questions_of, relevant_of
from ingest.embedder import DEFAULT_MODEL, Embedder, open_embedder

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample"
OFF_TOPIC = 300  # SciFact claims


@dataclass(frozen=True, slots=True)
class Case:
    """One question read: `group` keeps the two readings of a question in one fold."""

    group: int
    answerable: bool
    reading: Reading
    right: bool
    milliseconds: float
    off_topic: bool = False


def read_case(
    text: str, corpus: Corpus, embedder: Embedder, *, without: frozenset[str] = frozenset()
) -> tuple[Reading, float]:
    """The reading of a question as if the documents `without` were not in the index, and its milliseconds."""
    vector = embedder.embed_query(text)
    found = search(text, corpus, embedder, sources=None, visibilities=("public",), k=20, vector=vector)
    passages = tuple(passage for passage in found if passage.document not in without)[:10]
    start = time.perf_counter()
    reading = read(text, ScrubbedPassages(passages=passages), embedder, vector=vector)
    milliseconds = (time.perf_counter() - start) * 1000
    if "unit_cosine" not in reading.features:
        thorough = read(text, ScrubbedPassages(passages=passages), embedder, vector=vector, thorough=True)
        reading = replace(reading, features=thorough.features)
    return reading, milliseconds


def cases_of(root: Path, corpus: Corpus, embedder: Embedder) -> list[Case]:
    """All readings of the development sets."""
    relevant = relevant_of(root / "xquad_en")
    cases = []
    for group, question in enumerate(questions_of(root / "xquad_en")):
        answers = [answer.casefold() for answer in question["answers"]]
        for without in (frozenset[str](), frozenset(relevant[question["id"]])):
            reading, milliseconds = read_case(question["text"], corpus, embedder, without=without)
            right = any(answer in reading.text.casefold() for answer in answers)
            cases.append(Case(group, not without, reading, right, milliseconds))
    for claim in questions_of(root / "scifact")[:OFF_TOPIC]:
        reading, milliseconds = read_case(claim["text"], corpus, embedder)
        cases.append(Case(len(cases), False, reading, False, milliseconds, off_topic=True))
    return cases


def fitted(features: NDArray[np.float64], labels: NDArray[np.float64], ridge: float = 1.0) -> NDArray[np.float64]:
    """Logistic regression by Newton's method: bias and weights, float64[1 + n]."""
    design = np.c_[np.ones(len(features)), features]
    penalty = np.eye(design.shape[1]) * ridge
    penalty[0, 0] = 0.0
    weights = np.zeros(design.shape[1])
    for _ in range(30):
        chance = 1 / (1 + np.exp(-design @ weights))
        slope = design.T @ (labels - chance) - penalty @ weights
        weights += np.linalg.solve((design * (chance * (1 - chance))[:, None]).T @ design + penalty, slope)
    return weights


def scores_by_fold(cases: list[Case]) -> NDArray[np.float64]:
    """The score of each case from weights learnt on the other four fifths of the questions."""
    features, labels = arrays(cases)
    folds = np.array([case.group // 50 % 5 for case in cases])
    scores = np.zeros(len(cases))
    for fold in range(5):
        weights = fitted(features[folds != fold], labels[folds != fold])
        scores[folds == fold] = weights[0] + features[folds == fold] @ weights[1:]
    return scores


def arrays(cases: list[Case]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features float64[n, features] and labels float64[n]."""
    features = np.array([[case.reading.features[name] for name in FEATURES] for case in cases])
    return features, np.array([float(case.answerable) for case in cases])


def separation(scores: NDArray[np.float64], cases: list[Case]) -> dict[str, float]:
    """Area under the curve; the share of questions without their paragraph refused, by share of the others answered."""
    labels = np.array([case.answerable for case in cases])
    hard = np.array([not case.answerable and not case.off_topic for case in cases])
    ranks = np.empty(len(scores))
    ranks[np.argsort(scores)] = np.arange(1, len(scores) + 1)
    positive, negative = labels.sum(), (~labels).sum()
    area = (ranks[labels].sum() - positive * (positive + 1) / 2) / (positive * negative)
    refused = {
        f"refused_at_{100 - share}": round(float((scores[hard] < np.percentile(scores[labels], share)).mean()), 4)
        for share in (5, 10, 20)
    }
    return {"auc": round(float(area), 4), **refused}


def sample_figures(corpus: Corpus, embedder: Embedder) -> dict[str, float]:
    """The sample help centre's document questions: right, wrong and refused at the threshold in the code."""
    rows = [json.loads(line) for line in (SAMPLE / "questions.jsonl").read_text(encoding="utf-8").splitlines()]
    right = wrong = refused = turned_down = unanswerable = 0
    for row in (row for row in rows if row["category"] in ("documents", "unanswerable")):
        reading, _ = read_case(row["question"], corpus, embedder)
        answered = reading.confidence >= THRESHOLD
        if row["category"] == "unanswerable":
            unanswerable += 1
            turned_down += not answered
            continue
        shown = " ".join([reading.text, *(citation.quote for citation in reading.citations)]).casefold()
        wanted = [[each] if isinstance(each, str) else each for each in row["expect"]["contains"]]
        holds = all(any(option.casefold() in shown for option in options) for options in wanted)
        right, wrong, refused = right + (answered and holds), wrong + (answered and not holds), refused + (not answered)
    return {
        "right": right,
        "wrong": wrong,
        "refused": refused,
        "unanswerable_refused": turned_down,
        "unanswerable": unanswerable,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default=os.environ.get("ANSWERABLE_BENCH_DATA"))
    parser.add_argument("--cache", type=Path, default=Path("~/.answerable/cache").expanduser())
    parser.add_argument("--work", type=Path, default=None)
    parser.add_argument("--fit", action="store_true")
    options = parser.parse_args()
    root = Path(options.data or "") / "retrieval"
    if not root.is_dir():
        sys.exit(f"no retrieval sets in {root.parent}: pass --data or set ANSWERABLE_BENCH_DATA")
    embedder = open_embedder(DEFAULT_MODEL, options.cache)
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        corpus = build(work / "xquad_en", documents_of(root / "xquad_en" / "corpus.jsonl"), embedder)
        sample = build(work / "help-centre", documents_in(SAMPLE / "help-centre"), embedder)
        cases = cases_of(root, corpus, embedder)
        answerable = [case for case in cases if case.answerable]
        result = {
            "answer_in_text": round(statistics.mean(case.right for case in answerable), 4),
            "characters_p50": statistics.median(len(case.reading.text) for case in answerable),
            "read_ms_p50": round(statistics.median(case.milliseconds for case in answerable), 2),
            "five_folds": separation(scores_by_fold(cases), cases),
            "as_in_code": separation(np.array([case.reading.confidence for case in cases]), cases)
            | at_threshold(cases),
            "sample": sample_figures(sample, embedder),
        }
    json.dump(result, sys.stdout, indent=1)
    print()
    if options.fit:
        print_weights(cases)


def print_weights(cases: list[Case]) -> None:
    """Weights learnt on all cases, and the confidences that given shares of the answerable reach, by five folds."""
    chances = scores_by_fold(cases)
    for percent in (5, 10):
        least = np.percentile([c for c, case in zip(chances, cases, strict=True) if case.answerable], percent)
        print(f"{100 - percent} % of the answerable: confidence {1 / (1 + np.exp(-least)):.2f}")
    features, labels = arrays(cases)
    for name, columns in (("", features), ("QUICK_", features[:, :-1])):
        weights = fitted(columns, labels)
        print(f"{name}BIAS = {weights[0]:.2f}")
        named = zip(FEATURES, weights[1:], strict=False)
        print(f"{name}WEIGHTS =", json.dumps({feature: round(float(weight), 2) for feature, weight in named}))


def at_threshold(cases: list[Case]) -> dict[str, float]:
    """Shares answered and refused with the threshold in the code."""
    answered = [case.reading.confidence >= THRESHOLD for case in cases]
    return {
        "answered": round(statistics.mean(a for a, c in zip(answered, cases, strict=True) if c.answerable), 4),
        "refused": round(statistics.mean(not a for a, c in zip(answered, cases, strict=True) if not c.answerable), 4),
    }


if __name__ == "__main__":
    main()
