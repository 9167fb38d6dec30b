"""Rewritings of aggregates, window functions and functions of numbers, texts and dates."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from app.validation.servers.build import as_double, as_integer, call, number, quotient, string
from app.validation.servers.expressions import lowered
from app.validation.servers.kinds import NUMBERS, TEMPORAL, kind_of
from app.validation.servers.writer import Rewriting, Writer

Make = Callable[[exp.Expr], exp.Expr]
_RANKINGS = (
    exp.RowNumber,
    exp.Rank,
    exp.DenseRank,
    exp.PercentRank,
    exp.CumeDist,
    exp.Ntile,
    exp.Lag,
    exp.Lead,
    exp.FirstValue,
    exp.LastValue,
)
_SPREADS: Mapping[type, str] = {
    exp.Stddev: "STDDEV_SAMP", exp.StddevSamp: "STDDEV_SAMP", exp.StddevPop: "STDDEV_POP",
    exp.Variance: "VAR_SAMP", exp.VariancePop: "VAR_POP",
}  # fmt: skip


# -- aggregates, with their FILTER and OVER ----------------------------------------------------------------------------


def aggregate(node: exp.Expr, writer: Writer) -> exp.Expr:
    """An aggregate by itself."""
    return _aggregate(node, None, None, writer)


def filtered(node: exp.Expr, writer: Writer) -> exp.Expr:
    """An aggregate of the rows that fulfil a condition."""
    return _aggregate(node.this, node.expression.this, None, writer)


def window(node: exp.Expr, writer: Writer) -> exp.Expr:
    """An aggregate or a ranking over a window."""
    writer.require(not node.args.get("over") or str(node.args["over"]).upper() == "OVER", "this window")
    spec = node.args.get("spec")
    writer.require(spec is None or not spec.args.get("exclude"), "EXCLUDE in a window")
    inner = node.this
    if isinstance(inner, _RANKINGS):
        return _over(writer.same(inner), node, writer)
    if isinstance(inner, exp.Filter):
        return _aggregate(inner.this, inner.expression.this, node, writer)
    return _aggregate(inner, None, node, writer)


def window_spec(node: exp.Expr, writer: Writer) -> exp.Expr:
    """The frame of a window: ROWS or RANGE between bounds that are whole numbers or words."""
    for side in ("start", "end"):
        bound = node.args.get(side)
        writer.require(not isinstance(bound, exp.Expr) or isinstance(bound, exp.Literal), "this window frame")
    writer.require(str(node.args.get("kind") or "ROWS").upper() in ("ROWS", "RANGE"), "this window frame")
    return node.copy()


def _over(made: exp.Expr, node: exp.Expr, writer: Writer) -> exp.Expr:
    parts = {key: writer.same_part(node.args.get(key)) for key in ("partition_by", "order", "spec")}
    return exp.Window(this=made, over="OVER", **parts)


def _aggregate(node: exp.Expr, condition: exp.Expr | None, over: exp.Expr | None, writer: Writer) -> exp.Expr:
    def made(make: Make, argument: exp.Expr) -> exp.Expr:
        """The aggregate of the argument, over the rows of the condition and of the window."""
        where = writer.write(condition) if condition is not None else None
        if where is not None and not writer.postgres:
            whole = isinstance(argument, exp.Star)
            argument = exp.Case(ifs=[exp.If(this=where, true=number(1) if whole else argument)])
        found = make(argument)
        if where is not None and writer.postgres:
            found = exp.Filter(this=found, expression=exp.Where(this=where))
        return _over(found, over, writer) if over is not None else found

    if isinstance(node, exp.Count):
        return _count(node, made, writer)
    writer.require(not node.expressions and not isinstance(node.this, exp.Distinct | exp.Order), "this aggregate")
    kind = kind_of(node.this)
    if isinstance(node, exp.Sum | exp.Avg):
        return _sum_or_average(node, kind, made, writer)
    if isinstance(node, exp.Min | exp.Max):
        return _extreme(node, kind, made, writer)
    writer.require(kind in NUMBERS, f"{node.key} of {kind} values")
    if type(node) in _SPREADS:
        return made(lambda value: call(_SPREADS[type(node)], value), as_double(writer.write(node.this)))
    return _quantile(node, kind, made, writer)


def _count(node: exp.Count, made: Callable[[Make, exp.Expr], exp.Expr], writer: Writer) -> exp.Expr:
    argument = node.this
    if not isinstance(argument, exp.Distinct):
        return made(
            lambda value: exp.Count(this=value),
            exp.Star() if isinstance(argument, exp.Star) else writer.write(argument),
        )
    writer.require(len(argument.expressions) == 1 and not argument.args.get("on"), "a count of several expressions")
    counted = argument.expressions[0]
    if isinstance(counted, exp.Tuple):
        written = _tuple(counted, writer)
    else:
        written = writer.write(counted)
    return made(lambda value: exp.Count(this=exp.Distinct(expressions=[value])), written)


def _tuple(counted: exp.Tuple, writer: Writer) -> exp.Expr:
    """Several values as one: MariaDB's own count of several leaves out rows in which one of them is empty."""
    parts = [writer.write(each) for each in counted.expressions]
    if writer.postgres:
        return exp.Tuple(expressions=parts)
    return exp.Cast(this=call("JSON_ARRAY", *parts), to=exp.DataType.build("binary", dialect="mysql"))


