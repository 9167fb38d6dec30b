"""Whether the numbers of a claim are in what it cites, and of which cells they are."""

from __future__ import annotations

import re

from app.terms import terms
from app.verbalising.grounding.cited import CellNumber, Cited
from app.verbalising.grounding.figures import Number, agrees, numbers
from app.verbalising.relevance import held

GLUE = frozenset(
    [
        "accord",
        "addit",
        "also",
        "appli",
        "applic",
        "approxim",
        "avail",
        "case",
        "consid",
        "contain",
        "detail",
        "differ",
        "document",
        "follow",
        "further",
        "general",
        "import",
        "includ",
        "inform",
        "list",
        "mean",
        "mention",
        "note",
        "offer",
        "order",
        "overal",
        "particular",
        "pleas",
        "possibl",
        "provid",
        "question",
        "refer",
        "regard",
        "relat",
        "respect",
        "result",
        "section",
        "sourc",
        "specif",
        "state",
        "tabl",
        "text",
        "therefor",
        "thus",
        "total",
        "use",
        "valu",
        "way",
        "well",
        "part",
        "make",
        "made",
        "keep",
        "mind",
        "sum",
        "summari",
        "summar",
        "short",
        "simpli",
        "basic",
        "exampl",
        "help",
        "find",
        "found",
        "record",
        "show",
        "given",
        "indic",
        "amount",
        "number",
        "count",
        "data",
        "there",
        "have",
        "been",
        "each",
        "both",
        "answer",
        "requir",
        "need",
        "allow",
        "able",
        "ensur",
        "remain",
        "stand",
        "reach",
        "turn",
        "come",
        "came",
        "see",
        "seen",
        "look",
        "work",
        "set",
        "level",
        "figur",
        "row",
        "entri",
        "recent",
        "current",
    ]
)
"""Stems that state nothing by themselves."""


def figures_are_given(cited: Cited) -> bool:
    """Every number is in what is cited, with its unit; only one of a cell may be rounded."""
    return all(_is_given(number, cited) for number in cited.numbers)


def _is_given(number: Number, cited: Cited) -> bool:
    if number.unit is None and number.noun and not _known_noun(number.noun, cited):
        return False
    for given in cited.given:
        if agrees(number, given) and _unit_fits(number, given, cited):
            return True
    return bool(cells_of(number, cited))


def _known_noun(noun: str, cited: Cited) -> bool:
    found = terms(noun, cited.language)
    return all(held(term, cited.words) or term in GLUE for term in found)


def cells_of(number: Number, cited: Cited) -> list[CellNumber]:
    """The cells of cited rows that a number may come from: those cited, and those that name their rows."""
    named = {column for _, column in cited.cells}
    return [
        each
        for each in cited.of_cells
        if (each.row, each.column) in cited.cells or each.column not in named
        if agrees(number, each.number, rounded=(each.row, each.column) in cited.cells)
        and _unit_fits(number, each.number, cited)
    ]


def _unit_fits(number: Number, given: Number, cited: Cited) -> bool:
    """Whether a unit claimed is known of the number given, or named beside it."""
    if number.unit is None or given.unit is not None:
        return True
    return any(
        other.unit is not None and other.unit[0] == number.unit[0] for other in numbers(_counted(cited.everything))
    )


def _counted(text: str) -> str:
    """A text in which every word has a number before it: `numbers` reads the units that stand in headers."""
    return " ".join(f"1 {word}" for word in re.findall(r"[^\W\d_]+|[%€$£]", text)[:400])
