"""What a statement without a typed plan computed, in plain words from its syntax tree.

Told are the outputs, the tables, and those conditions of the outermost query that compare a column with values;
whatever else narrows the rows is said to be in the query, never left unsaid.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp

from app.planning.plan import ColumnRef
from app.planning.wording import period_words, plural, words
from app.values import Computed, Period
from app.verbalising.plain_rows import Output
from app.verbalising.restatement import day_words, series
from app.verified.date_bounds import DateConstraint, date_constraints
from app.verified.reading import SqlReading

_COMPARED: dict[type[exp.Expr], str] = {
    exp.EQ: "with {} {}",
    exp.NEQ: "with {} other than {}",
    exp.GT: "with {} over {}",
    exp.GTE: "with {} of at least {}",
    exp.LT: "with {} under {}",
    exp.LTE: "with {} of at most {}",
}
_MIRRORED: dict[type[exp.Expr], type[exp.Expr]] = {exp.GT: exp.LT, exp.LT: exp.GT, exp.GTE: exp.LTE, exp.LTE: exp.GTE}
FURTHER = "further conditions are in the query"


def restated(reading: SqlReading, outputs: Sequence[Output], source: str, tables: Sequence[str]) -> Computed:
    """The restatement of a validated statement. `tables`: the stored ones that it reads."""
    dated = [c for c in date_constraints(reading)[0] if c.column is not None]
    periods = [said for c in dated if (said := _period_words(c))]
    conditions, unsaid = _conditions(reading, {c.column for c in dated if c.column is not None})
    shown = series([f"number of {plural(o.counted)}" if o.counted else o.said for o in outputs])
    counted = [o.counted for o in outputs]
    text = shown if counted == [words(t) for t in tables] else f"{shown} from {series([words(t) for t in tables])}"
    text += "".join(f", {part}" for part in (*conditions, *periods, *_cut(reading), *([FURTHER] if unsaid else [])))
    return Computed(
        text=text[:1].upper() + text[1:],
        source=source,
        tables=tuple(tables),
        conditions=tuple(conditions),
        period=_period(dated, periods),
    )


def _conditions(reading: SqlReading, dated: set[ColumnRef]) -> tuple[list[str], bool]:
    """Phrases of the conditions that can be said, and whether there are others."""
    tree = reading.qualified
    if not isinstance(tree, exp.Select):
        return [], True
    said: list[str] = []
    unsaid = any(tree.args.get(part) for part in ("having", "qualify", "with_", "distinct"))
    unsaid = unsaid or any(True for _ in tree.find_all(exp.Filter, exp.Subquery))
    where = tree.args.get("where")
    for node in where.this.flatten() if where is not None and isinstance(where.this, exp.And) else _only(where):
        plain = node.unnest()
        if any(reading.column(c) in dated for c in plain.find_all(exp.Column)):
            continue
        phrase = _phrase(plain, reading)
        if phrase is None:
            unsaid = True
        else:
            said.append(phrase)
    return said, unsaid


def _only(where: exp.Expr | None) -> Iterator[exp.Expr]:
    if where is not None:
        yield where.this


def _phrase(node: exp.Expr, reading: SqlReading) -> str | None:
    """A comparison of a column with values as a phrase; None for anything else."""
    if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
        ref = reading.column(node.this)
        return f"with no {words(ref.column)}" if ref is not None else None
    if isinstance(node, exp.In) and node.args.get("query") is None:
        return _compared(node.this, node.expressions, "with {} {}", reading)
    if isinstance(node, exp.Between):
        ends = (node.args["low"], node.args["high"])
        return _compared(node.this, ends, "with {} from {}", reading, " to ")
    if isinstance(node, exp.Like | exp.ILike):
        return _compared(node.this, [node.expression], "with {} like {}", reading)
    kind = type(node)
    if kind not in _COMPARED:
        return None
    left, right = node.this, node.expression
    if isinstance(left, exp.Literal):
        left, right, kind = right, left, _MIRRORED.get(kind, kind)
    return _compared(left, [right], _COMPARED[kind], reading)


def _compared(
    node: exp.Expr, values: Sequence[exp.Expr], phrase: str, reading: SqlReading, between: str = " or "
) -> str | None:
    ref = reading.column(node)
    if ref is None or not all(isinstance(value, exp.Literal | exp.Boolean) for value in values):
        return None
    labels = reading.profile(ref).labels
    return phrase.format(words(ref.column), between.join(_value(value, labels) for value in values))


def _value(value: exp.Expr, labels: dict[str, str]) -> str:
    if isinstance(value, exp.Boolean):
        return "“yes”" if value.this else "“no”"
    text = str(value.this)
    return f"“{labels.get(text, text)}”" if value.args.get("is_string") else labels.get(text, text)


def _period_words(constraint: DateConstraint) -> str:
    start, end = constraint.start, constraint.end
    name = words(constraint.column.column) if constraint.column is not None else ""
    if start is not None and end is not None:
        return f"{period_words(start, end)} ({name})"
    if start is not None:
        return f"from {day_words(start.isoformat())} on ({name})"
    return f"before {day_words(end.isoformat())} ({name})" if end is not None else ""


def _period(dated: Sequence[DateConstraint], said: Sequence[str]) -> Period | None:
    """The period, if there is exactly one and it has both ends."""
    if len(dated) != 1 or dated[0].start is None or dated[0].end is None or not said:
        return None
    from datetime import timedelta

    last = dated[0].end - timedelta(days=1)
    return Period(text=said[0], first=dated[0].start.isoformat(), last=last.isoformat())


def _cut(reading: SqlReading) -> Iterator[str]:
    limit = reading.tree.args.get("limit")
    count = limit.expression if isinstance(limit, exp.Limit) else None
    if isinstance(count, exp.Literal):
        yield f"the first {count.this}"
