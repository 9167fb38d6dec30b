"""Quoting units of a passage: citations whose offsets are exact in the stored document."""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.values import Citation, Passage
from app.verbalising.units import Unit

_MASK = re.compile(r"<[A-Z][A-Z_]*_\d+>")


@dataclass(frozen=True, slots=True)
class Quote:
    """Neighbouring units of one passage, quoted together."""

    passage: Passage
    units: tuple[Unit, ...]


def citation(n: int, quote: Quote) -> Citation:
    """The citation number `n` of a quote."""
    passage = quote.passage
    start, end = quote.units[0].start, quote.units[-1].end
    first, last = _document_offsets(passage, start, end)
    return Citation(
        n=n,
        source=passage.source,
        document=passage.document,
        title=passage.title,
        url=passage.url,
        start=first,
        end=last,
        quote=passage.text[start:end],
    )


def _document_offsets(passage: Passage, start: int, end: int) -> tuple[int, int]:
    """Offsets in the document of `passage.text[start:end]`; exact, or as narrow as masks before and after allow.

    A mask is longer or shorter than what it hides, so offsets count from the passage's start up to its first mask, and
    from its end back to its last one.
    """
    masks = [found.span() for found in _MASK.finditer(passage.text)]
    if len(passage.text) == passage.end - passage.start or not masks:
        return passage.start + start, passage.start + end
    shift = (passage.end - passage.start) - len(passage.text)
    first = passage.start + start
    last = passage.start + end + shift
    if start >= masks[-1][1]:
        first += shift
    elif start > masks[0][0]:
        first = passage.start + masks[0][0]
    if end <= masks[0][0]:
        last -= shift
    elif end < masks[-1][1]:
        last = passage.start + masks[-1][1] + shift
    return first, last


def place(citation: Citation) -> tuple[str, str, int, int]:
    """Where a citation points: equal for equal quotes."""
    return citation.source, citation.document, citation.start, citation.end
