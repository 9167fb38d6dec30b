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
_UNSAID = frozenset({"n", "c", "count", "number", "total", "num", "rows"})
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
    named = written is None or bool(written.output_name)
    if not named and written is not None:
        name = written.sql(dialect="duckdb").lower()[:LONGEST_NAME]
    ref = reading.column(node)
    return Output(
        name=name,
        said=words(name) if named else _said(node, reading),
        counted=_counted(node, name if named else "", reading),
        unit=_unit(node, reading),
        labels=reading.profile(ref).labels if ref is not None else {},
        key=ref is not None and _is_key(ref, reading),
    )


def _unit(node: exp.Expr, reading: SqlReading) -> str | None:
    """What an output is measured in: pieces times a price in EUR are EUR, as are their sum and mean."""
    if isinstance(node, exp.Column):
        ref = reading.column(node)
        return reading.profile(ref).unit if ref is not None else None
    if isinstance(node, exp.Round | exp.Paren | exp.Coalesce | exp.Sum | exp.Avg | exp.Min | exp.Max):
        return _unit(node.this, reading)
    if isinstance(node, exp.Mul | exp.Div | exp.Add | exp.Sub):
        left, right = _unit(node.this, reading), _unit(node.expression, reading)
        if isinstance(node, exp.Add | exp.Sub):
            return left if left == right else None
        if isinstance(node, exp.Div):
            return left if right is None else None
        return (left or right) if left is None or right is None else None
    return None


def _counted(node: exp.Expr, alias: str, reading: SqlReading) -> str | None:
    """What a count counts: the rows of the only table, or what its alias says."""
    if not isinstance(node, exp.Count):
        return None
    tables = list(reading.qualified.find_all(exp.Table))
    if len(tables) == 1 and isinstance(node.this, exp.Star):
        return words(tables[0].name)
    said = words(alias)
    return said if alias and not _UNSAID & set(said.split()) else None


def _said(node: exp.Expr, reading: SqlReading) -> str:
    if isinstance(node, exp.Count):
        return "count"
    phrase = _FUNCTIONS.get(type(node))
    ref = reading.column(node.this) if phrase is not None else None
    return phrase.format(words(ref.column)) if phrase is not None and ref is not None else "result"


def _is_key(ref: ColumnRef, reading: SqlReading) -> bool:
    table = reading.catalog.table(ref.table)
    return table is not None and ref.column in table.primary_key
