"""Wording for rows without a typed plan: what a written statement returned, each number a figure with its cell."""

from __future__ import annotations

import msgspec

from app.planning.tokens import identifier_stems
from app.planning.wording import plural, singular
from app.values import Cell, Figure, ScrubbedRows
from app.verbalising.numbers import spoken
from app.verbalising.templates import GROUPS, LISTED, Worded

_NAMING = {"year", "id", "code", "number", "zip", "key"}
"""Words in a column's name that make its numbers names: no thousands separators."""


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """An output column: its name in the table, how it is said, and what its amounts are measured in."""

    name: str
    said: str
    counted: str | None = None
    """Of a count: what is counted."""
    unit: str | None = None
    labels: dict[str, str] = {}
    """Stored value -> what people call it."""
    key: bool = False
    """Values identify rows."""


def word_rows(rows: ScrubbedRows, outputs: tuple[Output, ...]) -> Worded:
    """The text of rows with its figures; `outputs` describes the columns in order."""
    writer = _Writer(rows, outputs)
    text = writer.write()
    return Worded(text[:1].upper() + text[1:], tuple(writer.figures))


class _Writer:
    """Writes one answer, collecting the figures on the way."""

    def __init__(self, rows: ScrubbedRows, outputs: tuple[Output, ...]) -> None:
        self.rows = rows
        self.outputs = outputs
        self.figures: list[Figure] = []

    def write(self) -> str:
        rows = self.rows.rows
        if not rows:
            return "no row matches."
        if len(rows) == 1:
            return self._single()
        return self._listing() if len(self.outputs) == 1 else self._table()

    def _single(self) -> str:
        if len(self.outputs) == 1:
            value = self.rows.rows[0][0]
            if value is None:
                return f"there is no {self.outputs[0].said}: no row matches."
            return self._one(value, self.outputs[0])
        parts = []
        for at, output in enumerate(self.outputs):
            said = self._cell(0, at)
            bare = at == 0 and len(self.outputs) <= 3 and not said[:1].isdigit()
            parts.append(said if bare else f"{output.said} {said}")
        return f"{', '.join(parts)}."

    def _one(self, value: Cell, output: Output) -> str:
        said = self._cell(0, 0)
        if output.counted is not None:
            noun = singular(output.counted) if value == 1 else plural(output.counted)
            return f"there {'is' if value == 1 else 'are'} {said} {noun}."
        several = output.said.endswith("s") and not output.said.endswith("ss")
        return f"{output.said}: {said}." if several else f"the {output.said} is {said}."

    def _listing(self) -> str:
        shown = min(len(self.rows.rows), LISTED)
        values = ", ".join(self._cell(row, 0) for row in range(shown))
        count = self._count()
        return f"{count} {plural(self.outputs[0].said)}: {values}{self._more(shown)}."

    def _table(self) -> str:
        """`country and orders — Germany: 12; France: 9`; without amounts, the rows one after another."""
        shown = min(len(self.rows.rows), GROUPS)
        amounts = [c for c in range(1, len(self.outputs)) if self._is_amount(c)]
        names = [c for c in range(len(self.outputs)) if c not in amounts]
        lines = []
        for row in range(shown):
            said = (" " if amounts else ", ").join(self._cell(row, c) for c in names)
            lines.append(f"{said}: {', '.join(self._cell(row, c) for c in amounts)}" if amounts else said)
        head = _joined([output.said for output in self.outputs])
        return f"{head} — {('; ' if amounts else ' | ').join(lines)}{self._more(shown)}."

    def _is_amount(self, column: int) -> bool:
        return self.rows.columns[column].type in ("integer", "number") and not self._is_name(column)

    def _is_name(self, column: int) -> bool:
        output = self.outputs[column]
        return output.key or bool(_NAMING & set(identifier_stems(output.name)))

    def _cell(self, row: int, column: int) -> str:
        """A cell as said, its number recorded as a figure."""
        value, output = self.rows.rows[row][column], self.outputs[column]
        if value is None:
            return "unknown"
        if isinstance(value, bool):
            return "yes" if value else "no"
        if not isinstance(value, int | float):
            return _text(value, self.rows.columns[column].type, output)
        if str(value) in output.labels:
            return output.labels[str(value)]
        text = spoken(value, output.unit, grouped=not self._is_name(column))
        exact = isinstance(value, int) or repr(value) in text.replace(",", "")
        self.figures.append(Figure(text=text, row=row, column=output.name, formula=None if exact else "rounded"))
        return text

    def _count(self) -> str:
        text = f"{len(self.rows.rows)}"
        self.figures.append(Figure(text=text, row=None, column=None, formula="number of rows in the table"))
        return f"More than {text}" if self.rows.truncated else text

    def _more(self, shown: int) -> str:
        left = len(self.rows.rows) - shown
        if left <= 0:
            return " and more" if self.rows.truncated else ""
        formula = f"number of rows in the table - {shown}"
        self.figures.append(Figure(text=f"{left}", row=None, column=None, formula=formula))
        return f" and over {left} more rows" if self.rows.truncated else f" and {left} more rows"


def _text(value: Cell, kind: str, output: Output) -> str:
    said = output.labels.get(str(value), str(value))
    if kind == "timestamp":
        said = said.removesuffix("T00:00:00")
    return " ".join(said.split())


def _joined(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
