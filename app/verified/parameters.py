"""Which literals of an approved statement follow which spans of its question.

A literal is a parameter only if that is sure: one span says it, it is compared with one column, and no other literal
that could depend on it is left unexplained. Everything else is fixed: a question must hold the same words there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp

from app.errors import InvalidRequest
from app.planning.dates import Period
from app.planning.linking import ValueLookup
from app.planning.plan import ColumnRef
from app.verified.date_bounds import DateConstraint, date_constraints
from app.verified.reading import SqlReading, ordinal
from app.verified.spans import Asked, Span, numbers, periods, relative, values_of, widest
from app.verified.values import Kind, Parameter

_EQUALITIES = (exp.EQ, exp.NEQ)
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In)


def parameters_of(asked: Asked, reading: SqlReading, values: ValueLookup | None) -> tuple[Parameter, ...]:
    """The parameters of a question and its statement, in the order of the question.

    Raises `InvalidRequest` if a relative period ("last month") stands beside fixed dates that are not that period.
    """
    found = list(_periods(asked, reading))
    found += _values(asked, reading, values, found)
    found += _numbers(asked, reading, found)
    return tuple(sorted(found, key=lambda p: p.start))


def period_text(start: object, end: object) -> str:
    """A period as parameters keep it: `2025-03-01/2025-04-01`, an open side empty."""
    return f"{start or ''}/{end or ''}"


def _periods(asked: Asked, reading: SqlReading) -> Iterator[Parameter]:
    constraints, unread = date_constraints(reading)
    if not constraints and not unread:
        return
    aligned: list[tuple[Span, list[DateConstraint]]] = []
    for bounds in dict.fromkeys((c.start, c.end) for c in constraints):
        saying = [s for s in periods(asked) if isinstance(s.value, Period) and (s.value.start, s.value.end) == bounds]
        if len(spans := widest(saying)) == 1:
            aligned.append((spans[0], [c for c in constraints if (c.start, c.end) == bounds]))
    used = [span for span, _ in aligned]
    explained = not unread and sum(len(some) for _, some in aligned) == len(constraints)
    if not explained or any(_overlap(a, b) for a in used for b in used if a is not b):
        _check_relative(asked)
        return
    for span, some in aligned:
        assert isinstance(span.value, Period)
        literals = tuple(sorted({bound.ordinal for c in some for bound in c.bounds}))
        yield _parameter(asked, span, "period", period_text(span.value.start, span.value.end), literals)


def _check_relative(asked: Asked) -> None:
    for span in widest(list(periods(asked))):
        if relative(asked, span):
            said = " ".join(token.text for token in asked.tokens[span.start : span.end])
            raise InvalidRequest(
                f"The question says “{said}”, which moves with the day of asking, but the SQL has fixed dates that are "
                "not that period.",
                hint="Use current_date in the SQL, or name the period in the question.",
            )


def _values(
    asked: Asked, reading: SqlReading, values: ValueLookup | None, taken: Sequence[Parameter]
) -> Iterator[Parameter]:
    compared: dict[ColumnRef, dict[str, list[exp.Literal]]] = {}
    loose: set[str] = set()
    for literal in reading.qualified.find_all(exp.Literal):
        ref = _equal_to(literal, reading)
        if ref is None:
            loose.add(str(literal.this).casefold())
        else:
            compared.setdefault(ref, {}).setdefault(str(literal.this), []).append(literal)
    for ref, by_text in compared.items():
        found: list[Parameter] = []
        for text, literals in by_text.items():
            elsewhere = any(text in other for column, other in compared.items() if column != ref)
            spans = widest([s for s in values_of(asked, ref, values) if s.value == text])
            free = [s for s in spans if not _taken(asked, s, [*taken, *found])]
            if text.casefold() not in loose and not elsewhere and len(spans) == len(free) == 1:
                positions = tuple(sorted({at for each in literals if (at := ordinal(each)) is not None}))
                found.append(_parameter(asked, free[0], "value", text, positions, ref))
        if len(found) == len(by_text):
            yield from found


def _equal_to(literal: exp.Literal, reading: SqlReading) -> ColumnRef | None:
    """The stored column that a literal is compared with by `=`, `<>` or IN."""
    node = literal.parent
    if isinstance(node, _EQUALITIES):
        return reading.column(node.expression if node.this is literal else node.this)
    return reading.column(node.this) if isinstance(node, exp.In) and node.this is not literal else None


def _numbers(asked: Asked, reading: SqlReading, taken: Sequence[Parameter]) -> Iterator[Parameter]:
    used = {at for parameter in taken for at in parameter.literals}
    candidates: dict[str, list[exp.Literal]] = {}
    amounts: list[float] = []
    for literal in reading.qualified.find_all(exp.Literal):
        if literal.is_string or ordinal(literal) in used or literal.find_ancestor(exp.Interval) is not None:
            continue
        amounts.append(float(literal.this))
        subject = _compared_with(literal)
        if subject is not None:
            candidates.setdefault(subject, []).append(literal)
    for literals in candidates.values():
        found: list[Parameter] = []
        for literal in literals:
            amount = float(literal.this)
            spans = [s for s in numbers(asked) if s.value == amount and not _taken(asked, s, [*taken, *found])]
            at = ordinal(literal)
            if len(spans) == 1 and amounts.count(amount) == 1 and at is not None:
                found.append(_parameter(asked, spans[0], "number", str(literal.this), (at,)))
        if len(found) == len(literals):
            yield from found


def _compared_with(literal: exp.Literal) -> str | None:
    """What a number bounds: an expression over columns or rows, or the number of rows; None elsewhere."""
    node = literal.parent
    if isinstance(node, exp.Limit):
        return "limit"
    if not isinstance(node, _COMPARISONS):
        return None
    if isinstance(node, exp.Between | exp.In):
        subject = node.this
    else:
        subject = node.expression if node.this is literal else node.this
    counts = (exp.Column, exp.AggFunc, exp.Window, exp.Subquery)
    return str(subject.sql()) if subject is not literal and subject.find(*counts) is not None else None


def _parameter(
    asked: Asked, span: Span, kind: Kind, text: str, literals: tuple[int, ...], ref: ColumnRef | None = None
) -> Parameter:
    return Parameter(
        kind=kind,
        start=asked.tokens[span.start].start,
        end=asked.tokens[span.end - 1].end,
        text=text,
        literals=literals,
        table=ref.table if ref is not None else None,
        column=ref.column if ref is not None else None,
    )


def _taken(asked: Asked, span: Span, parameters: Sequence[Parameter]) -> bool:
    start, end = asked.tokens[span.start].start, asked.tokens[span.end - 1].end
    return any(start < parameter.end and parameter.start < end for parameter in parameters)


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end