def _sum_or_average(node: exp.Expr, kind: str, made: Callable[[Make, exp.Expr], exp.Expr], writer: Writer) -> exp.Expr:
    """Sums of exact numbers are exact everywhere; averages are their sum divided by their count, as a double."""
    value = writer.write(node.this)
    if kind == "boolean" and isinstance(node, exp.Sum):
        return made(lambda each: exp.Sum(this=each), exp.cast(value, "int") if writer.postgres else value)
    writer.require(kind in NUMBERS, f"{node.key} of {kind} values")
    if isinstance(node, exp.Sum) or kind == "double":
        return made(lambda each: type(node)(this=each), value)
    if writer.postgres:
        return as_double(made(lambda each: exp.Avg(this=each), value))
    total, count = made(lambda each: exp.Sum(this=each), value), made(lambda each: exp.Count(this=each), value.copy())
    return quotient(total, count, postgres=False)


def _extreme(node: exp.Expr, kind: str, made: Callable[[Make, exp.Expr], exp.Expr], writer: Writer) -> exp.Expr:
    value = writer.write(node.this)
    if kind == "boolean" and writer.postgres:
        return exp.cast(made(lambda each: type(node)(this=each), exp.cast(value, "int")), "boolean")
    return made(lambda each: type(node)(this=each), value)


def _quantile(node: exp.Expr, kind: str, made: Callable[[Make, exp.Expr], exp.Expr], writer: Writer) -> exp.Expr:
    """Medians and quantiles between values; MariaDB has none as an aggregate, and decimals are cut differently."""
    writer.require(writer.postgres, f"{node.key}")
    writer.require(kind in ("integer", "double"), f"{node.key} of decimals")
    share = exp.Literal.number("0.5") if isinstance(node, exp.Median) else node.expression
    writer.require(isinstance(share, exp.Literal), "a computed quantile")

    def quantile(value: exp.Expr) -> exp.Expr:
        order = exp.Order(expressions=[exp.Ordered(this=value, nulls_first=False)])
        return exp.WithinGroup(this=call("PERCENTILE_CONT", share.copy()), expression=order)

    return made(quantile, as_double(writer.write(node.this)))


def count_if(node: exp.Expr, writer: Writer) -> exp.Expr:
    """How many rows fulfil a condition."""
    return exp.Count(this=exp.Case(ifs=[exp.If(this=writer.write(node.this), true=number(1))]))


# -- numbers and texts -------------------------------------------------------------------------------------------------


def numeric(node: exp.Expr, writer: Writer) -> exp.Expr:
    """Functions of one number that mean the same everywhere."""
    writer.require(kind_of(node.this) in NUMBERS, f"{node.key} of {kind_of(node.this)} values")
    return type(node)(this=writer.write(node.this))


def rounded(node: exp.Expr, writer: Writer) -> exp.Expr:
    """Rounding half away from zero; servers round doubles half to even, so of those the half is added here."""
    kind, places = kind_of(node.this), node.args.get("decimals")
    writer.require(kind in NUMBERS, f"round of {kind} values")
    writer.require(places is None or (isinstance(places, exp.Literal) and places.is_int), "a computed rounding")
    value = writer.write(node.this)
    if kind != "double":
        return exp.Round(this=value, decimals=places.copy() if places is not None else None)
    factor = exp.Literal.number(f"1e{int(places.this) if places is not None else 0}")
    scaled = exp.Mul(this=exp.Abs(this=value), expression=as_double(factor))
    half = exp.Floor(this=exp.Add(this=scaled, expression=as_double(exp.Literal.number("0.5"))))
    signed = exp.Mul(this=exp.Sign(this=value.copy()), expression=half)
    return exp.Paren(this=exp.Div(this=signed, expression=as_double(factor.copy()), typed=True, safe=True))


