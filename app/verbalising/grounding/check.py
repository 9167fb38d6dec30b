"""The grounding check: a claim becomes a sentence with exact citations, or is dropped with a reason."""

from __future__ import annotations

from app.values import Citation, Figure, Passage
from app.verbalising.grounding.cited import Cited
from app.verbalising.grounding.figures import agrees
from app.verbalising.grounding.given import cells_of
from app.verbalising.grounding.markup import asks, is_instruction, plain_sentence
from app.verbalising.grounding.rules import RULES, states_nothing
from app.verbalising.grounding.values import Claim, Dropped, Evidence, Grounded
from app.verbalising.quotes import Quote, citation
from app.verbalising.units import Unit

QUOTES = 2
"""Places quoted from one passage for one sentence."""
MOST_CITED = 8
"""Passages, and cells, that one sentence may cite."""


def check(claim: Claim, evidence: Evidence) -> Grounded | Dropped:
    """The claim as a sentence that may be said, or why it may not."""
    text = plain_sentence(claim.text)
    if text is None:
        return Dropped("markup")
    if is_instruction(text):
        return Dropped("instruction")
    if asks(text):
        return Dropped("question")
    if not _exists(claim, evidence):
        return Dropped("unknown_citation")
    cited = Cited(text, claim, evidence)
    if not claim.passages and not claim.cells:
        return Grounded(text=text, connective=True) if states_nothing(text, cited) else Dropped("uncited")
    broken = next((reason for reason, rule in RULES if not rule(cited)), None)
    if broken is not None:
        return Dropped(broken)
    citations = _citations(cited)
    if claim.passages and not citations and not claim.cells:
        return Dropped("unsupported")
    return Grounded(text=text, citations=citations, figures=_figures(cited))


def _exists(claim: Claim, evidence: Evidence) -> bool:
    """Whether everything that a claim names was shown."""
    if len(claim.passages) > MOST_CITED or len(claim.cells) > 4 * MOST_CITED:
        return False
    columns = {column.name for column in evidence.table.columns} if evidence.table is not None else set()
    return all(name in evidence.passages for name in claim.passages) and all(
        0 <= row < evidence.rows and column in columns for row, column in claim.cells
    )


def _citations(cited: Cited) -> tuple[Citation, ...]:
    """Exact quotes of the units that hold the claim's words, passage by passage."""
    found: list[Citation] = []
    for passage in cited.passages:
        chosen = _chosen(passage, cited)
        for group in _neighbours(passage, chosen):
            found.append(citation(len(found) + 1, Quote(passage, group)))
    return tuple(found)


def _chosen(passage: Passage, cited: Cited) -> list[Unit]:
    """The unit with most of the claim's words, and one more for words that it lacks."""
    left = set(cited.terms)
    chosen: list[Unit] = []
    own = [(unit, words) for source, unit, words in cited.units if source is passage]
    for _ in range(QUOTES):
        best = max(own, key=lambda each: len(left & each[1]), default=None)
        if best is None or len(left & best[1]) < (1 if not chosen else 2):
            break
        chosen.append(best[0])
        left -= best[1]
    return sorted(chosen, key=lambda unit: unit.start)


def _neighbours(passage: Passage, chosen: list[Unit]) -> list[tuple[Unit, ...]]:
    groups: list[list[Unit]] = []
    for unit in chosen:
        if groups and not passage.text[groups[-1][-1].end : unit.start].strip():
            groups[-1].append(unit)
        else:
            groups.append([unit])
    return [tuple(group) for group in groups]


def _figures(cited: Cited) -> tuple[Figure, ...]:
    """The numbers of the sentence that are cells', each with its cell; those that were given, with the condition."""
    found: list[Figure] = []
    for number in cited.numbers if cited.rows else ():
        said = _as_said(cited, number.start, number.end)
        cells = cells_of(number, cited)
        if not cells:
            free = next((f for f in cited.evidence.figures if f.row is None and f.text.startswith(said)), None)
            found.append(free or Figure(text=said, row=None, column=None, formula="condition: as computed"))
            continue
        known = next((each for each in cells if (each.row, each.column) in cited.cells), cells[0])
        exact = any(agrees(number, each.number) for each in cells)
        found.append(Figure(text=said, row=known.row, column=known.column, formula=None if exact else "rounded"))
    return tuple(found)


def _as_said(cited: Cited, start: int, end: int) -> str:
    """The number as it stands in the sentence, with its percent sign."""
    return cited.text[start : end + (cited.text[end : end + 1] == "%")]
