"""Where a table's header is among its first rows, and what its columns are called. For delimited files and sheets."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from connectors.base import Problem

Row = Sequence[str]

_NUMBER = re.compile(r"[-+(]?\s*[$€£¥]?\s*[-+]?(\d[\d.,' \u00a0]*|\.\d+)([eE][-+]?\d+)?\s*[%€$£)]*$")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ]\d{1,2}:\d{2}.*)?$|\d{1,2}:\d{2}(:\d{2})?$")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+$|https?://\S+$")
_YEAR = re.compile(r"(19|20|21)\d\d$")
_TRUTH = frozenset({"true", "false", "yes", "no"})
_TITLE_ROWS_LIMIT = 20
_NOTES_LIMIT = 6
_TYPED_SHARE = 0.8
"""A column is of a kind when this share of its filled cells is."""


@dataclass(frozen=True, slots=True)
class Header:
    """A table's columns and where its rows start."""

    names: tuple[str, ...]
    """Unique (whatever the case) and not empty."""
    first_row: int
    """Index of the first row of values."""
    header_rows: tuple[int, ...]
    """Indices of the rows that hold the names; empty where the names are generated."""
    problems: tuple[Problem, ...]


def find_header(rows: Sequence[Row], path: str) -> Header:
    """The header among the first rows of a table (a hundred are plenty), with what is worth reporting.

    Rows above it (titles, notes, dates of export) are reported as `title_rows`; a table without a header gets
    `column_1` … and `no_header`; a group row above the header is joined with it.
    """
    top = _top_row(rows)
    problems = _title_problems(rows, top, path)
    width = max((_filled_width(row) for row in rows[top:]), default=1) or 1
    if _is_headless(rows[top:]):
        names = tuple(f"column_{number}" for number in range(1, width + 1))
        message = f"The first row holds values, not names; the columns are named {names[0]} to {names[-1]}."
        return Header(names, top, (), (*problems, Problem(path, "no_header", message, "noted")))
    raw = _padded(rows[top], width)
    bottom = top
    if _has_second_row(rows, top, width):
        bottom = top + 1
        raw = _joined(raw, _padded(rows[bottom], width))
    names, name_problems = column_names(raw, path)
    return Header(names, bottom + 1, tuple(range(top, bottom + 1)), (*problems, *name_problems))


def column_names(raw: Row, path: str) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
    """Unique, non-empty names from header cells: `column_3` for an empty third, `total_2` for a second `total`."""
    cleaned = [" ".join(cell.split()) for cell in raw]
    empty = [number for number, name in enumerate(cleaned, 1) if not name]
    names = unique_names([name or f"column_{number}" for number, name in enumerate(cleaned, 1)])
    repeated = [
        f"{name} (column {number})"
        for number, (old, name) in enumerate(zip(cleaned, names, strict=True), 1)
        if old and old != name
    ]
    problems: list[Problem] = []
    if repeated:
        message = f"Names occur more than once in the header; the later ones became {', '.join(repeated[:10])}."
        problems.append(Problem(path, "repeated_header", message, "repaired"))
    if empty:
        numbers = ", ".join(str(number) for number in empty[:10])
        message = f"Columns without a name in the header were named by their position: {numbers}."
        problems.append(Problem(path, "empty_header", message, "repaired"))
    return tuple(names), tuple(problems)


def unique_names(names: Sequence[str]) -> list[str]:
    """The names with `_2`, `_3` … appended to repetitions, which are compared without regard to case."""
    taken = {name.casefold() for name in names}
    used: set[str] = set()
    unique: list[str] = []
    for name in names:
        candidate, number = name, 2
        while candidate.casefold() in used or (candidate != name and candidate.casefold() in taken):
            candidate, number = f"{name}_{number}", number + 1
        used.add(candidate.casefold())
        unique.append(candidate)
    return unique


def _filled(row: Row) -> int:
    return sum(bool(cell.strip()) for cell in row)


def _filled_width(row: Row) -> int:
    return max((index for index, cell in enumerate(row, 1) if cell.strip()), default=0)


def _padded(row: Row, width: int) -> list[str]:
    return [*row[:width], *[""] * (width - len(row))]


def _top_row(rows: Sequence[Row]) -> int:
    """Index of the header's first row: the first that is filled about as far as the rows after it."""
    widths = Counter(_filled(row) for row in rows if _filled(row) > 1)
    if not widths:
        return next((index for index, row in enumerate(rows) if _filled(row)), 0)
    usual = max(widths, key=lambda width: (widths[width], width))
    for index, row in enumerate(rows[: _TITLE_ROWS_LIMIT + 1]):
        later = any(_filled(after) > 1 for after in rows[index + 1 :])
        if _filled(row) > 1 and (_filled(row) * 2 > usual or not later):
            return _wider_header(rows, index, usual)
        if _filled(row) * 2 == usual and _filled(row) > 1 and _fills_gaps(row, rows[index + 1 : index + 2]):
            return index
    return next((index for index, row in enumerate(rows) if _filled(row)), 0)


