"""Numbers as people and programs write them: `1,234.56`, `1.234,56 €`, `(12)`, `12.5%`, `CHF 1'200`, `-3e-7`.

A style maps a text to the canonical text of its number (`-1234.56`), NULL where it does not fit. The column's SQL type
follows from the most digits before and after the point that any row has.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingest.column_types.forms import Form
from ingest.stores.identifiers import literal

CURRENCIES = {"€": "EUR", "$": "USD", "US$": "USD", "C$": "CAD", "A$": "AUD", "£": "GBP", "¥": "JPY", "₹": "INR"}
"""Sign -> ISO 4217 code. The codes themselves are `_CODES`."""

_CODES = "USD|EUR|GBP|JPY|CHF|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RON|INR|CNY|BRL|MXN|ZAR|SGD|HKD|KRW|TRY|ILS"
_CURRENCY = "(?i:US\\$|C\\$|A\\$|[€$£¥₹]|" + _CODES + ")"
_SPACE = "[ \u00a0\u2009\u202f]"

_PLAIN = r"[+-]?(?:(?:0|[1-9]\d{0,17})(?:\.\d+)?|\.\d+)(?:[eE][+-]\d{1,3})?|[+-]?\d\.\d+[eE]\d{1,3}"


def _decorated(thousands: str, group: str, decimal: str) -> str:
    """RE2 pattern of a number with optional sign, currency, percent sign or parentheses; group 1 is the digits."""
    whole = rf"[1-9]\d{{0,2}}(?:{thousands}{group})*{thousands}\d{{3}}|0|[1-9]\d{{0,17}}"
    body = rf"((?:{whole})(?:{decimal}\d+)?|{decimal}\d+)"
    sign = r"[-+−]?"
    space = f"{_SPACE}*"
    return (
        rf"^\(?{space}{sign}{space}(?:{_CURRENCY}{space})?{sign}{space}{body}{space}"
        rf"(?:%|{_CURRENCY})?{space}(?:\)|[-−])?$"
    )


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """A convention of thousands and decimal signs."""

    name: str
    pattern: str
    thousands: str
    """RE2 character class that is removed from the digits."""
    decimal: str

    def canonical(self, x: str) -> str:
        """SQL: the number's canonical text, NULL where `x` is not a number of this style."""
        if self.name == "plain":
            return f"CASE WHEN regexp_full_match({x}, {literal(_PLAIN)}) THEN ltrim({x}, '+') END"
        body = f"regexp_extract({x}, {literal(self.pattern)}, 1)"
        digits = f"regexp_replace({body}, {literal(self.thousands)}, '', 'g')"
        point = digits if self.decimal == "." else f"replace({digits}, {literal(self.decimal)}, '.')"
        negative = rf"regexp_matches({x}, '^\(|^[^0-9]*[-−]|[-−]$')"
        return (
            f"CASE WHEN {body} <> '' AND starts_with({x}, '(') = ends_with({x}, ')') "
            f"THEN CASE WHEN {negative} THEN '-' ELSE '' END || {point} END"
        )


_THREE = r"\d{3}"
STYLES = (
    NumberStyle("plain", _PLAIN, "", "."),
    NumberStyle("point", _decorated(",", r"\d{2,3}", r"\."), ",", "."),
    NumberStyle("comma", _decorated(r"\.", _THREE, ","), r"\.", ","),
    NumberStyle("space_comma", _decorated(_SPACE, _THREE, ","), _SPACE, ","),
    NumberStyle("space_point", _decorated(_SPACE, _THREE, r"\."), _SPACE, "."),
    NumberStyle("apostrophe", _decorated("['’]", _THREE, r"\."), "['’]", "."),
)
BY_NAME = {style.name: style for style in STYLES}
NUMBERS = tuple(Form(style.name, "number", style.pattern, style.canonical) for style in STYLES)

CODE_PATTERN = r"0\d+|\d{19,}"
"""Digit strings that are codes rather than numbers."""


@dataclass(frozen=True, slots=True)
class NumberStats:
    """What a style found in a column over all rows."""

    fits: int
    whole_digits: int
    scale: int
    least_scale: int
    exponents: int
    units: tuple[str, ...]
    """The first and the last unit by spelling, one if they are the same."""
    with_unit: int
    grouped: int
    """Rows whose only separator could be a thousands or a decimal sign: `1,234` and `1.234`."""


STATS_WIDTH = 9
"""How many aggregates `stats_sql` gives."""


def stats_sql(style: NumberStyle, x: str, v: str) -> list[str]:
    """The aggregates from which `NumberStats` is read, in its order; `v` is the column of canonical texts of `x`."""
    fraction = f"length(split_part({v}, '.', 2))"
    decorated = style.name != "plain"
    sign = f"nullif(upper(regexp_extract({x}, {literal(f'({_CURRENCY}|%)')}, 1)), '')"
    unit = f"CASE WHEN {v} IS NOT NULL THEN {sign} END"
    grouped = r"(^|[^0-9.,])[1-9]\d{0,2}[.,]\d{3}($|[^0-9.,])"
    return [
        f"count({v})",
        f"coalesce(max(length(split_part(ltrim({v}, '-'), '.', 1))), 0)",
        f"coalesce(max({fraction}), 0)",
        f"coalesce(min(nullif({fraction}, 0)), 0)",
        f"count(*) FILTER (WHERE contains(lower({v}), 'e'))",
        f"min({unit})" if decorated else "NULL",
        f"max({unit})" if decorated else "NULL",
        f"count({unit})" if decorated else "0",
        f"count(*) FILTER (WHERE {v} IS NOT NULL AND regexp_matches({x}, {literal(grouped)}))" if decorated else "0",
    ]


def read_stats(row: tuple[object, ...]) -> NumberStats:
    """`NumberStats` from one row of `stats_sql` results; signs become currency codes."""
    whole = [int(str(value)) for value in (*row[:5], *row[7:])]
    units = tuple(sorted({CURRENCIES.get(str(unit), str(unit)) for unit in row[5:7] if unit is not None}))
    fits, whole_digits, scale, least_scale, exponents, with_unit, grouped = whole
    return NumberStats(fits, whole_digits, scale, least_scale, exponents, units, with_unit, grouped)


def sql_type(stats: NumberStats) -> str:
    """BIGINT, DECIMAL for exact values of up to 18 digits with few decimals, else DOUBLE."""
    if stats.exponents:
        return "DOUBLE"
    if stats.scale == 0:
        return "BIGINT"
    exact = stats.scale <= 4 or (stats.scale <= 6 and stats.least_scale == stats.scale)
    digits = stats.whole_digits + stats.scale
    return f"DECIMAL({max(digits, 6)},{stats.scale})" if exact and digits <= 18 else "DOUBLE"
