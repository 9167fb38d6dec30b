"""What a claim cites, read once for all rules: units, words, numbers and moments of the passages and cells it names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from app.planning.identifiers import identifier_words
from app.terms import term_set, terms
from app.values import Cell, Figure, Passage
from app.verbalising.grounding.figures import Number, numbers, unit_of
from app.verbalising.grounding.markup import is_instruction
from app.verbalising.grounding.moments import Moment, moments
from app.verbalising.grounding.names import without_strings
from app.verbalising.grounding.values import Claim, Evidence
from app.verbalising.relevance import held
from app.verbalising.units import Unit, shown, units
from ingest.languages import Language, language_of

YEARS = range(1800, 2100)
"""Whole numbers in cells that may also be years."""


@dataclass(frozen=True)
class CellNumber:
    """A number that a cell of a cited row gives."""

    number: Number
    row: int
    column: str


class Cited:
    """A claim in plain words with what it cites. The places that it names are known to exist."""

    def __init__(self, text: str, claim: Claim, evidence: Evidence) -> None:
        self.text = text
        self.evidence = evidence
        self.passages: tuple[Passage, ...] = tuple(evidence.passages[each] for each in dict.fromkeys(claim.passages))
        self.cells = tuple(dict.fromkeys(claim.cells))
        self.rows = tuple(dict.fromkeys(row for row, _ in claim.cells))
        self.placed, rest = moments(without_strings(text))
        """The claim's moments with where they begin."""
        self.moments: list[Moment] = [moment for _, moment in self.placed]
        self.numbers: list[Number] = numbers(rest)
        self.rest = rest
        """The claim with spaces for its moments, addresses and codes."""

    @cached_property
    def language(self) -> Language:
        """The language that the evidence is in; for cells the question's."""
        evidence = " ".join(passage.text for passage in self.passages)
        return language_of(evidence or self.evidence.question)

    @cached_property
    def terms(self) -> list[str]:
        """The claim's content words; numbers, moments, addresses and codes have rules of their own."""
        return self.terms_between(0, len(self.rest))

    def terms_between(self, start: int, end: int) -> list[str]:
        """The content words of `text[start:end]`."""
        rest = self.rest
        for number in self.numbers:
            said = bool(number.unit and number.noun)
            until = rest.find(number.noun, number.end) + len(number.noun) if said else number.end
            rest = rest[: number.start] + " " * (until - number.start) + rest[until:]
        return [term for term in terms(rest[start:end], self.language) if not any(map(str.isdigit, term))]

    @cached_property
    def units(self) -> list[tuple[Passage, Unit, frozenset[str]]]:
        """The units of the cited passages with their terms; what gives instructions there supports nothing."""
        return [
            (passage, unit, term_set(unit.text, self.language))
            for passage in self.passages
            for unit in units(passage.text)
            if not is_instruction(unit.text)
        ]

    @cached_property
    def context(self) -> str:
        """Titles and headings of the cited passages."""
        return "\n".join(f"{passage.title or ''}\n{passage.heading}" for passage in self.passages)

    @cached_property
    def passage_text(self) -> str:
        """The cited passages as readers see them, with titles and headings."""
        shown_rows = (unit.text for _, unit, _ in self.units if unit.kind == "row")
        texts = (shown(without_instructions(passage.text)) for passage in self.passages)
        return "\n".join((self.context, *texts, *shown_rows))

    @cached_property
    def row_text(self) -> str:
        """The cited rows with the names of the columns, and what is said of the whole table."""
        if not self.rows or self.evidence.table is None:
            return ""
        columns = [" ".join(identifier_words(column.name)) for column in self.evidence.table.columns]
        every = [str(cell) for row in self.rows for cell in self.evidence.table.rows[row] if cell is not None]
        cells = [cell for cell in every if not is_instruction(cell)]
        said = [figure.text for figure in self.evidence.figures if figure.row in self.rows]
        return "\n".join((*columns, *cells, *said, self.evidence.computed))

    @cached_property
    def everything(self) -> str:
        """All text that is cited."""
        return f"{self.passage_text}\n{self.row_text}"

    @cached_property
    def wording(self) -> str:
        """All text whose words may be used: for cells also the template's and the question's."""
        extra = f"{self.evidence.template}\n{self.evidence.question}" if self.rows else ""
        return f"{self.everything}\n{extra}"

    @cached_property
    def words(self) -> frozenset[str]:
        """The content words of all that may be used."""
        return term_set(self.wording, self.language)

    @cached_property
    def named(self) -> frozenset[str]:
        """The content words of what is cited itself."""
        return term_set(self.everything, self.language)

    @cached_property
    def given(self) -> list[Number]:
        """Numbers of passages and of what was computed: a claim gives them as they are."""
        free = "\n".join(f.text for f in self.evidence.figures if f.row is None) if self.rows else ""
        text = f"{self.passage_text}\n{self.evidence.computed if self.rows else ''}\n{free}"
        return numbers(moments(without_strings(text))[1])

    @cached_property
    def of_cells(self) -> list[CellNumber]:
        """Numbers of the cited rows' cells: a claim may round them."""
        table = self.evidence.table
        if table is None:
            return []
        return [
            CellNumber(number, row, column.name)
            for row in self.rows
            for column, cell in zip(table.columns, table.rows[row], strict=True)
            for number in _numbers_of(cell, column.name, self._said(row, column.name))
        ]

    def _said(self, row: int, column: str) -> list[Figure]:
        return [figure for figure in self.evidence.figures if (figure.row, figure.column) == (row, column)]

    @cached_property
    def known_moments(self) -> list[Moment]:
        """Moments of all that is cited."""
        found = moments_of(self.everything)
        years = [int(each.number.value) for each in self.of_cells if each.number.value in YEARS]
        return found + [Moment(year=year) for year in years]

    def moments_of_row(self, row: int) -> list[Moment]:
        """Moments of one row's cells."""
        assert self.evidence.table is not None
        cells = self.evidence.table.rows[row]
        years = [Moment(year=cell) for cell in cells if isinstance(cell, int) and cell in YEARS]
        return years + [moment for cell in cells if isinstance(cell, str) for moment in moments_of(cell)]

    def share(self, wanted: list[str], words: frozenset[str]) -> float:
        """How much of some terms is held by others, synonyms a little less; 1 without any."""
        return sum(held(term, words) for term in wanted) / len(wanted) if wanted else 1.0


def without_instructions(text: str) -> str:
    """A passage without the sentences that tell a reader to break rules: a model that follows them quotes them."""
    for unit in reversed(units(text)):
        if is_instruction(unit.text):
            text = text[: unit.start] + text[unit.end :]
    return text


def moments_of(text: str) -> list[Moment]:
    """The moments of a text."""
    return [moment for _, moment in moments(without_strings(text))[0]]


def _numbers_of(cell: Cell, column: str, said: list[Figure]) -> Iterator[Number]:
    """What a cell gives: its value with the unit that the template or the column's name tells, and as it was said."""
    if cell is None or isinstance(cell, bool):
        return
    if isinstance(cell, str):
        yield from numbers(moments(without_strings(cell))[1])
        return
    units_said = [number for figure in said for number in numbers(figure.text)]
    yield from units_said
    unit = next((unit_of(word) for word in reversed(identifier_words(column)) if unit_of(word)), None)
    unit = next((number.unit for number in units_said if number.unit), unit)
    share = unit is not None and unit == unit_of("%") and bool(units_said)
    yield Number(float(cell), None if share else unit, "", 0, 0, 9, True)
    if share:
        yield Number(100 * float(cell), unit, "", 0, 0, 9, True)
