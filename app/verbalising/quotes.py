"""Quoting units of a passage: citations whose offsets are exact in the stored document."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.values import Citation, Passage
from app.verbalising.units import Unit, shown, units

_MASK = re.compile(r"<[A-Z][A-Z_]*_\d+>")
_NUMBER = re.compile(r"\s*\(?(\d{1,3})[.)]\s")


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


def readable(quote: str) -> str:
    """A quote without the marks of Markdown, as answers word it; a citation's offsets count in the quote itself."""
    number = _NUMBER.match(quote)
    return lines(units(quote), first=int(number[1]) if number is not None else 1) or shown(quote)


def lines(chosen: Sequence[Unit], first: int = 1) -> str:
    """Sentences run on; list items, rows and code stand on lines of their own. `first`: the first item's number."""
    text = ""
    number, running = 0, False
    for unit in chosen:
        number = (number + 1 if number else first) if unit.kind == "item" else 0
        if unit.kind == "sentence":
            text += ("" if not text else " " if running else "\n") + unit.text
        else:
            mark = f"{number}. " if unit.ordered else "- " if unit.kind == "item" else ""
            text += ("\n" if text else "") + mark + unit.text
        running = unit.kind == "sentence"
    return text
