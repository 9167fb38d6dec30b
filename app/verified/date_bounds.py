"""Periods in SQL: which literals bound a date, what period they make, and how to write another period there.

Read are half-open and closed bounds, BETWEEN, `year(x) = 2025` (also with `month(x) = 3`), `date_trunc(…) = DATE …`,
`strftime(x, '%Y-%m') = '2025-03'`, and bounds that add an interval. Whatever else holds a date is `unread`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Literal, NamedTuple, TypeAlias

import msgspec
from sqlglot import exp

from app.planning.dates import UNITS, Unit, add_unit, floor_unit
from app.planning.plan import ColumnRef
from app.verified.reading import SqlReading, ordinal

Side: TypeAlias = Literal["start", "end", "both", "part"]
Form: TypeAlias = Literal["date", "year", "part", "%Y", "%Y-%m"]

_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})([ T]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?")
_DATED = re.compile(r"\d{4}-\d{2}(?:-\d{2}.*)?", re.DOTALL)
_MIRRORED: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.GT: exp.LT,
    exp.LT: exp.GT,
    exp.GTE: exp.LTE,
    exp.LTE: exp.GTE,
    exp.EQ: exp.EQ,
}
_CONVERSIONS = (exp.Cast, exp.TryCast, exp.Date, exp.TsOrDsToDate)


class _Subject(NamedTuple):
    """What a literal is compared with: a date column, or a part of it. `grain` is the step of the literal's values."""

    key: str
    column: ColumnRef | None
    grain: Unit
    form: Form


class Bound(NamedTuple):
    """One literal that bounds a date."""

    side: Side
    ordinal: int
    grain: Unit
    form: Form
    shift: int
    """Grains from the literal's day to the bound: 1 for an inclusive end and an exclusive start."""
    day: date | None
    """The literal's day; None for a month or quarter number, which is in `part`."""
    part: int = 0
    suffix: str = ""
    """A time of day that follows the date, kept as it is."""
    interval: tuple[Unit, int] | None = None
    """What the SQL adds to the literal."""


class DateConstraint(msgspec.Struct, frozen=True):
    """Bounds on one date in one conjunction: days from `start` (inclusive) to `end` (exclusive), an open side None."""

    column: ColumnRef | None
    start: date | None
    end: date | None
    bounds: tuple[Bound, ...]


def date_constraints(reading: SqlReading) -> tuple[tuple[DateConstraint, ...], frozenset[int]]:
    """The periods of a statement, and the positions of its other literals that hold dates."""
    groups: dict[tuple[int, str], list[tuple[_Subject, Bound]]] = {}
    dated: set[int] = set()
    for node in reading.qualified.find_all(exp.GT, exp.GTE, exp.LT, exp.LTE, exp.EQ, exp.NEQ, exp.Between, exp.In):
        subject, operands = _compared(node, reading)
        if subject is None:
            continue
        dated |= {at for operand in operands for at in _literals(operand)}
        for bound in _bounds(node, subject, operands):
            groups.setdefault((id(_conjunction(node)), subject.key), []).append((subject, bound))
    for literal in reading.qualified.find_all(exp.Literal):
        at = ordinal(literal)
        if at is not None and literal.is_string and _DATED.fullmatch(literal.this):
            dated.add(at)
    found = [c for members in groups.values() if (c := _constraint(members)) is not None]
    return tuple(found), frozenset(dated - {bound.ordinal for c in found for bound in c.bounds})


