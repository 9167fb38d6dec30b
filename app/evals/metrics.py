"""Counts of outcomes with their uncertainty, and latencies."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

import msgspec

from app.evals.row_comparison import same_rows

__all__ = ["OUTCOMES", "Interval", "Outcome", "Tally", "percentile", "same_rows", "tally", "wilson"]

Outcome: TypeAlias = Literal["right", "wrong", "refused", "failed"]
"""`refused`: no answer, where another outcome was due; `failed`: an error in place of an answer."""
OUTCOMES: tuple[Outcome, ...] = ("right", "wrong", "refused", "failed")
Z_95 = 1.959963984540054
"""Two-sided 95 % quantile of the standard normal distribution."""


class Interval(msgspec.Struct, frozen=True):
    """A confidence interval of a share, in [0, 1]."""

    low: float
    high: float


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How many cases had which outcome, and the share of right ones with its 95 % interval."""

    cases: int
    right: int
    wrong: int
    refused: int
    failed: int
    share_right: float
    interval: Interval


def tally(outcomes: Iterable[Outcome]) -> Tally:
    """Count outcomes."""
    counts: dict[Outcome, int] = dict.fromkeys(OUTCOMES, 0)
    for outcome in outcomes:
        counts[outcome] += 1
    total = sum(counts.values())
    return Tally(
        cases=total,
        right=counts["right"],
        wrong=counts["wrong"],
        refused=counts["refused"],
        failed=counts["failed"],
        share_right=counts["right"] / total if total else 0.0,
        interval=wilson(counts["right"], total),
    )


def wilson(successes: int, trials: int) -> Interval:
    """Wilson's 95 % score interval (E. B. Wilson, 1927), which holds for few cases and shares near 0 and 1."""
    if trials == 0:
        return Interval(0.0, 1.0)
    share = successes / trials
    scale = 1 + Z_95**2 / trials
    centre = (share + Z_95**2 / (2 * trials)) / scale
    half = Z_95 * math.sqrt(share * (1 - share) / trials + Z_95**2 / (4 * trials**2)) / scale
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == trials else min(1.0, centre + half)
    return Interval(low, high)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed (nearest rank); 0 for no values."""
    if not values:
        return 0.0
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
