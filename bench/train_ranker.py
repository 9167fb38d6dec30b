"""Learns the planner's ranker from judged candidates and says what it reaches on databases it has not seen.

    python -m bench.ranker_data --set spider_fit --out build/bench/spider_fit.jsonl
    python -m bench.ranker_data --set spider_dev --out build/bench/spider_dev.jsonl
    python -m bench.synthetic_questions --set spider_fit --out build/bench/made.jsonl
    python -m bench.ranker_data --questions build/bench/made.jsonl --out build/bench/made_fit.jsonl
    python -m bench.train_ranker build/bench/spider_fit.jsonl build/bench/made_fit.jsonl \
        --check build/bench/spider_dev.jsonl [--write]

Needs scikit-learn (it comes with `answerable[models]`). The trees are fitted on all of the files; the calibration
on their databases in five folds, each predicted by a model that has not seen it. `--write` replaces the packaged
weights.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from app.planning.ranker import WEIGHTS, Ranker, Tree, among

SEED = 20261121
FOLDS = 5
MADE_WEIGHT = 0.4
"""Weight of a made question beside one that a person asked."""
WRONG_SHARES = (0.03, 0.05, 0.08, 0.12)


class Data(NamedTuple):
    """Candidates as rows: features, whether right, database and question of each."""

    names: tuple[str, ...]
    x: np.ndarray
    y: np.ndarray
    database: np.ndarray
    question: np.ndarray
    weight: np.ndarray
    questions: int


def load(paths: Sequence[Path], names: tuple[str, ...] | None = None) -> Data:
    """The judged candidates of files written by `bench.ranker_data`."""
    rows: list[dict[str, float]] = []
    y, databases, questions, weights = [], [], [], []
    lines = [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    for number, line in enumerate(lines):
        candidates: list[dict[str, Any]] = sorted(
            line["candidates"], key=lambda candidate: -candidate["features"]["first_guess"]
        )
        for candidate, relative in zip(
            candidates, among([c["features"]["first_guess"] for c in candidates]), strict=True
        ):
            rows.append({**candidate["features"], **relative, "empty": float(candidate["rows"] == 0)})
            y.append(candidate["right"])
            databases.append(line["db"])
            questions.append(number)
            weights.append(MADE_WEIGHT if line["id"].startswith("made-") else 1.0)
    names = names or tuple(sorted({name for row in rows for name in row}))
    x = np.array([[row.get(name, 0.0) for name in names] for row in rows])
    return Data(names, x, np.array(y), np.array(databases), np.array(questions), np.array(weights), len(lines))


def fitted(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> GradientBoostingClassifier:
    """The model, fitted."""
    model = GradientBoostingClassifier(
        n_estimators=360,
        max_depth=5,
        learning_rate=0.04,
        subsample=0.6,
        min_samples_leaf=25,
        max_features=0.3,
        random_state=SEED,
    )
    return model.fit(x, y, weight)


def best_of_each(log_odds: np.ndarray, data: Data) -> np.ndarray:
    """Indices of each question's best candidate."""
    order = np.lexsort((-log_odds, data.question))
    first = np.unique(data.question[order], return_index=True)[1]
    return order[first]


def calibration(data: Data) -> tuple[float, float]:
    """Slope and offset for the log-odds of best candidates, from predictions of databases left out."""
    held_out = np.zeros(len(data.y))
    for train, test in GroupKFold(FOLDS).split(data.x, data.y, data.database):
        held_out[test] = fitted(data.x[train], data.y[train], data.weight[train]).decision_function(data.x[test])
    best = best_of_each(held_out, data)
    model = LogisticRegression(C=1e6).fit(held_out[best, None], data.y[best], data.weight[best])
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def exported(model: GradientBoostingClassifier, names: Sequence[str], slope: float, offset: float, note: str) -> Ranker:
    """The model as the packaged ranker reads it."""
    prior = float(model.init_.class_prior_[1])
    trees = []
    for (regressor,) in model.estimators_:
        tree = regressor.tree_
        leaf = tree.children_left < 0
        values = np.where(leaf, tree.value[:, 0, 0] * model.learning_rate, tree.threshold)
        trees.append(
            Tree(
                feature=tuple(int(f) if not end else -1 for f, end in zip(tree.feature, leaf, strict=True)),
                threshold=tuple(float(f"{value:.6g}") for value in values),
                left=tuple(map(int, tree.children_left)),
                right=tuple(map(int, tree.children_right)),
            )
        )
    return Ranker(
        tuple(names), round(math.log(prior / (1 - prior)), 6), round(slope, 4), round(offset, 4), tuple(trees), note
    )


def reached(ranker: Ranker, data: Data) -> dict[str, Any]:
    """What is right and wrong when each question's best candidate is answered from a confidence on."""
    found = np.array([ranker.log_odds(dict(zip(data.names, row, strict=True))) for row in data.x])
    best = best_of_each(found, data)
    order = best[np.argsort(-found[best])]
    right = np.cumsum(data.y[order])
    wrong = np.arange(1, len(order) + 1) - right
    confident = 1 / (1 + np.exp(-found[order]))
    report: dict[str, Any] = {"questions": data.questions, "best right": round(float(right[-1]) / data.questions, 4)}
    for share in WRONG_SHARES:
        at = int(np.searchsorted(wrong, share * data.questions, side="right")) - 1
        report[f"right at {share:.0%} wrong"] = round(float(right[at]) / data.questions, 4)
        report[f"confidence at {share:.0%} wrong"] = round(float(confident[at]), 3)
    bins = [(low, low + 0.1) for low in np.arange(0, 1, 0.1)]
    report["calibration"] = {
        f"{low:.1f}-{high:.1f}": [int(inside.sum()), round(float(data.y[order][inside].mean()), 3)]
        for low, high in bins
        if (inside := (confident >= low) & (confident < high)).any()
    }
    return report


def main() -> None:
    """Fit, calibrate, check, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path, nargs="+")
    parser.add_argument("--check", type=Path, nargs="*", default=[])
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    data = load(arguments.train)
    note = f"{', '.join(path.stem for path in arguments.train)}: {data.questions} questions"
    slope, offset = calibration(data)
    ranker = exported(fitted(data.x, data.y, data.weight), data.names, slope, offset, note)
    print(json.dumps({"slope": slope, "offset": offset, "candidates": len(data.y)}))
    for path in arguments.check:
        print(path.stem, json.dumps(reached(ranker, load([path], data.names)), indent=1))
    if arguments.write:
        WEIGHTS.write_bytes(msgspec.json.encode(ranker) + b"\n")


if __name__ == "__main__":
    main()
