"""Short ways to build trees for a server."""

from __future__ import annotations

from sqlglot import exp


def call(name: str, *arguments: exp.Expr) -> exp.Expr:
    """A function of the server by its own name."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def number(value: int) -> exp.Expr:
    """A whole number."""
    return exp.Literal.number(value)


def string(value: str) -> exp.Expr:
    """A quoted text."""
    return exp.Literal.string(value)


def as_double(value: exp.Expr) -> exp.Expr:
    """A value as a double."""
    return exp.cast(value, "double")


def as_integer(value: exp.Expr, *, postgres: bool) -> exp.Expr:
    """A value as a whole number of 64 bits."""
    kind = exp.DataType.build("bigint") if postgres else exp.DataType(this=exp.DataType.Type.USERDEFINED, kind="SIGNED")
    return exp.Cast(this=value, to=kind)


def quotient(left: exp.Expr, right: exp.Expr, *, postgres: bool) -> exp.Expr:
    """A division of doubles; nothing where the divisor is 0."""
    divisor = exp.Nullif(this=as_double(right), expression=number(0)) if postgres else right
    return exp.Paren(this=exp.Div(this=as_double(left), expression=divisor, typed=True, safe=not postgres))


def grouped(node: exp.Expr) -> exp.Expr:
    """In parentheses, unless it is closed already."""
    return node if isinstance(node, exp.Paren | exp.Column | exp.Literal | exp.Func) else exp.Paren(this=node)
