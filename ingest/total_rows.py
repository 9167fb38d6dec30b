"""Rows of totals at the end of a table: found and taken out, so that no sum counts everything twice.

A spreadsheet often ends in "Total; ; 1,204.50". Such a row is taken out only if it says so and its numbers agree: at
least half of them are the sum (or the mean) of the rows above. A row that is only called a total stays, and is
reported: it may be data.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from connectors.base import Problem
from ingest.stores.identifiers import quoted

if TYPE_CHECKING:
    import duckdb

_LABEL = re.compile(
    r"(?:grand\s+|overall\s+|sub-?\s*)?total(?:s|e|en|es|i|en)?\b.{0,30}|sums?|overall|(?:gesamt)?summe|gesamt(?:betrag)?|"
    r"insgesamt|somme|suma|totaal|totale|razem|average|mean|durchschnitt|moyenne|promedio",
    re.IGNORECASE,
)
_NUMERIC = re.compile(r"U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?$|DECIMAL|DOUBLE|FLOAT")
_TOLERANCE = 1e-6
"""Share by which a written total may differ from the sum: it was rounded."""
_ROUNDED, _WHOLE = 0.01, 0.5


def is_total_label(cell: str | None) -> bool:
    """Whether a cell says that its row is a total: "Total", "Grand total:", "Summe".

    >>> is_total_label("Grand Total:"), is_total_label("Total Foods Ltd and partners of the north")
    (True, False)
    """
    return cell is not None and _LABEL.fullmatch(cell.strip().rstrip(":").strip()) is not None


def labelled_rows(tail: Sequence[Sequence[str | None]]) -> int:
    """How many of a table's last rows, counted from the end, are labelled as totals in their first filled cell."""
    count = 0
    for row in reversed(tail):
        if not is_total_label(next((cell for cell in row if cell and cell.strip()), None)):
            break
        count += 1
    return count


def agreeing(connection: duckdb.DuckDBPyConnection, body: str, tail: str) -> list[bool]:
    """For each row of the relation `tail`, whether its numbers are totals of the table `body`, of the same columns.

    A row without a number holds nothing but its label, and agrees.
    """
    described = connection.execute(f"DESCRIBE {quoted(body)}").fetchall()
    numeric = [(str(name), "INT" in str(kind)) for name, kind, *_ in described if _NUMERIC.match(str(kind))]
    if not numeric:
        return [True for _ in connection.execute(f"SELECT 1 FROM {tail}").fetchall()]  # noqa: S608
    sums = ", ".join(f"sum({quoted(n)})::DOUBLE, avg({quoted(n)})::DOUBLE" for n, _ in numeric)
    found = connection.execute(f"SELECT {sums} FROM {quoted(body)}").fetchone() or ()  # noqa: S608
    totals = [
        _Totals(found[2 * at], found[2 * at + 1], _WHOLE if whole else _ROUNDED)
        for at, (_, whole) in enumerate(numeric)
    ]
    cells = ", ".join(f"{quoted(n)}::DOUBLE" for n, _ in numeric)
    rows = connection.execute(f"SELECT {cells} FROM {tail}").fetchall()  # noqa: S608
    return [_agrees(row, totals) for row in rows]


class _Totals(NamedTuple):
    sum: float | None
    mean: float | None
    rounding: float
    """By how much a mean written in this column may differ: a whole number by a half."""


def _agrees(row: Sequence[float | None], totals: Sequence[_Totals]) -> bool:
    filled = [(value, of) for value, of in zip(row, totals, strict=True) if value is not None]
    same = sum(_near(value, of.sum, _ROUNDED) or _near(value, of.mean, of.rounding) for value, of in filled)
    return not filled or (same > 0 and 2 * same >= len(filled))


def _near(value: float, total: float | None, rounding: float) -> bool:
    return total is not None and abs(value - total) <= max(rounding, _TOLERANCE * abs(total))


def removed(path: str, labels: Sequence[str]) -> Problem:
    """The finding for rows that were taken out."""
    text = f"The last {'row is' if len(labels) == 1 else f'{len(labels)} rows are'} totals of the others and left out"
    return Problem(path, "total_row", f"{text}: {', '.join(repr(label) for label in labels)}.", "repaired")


def kept(path: str, labels: Sequence[str]) -> Problem:
    """The finding for labelled rows whose numbers are no totals."""
    text = "The last rows are called totals, but their numbers are not the sums of the others; they are kept as data"
    return Problem(path, "total_row_kept", f"{text}: {', '.join(repr(label) for label in labels)}.", "noted")
