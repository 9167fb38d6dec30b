"""Rows that do not fit a table's header: brought to its width, counted and reported, never dropped silently."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.base import Problem

Row = list[str]

_EXAMPLES = 5
_SWALLOWED_LINES = 5
_SWALLOWED_COLUMNS = 3


class IrregularRows:
    """Brings rows to the header's width and counts those that did not have it."""

    def __init__(self, *, columns: int, header: Row | None, skipped: int, delimiter: str) -> None:
        """Take the number of columns, the header to look for among the rows, and how many rows stand above them."""
        self._width = columns
        self._header = header
        self._delimiter = delimiter
        self._row = skipped
        self._short = self._long = self._headers = 0
        self._examples: list[str] = []
        self._open_quotes: list[int] = []
        self._swallowed = 0

    def regular(self, piece: list[Row], *, lines: int) -> list[Row]:
        """The piece without blank rows and repetitions of the header, every row of the header's width.

        `lines` is how many lines of the file the piece took: more than its rows where cells hold newlines.
        """
        fits = set(map(len, piece)) == {self._width}
        many_lines = lines - len(piece) >= _SWALLOWED_LINES - 1
        if fits and not many_lines and all(row[0] for row in piece) and self._header not in piece:
            self._row += len(piece)
            return piece
        rows = (row for whole in piece for row in self._split(whole)) if many_lines else piece
        return [row for row in rows if self._fitted(row)]

    def _split(self, row: Row) -> list[Row]:
        """The rows that a quote that was never closed swallowed into one cell; else the row itself.

        Taken apart only where every line then has exactly the header's width, which prose in a cell does not.
        """
        if self._width < _SWALLOWED_COLUMNS or not row:
            return [row]
        place, lines = max(((place, cell.count("\n") + 1) for place, cell in enumerate(row)), key=lambda each: each[1])
        if lines < _SWALLOWED_LINES:
            return [row]
        found = [line.rstrip("\r").split(self._delimiter) for line in row[place].split("\n")]
        found[0] = row[:place] + found[0]
        found[-1] += row[place + 1 :]
        if any(len(each) != self._width for each in found):
            return [row]
        self._open_quotes.append(self._row + 1)
        self._swallowed += len(found) - 1
        return found

    def _fitted(self, row: Row) -> bool:
        """Bring the row to the header's width; False if it is to be left out."""
        self._row += 1
        if not any(map(str.strip, row)):
            return False
        if row == self._header:
            self._headers += 1
            return False
        if len(row) < self._width:
            self._short += 1
            row.extend([""] * (self._width - len(row)))
        elif beyond := [cell for cell in row[self._width :] if cell.strip()]:
            self._long += 1
            if len(self._examples) < _EXAMPLES:
                self._examples.append(f"row {self._row}: {', '.join(beyond)[:100]}")
        del row[self._width :]
        return True

    @property
    def took_apart(self) -> bool:
        """Whether rows that an open quote swallowed were taken apart."""
        return bool(self._open_quotes)

    def problems(self, path: str) -> Iterator[Problem]:
        """What to report of the rows seen."""
        if self._long:
            message = (
                f"{self._long} rows have more cells than the header; the cells beyond it were left out: "
                f"{'; '.join(self._examples)}"
            )
            yield Problem(path, "long_rows", message, "repaired")
        if self._short:
            message = f"{self._short} rows have fewer cells than the header; the missing cells are empty."
            yield Problem(path, "short_rows", message, "repaired")
        if self._open_quotes:
            shown = ", ".join(map(str, self._open_quotes[:_EXAMPLES]))
            message = (
                f"A quote is opened and not closed in rows {shown}; the {self._swallowed} rows that it swallowed were "
                "taken apart again."
            )
            yield Problem(path, "unclosed_quote", message, "repaired")
        if self._headers:
            message = f"The header occurs {self._headers} more times among the rows; those rows were left out."
            yield Problem(path, "header_among_rows", message, "repaired")