def cased(node: exp.Expr, writer: Writer) -> exp.Expr:
    """LOWER and UPPER."""
    writer.require(kind_of(node.this) == "text", f"{node.key} of what is no text")
    return lowered(writer.write(node.this), writer, exp.Lower if isinstance(node, exp.Lower) else exp.Upper)


def length(node: exp.Expr, writer: Writer) -> exp.Expr:
    """The number of characters."""
    writer.require(kind_of(node.this) == "text", "length of what is no text")
    return call("CHAR_LENGTH", writer.write(node.this))


def cut(node: exp.Expr, writer: Writer) -> exp.Expr:
    """LEFT, RIGHT and SUBSTRING with literal positions that are not negative."""
    positions = [value for key, value in node.args.items() if key != "this" and value is not None]
    fine = all(isinstance(each, exp.Literal) and each.is_int for each in positions)
    start = node.args.get("start")
    writer.require(fine and (start is None or int(start.this) > 0), f"{node.key} at computed positions")
    writer.require(kind_of(node.this) == "text", f"{node.key} of what is no text")
    return type(node)(**{k: writer.write(v) for k, v in node.args.items() if isinstance(v, exp.Expr)})


def trimmed(node: exp.Expr, writer: Writer) -> exp.Expr:
    """TRIM of spaces."""
    writer.require(not node.expression and kind_of(node.this) == "text", "this TRIM")
    return exp.Trim(this=writer.write(node.this), position=node.args.get("position"))


# -- dates -------------------------------------------------------------------------------------------------------------

_TRUNCATED = frozenset({"YEAR", "QUARTER", "MONTH", "WEEK", "DAY"})
_PARTS: Mapping[str, tuple[str, str]] = {
    "YEAR": ("YEAR", "YEAR"), "QUARTER": ("QUARTER", "QUARTER"), "MONTH": ("MONTH", "MONTH"),
    "DAY": ("DAY", "DAYOFMONTH"), "HOUR": ("HOUR", "HOUR"), "MINUTE": ("MINUTE", "MINUTE"), "DOY": ("DOY", "DAYOFYEAR"),
}  # fmt: skip
"""Part -> what EXTRACT calls it on PostgreSQL, and MariaDB's function."""
_SPOKEN = {"DAYOFYEAR": "DOY", "DAYOFMONTH": "DAY", "DAYOFWEEK": "DOW", "DAYOFWEEKISO": "ISODOW", "WEEKOFYEAR": "WEEK"}


def truncated(node: exp.Expr, writer: Writer) -> exp.Expr:
    """The first day of a date's year, quarter, month, week (Monday) or day."""
    unit = str(node.args.get("unit") or "").upper()
    writer.require(unit in _TRUNCATED and kind_of(node.this) in TEMPORAL, f"date_trunc to {unit.lower()}")
    value = writer.write(node.this)
    if writer.postgres:
        return call("DATE_TRUNC", string(unit.lower()), exp.cast(value, "timestamp"))
    return _first_day(value, unit)


def _first_day(value: exp.Expr, unit: str) -> exp.Expr:
    day, year = exp.cast(value, "date"), call("YEAR", value)
    if unit == "DAY":
        return day
    if unit == "WEEK":
        return call("DATE_SUB", day, _interval(call("WEEKDAY", value.copy()), "DAY"))
    if unit == "MONTH":
        return exp.cast(call("DATE_FORMAT", value, string("%Y-%m-01")), "date")
    first = call("MAKEDATE", year, number(1))
    if unit == "YEAR":
        return first
    months = exp.Sub(this=exp.Mul(this=call("QUARTER", value.copy()), expression=number(3)), expression=number(3))
    return call("DATE_ADD", first, _interval(exp.Paren(this=months), "MONTH"))


def _interval(amount: exp.Expr, unit: str) -> exp.Expr:
    return exp.Interval(
        this=exp.Paren(this=amount) if not isinstance(amount, exp.Paren) else amount, unit=exp.Var(this=unit)
    )


def part_function(node: exp.Expr, writer: Writer) -> exp.Expr:
    """`year(d)`, `month(d)` and their like."""
    name = type(node).__name__.upper()
    return _part(node.this, _SPOKEN.get(name, name), writer)


def extract(node: exp.Expr, writer: Writer) -> exp.Expr:
    """EXTRACT(YEAR FROM d)."""
    name = str(node.this.name).upper()
    return _part(node.expression, _SPOKEN.get(name, name), writer)


