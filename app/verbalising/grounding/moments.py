"""The dates, times and relative periods that a text gives."""

# ruff: noqa: E501 - word lists read better unwrapped
from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from app.planning.dates import MONTHS as ENGLISH

_OTHERS = "januar februar märz april mai juni juli august september oktober november dezember|enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre|janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
MONTHS = ENGLISH | {name: number for names in _OTHERS.split("|") for number, name in enumerate(names.split(), 1)}
_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_DAY = r"(?P<d>0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th|\.)?"
_YEAR = r"(?P<y>(?:1[89]|20)\d\d)"
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        r"(?<!\d)(?P<y>(?:1[89]|20)\d\d)-(?P<m>0[1-9]|1[0-2])(?:-(?P<d>0[1-9]|[12]\d|3[01]))?(?:[T ]\d\d:\d\d(?::\d\d)?)?(?!\d)",
        r"(?<!\d)(?P<d>0?[1-9]|[12]\d|3[01])\.(?P<m>0?[1-9]|1[0-2])\.(?P<y>(?:1[89]|20)\d\d)(?!\d)",
        rf"(?<![\w.]){_DAY}\s(?:of\s|de\s)?(?P<name>{_MONTH})\b\.?(?:,?\s(?:de\s)?{_YEAR})?\b",
        rf"\b(?P<name>{_MONTH})\b\.?\s{_DAY}(?![\w:.]|,\d)(?:,?\s{_YEAR})?",
        rf"\b(?P<name>{_MONTH})\b\.?(?:,?\s(?:of\s|de\s)?{_YEAR}\b)?",
        r"\b(?:Q(?P<q>[1-4])|(?P<nth>first|second|third|fourth|1st|2nd|3rd|4th) quarter)(?:,?\s(?:of\s)?(?P<y>(?:1[89]|20)\d\d))?\b",
        r"(?<![\w.,€$£-])(?P<y>(?:1[89]|20)\d\d)(?![\w%€$£]|[.,]\d|-\d)",
    )
)
_NTH = {"first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4}
_AMBIGUOUS = frozenset({"may", "mar", "mars", "march", "mai", "jan", "sep", "dec", "august", "mayo", "avril", "april"})
"""Words and names besides months: read as months only with a capital letter."""
_CLOCK = re.compile(
    r"(?<![\d.:])(?P<h>\d{1,2})(?:(?::(?P<min>\d{2})(?![:.]?\d))(?:\s?(?P<half>[ap])\.?m\b\.?|\s?(?:Uhr|h)\b)?|(?:\.(?P<min2>\d{2}))?\s?(?P<half2>[ap])\.?m\b\.?|\s?(?:Uhr|o[’']clock)\b)",
    re.IGNORECASE,
)
_RELATIVE = re.compile(
    r"\b(?:today|yesterday|tomorrow|tonight|(?:mon|tues|wednes|thurs|fri|satur|sun)days?|weekends?|weekdays?|midnight|noon|christmas|easter"
    r"|(?:last|next|this|previous|current|past|coming) (?:week|month|year|quarter|season|winter|summer|spring|autumn|night)|heute|gestern|morgen|(?:mon|diens|mitt|donners|frei|sams|sonn)(?:tags?|woch))\b",
    re.IGNORECASE,
)


class Moment(msgspec.Struct, frozen=True):
    """A date as far as it is told, in a quarter, or `minute` of the day; or `words` that only mean one when said."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    quarter: int | None = None
    minute: int | None = None
    words: str = ""

    def is_within(self, other: Moment) -> bool:
        """Whether what this tells, the other tells too: "March 2025" of 3 March 2025."""
        if self.quarter is not None and other.quarter is None and other.month is not None:
            other = msgspec.structs.replace(other, quarter=(other.month + 2) // 3)
        told = (self.year, self.month, self.day, self.quarter, self.minute)
        known = (other.year, other.month, other.day, other.quarter, other.minute)
        return self.words == other.words and all(a is None or a == b for a, b in zip(told, known, strict=True))


def moments(text: str) -> tuple[list[tuple[int, Moment]], str]:
    """The moments of a text with where they begin, and the text with spaces in their place (as long as it was)."""
    found: list[tuple[int, Moment]] = []
    for pattern in (_CLOCK, *_FORMS, _RELATIVE):
        for match in list(pattern.finditer(text)):
            moment = _clock(match) if pattern is _CLOCK else _moment(match, text)
            if moment is not None:
                found.append((match.start(), moment))
                text = text[: match.start()] + " " * (match.end() - match.start()) + text[match.end() :]
    return sorted(found, key=lambda each: each[0]), text


def _clock(match: re.Match[str]) -> Moment | None:
    hour, minute = int(match["h"]), int(match["min"] or match["min2"] or 0)
    half = (match["half"] or match["half2"] or "").casefold()
    if hour > 24 or minute > 59 or (half and hour > 12):
        return None
    hour = hour % 12 + (12 if half == "p" else 0) if half else hour
    return Moment(minute=hour * 60 + minute)


def _moment(match: re.Match[str], text: str) -> Moment | None:
    given = match.groupdict()
    if not given:
        return Moment(words=match.group().casefold().removesuffix("s"))
    name = given.get("name")
    if name is not None and not _is_month(name, match, text):
        return None
    month = MONTHS[name.casefold()] if name else int(given["m"]) if given.get("m") else None
    quarter = int(given["q"]) if given.get("q") else _NTH[given["nth"].casefold()] if given.get("nth") else None
    year, day = given.get("y"), given.get("d")
    return Moment(year=int(year) if year else None, month=month, day=int(day) if day else None, quarter=quarter)


def _is_month(name: str, match: re.Match[str], text: str) -> bool:
    """Whether a month's name is one here: "may" is a verb, and "May" one at the beginning of a question."""
    if match.groupdict().get("d") or match.groupdict().get("y"):
        return True
    begins = not text[: match.start()].strip() or text[: match.start()].rstrip()[-1:] in ".?!:"
    return name.casefold() not in _AMBIGUOUS or (name[0].isupper() and not begins)


def ungrounded(claimed: list[Moment], given: list[Moment]) -> Iterator[Moment]:
    """The moments claimed that none of those given holds."""
    for moment in claimed:
        if not any(moment.is_within(other) for other in given):
            yield moment
