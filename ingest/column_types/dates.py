"""Dates, timestamps and times of day as text."""

from __future__ import annotations

from ingest.column_types.forms import Form
from ingest.stores.identifiers import literal

_MONTH = r"[A-Za-z]{3,9}\.?"
_TIME = r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?"
_TIME_12 = r"\d{1,2}:\d{2}(?::\d{2})? ?[AaPp]\.?[Mm]\.?"
_ZONE = r"Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?"
_ISO = rf"\d{{4}}-\d{{1,2}}-\d{{1,2}}(?:[T ]+{_TIME} ?(?:{_ZONE})?)?"
_YYYYMMDD = r"(?:19|20)\d{6}"


def _day_month(year: str) -> tuple[str, ...]:
    return tuple(f"%d{separator}%{month}{separator}%{year}" for separator in "- /" for month in "bB")


_DAY_AND_MONTH = rf"\d{{1,2}}(?:st|nd|rd|th)?[-. /]+{_MONTH}[-, /]+"
_STYLES: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("Y-m-d", r"\d{4}-\d{1,2}-\d{1,2}", ("%Y-%m-%d",), ""),
    ("Y/m/d", r"\d{4}/\d{1,2}/\d{1,2}", ("%Y/%m/%d",), ""),
    ("Y.m.d", r"\d{4}\.\d{1,2}\.\d{1,2}", ("%Y.%m.%d",), ""),
    ("d.m.Y", r"\d{1,2}\. ?\d{1,2}\. ?\d{4}", ("%d.%m.%Y", "%d. %m. %Y"), ""),
    ("d.m.y", r"\d{1,2}\.\d{1,2}\.\d{2}", ("%d.%m.%y",), ""),
    ("d/m/Y", r"\d{1,2}/\d{1,2}/\d{4}", ("%d/%m/%Y",), "day_first"),
    ("m/d/Y", r"\d{1,2}/\d{1,2}/\d{4}", ("%m/%d/%Y",), "month_first"),
    ("d-m-Y", r"\d{1,2}-\d{1,2}-\d{4}", ("%d-%m-%Y",), "day_first"),
    ("m-d-Y", r"\d{1,2}-\d{1,2}-\d{4}", ("%m-%d-%Y",), "month_first"),
    ("d/m/y", r"\d{1,2}/\d{1,2}/\d{2}", ("%d/%m/%y",), "day_first"),
    ("m/d/y", r"\d{1,2}/\d{1,2}/\d{2}", ("%m/%d/%y",), "month_first"),
    ("d-Mon-Y", rf"{_DAY_AND_MONTH}\d{{4}}", _day_month("Y"), ""),
    ("d-Mon-y", rf"{_DAY_AND_MONTH}\d{{2}}", _day_month("y"), ""),
    (
        "Mon d, Y",
        rf"{_MONTH} +\d{{1,2}}(?:st|nd|rd|th)?,? +\d{{4}}",
        ("%B %d %Y", "%b %d %Y"),
        "",
    ),
)


def _plain_words(x: str) -> str:
    """SQL: a date with a month's name without ordinal endings, dots, commas and double spaces; `Sept` as `Sep`."""
    bare = rf"regexp_replace({x}, '(\d)(?:st|nd|rd|th)', '\1')"
    bare = rf"regexp_replace({bare}, '[.,]', ' ', 'g')"
    bare = rf"regexp_replace({bare}, '(?i)\bsept\b', 'Sep')"
    return f"trim(regexp_replace({bare}, ' +', ' ', 'g'))"


def _moment(x: str, name: str, pattern: str, formats: tuple[str, ...]) -> str:
    """SQL: `x` as a TIMESTAMP at midnight, NULL where it is not a date of this style."""
    text = _plain_words(x) if "Mon" in name else x
    listed = "[" + ", ".join(literal(f) for f in formats) + "]"
    return f"CASE WHEN regexp_full_match({x}, {literal(pattern)}) THEN try_strptime({text}, {listed}) END"


def _time(x: str) -> str:
    """SQL: `x` as a TIME, NULL where it is not a time of day."""
    upper = f"replace(upper({x}), '.', '')"
    return (
        f"CASE WHEN regexp_full_match({x}, {literal(_TIME)}) THEN try_cast({x} AS TIME) "
        f"WHEN regexp_full_match({x}, {literal(_TIME_12)}) THEN "
        f"CAST(try_strptime({upper}, ['%I:%M %p', '%I:%M:%S %p', '%I:%M%p', '%I:%M:%S%p']) AS TIME) END"
    )


def _date_form(name: str, pattern: str, formats: tuple[str, ...], order: str) -> Form:
    def convert(x: str) -> str:
        return f"CAST({_moment(x, name, pattern, formats)} AS DATE)"

    return Form(name, "date", pattern, convert, order=order)  # type: ignore[arg-type]


def _timestamp_form(name: str, pattern: str, formats: tuple[str, ...], order: str) -> Form:
    """The style's dates followed by a time of day; rows without a time mean midnight."""
    both = rf"({pattern})(?:[T ,]+({_TIME_12}|{_TIME}))?"
    whole = literal(f"^{both}$")

    def convert(x: str) -> str:
        day = _moment(f"regexp_extract({x}, {whole}, 1)", name, pattern, formats)
        clock = f"nullif(regexp_extract({x}, {whole}, 2), '')"
        valid_clock = f"({clock} IS NULL OR ({_time(clock)}) IS NOT NULL)"
        midnight = "TIME '00:00:00'"
        return f"CASE WHEN {valid_clock} THEN CAST(({day}) AS DATE) + coalesce(({_time(clock)}), {midnight}) END"

    return Form(f"{name} time", "timestamp", both, convert, order=order)  # type: ignore[arg-type]


def _iso_timestamp(x: str) -> str:
    """SQL: an ISO 8601 timestamp, converted to UTC where it has a zone (the session's zone must be UTC)."""
    text = rf"regexp_replace(regexp_replace({x}, ' ?(UTC|GMT)$', 'Z'), ' ([+-]\d\d:?\d*|Z)$', '\1')"
    return (
        f"CASE WHEN regexp_full_match({x}, {literal(_ISO)}) THEN try_cast({text} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' END"
    )


def _compact(x: str) -> str:
    return f"CAST(CASE WHEN regexp_full_match({x}, {literal(_YYYYMMDD)}) THEN try_strptime({x}, '%Y%m%d') END AS DATE)"


COMPACT_DATE = Form("YYYYMMDD", "date", _YYYYMMDD, _compact, needs_name=r"(?i)(^|_)(dt|day)(_|$)|date|datum")
DATES = tuple(_date_form(*style) for style in _STYLES)
TIMESTAMPS = (
    Form("Y-m-d time", "timestamp", _ISO, _iso_timestamp),
    *(_timestamp_form(*style) for style in _STYLES[1:]),
)
TIMES = (Form("H:M", "time", f"{_TIME}|{_TIME_12}", _time),)

SQL_TYPES = {"date": "DATE", "timestamp": "TIMESTAMP", "time": "TIME", "boolean": "BOOLEAN"}
