"""Whether a question is a verified one with other values, and the statement with those values.

The words outside the parameters must be the same in the same order (`wording_key`); one freedom is that the only period
may stand at the other end of the sentence, where it belongs to the main verb at both. New values are literals put into
the syntax tree at the places of the old ones: text of a question never becomes SQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TypeAlias

import msgspec
from sqlglot import exp

from app.planning.dates import Period, add_unit, floor_unit
from app.planning.linking import ValueLookup
from app.planning.plan import ColumnRef
from app.verified.date_bounds import DateConstraint, date_constraints, written
from app.verified.parameters import period_text
from app.verified.reading import ORDINAL, SqlReading
from app.verified.spans import Asked, Span, introduced, numbers, periods, values_of
from app.verified.values import Parameter, VerifiedQuery

Item: TypeAlias = str | int
"""A word in canonical form, or the position of a parameter."""
Texts: TypeAlias = dict[int, str]
"""Literal position -> its new text."""

MOST_READINGS = 40
"""Assignments of spans to parameters that are looked at for one question."""
_CLAUSES = "who whose whom that which where when while if having not without or never no"
_HELPING = "is are was were be been have has had did do does"
_IRREGULAR = (
    "sold bought sent made paid built held left lost won born met set put cut told found brought kept led spent"
)
_SUBORDINATE, _AUXILIARIES, _PARTICIPLES = (frozenset(words.split()) for words in (_CLAUSES, _HELPING, _IRREGULAR))


class Template(msgspec.Struct, frozen=True):
    """A verified query made ready for matching over one catalog and audience."""

    query: VerifiedQuery
    reading: SqlReading
    items: tuple[Item, ...]
    words: frozenset[str]
    introductions: tuple[str, ...]
    """For each parameter how its period is introduced; empty text for the others."""
    movable: bool
    """The only period is first or last, and may stand at the other end as well."""


class Match(msgspec.Struct, frozen=True):
    """A verified query that a question asks, with the SQL for the question's values."""

    query: VerifiedQuery
    sql: str
    shown: str
    """The verified question with the asker's own values in it."""
    periods: tuple[tuple[ColumnRef, date | None, date | None], ...] = ()
    """Date columns and the days asked of them."""
    changed: bool = False
    """Whether any value differs from the verified one's."""


def template_of(query: VerifiedQuery, asked: Asked, reading: SqlReading) -> Template:
    """The template of a query; `asked` is its own question, read over the same catalog."""
    spans = [_token_span(asked, parameter) for parameter in query.parameters]
    items: list[Item] = []
    at = 0
    while at < len(asked.tokens):
        slot = next((n for n, (start, _) in enumerate(spans) if start == at), None)
        form = asked.forms[at]
        if slot is not None:
            items.append(slot)
        elif form is not None:
            items.append(form)
        at = spans[slot][1] if slot is not None else at + 1
    introductions = tuple(
        _introduction(asked, start, end) if parameter.kind == "period" else ""
        for parameter, (start, end) in zip(query.parameters, spans, strict=True)
    )
    words = frozenset(item for item in items if isinstance(item, str))
    return Template(query, reading, tuple(items), words, introductions, _movable(asked, query.parameters, items))


def matched(template: Template, asked: Asked, values: ValueLookup | None) -> Match | None:
    """The match of a question with a template; None if it asks something else, or could be read in two ways."""
    if not template.words <= {form for form in asked.forms if form is not None}:
        return None
    found: dict[str, Match] = {}
    candidates = [list(_candidates(p, asked, values)) for p in template.query.parameters]
    for items in _orders(template):
        for count, spans in enumerate(_assignments(items, asked, candidates)):
            if count == MOST_READINGS:
                return None
            match = _substituted(template, asked, spans)
            if match is not None:
                found.setdefault(match.sql, match)
        if found:
            break
    return next(iter(found.values())) if len(found) == 1 else None


def _token_span(asked: Asked, parameter: Parameter) -> tuple[int, int]:
    inside = [n for n, t in enumerate(asked.tokens) if parameter.start <= t.start and t.end <= parameter.end]
    return (inside[0], inside[-1] + 1) if inside else (-1, -1)


def _introduction(asked: Asked, start: int, end: int) -> str:
    return next((introduced(asked, s) for s in periods(asked) if (s.start, s.end) == (start, end)), "?")


def _movable(asked: Asked, parameters: Sequence[Parameter], items: Sequence[Item]) -> bool:
    """Whether the only period is at an end of the sentence and can only belong to its main verb.

    "Orders of customers who joined in 2024" is not "in 2024, orders of customers who joined": no subordinate clause and
    no participle without its auxiliary may stand before it.
    """
    slots = [n for n, parameter in enumerate(parameters) if parameter.kind == "period"]
    if len(slots) != 1 or len(items) < 2 or slots[0] not in (items[0], items[-1]):
        return False
    start, end = _token_span(asked, parameters[slots[0]])
    rest = [*asked.tokens[:start], *asked.tokens[end:]]
    words = [token.lower for token in rest if token.kind != "mark"]
    if _SUBORDINATE & set(words[1:]):
        return False
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    return not (last.endswith("ed") or last in _PARTICIPLES) or before in _AUXILIARIES


