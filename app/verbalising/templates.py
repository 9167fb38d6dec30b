"""Template wording: scrubbed rows become a sentence in which every number is a figure traced to its cell."""

from __future__ import annotations

import msgspec

from app.planning.plan import (
    MEASURED,
    Aggregate,
    ColumnRef,
    Expression,
    Measured,
    Ordering,
    Plan,
    SelectItem,
    Truncated,
    Windowed,
)
from app.planning.schema_index import SchemaIndex
from app.planning.wording import plural, singular, words
from app.values import Figure, ScrubbedRows
from app.verbalising.numbers import percent, spoken
from app.verbalising.outputs import RATIO_UNITS, is_label, unit_of
from app.verbalising.restatement import Phrases, day_words, moment_words, numbers_in

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
        self.phrases = Phrases(index)
        self.items: tuple[SelectItem, ...] = (*plan.select, *plan.evidence)
        self.figures: list[Figure] = []

    def cell(self, row: int, column: int) -> str:
        """A cell as said, its number recorded as a figure."""
        value = self.rows.rows[row][column]
        item = self.items[column]
        if value is None:
            return "unknown"
        if isinstance(value, bool):
            return "yes" if value else "no"
        if not isinstance(value, int | float):
            return self._text(value, item.expression)
        unit = unit_of(item.expression, self.index)
        if unit in RATIO_UNITS:
            text, formula = percent(value), f"100 * {item.alias}"
        else:
            text = spoken(value, unit, grouped=not is_label(item.expression, self.index))
            exact = isinstance(value, int) or repr(value) in text.replace(",", "")
            formula = "" if exact else "rounded"
        self.figures.append(Figure(text=text, row=row, column=item.alias, formula=formula or None))
        return text

    def given(self, phrase: str) -> str:
        """A phrase of the plan, its numbers recorded as figures: they are given, not found."""
        for number in numbers_in(phrase):
            self.figures.append(Figure(text=number, row=None, column=None, formula=f"condition: {phrase.strip(' ,')}"))
        return phrase

    def write(self) -> str:
        rows, plan = self.rows.rows, self.plan
        if not rows:
            return f"No {plural(words(plan.base))}{self._tail() or ' match'}."
        if len(rows) == 1:
            return self._single()
        if len(plan.select) == 1:
            return self._listing()
        return self._table()

    def _tail(self) -> str:
        return self.given(self.phrases.tail_of(self.plan))

    def _text(self, value: str, expression: Expression) -> str:
        if isinstance(expression, Truncated):
            return period_name(value, expression.grain)
        labels = self.index.column(expression).labels if isinstance(expression, ColumnRef) else {}
        dated = expression.argument if isinstance(expression, Aggregate) else expression
        if isinstance(dated, ColumnRef) and self.index.column(dated).type in ("date", "timestamp"):
            return moment_words(value)
        return " ".join(labels.get(value, value).split())

    def _single(self) -> str:
        plan = self.plan
        only = plan.select[0].expression
        if len(plan.select) == 1 and isinstance(only, MEASURED):
            return self._one_measure(only)
        if plan.limit == 1 and self.phrases.superlative(plan):
            return self._extreme(plan.order_by[0])
        if len(plan.select) == 1:
            return self._listing()
        parts = [
            said if column == 0 and len(self.items) <= 3 and not said[0].isdigit() else f"{self._name(column)} {said}"
            for column in range(len(self.items))
            for said in [self.cell(0, column)]
        ]
        return f"{_capital(', '.join(parts))}{_bracketed(self._tail())}."

    def _name(self, column: int) -> str:
        return self.phrases.expression(self.items[column].expression)

    def _extreme(self, key: Ordering) -> str:
        """The one row at an end of an order, with what makes it that: "Ridgeline Munich: floor area 1,150 m², …"."""
        plan = self.plan
        measured = [c for c, item in enumerate(self.items) if item.expression == key.expression]
        rest = [c for c in range(len(self.items)) if c not in measured[:1]]
        said = ", ".join(self.cell(0, c) if c == rest[0] else f"{self._name(c)} {self.cell(0, c)}" for c in rest)
        among = f"the {self.phrases.end(key)} of all {self.phrases.chosen(plan)}{self._tail()}"
        if not measured:
            return f"{_capital(said)}: {among} by {self.phrases.expression(key.expression)}."
        value = f"{self._name(measured[0])} {self.cell(0, measured[0])}, {among}"
        return f"{_capital(said)}: {value}." if said else f"{_capital(value)}."

    def _one_measure(self, measure: Measured) -> str:
        value = self.rows.rows[0][0]
        subject = self.phrases.subject(self.plan)
        if value is None and self.phrases.divides(measure):
            return f"The {subject}{self._tail()} has no value: what it is divided by is zero or missing."
        if value is None:
            return f"There is no {subject}{self._tail()}: no row matches."
        said, tail = self.cell(0, 0), self._tail()
        counted = self.phrases.counted(measure)
        if counted is not None:
            one = value == 1
            return f"There {'is' if one else 'are'} {said} {singular(counted) if one else plural(counted)}{tail}."
        return f"The {subject}{tail} {'are' if _is_plural(subject) else 'is'} {said}."

    def _listing(self) -> str:
        shown = min(len(self.rows.rows), LISTED)
        values = [self.cell(row, 0) for row in range(shown)]
        if self.plan.evidence:
            values = [
                f"{said} ({', '.join(self.cell(row, c) for c in range(1, len(self.items)))})"
                for row, said in enumerate(values)
            ]
        best = self.phrases.superlative(self.plan)
        things = self.phrases.listed(self.plan)
        if len(self.rows.rows) == 1 and not self.rows.truncated:
            things = singular(things)
        head = f"{self._count()} {things}{best}{self._tail()}{'' if best else self._order()}"
        return f"{head}: {', '.join(values)}{self._more(shown)}."

    def _order(self) -> str:
        return self.given(self.phrases.order(self.plan))

    def _table(self) -> str:
        shown = min(len(self.rows.rows), GROUPS)
        measures = [c for c, i in enumerate(self.plan.select) if isinstance(i.expression, (*MEASURED, Windowed))]
        names = [c for c in range(len(self.plan.select)) if c not in measures]
        lines = []
        for row in range(shown):
            said = ", ".join(self.cell(row, c) for c in names)
            amounts = ", ".join(self.cell(row, c) for c in measures)
            lines.append(f"{said} ({amounts})" if amounts else said)
        subject = self.phrases.subject(self.plan)
        head = f"{subject}{self._tail()}{self.phrases.grouping(self.plan)}{self._order()}"
        if not measures:
            return f"{self._count()} rows, {head}: {'; '.join(lines)}{self._more(shown)}."
        return f"{_capital(head)}: {', '.join(lines)}{self._more(shown)}."

    def _count(self) -> str:
        count = len(self.rows.rows)
        text = f"{count:,}"
        self.figures.append(Figure(text=text, row=None, column=None, formula="number of rows in the table"))
        return f"More than {text}" if self.rows.truncated else text

    def _more(self, shown: int) -> str:
        left = len(self.rows.rows) - shown
        if left <= 0:
            return " and more" if self.rows.truncated else ""
        text = f"{left:,}"
        self.figures.append(Figure(text=text, row=None, column=None, formula=f"number of rows in the table - {shown}"))
        return f" and {text} more" if not self.rows.truncated else f" and over {text} more"


def period_name(value: str, grain: str) -> str:
    """A period by its first day: `March 2025`, `Q1 2025`, `2025`, `week of 3 March 2025`."""
    if len(value) < 10 or not value[:4].isdigit():
        return value
    if grain == "year":
        return value[:4]
    if grain == "quarter":
        return f"Q{(int(value[5:7]) + 2) // 3} {value[:4]}"
    said = day_words(value)
    if grain == "month":
        return said.partition(" ")[2]
    return f"week of {said}" if grain == "week" else said


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _is_plural(subject: str) -> bool:
    """Whether a subject takes "are": `units sold`, `sales`."""
    nouns = [word for word in subject.split() if not word.endswith("ed") and word != "sold"]
    return bool(nouns) and " of " not in subject and singular(nouns[-1]) != nouns[-1]


def _bracketed(tail: str) -> str:
    said = tail.strip()
    return f" ({said})" if said else ""


def word(plan: Plan, rows: ScrubbedRows, index: SchemaIndex) -> Worded:
    """The text of a table answer with its figures. `rows` has the plan's outputs followed by its evidence."""
    writer = _Writer(plan, rows, index)
    text = writer.write()
    return Worded(text, tuple(writer.figures))