def named(node: exp.Expr, writer: Writer) -> exp.Expr:
    """Functions that sqlglot knows by their name only: `date_part('year', d)`."""
    if node.name.lower() in ("date_part", "datepart") and len(node.expressions) == 2:
        name = str(node.expressions[0].name).upper()
        return _part(node.expressions[1], _SPOKEN.get(name, name), writer)
    raise writer.refusal(f"the function {node.name.lower()}")


def _part(value: exp.Expr, part: str, writer: Writer) -> exp.Expr:
    writer.require(kind_of(value) in TEMPORAL, f"{part.lower()} of what is no date")
    written = writer.write(value)
    if writer.postgres:
        writer.require(part in _PARTS or part in ("DOW", "ISODOW", "WEEK"), f"the part {part.lower()} of a date")
        return as_integer(
            exp.Extract(this=exp.Var(this=part), expression=exp.cast(written, "timestamp")), postgres=True
        )
    if part == "WEEK":
        return call("WEEK", written, number(3))
    if part == "DOW":
        return exp.Paren(this=exp.Sub(this=call("DAYOFWEEK", written), expression=number(1)))
    if part == "ISODOW":
        return exp.Paren(this=exp.Add(this=call("WEEKDAY", written), expression=number(1)))
    writer.require(part in _PARTS, f"the part {part.lower()} of a date")
    return call(_PARTS[part][1], written)


def date_difference(node: exp.Expr, writer: Writer) -> exp.Expr:
    """How many boundaries of days, months, quarters or years lie between two dates."""
    unit = str(node.args.get("unit") or "DAY").upper().rstrip("S")
    later, earlier = node.this, node.expression
    if unit == "DAY":
        days = [exp.cast(writer.write(each), "date") for each in (later, earlier)]
        return exp.Paren(this=exp.Sub(this=days[0], expression=days[1])) if writer.postgres else call("DATEDIFF", *days)
    scales = {"YEAR": (("YEAR", 1),), "QUARTER": (("YEAR", 4), ("QUARTER", 1)), "MONTH": (("YEAR", 12), ("MONTH", 1))}
    writer.require(unit in scales, f"date_diff in {unit.lower()}s")
    terms = [
        exp.Mul(
            this=exp.Paren(this=exp.Sub(this=_part(later, part, writer), expression=_part(earlier, part, writer))),
            expression=number(scale),
        )
        for part, scale in scales[unit]
    ]
    return exp.Paren(this=terms[0] if len(terms) == 1 else exp.Add(this=terms[0], expression=terms[1]))


def date_text(node: exp.Expr, writer: Writer) -> exp.Expr:
    """`strftime` with years, months, days, hours and minutes in figures."""
    form = str(node.args["format"].this) if isinstance(node.args.get("format"), exp.Literal) else "?"
    rest = form
    for known in ("%Y", "%m", "%d", "%H", "%M"):
        rest = rest.replace(known, "")
    writer.require(not set(rest) - set("-/.: ") and kind_of(node.this) in TEMPORAL, f"the date format {form!r}")
    value = writer.write(node.this)
    if not writer.postgres:
        return call("DATE_FORMAT", value, string(form.replace("%M", "%i")))
    for known, spelled in (("%Y", "YYYY"), ("%m", "MM"), ("%d", "DD"), ("%H", "HH24"), ("%M", "MI")):
        form = form.replace(known, spelled)
    return call("TO_CHAR", exp.cast(value, "timestamp"), string(form))


REWRITINGS: Mapping[type, Rewriting] = {
    **dict.fromkeys((exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Median, exp.PercentileCont), aggregate),
    **dict.fromkeys(_SPREADS, aggregate),
    **dict.fromkeys((exp.Abs, exp.Ceil, exp.Floor, exp.Sign), numeric),
    **dict.fromkeys((exp.Lower, exp.Upper), cased),
    **dict.fromkeys((exp.Left, exp.Right, exp.Substring), cut),
    **dict.fromkeys((exp.TimestampTrunc, exp.DateTrunc), truncated),
    **dict.fromkeys(
        (
            exp.Year, exp.Quarter, exp.Month, exp.Day, exp.DayOfMonth, exp.DayOfYear, exp.DayOfWeek, exp.Week,
            exp.WeekOfYear, exp.Hour, exp.Minute,
        ),
        part_function,
    ),
    exp.Filter: filtered,
    exp.Window: window,
    exp.WindowSpec: window_spec,
    exp.CountIf: count_if,
    exp.Round: rounded,
    exp.Length: length,
    exp.Trim: trimmed,
    exp.Extract: extract,
    exp.Anonymous: named,
    exp.DateDiff: date_difference,
    exp.TimeToStr: date_text,
}  # fmt: skip
