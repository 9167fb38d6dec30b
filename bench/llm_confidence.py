"""Fit the weights of a model's confidence to what a model did: `WEIGHTS` in `app/planning/llm_confidence.py`.

    answerable eval text2sql --planner llm --data Q.jsonl --source-dir DBS --out FOLDER
    python -m bench.llm_confidence FOLDER/report.json [MORE/report.json …]

A logistic regression of "the rows were right" on the recorded facts, drawn to the packaged weights (a Gaussian prior of
variance 1 about them): with few cases little moves. Prints the weights to put there, and how well both are calibrated,
the fitted ones on databases held out in turn. Facts that a model never showed keep their packaged weight.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from app.planning.llm_confidence import WEIGHTS

NAMES = tuple(WEIGHTS)
PRIOR = np.array([WEIGHTS[name] for name in NAMES])
STEPS = 50
FOLDS = 5
LEAST_CASES = 50
"""Cases under which a fit says nothing."""


def cases_of(report: dict[str, Any]) -> list[tuple[str, list[float], bool]]:
    """(database, facts, right) of every case whose statement ran."""
    return [
        (case["db"], [case["facts"][name] for name in NAMES], case["unrestrained"] == "right")
        for case in report["results"]
        if case["facts"]
    ]


def fitted(facts: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Weights (float64[facts]) that maximise the posterior, by Newton's method."""
    weights = PRIOR.copy()
    for _ in range(STEPS):
        likely = probabilities(facts, weights)
        gradient = facts.T @ (right - likely) - (weights - PRIOR)
        hessian = facts.T @ (facts * (likely * (1 - likely))[:, None]) + np.eye(len(NAMES))
        step = np.linalg.solve(hessian, gradient)
        weights = weights + step
        if np.abs(step).max() < 1e-9:
            break
    return weights


def probabilities(facts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Probability (float64[cases]) of being right."""
    return 1 / (1 + np.exp(-np.clip(facts @ weights, -30, 30)))


def held_out(databases: Sequence[str], facts: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Probabilities of each case by weights fitted without its database's fold."""
    order = {name: number % FOLDS for number, name in enumerate(sorted(set(databases)))}
    folds = np.array([order[name] for name in databases])
    found = np.empty(len(right))
    for fold in range(FOLDS):
        rest = folds != fold
        found[~rest] = probabilities(facts[~rest], fitted(facts[rest], right[rest]))
    return found


def calibration_error(likely: np.ndarray, right: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error over bins of equal width (Naeini et al., AAAI 2015)."""
    at = np.minimum((likely * bins).astype(int), bins - 1)
    gaps = [
        abs(likely[at == b].mean() - right[at == b].mean()) * (at == b).mean() for b in range(bins) if (at == b).any()
    ]
    return float(sum(gaps))


def main() -> None:
    """Print the fitted weights and how well they are calibrated."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", nargs="+", type=Path)
    arguments = parser.parse_args()
    cases = [case for path in arguments.reports for case in cases_of(json.loads(path.read_text(encoding="utf-8")))]
    if len(cases) < LEAST_CASES:
        sys.exit(f"{len(cases)} statements ran; a fit needs at least {LEAST_CASES}")
    databases, rows, outcomes = zip(*cases, strict=True)
    facts, right = np.array(rows), np.array(outcomes, dtype=float)
    ours, theirs = probabilities(facts, PRIOR), held_out(databases, facts, right)
    figures = {
        "cases": len(cases),
        "right": float(right.mean()),
        "packaged calibration error": calibration_error(ours, right),
        "fitted calibration error (held out)": calibration_error(theirs, right),
        "packaged Brier score": float(((ours - right) ** 2).mean()),
        "fitted Brier score (held out)": float(((theirs - right) ** 2).mean()),
        "weights": {name: round(float(w), 3) for name, w in zip(NAMES, fitted(facts, right), strict=True)},
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
