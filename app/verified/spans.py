"""Spans of a question that may vary: stored values of a column, numbers, and periods with how they are introduced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import msgspec

from app.planning.dates import Period, read_period
from app.planning.elements import Element
from app.planning.linking import ValueLookup, exact_norms, link
from app.planning.plan import ColumnRef
from app.planning.schema_index import SchemaIndex
from app.planning.tokens import Token
from app.verified.wording_key import compared
from ingest.stores.values import normalise

_LEADS = ("in", "during", "throughout", "within", "on", "of", "for", "over", "from", "between")
_PLAIN_LEADS = frozenset({"in", "during", "throughout", "within"})
_OTHER_DAY = timedelta(days=1200)


class Span(NamedTuple):
    """Tokens from `start` to `end` that hold `value`: a stored value, a number or a period."""

    start: int
    end: int
    value: str | int | float | Period


class Asked(msgspec.Struct, frozen=True):
    """A question read for comparing it with verified ones."""

    tokens: list[Token]
    elements: list[Element]
    forms: list[str | None]
    """Each token's canonical form; None where it may be left out."""
    today: date


def read_question(text: str, index: SchemaIndex, values: ValueLookup | None, today: date) -> Asked:
    """The tokens of a question, what they may mean, and their canonical forms."""
    tokens, elements = link(text, index, values, today)
    return Asked(tokens, elements, compared(tokens, index), today)


def numbers(asked: Asked) -> Iterator[Span]:
    """Numbers in digits or words."""
    for at, token in enumerate(asked.tokens):
        if token.value is not None:
            yield Span(at, at + 1, token.value)


def values_of(asked: Asked, ref: ColumnRef, values: ValueLookup | None) -> Iterator[Span]:
    """Spans that name exactly one stored value of a column."""
    for element in asked.elements:
        for option in element.values if element.kind == "value" else ():
            if (
                option.ref == ref
                and isinstance(option.value, str)
                and _only_one(asked, element, option.value, ref, values)
            ):
                yield Span(element.start, element.end, option.value)


def _only_one(asked: Asked, element: Element, value: str, ref: ColumnRef, values: ValueLookup | None) -> bool:
    """Whether the span names this value of the column and no other: as it is written, else by number or alias."""
    if values is None:
        return False
    norms = exact_norms(asked.tokens[element.start : element.end])
    hits = [hit for hit in values.lookup(norms) if (hit.table, hit.column) == (ref.table, ref.column)]
    as_written = [hit for hit in hits if hit.norm == normalise(element.text)]
    named = {hit.value for hit in as_written or hits}
    return named == {value} or (value in named and element.text == value)


def periods(asked: Asked) -> Iterator[Span]:
    """Periods, with the preposition that introduces them."""
    for element in asked.elements:
        if element.kind == "period" and element.period is not None:
            yield Span(element.start, element.end, element.period)


def introduced(asked: Asked, span: Span) -> str:
    """How a period is introduced, as far as it matters: orders *in* 2024 are not orders *over* 2024.

    Before a month or a relative period, every preposition reads the same; before a bare year only "in", "during",
    "throughout" and "within" do, for the year may be an amount. `since`, `before` and the like are part of the period.
    """
    period = span.value
    assert isinstance(period, Period)
    first = asked.tokens[span.start].lower
    if period.start is None or period.end is None:
        return "from" if first == "from" else "one-sided"
    if first in ("between", "from"):
        return "range"
    if first in _PLAIN_LEADS or not period.year_only:
        return "in"
    return first if first in _LEADS else ""


def relative(asked: Asked, span: Span) -> bool:
    """Whether a period depends on the day of asking: "last month", or "March" without a year."""
    other = read_period(asked.tokens, span.start, asked.today - _OTHER_DAY)
    return other is None or other[0] != span.value


def widest(spans: Sequence[Span]) -> list[Span]:
    """The spans that lie within no other one of the sequence, without repeats."""
    distinct = list(dict.fromkeys(spans))
    return [s for s in distinct if not any(o != s and o.start <= s.start and s.end <= o.end for o in distinct)]
