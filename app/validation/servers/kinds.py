"""Kinds of values, told from sqlglot's types: what decides whether an operation means the same on every engine."""

from __future__ import annotations

from typing import Literal, TypeAlias

from sqlglot import exp

Kind: TypeAlias = Literal["integer", "decimal", "double", "text", "boolean", "date", "timestamp", "interval", "unknown"]

NUMBERS = frozenset({"integer", "decimal", "double"})
TEMPORAL = frozenset({"date", "timestamp"})
_T = exp.DataType.Type
_KINDS: dict[object, Kind] = {
    **dict.fromkeys((_T.FLOAT, _T.DOUBLE), "double"),
    **dict.fromkeys((_T.VARCHAR, _T.TEXT, _T.CHAR, _T.NVARCHAR), "text"),
    **dict.fromkeys((_T.TIMESTAMP, _T.TIMESTAMPNTZ, _T.DATETIME), "timestamp"),
    _T.BOOLEAN: "boolean",
    _T.DATE: "date",
    _T.INTERVAL: "interval",
    _T.DECIMAL: "decimal",
}


class NotPortable(Exception):
    """The statement has a part that would not mean the same on the server; says which, for a person."""


def kind_of(node: exp.Expr) -> Kind:
    """The kind of an expression's values."""
    if isinstance(node, exp.Paren):
        return kind_of(node.this)
    if isinstance(node, exp.Sub) and kind_of(node.this) == "date" and kind_of(node.expression) == "date":
        return "integer"
    if isinstance(node, exp.Add | exp.Sub | exp.Mul):
        sides = {kind_of(node.this), kind_of(node.expression)}
        if sides <= NUMBERS:
            return "double" if "double" in sides else "decimal" if "decimal" in sides else "integer"
    if isinstance(node, exp.Neg | exp.Sum | exp.Abs):
        return kind_of(node.this)
    if isinstance(node, exp.Literal) and not node.is_string:
        return "integer" if node.is_int else "decimal"
    if isinstance(node, exp.Median | exp.PercentileCont):
        return "double"
    if isinstance(node, exp.Stddev | exp.StddevSamp | exp.StddevPop | exp.Variance | exp.VariancePop):
        return "double"
    found = node.type
    if found is None:
        return "unknown"
    if found.this in exp.DataType.INTEGER_TYPES:
        return "integer"
    return _KINDS.get(found.this, "unknown")


def require(condition: bool, what: str) -> None:
    """Raise `NotPortable` unless the condition holds."""
    if not condition:
        raise NotPortable(what)
