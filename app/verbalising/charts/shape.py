"""A result as charts see it: cleaned labels, amounts, and which column plays which part."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import date
from functools import cached_property

from app.values import Cell
from app.verbalising.outputs import Output, amount

LABEL_CHARACTERS = 60
TITLE_CHARACTERS = 80
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_QUOTES = str.maketrans({'"': "”", "'": "’", "\\": "/", "`": "’"})
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Shape:
    """The columns of a complete result and its rows, as `rows[i][j]` of the answer's table."""

    def __init__(self, outputs: Sequence[Output], rows: Sequence[Sequence[Cell]]) -> None:
        self.outputs = outputs
        self.rows = rows

    @cached_property
    def measures(self) -> list[int]:
        """Columns of amounts."""
        return [at for at, output in enumerate(self.outputs) if output.role == "measure"]

    @cached_property
    def dimensions(self) -> list[int]:
        """The other columns."""
        return [at for at, output in enumerate(self.outputs) if output.role != "measure"]

    @cached_property
    def moments(self) -> list[int]:
        """Dimensions that are points in time."""
        return [at for at in self.dimensions if self.outputs[at].role in ("time", "year")]

    def amounts(self, column: int) -> list[float | None]:
        """The column's cells as numbers; None where a cell is none."""
        return [amount(row[column]) for row in self.rows]

    def labels(self, column: int) -> list[str]:
        """The column's cells as axis labels."""
        output = self.outputs[column]
        return [label(row[column], output) for row in self.rows]

    def days(self, column: int) -> list[str] | None:
        """The column's cells as ISO days; None if one of them is not a date."""
        found = [iso_day(row[column]) for row in self.rows]
        return [day for day in found if day is not None] if None not in found else None


def label(cell: Cell, output: Output) -> str:
    """A cell as an axis shows it."""
    if cell is None:
        return "unknown"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if output.role == "time":
        return period_label(iso_day(cell), output.grain) or clean(str(cell), LABEL_CHARACTERS)
    return clean(output.labels.get(str(cell), str(cell)), LABEL_CHARACTERS) or "(empty)"


def title(output: Output) -> str:
    """A column as an axis title: capitalised, with its unit."""
    said = heading(output.title)
    if output.ratio:
        return f"{said} (%)"
    return f"{said} ({heading(output.unit, capital=False)})" if output.unit else said


def heading(text: str, *, capital: bool = True) -> str:
    """Text that a title may hold."""
    said = disarmed(clean(text, TITLE_CHARACTERS))
    return said[:1].upper() + said[1:] if capital else said


def disarmed(text: str) -> str:
    """Text with typographic quotes and without backslashes.

    Vega-Lite copies titles into expressions and does not escape each quote, so none is left to end a string there.
    """
    return text.translate(_QUOTES)


def clean(text: str, longest: int) -> str:
    """One line without control and direction characters, at most `longest` characters."""
    flat = " ".join(text.split())
    kept = "".join(c for c in flat if unicodedata.category(c) not in ("Cc", "Cs", "Cn", "Co") and c not in _BIDI)
    return kept if len(kept) <= longest else f"{kept[: longest - 1].rstrip()}…"


def iso_day(cell: Cell) -> str | None:
    """The day of an ISO date or timestamp as `2025-03-01`."""
    if not isinstance(cell, str):
        return None
    try:
        return date.fromisoformat(cell[:10]).isoformat()
    except ValueError:
        return None


def period_label(day: str | None, grain: str | None) -> str:
    """A period by its first day: `Mar 2025`, `Q1 2025`, `2025`, `3 Mar 2025`."""
    if day is None:
        return ""
    year, month = day[:4], int(day[5:7])
    if grain == "year":
        return year
    if grain == "quarter":
        return f"Q{(month + 2) // 3} {year}"
    if grain == "month":
        return f"{MONTHS[month - 1]} {year}"
    return f"{int(day[8:])} {MONTHS[month - 1]} {year}"
