from __future__ import annotations

import pytest

from app.evals.metrics import percentile, tally, wilson


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        # known values of the interval at z = 1.96
        (0, 10, 0.0, 0.27753),
        (5, 10, 0.23659, 0.76341),
        (10, 10, 0.72247, 1.0),
        (81, 100, 0.72224, 0.87487),
        (0, 0, 0.0, 1.0),
    ],
)
def test_wilson(successes: int, trials: int, low: float, high: float) -> None:
    interval = wilson(successes, trials)
    assert (interval.low, interval.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_outcomes_are_counted_apart() -> None:
    counts = tally(["right", "right", "wrong", "refused", "failed"])
    assert (counts.cases, counts.right, counts.wrong, counts.refused, counts.failed) == (5, 2, 1, 1, 1)
    assert counts.share_right == pytest.approx(0.4)


def test_percentiles_are_values_that_occurred() -> None:
    values = [float(v) for v in range(1, 21)]
    assert (percentile(values, 0.5), percentile(values, 0.95), percentile([], 0.5)) == (10, 19, 0)
