"""Extractive answers and abstention: how often the answer is in the text, and how well refusing works.

    python -m bench.answers --data BENCH_DATA [--cache ~/.answerable/cache] [--work FOLDER] [--fit] [--curve FILE.svg]

Measured on the mixed set of `bench/answer_sets.py`: encyclopaedic paragraphs and annual reports, each question with the
text that answers in the index and with it taken out, and claims that are off the subject. `--fit` prints weights for
`app/abstention.py`, learnt on all but the reports; figures are from five folds over questions otherwise, so that no
question is scored by weights that saw it. The reports are held out to see whether the weights carry over: learnt on
them, too, they do worse on help pages, as among one report's few paragraphs all are much alike. The sample help
centre, which nothing is learnt from, is scored with the weights as they stand in the code. `--curve` draws the risk at
every coverage with the weights of the five folds; the table of it is in the JSON: how much is answered, and how much of
that wrongly, at some thresholds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.abstention import FEATURES, THRESHOLD
from app.evals.metrics import Outcome
from app.evals.risk_coverage import curve_svg, risk_coverage
from app.values import Passage, ScrubbedPassages
from app.verbalising.extractive import Reading, read
from bench.answer_sets import Asking, askings, found
from bench.corpus import Corpus, build, documents_in
from ingest.embedder import DEFAULT_MODEL, Embedder, open_embedder

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample"
HELD_OUT = "tatqa"
"""The set that no weights are learnt on."""
SHOWN = (0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Thresholds of the table of risk and coverage."""


@dataclass(frozen=True, slots=True)
class Case:
    """One question read."""

    asking: Asking
    reading: Reading
    milliseconds: float

    @property
    def right(self) -> bool:
        """Whether one of the answers is in the text."""
        return any(answer in self.reading.text.casefold() for answer in self.asking.answers)


def read_case(text: str, passages: tuple[Passage, ...], embedder: Embedder) -> tuple[Reading, float]:
    """The reading of a question over what was found, and its milliseconds."""
    vector = embedder.embed_query(text)
    start = time.perf_counter()
    reading = read(text, ScrubbedPassages(passages=passages), embedder, vector=vector)
    milliseconds = (time.perf_counter() - start) * 1000
    if "unit_cosine" not in reading.features:
        thorough = read(text, ScrubbedPassages(passages=passages), embedder, vector=vector, thorough=True)
        reading = replace(reading, features=thorough.features)
    return reading, milliseconds


def cases_of(data: Path, work: Path, embedder: Embedder) -> list[Case]:
    """All readings of the mixed set."""
    return [Case(each, *read_case(each.text, each.passages, embedder)) for each in askings(data, work, embedder)]


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


