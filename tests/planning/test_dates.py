from datetime import date

import pytest

from app.planning.dates import read_period
from app.planning.tokens import tokenize

TODAY = date(2026, 6, 30)


def period(question: str):
    tokens = tokenize(question)
    return next((found for at in range(len(tokens)) if (found := read_period(tokens, at, TODAY))), None)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("in March 2025", "2025-03-01", "2025-04-01"),
        ("last March", "2026-03-01", "2026-04-01"),
        ("in November", "2025-11-01", "2025-12-01"),
        ("this January", "2026-01-01", "2026-02-01"),
        ("in Q2 2025", "2025-04-01", "2025-07-01"),
        ("2025 Q3", "2025-07-01", "2025-10-01"),
        ("in the second quarter of 2025", "2025-04-01", "2025-07-01"),
        ("first half of 2025", "2025-01-01", "2025-07-01"),
        ("last month", "2026-05-01", "2026-06-01"),
        ("last year", "2025-01-01", "2026-01-01"),
        ("this quarter", "2026-04-01", "2026-07-01"),
        ("in the last 30 days", "2026-06-01", "2026-07-01"),
        ("over the past two weeks", "2026-06-17", "2026-07-01"),
        ("in the last 3 months", "2026-03-01", "2026-06-01"),
        ("yesterday", "2026-06-29", "2026-06-30"),
        ("on 14 March 2025", "2025-03-14", "2025-03-15"),
        ("on March 5th, 2025", "2025-03-05", "2025-03-06"),
        ("on 2024-02-29", "2024-02-29", "2024-03-01"),
        ("between January 2024 and March 2024", "2024-01-01", "2024-04-01"),
        ("from 2014 to 2016", "2014-01-01", "2017-01-01"),
        ("since 2024-03-01", "2024-03-01", None),
        ("after 2015", "2016-01-01", None),
        ("before March 2024", None, "2024-03-01"),
        ("until 2020", None, "2021-01-01"),
    ],
)
def test_periods_are_half_open_days(text, start, end):
    found, _ = period(text)
    assert (found.start and found.start.isoformat(), found.end and found.end.isoformat()) == (start, end)


@pytest.mark.parametrize("text", ["how may I return it", "the march was long", "2024-13-45", "in 99 days"])
def test_near_misses_are_no_periods(text):
    assert period(text) is None


def test_a_bare_year_may_also_be_a_number():
    assert period("in 2024")[0].year_only
    assert not period("in May 2024")[0].year_only
