"""Readings: how a column of a server is read so that it means the same there and in the table sandbox.

A reading is an SQL expression over the bare column, built as a syntax tree. A copied table is selected through its
columns' readings; a statement for a live table has each column replaced by its reading. So both see equal values.

    plain      as it is                                     flag     MariaDB's tinyint(1) and bit(1): true unless 0
    text       compared by its characters                   bits     MariaDB's bit(n), as a number
    char       without the padding of char(n)               dated    a date that may be none: 0000-00-00, infinity
    as_text    in the server's own words (uuid, json …)     real     four-byte floats, as they are written
    decimal_N  a number of any precision, N decimals        double   a number too wide for any decimal
    nothing    bytes and the like: always empty
"""

from __future__ import annotations

from sqlglot import exp

from connectors.databases.address import Dialect


def reading(column: exp.Expr, kind: str, dialect: Dialect, collation: str | None, binary: str) -> exp.Expr:
    """The reading of a bare column; `binary` is the collation that compares by characters."""
    if kind == "plain":
        return column
    if kind == "text":
        return collated(_in_utf8(column, collation, dialect), binary)
    if kind in ("char", "as_text"):
        return collated(as_text(column, dialect), binary)
    if kind == "nothing":
        return as_text(exp.Null(), dialect)
    if kind == "flag":
        return exp.Paren(this=exp.NEQ(this=column, expression=exp.Literal.number(0)))
    if kind == "bits":
        return exp.Paren(this=exp.Add(this=column, expression=exp.Literal.number(0)))
    if kind == "dated":
        return exp.Case(ifs=[exp.If(this=_is_a_day(column.copy(), dialect), true=column)])
    if kind == "real":
        return exp.cast(as_text(column, dialect), "double")
    return _number(column, kind, dialect)


def collated(text: exp.Expr, collation: str) -> exp.Expr:
    """Text under a collation."""
    name = exp.to_identifier(collation, quoted=True) if collation != collation.lower() or "-" in collation else None
    return exp.Paren(this=exp.Collate(this=text, expression=name or exp.Var(this=collation)))


def as_text(value: exp.Expr, dialect: Dialect) -> exp.Expr:
    """A value in the server's words."""
    return exp.cast(value, exp.DataType.build("text" if dialect == "postgres" else "char", dialect=dialect))


def _in_utf8(column: exp.Expr, collation: str | None, dialect: Dialect) -> exp.Expr:
    in_utf8 = dialect == "postgres" or (collation or "").startswith("utf8mb4")
    return column if in_utf8 else as_text(column, dialect)


def _is_a_day(column: exp.Expr, dialect: Dialect) -> exp.Expr:
    if dialect == "mysql":
        parts = [exp.Anonymous(this=name, expressions=[column.copy()]) for name in ("MONTH", "DAYOFMONTH")]
        return exp.and_(*[exp.GT(this=part, expression=exp.Literal.number(0)) for part in parts])
    first, after = exp.Literal.string("0001-01-01"), exp.Literal.string("10000-01-01")
    return exp.and_(exp.GTE(this=column, expression=first.copy()), exp.LT(this=column.copy(), expression=after.copy()))


def _number(column: exp.Expr, kind: str, dialect: Dialect) -> exp.Expr:
    value = column
    if dialect == "postgres":
        no_number = exp.cast(exp.Literal.string("NaN"), exp.DataType.build("numeric", dialect="postgres"))
        value = exp.Anonymous(this="NULLIF", expressions=[column, no_number])
    if kind == "double":
        return exp.cast(value, "double")
    return exp.cast(value, f"decimal(38, {int(kind.removeprefix('decimal_'))})")
