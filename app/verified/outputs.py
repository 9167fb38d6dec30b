"""What each output column of a statement is called, and which stored column its amounts are of."""

from __future__ import annotations

from sqlglot import exp

from app.planning.plan import ColumnRef
from app.planning.wording import words
from app.verbalising.plain_rows import Output
from app.verified.reading import SqlReading

_FUNCTIONS: dict[type[exp.Expr], str] = {
    exp.Sum: "total {}",
    exp.Avg: "average {}",
    exp.Min: "lowest {}",
    exp.Max: "highest {}",
}
LONGEST_NAME = 60
"""Characters of an expression without an alias that stand as its column's name."""


def outputs_of(reading: SqlReading) -> tuple[Output, ...]:
    """The outputs of a statement in order."""
    qualified = [projection.unalias() for projection in getattr(reading.qualified, "selects", ())]
    names = [projection.alias_or_name for projection in getattr(reading.qualified, "selects", ())]
    written = list(getattr(reading.tree, "selects", ()))
    if len(written) != len(qualified) or any(p.is_star for p in written):
        written = []
    return tuple(
        _output(node, name, written[at] if written else None, reading)
        for at, (node, name) in enumerate(zip(qualified, names, strict=True))
    )


def _output(node: exp.Expr, name: str, written: exp.Expr | None, reading: SqlReading) -> Output:
    named = written is None or bool(written.alias_or_name)
    if not named and written is not None:
        name = written.sql(dialect="duckdb").lower()[:LONGEST_NAME]
    ref = _amount_of(node, reading)
    column = reading.profile(ref) if ref is not None else None
    said = words(name) if named else _said(node, reading)
    plain = isinstance(node, exp.Column) and column is not None
    return Output(
        name=name,
        said=said,
        unit=column.unit if column is not None else None,
        labels=column.labels if plain and column is not None else {},
        key=plain and ref is not None and _is_key(ref, reading),
    )


def _amount_of(node: exp.Expr, reading: SqlReading) -> ColumnRef | None:
    """The stored column that an output holds values, sums, means or extremes of."""
    while isinstance(node, exp.Round | exp.Paren | exp.Coalesce | exp.Sum | exp.Avg | exp.Min | exp.Max):
        node = node.this
    return reading.column(node)


def _said(node: exp.Expr, reading: SqlReading) -> str:
    if isinstance(node, exp.Count):
        return "count"
    phrase = _FUNCTIONS.get(type(node))
    ref = reading.column(node.this) if phrase is not None else None
    return phrase.format(words(ref.column)) if phrase is not None and ref is not None else "result"


def _is_key(ref: ColumnRef, reading: SqlReading) -> bool:
    table = reading.catalog.table(ref.table)
    return table is not None and ref.column in table.primary_key
