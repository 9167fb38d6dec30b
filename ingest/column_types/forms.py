"""A form: one way in which a column's text may write values of a type, as a DuckDB expression that tests and converts.

Each form's expression is NULL where a text does not fit, so the count of non-NULL results is the test and the same
expression is the conversion.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

from ingest.stores.identifiers import literal

Family: TypeAlias = Literal["boolean", "number", "date", "timestamp", "time"]

NULL_WORDS = ("na", "n/a", "n.a.", "#n/a", "#na", "nan", "null", "none", "nil", "-", "--", "---", "–", "—")
"""Words (lower case) that mean "no value" in a column whose other values have a type."""

BLANKS = " \t\r\n\u00a0\u2007\u202f\ufeff"


@dataclass(frozen=True, slots=True)
class Form:
    """A way to write values; `convert` maps a text expression to a typed one, NULL where it does not fit."""

    name: str
    family: Family
    pattern: str
    """Regular expression (Python and RE2) that every value of the form matches wholly; `convert` may be stricter."""
    convert: Callable[[str], str]
    order: Literal["", "day_first", "month_first"] = ""
    """For dates in numbers only: which of day and month comes first."""
    needs_name: str = ""
    """Regular expression that the column's name must match for the form to be considered."""
    least_distinct: int = 1
    """Distinct values that the column must have: `n` alone is no boolean."""


def looks_like(form: Form, text: str) -> bool:
    """Whether the text could be of the form, without asking the database."""
    return _compiled(form.pattern).fullmatch(text) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def trimmed(expression: str) -> str:
    """SQL: the text without surrounding white space (also no-break spaces), NULL if nothing is left."""
    return f"nullif(trim({expression}, {literal(BLANKS)}), '')"


def without_null_words(expression: str) -> str:
    """SQL: the text, NULL if it is one of `NULL_WORDS`."""
    words = "|".join(re.escape(word) for word in NULL_WORDS)
    return f"CASE WHEN NOT regexp_full_match({expression}, {literal(f'(?i:{words})')}) THEN {expression} END"


def _boolean(true: str, false: str) -> Form:
    def convert(x: str) -> str:
        return f"CASE lower({x}) WHEN {literal(true)} THEN true WHEN {literal(false)} THEN false END"

    return Form(f"{true}/{false}", "boolean", f"(?i:{true}|{false})", convert, least_distinct=1 if len(true) > 1 else 2)


BOOLEANS = (_boolean("true", "false"), _boolean("yes", "no"), _boolean("y", "n"), _boolean("t", "f"))
