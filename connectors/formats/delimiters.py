"""Which character separates the cells of a delimited file."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable

DELIMITERS = (",", ";", "\t", "|")
_SUFFIX_DELIMITERS = {".tsv": "\t", ".tab": "\t", ".psv": "|"}
_SAMPLE_ROWS = 200


def delimiter_of(sample: str, suffix: str) -> str:
    """The delimiter under which the rows of the sample agree best on their number of cells.

    Quoting is taken into account. A sample with one column gets the suffix's own delimiter.
    """
    preferred = _SUFFIX_DELIMITERS.get(suffix.lower(), ",")
    order = [preferred, *(each for each in DELIMITERS if each != preferred)]
    scores = {each: _agreement(sample, each) for each in order}
    best = max(order, key=lambda each: scores[each])  # the first of equals
    return best if scores[best][0] > 0 else preferred


def _agreement(sample: str, delimiter: str) -> tuple[float, int]:
    """Share of rows with the usual number of cells (0 where that is one), and that number."""
    widths = [len(row) for row in _rows(sample, delimiter) if any(cell.strip() for cell in row)]
    split = Counter(width for width in widths if width > 1)
    if not split:
        return 0.0, 1
    usual, count = max(split.items(), key=lambda item: (item[1], item[0]))
    return round(count / len(widths), 2), usual


def _rows(sample: str, delimiter: str) -> list[list[str]]:
    lines: Iterable[str] = sample.splitlines(keepends=True)
    rows: list[list[str]] = []
    for row in csv.reader(lines, delimiter=delimiter):
        rows.append(row)
        if len(rows) == _SAMPLE_ROWS:
            break
    return rows
