"""Rewritings of operators: comparisons, arithmetic, patterns, casts, conditions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from sqlglot import exp

from app.validation.servers.build import as_double, as_integer, call, grouped, number, quotient, string
from app.validation.servers.kinds import NUMBERS, TEMPORAL, Kind, kind_of
from app.validation.servers.writer import Rewriting, Writer
from ingest.stores.servers import as_text, collated

_INTERVALS = frozenset({"DAY", "WEEK", "MONTH", "YEAR", "HOUR", "MINUTE", "SECOND"})


def same(node: exp.Expr, writer: Writer) -> exp.Expr:
    """Means the same on every server."""
    return writer.same(node)


def comparison(node: exp.Expr, writer: Writer) -> exp.Expr:
    """A comparison of two values of a kind; a quoted number or date becomes one."""
    left, right = node.this, node.expression
    equal = isinstance(node, exp.EQ | exp.NEQ | exp.NullSafeEQ | exp.NullSafeNEQ)
    return type(node)(this=_side(left, [right], writer, equal), expression=_side(right, [left], writer, equal))


def between(node: exp.Expr, writer: Writer) -> exp.Expr:
    """BETWEEN of values of a kind."""
    low, high = node.args["low"], node.args["high"]
    writer.require(not node.args.get("symmetric"), "BETWEEN SYMMETRIC")
    return exp.Between(
        this=_side(node.this, [low, high], writer, False), low=_side(low, [node.this], writer, False),
        high=_side(high, [node.this], writer, False),
    )  # fmt: skip


def in_(node: exp.Expr, writer: Writer) -> exp.Expr:
    """IN a list of values of a kind, or in the rows of a query."""
    writer.require(not node.args.get("unnest") and not node.args.get("field"), "IN a list value")
    query = node.args.get("query")
    if query is not None:
        return exp.In(this=writer.write(node.this), query=writer.write(query))
    listed = [_side(each, [node.this], writer, True) for each in node.expressions]
    return exp.In(this=_side(node.this, node.expressions, writer, True), expressions=listed)


def _side(side: exp.Expr, others: list[exp.Expr], writer: Writer, equal: bool) -> exp.Expr:
    """One side of a comparison, of the kind that the others have."""
    kinds = {kind_of(other) for other in others if not _quoted(other)}
    if _quoted(side):
        return _literal_as(side, next(iter(kinds)) if len(kinds) == 1 else "unknown", writer)
    own = kind_of(side)
    for other in kinds:
        clash = {own, other} - {"unknown"}
        writer.require(len(clash) < 2 or clash <= NUMBERS or clash <= TEMPORAL, f"comparing {own} with {other}")
    stored = writer.stored.get(id(side))
    if stored is not None and equal and writer.compares_bare(stored) and all(map(_quoted, others)):
        return stored.bare()
    return writer.write(side)


def _quoted(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and node.is_string


def _literal_as(literal: exp.Expr, kind: Kind, writer: Writer) -> exp.Expr:
    text = str(literal.this)
    if kind in NUMBERS:
        try:
            value = Decimal(text.strip())
        except InvalidOperation:
            raise writer.refusal(f"comparing a number with {text[:40]!r}") from None
        writer.require(value.is_finite(), f"comparing a number with {text[:40]!r}")
        return grouped(_signed(value))
    if kind in TEMPORAL:
        return _moment(text, "date" if len(text.strip()) <= 10 else "timestamp", writer)
    writer.require(kind in ("text", "unknown"), f"comparing {kind} with a text")
    return literal.copy()


def _signed(value: Decimal) -> exp.Expr:
    written = exp.Literal.number(f"{abs(value):f}")
    return exp.Neg(this=written) if value < 0 else written


def _moment(text: str, kind: str, writer: Writer) -> exp.Expr:
    """A date or time written as DuckDB takes it, checked here, since MariaDB turns a wrong one into nothing."""
    try:
        moment = datetime.fromisoformat(text.strip())
        whole = date.fromisoformat(text.strip()[:10])
    except ValueError:
        raise writer.refusal(f"the date {text[:40]!r}") from None
    writer.require(moment.tzinfo is None, f"the time zone of {text[:40]!r}")
    if kind == "date":
        return exp.cast(string(whole.isoformat()), "date")
    return _as_timestamp(string(moment.isoformat(sep=" ")), writer)


def _as_timestamp(value: exp.Expr, writer: Writer) -> exp.Expr:
    if writer.postgres:
        return exp.cast(value, "timestamp")
    return exp.Cast(this=value, to=exp.DataType.build("datetime(6)", dialect="mysql"))


def is_(node: exp.Expr, writer: Writer) -> exp.Expr:
    """IS NULL, IS TRUE, IS FALSE."""
    writer.require(isinstance(node.expression, exp.Null | exp.Boolean), "IS with this operand")
    return writer.same(node)


def like(node: exp.Expr, writer: Writer) -> exp.Expr:
    """LIKE, in which a backslash is a character like others."""
    return exp.Escape(this=_like(node, writer), expression=string(""))


def escape(node: exp.Expr, writer: Writer) -> exp.Expr:
    """LIKE … ESCAPE."""
    writer.require(isinstance(node.this, exp.Like | exp.ILike), "ESCAPE")
    writer.require(isinstance(node.expression, exp.Literal) and len(node.expression.name) == 1, "this ESCAPE")
    return exp.Escape(this=_like(node.this, writer), expression=node.expression.copy())


def _like(node: exp.Expr, writer: Writer) -> exp.Expr:
    for side in (node.this, node.expression):
        writer.require(kind_of(side) in ("text", "unknown"), "LIKE on what is no text")
    left, right = writer.write(node.this), writer.write(node.expression)
    if isinstance(node, exp.ILike):
        left, right = lowered(left, writer), lowered(right, writer)
    return exp.Like(this=left, expression=right)


def lowered(text: exp.Expr, writer: Writer, function: type[exp.Func] = exp.Lower) -> exp.Expr:
    """Text in lower (or upper) case, in every script, and compared by its characters again."""
    if not writer.postgres:
        return function(this=text)
    return collated(function(this=collated(text, writer.casing)), writer.binary)


def divide(node: exp.Expr, writer: Writer) -> exp.Expr:
    """A division: of doubles in DuckDB, whatever is divided; of nothing where it would be by 0."""
    _numbers(node, writer, "/")
    return quotient(writer.write(node.this), writer.write(node.expression), postgres=writer.postgres)


def divide_whole(node: exp.Expr, writer: Writer) -> exp.Expr:
    """`//` of whole numbers."""
    writer.require(kind_of(node.this) == kind_of(node.expression) == "integer", "// of numbers with decimals")
    divisor = exp.Nullif(this=writer.write(node.expression), expression=number(0))
    left = grouped(writer.write(node.this))
    if writer.postgres:
        return exp.Paren(this=exp.Div(this=left, expression=divisor, typed=True))
    return exp.Paren(this=exp.IntDiv(this=left, expression=divisor))


def modulo(node: exp.Expr, writer: Writer) -> exp.Expr:
    """`%` of whole numbers."""
    writer.require(kind_of(node.this) == kind_of(node.expression) == "integer", "% of numbers with decimals")
    divisor = exp.Nullif(this=writer.write(node.expression), expression=number(0))
    return exp.Paren(this=exp.Mod(this=grouped(writer.write(node.this)), expression=divisor))


def add_or_subtract(node: exp.Expr, writer: Writer) -> exp.Expr:
    """Numbers; dates and intervals; the days between two dates."""
    left, right = kind_of(node.this), kind_of(node.expression)
    if left == right == "date" and isinstance(node, exp.Sub):
        days = (writer.write(node.this), writer.write(node.expression))
        if writer.postgres:
            return exp.Paren(this=exp.Sub(this=days[0], expression=grouped(days[1])))
        return call("DATEDIFF", *days)
    if left in TEMPORAL and right == "interval":
        return writer.same(node)
    _numbers(node, writer, node.key)
    return writer.same(node)


def _numbers(node: exp.Expr, writer: Writer, what: str) -> None:
    for side in (node.this, node.expression):
        fine = kind_of(side) in NUMBERS or isinstance(side, exp.Null | exp.Subquery)
        writer.require(fine, f"{what} of {kind_of(side)} values")


def multiply(node: exp.Expr, writer: Writer) -> exp.Expr:
    """Numbers."""
    _numbers(node, writer, "*")
    return writer.same(node)


def interval(node: exp.Expr, writer: Writer) -> exp.Expr:
    """A literal number of days, weeks, months, years, hours, minutes or seconds."""
    unit, amount = str(node.args.get("unit") or "").upper().rstrip("S"), node.this
    whole = isinstance(amount, exp.Literal) and str(amount.this).lstrip("-").isdigit()
    writer.require(whole and unit in _INTERVALS, "this interval")
    return exp.Interval(this=string(str(amount.this)), unit=exp.Var(this=unit))


def joined_text(node: exp.Expr, writer: Writer) -> exp.Expr:
    """`||` of texts: nothing if one of them is nothing."""
    parts = list(node.flatten())
    writer.require(all(kind_of(part) in ("text",) for part in parts), "|| of what is no text")
    if not writer.postgres:
        return call("CONCAT", *[writer.write(part) for part in parts])
    return writer.same(node)


def cast(node: exp.Expr, writer: Writer) -> exp.Expr:
    """A cast that gives the same on every server; others differ in rounding, in wording or in what they refuse."""
    wanted = exp.Cast(this=exp.Null(), to=node.args["to"])
    wanted.type = node.args["to"]
    to, source = kind_of(wanted), kind_of(node.this)
    if isinstance(node.this, exp.Literal) and node.this.is_string and to in TEMPORAL:
        return _moment(str(node.this.this), to, writer)
    value = writer.write(node.this)
    if to == source and to in ("text", "date", "timestamp", "boolean", "integer", "double"):
        return value
    if to == "date" and source == "timestamp":
        return exp.cast(value, "date")
    if to == "timestamp" and source == "date":
        return _as_timestamp(value, writer)
    if to == "double" and source in NUMBERS:
        return as_double(value)
    if to == "integer" and source == "boolean":
        return as_integer(value, postgres=False) if not writer.postgres else exp.cast(value, "int")
    if to == "decimal" and source in ("integer", "decimal"):
        return exp.Cast(this=value, to=node.args["to"].copy())
    if to == "text" and source in ("integer", "date"):
        return collated(as_text(value, "postgres" if writer.postgres else "mysql"), writer.binary)
    raise writer.refusal(f"a cast from {source} to {to}")


def case(node: exp.Expr, writer: Writer) -> exp.Expr:
    """CASE WHEN."""
    writer.require(node.this is None, "CASE with an operand")
    return writer.same(node)


REWRITINGS: Mapping[type, Rewriting] = {
    **dict.fromkeys((exp.And, exp.Or, exp.Not, exp.Neg, exp.Coalesce, exp.Nullif, exp.If), same),
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ), comparison),
    exp.Between: between,
    exp.In: in_,
    exp.Is: is_,
    exp.Like: like,
    exp.ILike: like,
    exp.Escape: escape,
    exp.Div: divide,
    exp.IntDiv: divide_whole,
    exp.Mod: modulo,
    exp.Add: add_or_subtract,
    exp.Sub: add_or_subtract,
    exp.Mul: multiply,
    exp.Interval: interval,
    exp.DPipe: joined_text,
    exp.Cast: cast,
    exp.Case: case,
}
