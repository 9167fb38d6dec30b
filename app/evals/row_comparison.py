"""Whether two results are the same: as multisets of rows, or as lists where the order counts.

Whole numbers must be equal; where either has a fraction they agree to a relative 1e-4, four significant digits.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, TypeAlias

RELATIVE_TOLERANCE = 1e-4
GREEDY_LIMIT = 1_000
"""Rows that differ only in numbers, above which near ties are not untangled."""

Canonical: TypeAlias = str | float | bool | None
CanonicalRow: TypeAlias = tuple[Canonical, ...]

_NUMBER = re.compile(r"[+-]?(?:0|[1-9]\d{0,15})(?:\.\d+)?(?:[eE][+-]?\d{1,3})?")
_MIDNIGHT = re.compile(r"(\d{4}-\d{2}-\d{2})[T ]00:00(?::00(?:\.0+)?)?(?:Z|[+-]00:?(?:00)?)?")
_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}.*")
_MASK = re.compile(r"<[A-Z][A-Z_]*_\d+>")


def same_rows(got: Sequence[Sequence[Any]], gold: Sequence[Sequence[Any]], *, ordered: bool = False) -> bool:
    """True if both hold the same rows. A masked cell (`<PERSON_1>`) stands for any text, one token for one value."""
    left = [tuple(canonical(cell) for cell in row) for row in got]
    right = [tuple(canonical(cell) for cell in row) for row in gold]
    if len(left) != len(right) or {len(row) for row in left} != {len(row) for row in right}:
        return False
    unmasked = _level_masks(left, right)
    if unmasked is None:
        return False
    left, right = unmasked
    if ordered:
        return all(same_row(a, b) for a, b in zip(left, right, strict=True))
    return _same_multiset(left, right)


def canonical(cell: Any) -> Canonical:
    """A cell in the form that is compared: numbers as float, dates and times as ISO text, text stripped."""
    if cell is None or isinstance(cell, bool):
        return cell
    if isinstance(cell, int | float | Decimal):
        number = float(cell)
        return None if math.isnan(number) else number
    if isinstance(cell, datetime | date | time):
        cell = cell.isoformat()
    text = str(cell).strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    midnight = _MIDNIGHT.fullmatch(text)
    if midnight:
        return midnight[1]
    return text.replace("T", " ", 1) if _TIMESTAMP.fullmatch(text) else text


def same_row(left: CanonicalRow, right: CanonicalRow) -> bool:
    """Cell by cell equality with the tolerance for numbers."""
    return all(_same_cell(a, b) for a, b in zip(left, right, strict=True))


def _same_cell(left: Canonical, right: Canonical) -> bool:
    if not (_is_number(left) and _is_number(right)):
        return type(left) is type(right) and left == right
    a, b = float(left or 0), float(right or 0)
    if a.is_integer() and b.is_integer():
        return a == b
    return math.isclose(a, b, rel_tol=RELATIVE_TOLERANCE, abs_tol=1e-9)


def _is_number(cell: Canonical) -> bool:
    return isinstance(cell, float) and not isinstance(cell, bool)


def _same_multiset(left: list[CanonicalRow], right: list[CanonicalRow]) -> bool:
    """Rows are put together by their other cells first, so that only numbers are left to compare nearly."""
    left_groups, right_groups = _by_text(left), _by_text(right)
    if {key: len(rows) for key, rows in left_groups.items()} != {key: len(rows) for key, rows in right_groups.items()}:
        return False
    return all(_same_numbers(rows, right_groups[key]) for key, rows in left_groups.items())


def _by_text(rows: list[CanonicalRow]) -> dict[tuple[Any, ...], list[tuple[float, ...]]]:
    groups: dict[tuple[Any, ...], list[tuple[float, ...]]] = {}
    for row in rows:
        key = tuple(("number",) if _is_number(cell) else (type(cell).__name__, cell) for cell in row)
        groups.setdefault(key, []).append(tuple(float(cell) for cell in row if _is_number(cell)))  # type: ignore[arg-type]
    return groups


def _same_numbers(left: list[tuple[float, ...]], right: list[tuple[float, ...]]) -> bool:
    left, right = sorted(left), sorted(right)
    if all(same_row(a, b) for a, b in zip(left, right, strict=True)):
        return True
    if len(left) > GREEDY_LIMIT:
        return False
    for row in left:
        match = next((i for i, other in enumerate(right) if same_row(row, other)), None)
        if match is None:
            return False
        del right[match]
    return True


def _level_masks(
    left: list[CanonicalRow], right: list[CanonicalRow]
) -> tuple[list[CanonicalRow], list[CanonicalRow]] | None:
    """Both with masked columns made equal, or None where the masks cannot stand for the gold's values."""
    for column in range(len(left[0]) if left else 0):
        if not any(_is_mask(row[column]) for row in left):
            continue
        if _multiplicities(left, column) != _multiplicities(right, column):
            return None
        left, right = _blank(left, column), _blank(right, column)
    return left, right


def _is_mask(cell: Canonical) -> bool:
    return isinstance(cell, str) and _MASK.fullmatch(cell) is not None


def _multiplicities(rows: list[CanonicalRow], column: int) -> list[int]:
    """How often each value occurs, sorted, after the number of nulls."""
    counts = Counter(row[column] for row in rows)
    nulls = counts.pop(None, 0)
    return [nulls, *sorted(counts.values())]


def _blank(rows: list[CanonicalRow], column: int) -> list[CanonicalRow]:
    return [row if row[column] is None else (*row[:column], "<MASKED>", *row[column + 1 :]) for row in rows]
