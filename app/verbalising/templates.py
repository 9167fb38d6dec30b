"""Template wording: scrubbed rows become a sentence in which every number is a figure traced to its cell."""

from __future__ import annotations

import msgspec

from app.planning.entities import key_columns
from app.planning.plan import (
    MEASURED,
    Aggregate,
    Arithmetic,
    ColumnRef,
    Expression,
    Filtered,
    Measured,
    MetricRef,
    Plan,
    SelectItem,
    Share,
    ShareOfTotal,
    Truncated,
    Windowed,
)
from app.planning.schema_index import SchemaIndex
from app.planning.tokens import identifier_stems
from app.planning.wording import Wording, plural, singular, words
from app.values import Cell, Figure, ScrubbedRows
from app.verbalising.numbers import spoken

LISTED = 10
"""Rows that the text names; the table has the rest."""
GROUPS = 12


class Worded(msgspec.Struct, frozen=True):
    """An answer's text and the figures in it."""

    text: str
    figures: tuple[Figure, ...]


class _Writer:
    """Writes one answer, collecting the figures on the way."""

    def __init__(self, plan: Plan, rows: ScrubbedRows, index: SchemaIndex) -> None:
        self.plan = plan
        self.rows = rows
        self.index = index
        self.wording = Wording(index)
        self.items: tuple[SelectItem, ...] = (*plan.select, *plan.evidence)
        self.figures: list[Figure] = []

    def cell(self, row: int, column: int) -> str:
        """A cell as said, its number recorded as a figure."""
        value = self.rows.rows[row][column]
        expression = self.items[column].expression
        if value is None:
            return "unknown"
        if isinstance(value, bool):
            return "yes" if value else "no"
        if not isinstance(value, int | float):
            return _text(value, expression, self._label(expression, value))
        text = spoken(value, self._unit(expression), grouped=not self._is_label(expression))
        exact = isinstance(value, int) or repr(value) in text.replace(",", "")
        self.figures.append(
            Figure(text=text, row=row, column=self.items[column].alias, formula=None if exact else "rounded")
        )
        return text

    def _label(self, expression: Expression, value: Cell) -> str:
        labels = self.index.column(expression).labels if isinstance(expression, ColumnRef) else {}
        return labels.get(str(value), str(value))

    def _unit(self, expression: Expression) -> str | None:
        if isinstance(expression, Share | ShareOfTotal):
            return "%"
        if isinstance(expression, Filtered):
            return self._unit(expression.measure)
        if isinstance(expression, Arithmetic):
            units = {"percent_change": "%", "ratio": None}
            return units[expression.operator] if expression.operator in units else self._unit(expression.left)
        if isinstance(expression, Windowed):
            units = {"percent_change": "%", "rank": None}
            return units[expression.function] if expression.function in units else self._unit(expression.measure)
        if isinstance(expression, MetricRef):
            return next(m.unit for m in self.index.catalog.metrics if m.name == expression.name)
        if isinstance(expression, Aggregate):
            counted = expression.function in ("count", "count_distinct")
            return None if counted or expression.argument is None else self.index.column(expression.argument).unit
        return self.index.column(expression).unit if isinstance(expression, ColumnRef) else None

    def _is_label(self, expression: Expression) -> bool:
        """Years and keys are names, not amounts: no thousands separators."""
        if (
            isinstance(expression, Aggregate)
            and expression.function in ("min", "max")
            and expression.argument is not None
        ):
            expression = expression.argument
        if not isinstance(expression, ColumnRef):
            return isinstance(expression, Truncated)
        stems = identifier_stems(expression.column)
        return bool({"year", "id", "code", "number", "zip"} & set(stems)) or expression in key_columns(
            self.index.table(expression.table)
        )

    def write(self) -> str:
        rows, plan = self.rows.rows, self.plan
        tail = self.wording.tail(plan)
        if not rows:
            return f"No {plural(words(plan.base))} match{tail}."
        if len(rows) == 1:
            return self._single(tail)
        if len(plan.select) == 1:
            return self._listing(tail)
        return self._table(tail)

    def _single(self, tail: str) -> str:
        plan = self.plan
        only = plan.select[0].expression
        if len(plan.select) == 1 and isinstance(only, MEASURED):
            return self._one_measure(only, tail)
        parts = []
        for column in range(len(self.items)):
            said = self.cell(0, column)
            name = self.wording.expression(self.items[column].expression)
            parts.append(said if column == 0 and len(self.items) <= 3 and not said[0].isdigit() else f"{name} {said}")
        return f"{', '.join(parts)}{_bracketed(tail)}."

    def _one_measure(self, measure: Measured, tail: str) -> str:
        value = self.rows.rows[0][0]
        if value is None:
            return f"There is no {self.wording.expression(measure)}{tail}: no row matches."
        said = self.cell(0, 0)
        if isinstance(measure, Aggregate) and measure.argument is None:
            noun = words(measure.table)
            one = value == 1
            return f"There {'is' if one else 'are'} {said} {singular(noun) if one else plural(noun)}{tail}."
        return (
            f"The {self.wording.expression(measure)}{tail}, is {said}."
            if tail
            else f"The {self.wording.expression(measure)} is {said}."
        )

    def _listing(self, tail: str) -> str:
        shown = min(len(self.rows.rows), LISTED)
        values = [self.cell(row, 0) for row in range(shown)]
        if self.plan.evidence:
            values = [
                f"{said} ({', '.join(self.cell(row, c) for c in range(1, len(self.items)))})"
                for row, said in enumerate(values)
            ]
        name = plural(self.wording.expression(self.items[0].expression))
        return f"{self._count()} {name}{_bracketed(tail)}: {', '.join(values)}{self._more(shown)}."

    def _table(self, tail: str) -> str:
        shown = min(len(self.rows.rows), GROUPS)
        measures = [c for c, i in enumerate(self.plan.select) if isinstance(i.expression, (*MEASURED, Windowed))]
        names = [c for c in range(len(self.plan.select)) if c not in measures]
        lines = []
        for row in range(shown):
            said = " ".join(self.cell(row, c) for c in names)
            amounts = ", ".join(self.cell(row, c) for c in (measures or ()))
            lines.append(
                f"{said}: {amounts}" if amounts else ", ".join(self.cell(row, c) for c in range(len(self.plan.select)))
            )
        head = self.wording.restate(self.plan)
        return (
            f"{head[:1].upper()}{head[1:]} — {'; '.join(lines) if measures else ' | '.join(lines)}{self._more(shown)}."
        )

    def _count(self) -> str:
        count = len(self.rows.rows)
        text = f"{count}"
        self.figures.append(Figure(text=text, row=None, column=None, formula="number of rows in the table"))
        return f"More than {text}" if self.rows.truncated else text

    def _more(self, shown: int) -> str:
        left = len(self.rows.rows) - shown
        if left <= 0:
            return " and more" if self.rows.truncated else ""
        self.figures.append(
            Figure(text=f"{left}", row=None, column=None, formula=f"number of rows in the table - {shown}")
        )
        return f" and {left} more rows" if not self.rows.truncated else f" and over {left} more rows"


def _text(value: str, expression: Expression, label: str) -> str:
    if isinstance(expression, Truncated) and len(value) >= 10:
        year, month = value[:4], value[5:7]
        return {"year": year, "month": f"{year}-{month}", "quarter": f"Q{(int(month) + 2) // 3} {year}"}.get(
            expression.grain, value[:10]
        )
    return " ".join(label.split())


def _bracketed(tail: str) -> str:
    said = tail.lstrip(", ").strip()
    return f" ({said})" if said else ""


def word(plan: Plan, rows: ScrubbedRows, index: SchemaIndex) -> Worded:
    """The text of a table answer with its figures. `rows` has the plan's outputs followed by its evidence."""
    writer = _Writer(plan, rows, index)
    text = writer.write()
    return Worded(text, tuple(writer.figures))