def _orders(template: Template) -> Iterator[tuple[Item, ...]]:
    items = template.items
    yield items
    if template.movable:
        first = isinstance(items[0], int) and template.query.parameters[items[0]].kind == "period"
        yield (*items[1:], items[0]) if first else (items[-1], *items[:-1])


def _candidates(parameter: Parameter, asked: Asked, values: ValueLookup | None) -> Iterator[Span]:
    if parameter.kind == "number":
        yield from numbers(asked)
    elif parameter.kind == "period":
        yield from periods(asked)
    elif parameter.table is not None and parameter.column is not None:
        yield from values_of(asked, ColumnRef(parameter.table, parameter.column), values)


def _assignments(
    items: Sequence[Item], asked: Asked, candidates: Sequence[Sequence[Span]], at: int = 0
) -> Iterator[dict[int, Span]]:
    """Spans for the parameters such that every other word of the question is the template's."""
    if not items:
        if all(form is None for form in asked.forms[at:]):
            yield {}
        return
    if at >= len(asked.tokens):
        return
    item, form = items[0], asked.forms[at]
    if isinstance(item, int):
        for span in candidates[item]:
            if span.start == at:
                for rest in _assignments(items[1:], asked, candidates, span.end):
                    yield {item: span} | rest
    elif form == item:
        yield from _assignments(items[1:], asked, candidates, at + 1)
    if form is None:
        yield from _assignments(items, asked, candidates, at + 1)


def _substituted(template: Template, asked: Asked, spans: dict[int, Span]) -> Match | None:
    """The statement with the values of the spans; None if one of them does not fit its place."""
    texts: Texts = {}
    asked_of: list[tuple[ColumnRef, date | None, date | None]] = []
    for slot, span in spans.items():
        parameter = template.query.parameters[slot]
        if isinstance(span.value, Period):
            if introduced(asked, span) != template.introductions[slot]:
                return None
            constraints = _constraints_of(template.reading, parameter)
            new = _period_texts(template.reading, constraints, span.value)
            asked_of += [(c.column, span.value.start, span.value.end) for c in constraints if c.column is not None]
        else:
            new = _literal_texts(template.reading, parameter, span.value)
        if new is None:
            return None
        texts |= new
    tree = template.reading.tree.copy()
    changed = False
    for literal in tree.find_all(exp.Literal):
        text = texts.get(literal.meta.get(ORDINAL, -1))
        if text is not None and text != literal.this:
            literal.set("this", text)
            changed = True
    return Match(template.query, tree.sql(dialect="duckdb"), _shown(template, asked, spans), tuple(asked_of), changed)


def _literal_texts(reading: SqlReading, parameter: Parameter, value: str | int | float) -> Texts | None:
    literals = {node.meta[ORDINAL]: node for node in reading.tree.find_all(exp.Literal)}
    new: Texts = {}
    for at in parameter.literals:
        literal = literals.get(at)
        if literal is None or str(literal.this) != parameter.text:
            return None
        if not literal.is_string:
            if not str(value).replace(".", "", 1).isdigit():
                return None
            if isinstance(literal.parent, exp.Limit) and (not isinstance(value, int) or value < 1):
                return None
        new[at] = str(value)
    return new


def _constraints_of(reading: SqlReading, parameter: Parameter) -> list[DateConstraint]:
    return [c for c in date_constraints(reading)[0] if period_text(c.start, c.end) == parameter.text]


def _period_texts(reading: SqlReading, constraints: Sequence[DateConstraint], period: Period) -> Texts | None:
    texts: Texts = {}
    for constraint in constraints:
        if not _same_length(constraint, period) and _scales(reading.tree):
            return None
        new = written(constraint, period.start, period.end)
        if new is None:
            return None
        texts |= new
    return texts or None


def _same_length(constraint: DateConstraint, period: Period) -> bool:
    return _length(constraint.start, constraint.end) == _length(period.start, period.end)


def _length(start: date | None, end: date | None) -> str | int:
    """`month`, `quarter`, `year` for a whole one, else days; 0 for an open period."""
    if start is None or end is None:
        return 0
    for unit in ("month", "quarter", "year"):
        if floor_unit(start, unit) == start and add_unit(start, unit, 1) == end:
            return unit
    return (end - start).days


def _scales(tree: exp.Expr) -> bool:
    """Whether a constant scales a result, as in `count(*) / 12`: it may stand for the length of the period."""
    return any(
        float(side.this) not in (1.0, 100.0)
        for node in tree.find_all(exp.Mul, exp.Div, exp.IntDiv)
        for side in (node.this, node.expression)
        if isinstance(side, exp.Literal) and not side.is_string
    )


def _shown(template: Template, asked: Asked, spans: dict[int, Span]) -> str:
    text, query = "", template.query
    end = 0
    for slot, parameter in sorted(enumerate(query.parameters), key=lambda item: item[1].start):
        said = " ".join(token.text for token in asked.tokens[spans[slot].start : spans[slot].end])
        text += query.question[end : parameter.start] + said
        end = parameter.end
    return text + query.question[end:]
