"""How likely a plan is right: gradient-boosted trees over `app.planning.features`, calibrated on databases held out.

The weights in `ranker.json` are learnt by `bench/train_ranker.py` from Spider (CC BY-SA 4.0).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import msgspec

WEIGHTS = Path(__file__).with_name("ranker.json")

RANK_FEATURES = ("rank", "candidates", "gap_to_top", "gap_to_second", "empty")
"""Features that a candidate has only among the others, or once it has been run."""

SUMMED_BESIDE = 0.85
"""Trust left in a sum under a condition on rows that only share a parent with the summed ones.

"Pieces returned because they were faulty" is not the pieces of orders with a faulty return; Spider has too few such
questions to learn it from.
"""


UNNAMED_BESIDE = 0.6
"""Trust left in rows of a table that the question does not name, chosen by rows of another one.

"What does express shipping cost?" is not the price of the products in express orders.
"""


class Tree(msgspec.Struct, frozen=True):
    """One regression tree; node 0 is the root. A leaf has feature -1 and its value in `threshold`."""

    feature: tuple[int, ...]
    threshold: tuple[float, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]

    def value(self, row: Sequence[float]) -> float:
        """The leaf's value that a row falls into: left if its feature is at most the threshold."""
        node = 0
        feature, threshold = self.feature, self.threshold
        while feature[node] >= 0:
            node = self.left[node] if row[feature[node]] <= threshold[node] else self.right[node]
        return threshold[node]


class Ranker(msgspec.Struct, frozen=True):
    """The learnt model. `slope` and `offset` calibrate the log-odds of the best candidate of a question."""

    features: tuple[str, ...]
    bias: float
    slope: float
    offset: float
    trees: tuple[Tree, ...]
    trained_on: str = ""

    def log_odds(self, found: Mapping[str, float]) -> float:
        """Calibrated log-odds that a candidate with these features is right; a feature left out is 0."""
        row = [found.get(name, 0.0) for name in self.features]
        return self.slope * (self.bias + sum(tree.value(row) for tree in self.trees)) + self.offset

    def probability(self, found: Mapping[str, float]) -> float:
        """Probability in (0, 1) that a candidate with these features is right."""
        likely = 1 / (1 + math.exp(-max(-30.0, min(30.0, self.log_odds(found)))))
        likely *= SUMMED_BESIDE if found.get("siblings") and found.get("sum") else 1.0
        return likely * UNNAMED_BESIDE if found.get("related") and found.get("base_unnamed") else likely


def among(guesses: Sequence[float]) -> list[dict[str, float]]:
    """The features that candidates have among each other, from their first guesses, best first."""
    if not guesses:
        return []
    second = guesses[0] - guesses[1] if len(guesses) > 1 else 1.0
    return [
        {
            "rank": float(rank),
            "candidates": float(len(guesses)),
            "gap_to_top": guesses[0] - guess,
            "gap_to_second": second,
        }
        for rank, guess in enumerate(guesses)
    ]


@lru_cache(maxsize=1)
def ranker() -> Ranker:
    """The packaged model."""
    return msgspec.json.decode(WEIGHTS.read_bytes(), type=Ranker)