def _wider_header(rows: Sequence[Row], top: int, usual: int) -> int:
    """`top`, or the row soon after it that is the header where `top` is a short note (`Exported by, Ann`).

    Such a row reaches the usual width, holds nothing but different texts, and values of other kinds follow it.
    """
    if _filled_width(rows[top]) >= usual:
        return top
    for index in range(top + 1, min(top + _NOTES_LIMIT, len(rows) - 1)):
        texts = [cell.strip() for cell in rows[index] if cell.strip()]
        if len(texts) >= usual:
            is_header = len(set(texts)) == len(texts) and not any(map(_kind, texts))
            return index if is_header and any(map(_kind, rows[index + 1])) else top
    return top


def _fills_gaps(row: Row, following: Sequence[Row]) -> bool:
    """Whether the next row holds text in every column that this one leaves empty: together they are a header."""
    if not following:
        return False
    width = max(_filled_width(row), _filled_width(following[0]))
    above, below = _padded(row, width), _padded(following[0], width)
    gaps = [column for column in range(width) if not above[column].strip()]
    return bool(gaps) and all(below[column].strip() for column in gaps) and not any(_kind(cell) for cell in below)


def _title_problems(rows: Sequence[Row], top: int, path: str) -> tuple[Problem, ...]:
    titles = [" ".join(cell.strip() for cell in row if cell.strip()) for row in rows[:top]]
    filled = [title for title in titles if title]
    if not filled:
        return ()
    message = f"{len(filled)} rows above the header were left out: {' / '.join(filled)[:300]}"
    return (Problem(path, "title_rows", message, "noted"),)


def _has_second_row(rows: Sequence[Row], top: int, width: int) -> bool:
    """Whether the row below `top` belongs to the header: it names what `top` leaves empty, and values follow."""
    if top + 2 >= len(rows) or not _fills_gaps(rows[top], rows[top + 1 : top + 2]):
        return False
    return any(_kind(cell) for row in rows[top + 2 :] for cell in row[:width])


def _joined(group: Row, names: Row) -> list[str]:
    """Names under group headings: `2024 Sales`; a heading stands over the columns up to the next one."""
    joined: list[str] = []
    heading = ""
    for above, below in zip(group, names, strict=True):
        heading = above.strip() or heading
        joined.append(f"{heading} {below.strip()}".strip() if below.strip() else above)
    return joined


def _kind(cell: str) -> str | None:
    """What a cell looks like when it is not plain text: `number`, `date`, `address`, `truth`."""
    text = cell.strip()
    if not text:
        return None
    if _NUMBER.match(text):
        return "number"
    if _DATE.match(text):
        return "date"
    if _ADDRESS.match(text):
        return "address"
    return "truth" if text.lower() in _TRUTH else None


def _is_headless(rows: Sequence[Row]) -> bool:
    """Whether the first row looks like the values below it rather than like names."""
    if not rows:
        return False
    first = rows[0]
    body = [row for row in rows[1:] if _filled(row) and row != first]  # joined files repeat their header
    filled = [cell.strip() for cell in first if cell.strip()]
    if not body:
        return len(filled) > 1 and any(_kind(cell) for cell in filled)
    named = valued = 0
    for column, cell in enumerate(first):
        usual = _column_kind([row[column] for row in body if column < len(row)])
        if usual is None or not cell.strip():
            continue
        if _kind(cell) == usual:
            valued += 1
        else:
            named += 1
    if valued:
        return not named and not _is_series_of_years(filled)
    return not named and _values_recur(first, body)


def _column_kind(cells: Sequence[str]) -> str | None:
    filled = [cell for cell in cells if cell.strip()]
    kinds = Counter(_kind(cell) for cell in filled)
    kind, count = kinds.most_common(1)[0] if kinds else (None, 0)
    return kind if count >= _TYPED_SHARE * len(filled) else None


def _is_series_of_years(cells: Sequence[str]) -> bool:
    """`country, 2019, 2020, 2021`: years in order are names."""
    years = [int(cell) for cell in cells if _YEAR.match(cell)]
    numbers = [cell for cell in cells if _kind(cell) == "number"]
    steps = {later - earlier for earlier, later in itertools.pairwise(years)}
    return len(years) >= 2 and len(years) == len(numbers) and len(steps) == 1 and steps != {0}


def _values_recur(first: Row, body: Sequence[Row]) -> bool:
    """Whether most cells of the first row occur again below in their own column, as values do and names do not."""
    filled = [(column, cell.strip()) for column, cell in enumerate(first) if cell.strip()]
    recurring = sum(any(column < len(row) and row[column].strip() == cell for row in body) for column, cell in filled)
    return len(filled) > 1 and len(body) >= 3 and recurring * 2 > len(filled)
