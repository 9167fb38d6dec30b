"""Whether each figure of a claim is told of what it belongs to: its clause, its row, its label, its column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.planning.identifiers import identifier_words
from app.terms import fold, stem, term_set, terms
from app.verbalising.grounding.cited import Cited
from app.verbalising.grounding.figures import Number, agrees, numbers
from app.verbalising.grounding.given import cells_of
from app.verbalising.grounding.moments import moments
from app.verbalising.units import Unit

_CLAUSE = re.compile(r"[;:()–—]|,(?!\d)|\b(?:and|but|or|while|whereas|und|aber|y|pero|et|mais)\b", re.IGNORECASE)


def figures_are_of_that(cited: Cited) -> bool:
    """No figure is nearer to another of its kind: "Standard takes 1 day" where that is what express takes."""
    return _of_their_segment(cited) and _of_one_row(cited) and _of_their_row(cited) and _of_their_column(cited)


def _of_their_segment(cited: Cited) -> bool:
    segments = [
        _Segment(number, frozenset(terms(part, cited.language)), numbers(moments(part)[1]))
        for number, (_, unit, _) in enumerate(cited.units)
        for part in _segments(unit)
    ]
    for number, start, end in _with_clauses(cited):
        own = [each for each in segments if each.gives(number)]
        others = [each for each in segments if not each.gives(number) and each.gives_kind_of(number)]
        words = set(cited.terms_between(start, end))
        if own and others and all(any(_nearer(words, each, other) for other in others) for each in own):
            return False
    return True


@dataclass(frozen=True)
class _Segment:
    """A clause with figures: the number of its unit, its words and the figures."""

    unit: int
    words: frozenset[str]
    numbers: list[Number]

    def gives(self, number: Number) -> bool:
        return any(agrees(number, each) for each in self.numbers)

    def gives_kind_of(self, number: Number) -> bool:
        return any((each.unit or ("",))[0] == (number.unit or ("",))[0] for each in self.numbers)


def _nearer(words: set[str], own: _Segment, other: _Segment) -> bool:
    """Whether words belong to another segment rather than to the one with the figure.

    Within one sentence the second clause leaves out what the first one said ("€14 an hour, a kayak €11"): there the
    share of what each has alone tells; between sentences the other one must hold more by far.
    """
    of_own, of_other = own.words - other.words, other.words - own.words
    if own.unit == other.unit:
        return _share(words, of_other) > _share(words, of_own)
    return len(words & of_other) > 2 * len(words & of_own)


def _share(words: set[str], held_by: frozenset[str]) -> float:
    named = {term for term in held_by if not any(map(str.isdigit, term))}
    return len(words & named) / len(named) if named else 0.0


def _segments(unit: Unit) -> list[str]:
    """The clauses of a unit with a figure, each with those before it without one; a table's row is one."""
    if unit.kind == "row":
        return [unit.text]
    found, waiting = [], ""
    for clause in _CLAUSE.split(unit.text):
        waiting = f"{waiting} {clause}"
        if numbers(clause):
            found.append(waiting)
            waiting = ""
    if found and waiting.strip():
        found[-1] += waiting
    return found


def _with_clauses(cited: Cited) -> list[tuple[Number, int, int]]:
    """Each number with where the clause that it stands in starts and ends, with those before it without a number."""
    found, start = [], 0
    for end in _clause_ends(cited.rest):
        inside = [number for number in cited.numbers if start <= number.start < end]
        if inside:
            found += [(number, start, end) for number in inside]
            start = end
    return found


def _clause_ends(text: str) -> list[int]:
    return [match.start() for match in _CLAUSE.finditer(text)] + [len(text)]


def _of_one_row(cited: Cited) -> bool:
    """What a clause takes from the rows of a table stands in one of them: not one row's name with another's cell."""
    rows = [words for _, unit, words in cited.units if unit.kind == "row"]
    if len(rows) < 2:
        return True
    around = term_set(cited.context, cited.language).union(*(w for _, unit, w in cited.units if unit.kind != "row"))
    start = 0
    for end in _clause_ends(cited.rest):
        wanted = [term for term in cited.terms_between(start, end) if any(term in words for words in rows)]
        own = [term for term in wanted if term not in around or sum(term in words for words in rows) == 1]
        if own and not any(all(term in words for term in own) for words in rows):
            return False
        start = end
    return True


def _of_their_row(cited: Cited) -> bool:
    """With several rows cited, each figure belongs to the label beside it."""
    table = cited.evidence.table
    if table is None or len(cited.rows) < 2:
        return True
    places = [
        (found.start(), row)
        for row in cited.rows
        for cell in table.rows[row]
        if isinstance(cell, str) and len(cell) > 1
        for found in re.finditer(rf"(?<!\w){re.escape(fold(cell))}(?!\w)", fold(cited.text))
    ]
    labels: list[tuple[int, set[int]]] = []
    for at in sorted({at for at, _ in places}):
        rows = {row for other, row in places if other == at}
        if not (labels and labels[-1][1] & rows):
            labels.append((at, rows))
    figures = [(number.start, {each.row for each in cells_of(number, cited)}) for number in cited.numbers]
    dates = [
        (at, {row for row in cited.rows if any(moment.is_within(own) for own in cited.moments_of_row(row))})
        for at, moment in cited.placed
    ]
    found = [[(at, rows) for at, rows in kind if rows and len(rows) < len(cited.rows)] for kind in (figures, dates)]
    return not labels or all(_aligned(labels, each) for each in found)


def _aligned(labels: Sequence[tuple[int, set[int]]], figures: Sequence[tuple[int, set[int]]]) -> bool:
    """Whether all figures belong to the labels before them, or all to those after them, or one by one in order."""
    before = [next((rows for at, rows in reversed(labels) if at < place), None) for place, _ in figures]
    after = [next((rows for at, rows in labels if at > place), None) for place, _ in figures]
    in_order = [rows for _, rows in labels] if len(labels) == len(figures) else [None] * len(figures)
    return any(
        all(label is not None and label & rows for label, (_, rows) in zip(way, figures, strict=True))
        for way in (before, after, in_order)
    )


def _of_their_column(cited: Cited) -> bool:
    """A figure is not told under the name of another column with numbers."""
    table = cited.evidence.table
    if table is None or not cited.rows or len(table.columns) < 2:
        return True
    said = set(cited.terms)
    own_words = {
        column.name: {stem(fold(word), cited.language) for word in identifier_words(column.name)}
        for column in table.columns
    }
    numeric = {column.name for column in table.columns if column.type in ("integer", "number")}
    spoken = {
        name
        for name, words in own_words.items()
        if name in numeric and said & (words - set().union(*(w for n, w in own_words.items() if n != name)))
    }
    for number in cited.numbers:
        columns = {each.column for each in cells_of(number, cited)} & numeric
        if columns and spoken and not columns & spoken:
            return False
    return True