def scores_by_fold(cases: Sequence[Case]) -> NDArray[np.float64]:
    """The confidence in each case from weights learnt on the other four fifths of the questions."""
    features, labels = arrays(cases)
    folds = np.array([case.asking.group // 50 % 5 for case in cases])
    learnt = np.array([case.asking.set != HELD_OUT for case in cases])
    scores = np.zeros(len(cases))
    for fold in range(5):
        chosen = learnt & (folds != fold)
        weights = fitted(features[chosen], labels[chosen])
        scores[folds == fold] = weights[0] + features[folds == fold] @ weights[1:]
    return 1 / (1 + np.exp(-scores))


def arrays(cases: Sequence[Case]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features float64[n, features] and labels float64[n]."""
    features = np.array([[case.reading.features[name] for name in FEATURES] for case in cases])
    return features, np.array([float(case.asking.answerable) for case in cases])


def separation(scores: NDArray[np.float64], cases: Sequence[Case]) -> dict[str, float]:
    """Area under the curve; the share of questions without their paragraph refused, by share of the others answered."""
    labels = np.array([case.asking.answerable for case in cases])
    hard = np.array([not case.asking.answerable and not case.asking.off_topic for case in cases])
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
        reading, _ = read_case(row["question"], found(row["question"], corpus, embedder), embedder)
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
    parser.add_argument("--curve", type=Path, default=None)
    options = parser.parse_args()
    root = Path(options.data or "")
    if not (root / "retrieval").is_dir():
        sys.exit(f"no retrieval sets in {root}: pass --data or set ANSWERABLE_BENCH_DATA")
    embedder = open_embedder(DEFAULT_MODEL, options.cache)
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        cases = cases_of(root, work, embedder)
        sample = build(work / "help-centre", documents_in(SAMPLE / "help-centre"), embedder)
        chances = scores_by_fold(cases)
        curve = risk_coverage(list(zip(chances.tolist(), map(outcome, cases), strict=True)))
        result = {name: figures(name, cases, chances) for name in ("xquad", "tatqa", "all")} | {
            "off_topic_refused": refused_off_topic(cases),
            "risk_coverage": [
                {"threshold": least, **shares}
                for least in SHOWN
                if (shares := shares_at(least, cases, chances)) is not None
            ],
            "sample": sample_figures(sample, embedder),
        }
    if options.curve is not None:
        options.curve.write_text(curve_svg(curve, THRESHOLD), encoding="utf-8")
    json.dump(result, sys.stdout, indent=1)
    print()
    if options.fit:
        print_weights(cases)


def refused_off_topic(cases: Sequence[Case]) -> float:
    """Share of the questions off the subject that are refused with the weights and the threshold in the code."""
    return round(statistics.mean(c.reading.confidence < THRESHOLD for c in cases if c.asking.off_topic), 4)


def outcome(case: Case) -> Outcome:
    """What answering would be: right only if the answer is in the text."""
    return "right" if case.right else "wrong"


def figures(name: str, cases: Sequence[Case], chances: NDArray[np.float64]) -> dict[str, object]:
    """The measures of one set of questions, or of all."""
    chosen = [at for at, case in enumerate(cases) if name in ("all", case.asking.set)]
    mine = [cases[at] for at in chosen]
    answerable = [case for case in mine if case.asking.answerable]
    return {
        "questions": len(mine),
        "answer_in_text": round(statistics.mean(case.right for case in answerable), 4),
        "characters_p50": statistics.median(len(case.reading.text) for case in answerable),
        "read_ms_p50": round(statistics.median(case.milliseconds for case in answerable), 2),
        "five_folds": separation(chances[chosen], mine),
        "as_in_code": separation(np.array([case.reading.confidence for case in mine]), mine) | at_threshold(mine),
    }


def shares_at(least: float, cases: Sequence[Case], chances: NDArray[np.float64]) -> dict[str, float] | None:
    """Coverage and risk of answering from a confidence on; None where nothing reaches it."""
    answered = [case for case, chance in zip(cases, chances, strict=True) if chance >= least]
    if not answered:
        return None
    return {
        "coverage": round(len(answered) / len(cases), 4),
        "risk": round(statistics.mean(not case.right for case in answered), 4),
        "answerable_answered": round(
            sum(case.asking.answerable for case in answered) / sum(case.asking.answerable for case in cases), 4
        ),
    }


def print_weights(cases: list[Case]) -> None:
    """Weights learnt on all cases but those held out; the confidences that shares of the answerable reach, by folds."""
    chances = scores_by_fold(cases)
    for percent in (5, 10):
        least = np.percentile([c for c, case in zip(chances, cases, strict=True) if case.asking.answerable], percent)
        print(f"{100 - percent} % of the answerable: confidence {least:.2f}")
    features, labels = arrays([case for case in cases if case.asking.set != HELD_OUT])
    for name, columns in (("", features), ("QUICK_", features[:, :-1])):
        weights = fitted(columns, labels)
        print(f"{name}BIAS = {weights[0]:.2f}")
        named = zip(FEATURES, weights[1:], strict=False)
        print(f"{name}WEIGHTS =", json.dumps({feature: round(float(weight), 2) for feature, weight in named}))


def at_threshold(cases: Sequence[Case]) -> dict[str, float]:
    """Shares answered and refused with the threshold in the code."""
    answered = [case.reading.confidence >= THRESHOLD for case in cases]
    return {
        "answered": round(statistics.mean(a for a, c in zip(answered, cases, strict=True) if c.asking.answerable), 4),
        "refused": round(
            statistics.mean(not a for a, c in zip(answered, cases, strict=True) if not c.asking.answerable), 4
        ),
    }


if __name__ == "__main__":
    main()