def written(constraint: DateConstraint, start: date | None, end: date | None) -> dict[int, str] | None:
    """Literal position -> text that makes the constraint hold another period; None if its form cannot say it."""
    if (start is None) != (constraint.start is None) or (end is None) != (constraint.end is None):
        return None
    parts = [bound for bound in constraint.bounds if bound.side == "part"]
    texts: dict[int, str] = {}
    for bound in constraint.bounds:
        grain = parts[0].grain if parts else bound.grain
        if bound.side in ("both", "part") and (start is None or end != add_unit(start, grain, 1)):
            return None
        day = end if bound.side == "end" else start
        assert day is not None
        if bound.side == "part":
            if floor_unit(day, bound.grain) != day:
                return None
            texts[bound.ordinal] = str(day.month if bound.grain == "month" else (day.month + 2) // 3)
            continue
        text = _text_of(bound, floor_unit(day, "year") if parts else day)
        if text is None:
            return None
        texts[bound.ordinal] = text
    return texts


def _text_of(bound: Bound, day: date) -> str | None:
    literal = add_unit(day, bound.grain, -bound.shift)
    if bound.interval is not None:
        base = add_unit(literal, bound.interval[0], -bound.interval[1])
        if add_unit(base, *bound.interval) != literal:
            return None
        literal = base
    elif floor_unit(literal, bound.grain) != literal:
        return None
    if bound.form in ("year", "%Y"):
        return f"{literal.year:04d}"
    return f"{literal:%Y-%m}" if bound.form == "%Y-%m" else literal.isoformat() + bound.suffix


def _constraint(members: Sequence[tuple[_Subject, Bound]]) -> DateConstraint | None:
    """The period that bounds on one date make; None if they contradict or repeat each other."""
    bounds = [bound for _, bound in members]
    column = members[0][0].column
    sides = sorted(bound.side for bound in bounds)
    days = {bound.side: day for bound in bounds if (day := _day(bound)) is not None}
    if sides == ["both"]:
        return DateConstraint(column, days["both"], add_unit(days["both"], bounds[0].grain, 1), tuple(bounds))
    if sides == ["both", "part"]:
        year, part = sorted(bounds, key=lambda b: b.side)
        most = 12 if part.grain == "month" else 4
        if year.grain != "year" or not 1 <= part.part <= most:
            return None
        start = add_unit(days["both"], part.grain, part.part - 1)
        return DateConstraint(column, start, add_unit(start, part.grain, 1), (year, part))
    if sides in (["start"], ["end"], ["end", "start"]):
        start_, end = days.get("start"), days.get("end")
        if start_ is not None and end is not None and start_ >= end:
            return None
        return DateConstraint(column, start_, end, tuple(bounds))
    return None


def _day(bound: Bound) -> date | None:
    if bound.day is None:
        return None
    day = add_unit(bound.day, *bound.interval) if bound.interval is not None else bound.day
    return add_unit(day, bound.grain, bound.shift)


def _compared(node: exp.Expr, reading: SqlReading) -> tuple[_Subject | None, tuple[exp.Expr, ...]]:
    """The date that a comparison speaks of, and what it is compared with."""
    if isinstance(node, exp.Between):
        return _subject(node.this, reading), (node.args["low"], node.args["high"])
    if isinstance(node, exp.In):
        return _subject(node.this, reading), tuple(node.expressions)
    left, right = _subject(node.this, reading), _subject(node.expression, reading)
    if left is not None and right is not None:
        return None, ()
    return (left, (node.expression,)) if left is not None else (right, (node.this,))


def _bounds(node: exp.Expr, subject: _Subject, operands: Sequence[exp.Expr]) -> Iterator[Bound]:
    if isinstance(node, exp.Between):
        both = [_bound(subject, operands[0], "start", 0), _bound(subject, operands[1], "end", 1)]
        yield from (bound for bound in both if bound is not None and None not in both)
        return
    kind = type(node) if node.args.get("expression") is operands[0] else _MIRRORED.get(type(node), exp.NEQ)
    side_and_shift: dict[type[exp.Expr], tuple[Side, int]] = {
        exp.GTE: ("start", 0),
        exp.GT: ("start", 1),
        exp.LT: ("end", 0),
        exp.LTE: ("end", 1),
        exp.EQ: ("part" if subject.form == "part" else "both", 0),
    }
    if kind in side_and_shift and (kind is exp.EQ or subject.form != "part"):
        bound = _bound(subject, operands[0], *side_and_shift[kind])
        if bound is not None:
            yield bound


def _bound(subject: _Subject, operand: exp.Expr, side: Side, shift: int) -> Bound | None:
    literal, interval = _literal(operand)
    if literal is None or (position := ordinal(literal)) is None:
        return None
    text, suffix, day, part = str(literal.this), "", None, 0
    if subject.form in ("year", "part"):
        if literal.is_string or not text.isdigit() or interval is not None:
            return None
        if subject.form == "part":
            part = int(text)
        elif 1 <= int(text) <= 9998:
            day = date(int(text), 1, 1)
        else:
            return None
    else:
        if not literal.is_string:
            return None
        day, suffix = _read_date(text, subject.form, inclusive=side == "end" and shift == 1)
        if day is None or (side == "start" and shift == 1 and suffix) or (side == "both" and floored(subject, day)):
            return None
    return Bound(side, position, subject.grain, subject.form, shift, day, part, suffix, interval)


def floored(subject: _Subject, day: date) -> bool:
    """Whether a day is not the first of its unit, so that a truncated date never equals it."""
    return floor_unit(day, subject.grain) != day


def _read_date(text: str, form: Form, *, inclusive: bool) -> tuple[date | None, str]:
    """The day written in a literal and the time of day after it; None if it does not bound whole days."""
    if form in ("%Y", "%Y-%m"):
        text = text + ("-01-01" if form == "%Y" else "-01")
    match = _DATE.fullmatch(text)
    if match is None:
        return None, ""
    suffix = match.group(2) or ""
    if suffix and suffix[1:].startswith("23:59") != inclusive:
        return None, ""
    if suffix and not inclusive and suffix.strip(" T:.0"):
        return None, ""
    try:
        return date.fromisoformat(match.group(1)), suffix
    except ValueError:
        return None, ""


def _literal(node: exp.Expr) -> tuple[exp.Literal | None, tuple[Unit, int] | None]:
    """The date literal in an operand and the interval added to it."""
    if isinstance(node, exp.Paren):
        return _literal(node.this)
    if isinstance(node, exp.Literal):
        return node, None
    if isinstance(node, _CONVERSIONS) and isinstance(node.this, exp.Literal):
        return node.this, None
    if isinstance(node, exp.Add | exp.Sub) and isinstance(node.expression, exp.Interval):
        literal, inner = _literal(node.this)
        step = _interval(node.expression)
        if literal is not None and inner is None and step is not None:
            return literal, (step[0], step[1] if isinstance(node, exp.Add) else -step[1])
    return None, None


def _interval(node: exp.Interval) -> tuple[Unit, int] | None:
    count, unit = node.this, node.args.get("unit")
    if not isinstance(count, exp.Literal) or not str(count.this).isdigit() or unit is None:
        return None
    name = UNITS.get(str(unit.name).lower())
    return (name, int(count.this)) if name is not None and int(count.this) <= 10_000 else None


def _subject(node: exp.Expr, reading: SqlReading) -> _Subject | None:
    """The date that an expression reads; None if it reads none."""
    if isinstance(node, exp.Paren):
        return _subject(node.this, reading)
    if isinstance(node, exp.Column):
        ref = reading.column(node)
        if ref is None or reading.profile(ref).type not in ("date", "timestamp"):
            return None
        return _Subject(node.sql(), ref, "day", "date")
    if isinstance(node, _CONVERSIONS):
        return _converted(node, reading)
    for part, inner in _parts(node):
        of = _subject(inner, reading)
        if of is not None and of.form == "date" and of.grain == "day":
            return _Subject(of.key, of.column, *part)
    return None


def _converted(node: exp.Expr, reading: SqlReading) -> _Subject | None:
    if isinstance(node, exp.Cast | exp.TryCast) and not node.to.is_type(*exp.DataType.TEMPORAL_TYPES):
        return None
    if isinstance(node.this, exp.Column):
        return _Subject(node.this.sql(), reading.column(node.this), "day", "date")
    return _subject(node.this, reading)


def _parts(node: exp.Expr) -> Iterator[tuple[tuple[Unit, Form], exp.Expr]]:
    """(grain, form) and the date of an expression that takes a part of a date."""
    named: dict[str, tuple[Unit, Form]] = {
        "year": ("year", "year"),
        "month": ("month", "part"),
        "quarter": ("quarter", "part"),
    }
    if isinstance(node, exp.Year | exp.Month | exp.Quarter):
        yield named[type(node).__name__.lower()], _undated(node.this)
    elif isinstance(node, exp.Extract) and node.name.lower() in named:
        yield named[node.name.lower()], node.expression
    elif isinstance(node, exp.Anonymous) and node.name.lower() in ("date_part", "datepart"):
        if len(node.expressions) == 2 and node.expressions[0].name.lower() in named:
            yield named[node.expressions[0].name.lower()], node.expressions[1]
    elif isinstance(node, exp.TimestampTrunc | exp.DateTrunc):
        unit = UNITS.get(str(node.args["unit"].name).lower())
        if unit is not None:
            yield (unit, "date"), node.this
    elif isinstance(node, exp.TimeToStr):
        sides = [node.this, node.args["format"]]
        formats = [side for side in sides if isinstance(side, exp.Literal)]
        form: Form | None = "%Y" if [f.this for f in formats] == ["%Y"] else None
        form = "%Y-%m" if [f.this for f in formats] == ["%Y-%m"] else form
        if form is not None:
            grain: Unit = "year" if form == "%Y" else "month"
            yield (grain, form), sides[1 - sides.index(formats[0])]


def _undated(node: exp.Expr) -> exp.Expr:
    return node.this if isinstance(node, exp.TsOrDsToDate) else node


def _conjunction(node: exp.Expr) -> exp.Expr:
    """The topmost AND that a comparison is part of."""
    while isinstance(node.parent, exp.And | exp.Paren):
        node = node.parent
    return node


def _literals(node: exp.Expr) -> set[int]:
    """Positions of the literals in an operand, but for those of intervals."""
    return {
        at
        for literal in node.find_all(exp.Literal)
        if literal.find_ancestor(exp.Interval) is None and (at := ordinal(literal)) is not None
    }
