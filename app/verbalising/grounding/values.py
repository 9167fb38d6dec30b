"""What the grounding check takes and gives: a model's sentence with what it claims to come from, and the evidence."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from app.values import Citation, Figure, Passage, TableView


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence of a model. Untrusted, as are the places it names."""

    text: str
    passages: tuple[str, ...] = ()
    """Ids of passages, as in the evidence."""
    cells: tuple[tuple[int, str], ...] = ()
    """(row, column) of cells; rows count from 0."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """All that a model was shown, as the caller may see it: scrubbed."""

    question: str
    passages: Mapping[str, Passage] = {}
    table: TableView | None = None
    rows: int = 0
    """How many of the table's rows were shown; no other may be cited."""
    figures: tuple[Figure, ...] = ()
    """Those of the template's text: numbers as they are said, with their units."""
    computed: str = ""
    """What the table holds, restated from the plan."""
    template: str = ""
    """The template's text: its words may be used again, its numbers only where their cells are cited."""


class Grounded(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence whose every figure, date, name and word is in what it cites."""

    text: str
    """Plain text on one line."""
    citations: tuple[Citation, ...] = ()
    """Exact quotes; numbered from 1 within the sentence."""
    figures: tuple[Figure, ...] = ()
    connective: bool = False
    """It says nothing itself ("Here is how it works:"), and is worth nothing alone."""


class Dropped(msgspec.Struct, frozen=True):
    """A sentence that is not said. `reason` is one of `REASONS`."""

    reason: str


REASONS = {
    "markup": "holds markup, links, control characters, or is too long",
    "instruction": "gives an instruction or is a statement in SQL",
    "question": "asks something",
    "uncited": "cites nothing",
    "unknown_citation": "cites what was not shown",
    "figure": "holds a number that is not in what it cites, or with another unit",
    "moment": "holds a date, time or period that is not in what it cites",
    "name": "holds a name, address, code or quotation that is not in what it cites",
    "exchanged": "gives a figure of something else that is cited",
    "polarity": "denies what is asserted, or asserts what is denied",
    "inferred": "compares or ranks what nothing says is so",
    "unsupported": "holds mostly words that are not in what it cites",
}
