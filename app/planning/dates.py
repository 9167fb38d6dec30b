"""Periods in questions: "in March 2025", "Q2 2025", "last month", "since 2024-03-01", "the past 30 days".

A period is half-open: from the first day to the first day after. All relative words count from a given day.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal, TypeAlias

import msgspec
from dateutil.relativedelta import relativedelta

from app.planning.tokens import Token

Unit: TypeAlias = Literal["day", "week", "month", "quarter", "year"]

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sep sept",
            "october oct",
            "november nov",
            "december dec",
        ),
        1,
    )
    for name in names.split()
}
UNITS: dict[str, Unit] = {
    "day": "day",
    "days": "day",
    "week": "week",
    "weeks": "week",
    "month": "month",
    "months": "month",
    "quarter": "quarter",
    "quarters": "quarter",
    "year": "year",
    "years": "year",
}
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4}


class Period(msgspec.Struct, frozen=True):
    """Days from `start` (inclusive) to `end` (exclusive); an open side is None. `label` is how to say it."""

    start: date | None
    end: date | None
    label: str
    year_only: bool = False
    """A bare year, which may also be meant as a number."""
    parts: tuple[Period, Period] | None = None
    """The two periods that "from … to …" named, for a question about the change between them."""


def add_unit(day: date, unit: Unit, count: int) -> date:
    """The day `count` units later."""
    months = {"month": 1, "quarter": 3, "year": 12}
    if unit in months:
        return day + relativedelta(months=months[unit] * count)
    return day + timedelta(days=count * (7 if unit == "week" else 1))


def floor_unit(day: date, unit: Unit) -> date:
    """The first day of the unit that `day` lies in (weeks start on Monday)."""
    if unit == "week":
        return day - timedelta(days=day.weekday())
    if unit == "month":
        return day.replace(day=1)
    if unit == "quarter":
        return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    return day.replace(month=1, day=1) if unit == "year" else day


def unit_period(day: date, unit: Unit, label: str) -> Period:
    """The whole unit that `day` lies in."""
    start = floor_unit(day, unit)
    return Period(start, add_unit(start, unit, 1), label)


class _Reader:
    """Matches one period at a position of the tokens; every `_read_…` returns the period and the next position."""

    def __init__(self, tokens: Sequence[Token], today: date) -> None:
        self.tokens = tokens
        self.today = today

    def word(self, at: int) -> str:
        return self.tokens[at].lower if at < len(self.tokens) else ""

    def year(self, at: int) -> int | None:
        if at < len(self.tokens) and self.tokens[at].kind == "number":
            text = self.tokens[at].text
            if text.isdigit() and len(text) == 4 and 1500 <= int(text) <= 2200:
                return int(text)
        return None

    def small(self, at: int, most: int) -> int | None:
        text = self.word(at)
        for ending in ("st", "nd", "rd", "th"):
            text = text.removesuffix(ending) if text[:-2].isdigit() else text
        return int(text) if text.isdigit() and 1 <= int(text) <= most else None

    def read(self, at: int) -> tuple[Period, int] | None:
        for reader in (
            self.read_iso,
            self.read_day,
            self.read_month,
            self.read_quarter,
            self.read_half,
            self.read_relative,
            self.read_year,
        ):
            found = reader(at)
            if found is not None:
                return found
        return None

    def read_iso(self, at: int) -> tuple[Period, int] | None:
        if at >= len(self.tokens) or self.tokens[at].kind != "iso":
            return None
        try:
            day = date.fromisoformat(self.tokens[at].text)
        except ValueError:
            return None
        return unit_period(day, "day", day.isoformat()), at + 1

    def read_day(self, at: int) -> tuple[Period, int] | None:
        """`March 5, 2025`, `5 March 2025`, `5th of March 2025`."""
        month, number, after = MONTHS.get(self.word(at)), self.small(at + 1, 31), at + 2
        if month is None or number is None:
            number, after = self.small(at, 31), at + 1
            after += self.word(after) == "of"
            month, after = MONTHS.get(self.word(after)), after + 1
        if month is None or number is None:
            return None
        comma = after + (self.word(after) == ",")
        year = self.year(comma)
        after = comma + 1 if year else after
        try:
            day = date(year or self._past_year(month, number), month, number)
        except ValueError:
            return None
        return unit_period(day, "day", f"{day:%d %B %Y}".lstrip("0")), after

    def _past_year(self, month: int, day: int = 1) -> int:
        return self.today.year - ((month, day) > (self.today.month, self.today.day))

    def read_month(self, at: int) -> tuple[Period, int] | None:
        """`March 2025`, `last March`, `March` (the last one that has begun), `2025-03` as two tokens."""
        last = self.word(at) in ("last", "this", "next")
        month = MONTHS.get(self.word(at + last))
        if month is None or (self.word(at) in ("may", "mar", "march", "jun") and not self._may_be_month(at)):
            return None
        after = at + last + 1
        comma = after + (self.word(after) in (",", "of"))
        year = self.year(comma)
        if year:
            after = comma + 1
        elif last and self.word(at) == "this":
            year = self.today.year
        else:
            year = self._past_year(month)
            if last and (year, month) == (self.today.year, self.today.month):
                year -= 1
        start = date(year, month, 1)
        return unit_period(start, "month", f"{start:%B %Y}"), after

    def _may_be_month(self, at: int) -> bool:
        """ "may" is a month only beside a year or after a preposition."""
        before = self.word(at - 1) if at else ""
        return self.year(at + 1) is not None or before in (
            "in",
            "during",
            "since",
            "of",
            "until",
            "from",
            "before",
            "after",
            "to",
            "and",
            "between",
            "last",
            "for",
        )

    def read_quarter(self, at: int) -> tuple[Period, int] | None:
        """`Q2 2025`, `2025 Q2`, `the second quarter of 2025`."""
        word = self.word(at)
        number, after = (
            (int(word[1]), at + 1) if len(word) == 2 and word[0] == "q" and word[1] in "1234" else (None, at)
        )
        if number is None and word in _ORDINALS and self.word(at + 1) == "quarter":
            number, after = _ORDINALS[word], at + 2
        if number is None:
            year = self.year(at)
            follow = self.word(at + 1)
            if year and len(follow) == 2 and follow[0] == "q" and follow[1] in "1234":
                return self._quarter(year, int(follow[1])), at + 2
            return None
        skip = after + (self.word(after) in ("of", "in", ","))
        year = self.year(skip)
        if year:
            return self._quarter(year, number), skip + 1
        year = self.today.year - ((number - 1) * 3 + 1 > self.today.month)
        return self._quarter(year, number), after

    @staticmethod
    def _quarter(year: int, number: int) -> Period:
        return unit_period(date(year, number * 3 - 2, 1), "quarter", f"Q{number} {year}")

    def read_half(self, at: int) -> tuple[Period, int] | None:
        """`H1 2025`, `the first half of 2025`."""
        word = self.word(at)
        number, after = (int(word[1]), at + 1) if word in ("h1", "h2") else (None, at)
        if number is None and word in _ORDINALS and self.word(at + 1) == "half":
            number, after = _ORDINALS[word], at + 2
        if number not in (1, 2):
            return None
        skip = after + (self.word(after) == "of")
        year = self.year(skip)
        if not year:
            return None
        start = date(year, 1 if number == 1 else 7, 1)
        return Period(start, add_unit(start, "month", 6), f"H{number} {year}"), skip + 1

    def read_relative(self, at: int) -> tuple[Period, int] | None:
        word = self.word(at)
        if word in ("today", "yesterday", "tomorrow"):
            day = self.today + timedelta(days={"today": 0, "yesterday": -1, "tomorrow": 1}[word])
            return unit_period(day, "day", day.isoformat()), at + 1
        if word == "year" and self.word(at + 1) == "to" and self.word(at + 2) == "date":
            return Period(floor_unit(self.today, "year"), self.today + timedelta(days=1), "the year to date"), at + 3
        if word not in ("last", "past", "previous", "this", "current", "next", "preceding"):
            return None
        if self.word(at + 1) in UNITS:
            return self._one_unit(word, UNITS[self.word(at + 1)]), at + 2
        count = self.tokens[at + 1].value if at + 1 < len(self.tokens) else None
        if (
            isinstance(count, int)
            and count < 10_000
            and self.word(at + 2) in UNITS
            and word in ("last", "past", "previous", "preceding")
        ):
            unit = UNITS[self.word(at + 2)]
            return self._last_units(unit, count), at + 3
        return None

    def _one_unit(self, word: str, unit: Unit) -> Period:
        shift = {"last": -1, "past": -1, "previous": -1, "preceding": -1, "next": 1}.get(word, 0)
        start = add_unit(floor_unit(self.today, unit), unit, shift)
        label = {
            "year": f"{start.year}",
            "month": f"{start:%B %Y}",
            "day": start.isoformat(),
            "quarter": f"Q{(start.month + 2) // 3} {start.year}",
            "week": f"the week of {start.isoformat()}",
        }[unit]
        return Period(start, add_unit(start, unit, 1), label)

    def _last_units(self, unit: Unit, count: int) -> Period:
        """The last `count` days or weeks end today; the last `count` months, quarters or years are whole and past."""
        if unit in ("day", "week"):
            end = self.today + timedelta(days=1)
            return Period(add_unit(end, unit, -count), end, f"the last {count} {unit}s")
        end = floor_unit(self.today, unit)
        return Period(add_unit(end, unit, -count), end, f"the last {count} {unit}s")

    def read_year(self, at: int) -> tuple[Period, int] | None:
        after = at + (self.word(at) in ("year", "calendar"))
        year = self.year(after)
        if year is None:
            return None
        return Period(date(year, 1, 1), date(year + 1, 1, 1), str(year), year_only=True), after + 1


_SINCE = {"since": "from", "after": "after", "before": "before", "until": "until", "till": "until", "from": "from"}


def read_period(tokens: Sequence[Token], at: int, today: date) -> tuple[Period, int] | None:
    """The period written at position `at` and the position after it; None if there is none.

    Understands `between X and Y`, `from X to Y`, `since X`, `before X`, `after X`, `until X`, `in X` and bare X.
    """
    reader = _Reader(tokens, today)
    word = reader.word(at)
    if word in ("between", "from"):
        first = reader.read(at + 1)
        if first is not None and reader.word(first[1]) in ("and", "to", "until", "through", "till", "-", "–"):
            second = reader.read(first[1] + 1)
            if second is not None:
                label = f"{first[0].label} to {second[0].label}"
                both = first[0].year_only and second[0].year_only
                parts = (first[0], second[0])
                return Period(first[0].start, second[0].end, label, year_only=both, parts=parts), second[1]
    if word in _SINCE:
        found = reader.read(at + 1)
        return (_one_sided(_SINCE[word], found[0]), found[1]) if found is not None else None
    if word in ("in", "during", "on", "of", "for", "over", "within", "throughout"):
        skip = at + 1 + (reader.word(at + 1) == "the")
        return reader.read(skip)
    found = reader.read(at)
    if found is not None and found[0].year_only and reader.word(found[1]) in ("to", "-", "–", "through"):
        second = reader.read_year(found[1] + 1)
        if second is not None:
            label = f"{found[0].label} to {second[0].label}"
            return Period(found[0].start, second[0].end, label, year_only=True), second[1]
    return found


def _one_sided(side: str, period: Period) -> Period:
    if side == "before":
        return Period(None, period.start, f"before {period.label}", period.year_only)
    if side == "until":
        return Period(None, period.end, f"until {period.label}", period.year_only)
    if side == "after":
        return Period(period.end, None, f"after {period.label}", period.year_only)
    return Period(period.start, None, f"since {period.label}", period.year_only)
