"""Sentences of a text, as offsets. Used where passages are cut and where answers are read from them."""

from __future__ import annotations

import re

_BOUNDARY = re.compile(r"(?:(?<![.!?…])[.!?…]++[\"'”’»)\]]*+(?=\s)|[。！？]+[”’」』]*|\n(?=\s*\n))\s*")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[\"'“])(?:[A-Za-z]|(?:[A-Za-z]\.)+[A-Za-z]|mr|mrs|ms|dr|prof|st|jr|sr|vs|etc|approx|incl|excl|no|nos|fig"
    r"|figs|sec|art|dept|est|inc|ltd|co|corp|gen|col|lt|sgt|rev|hon|jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec|ca"
    r"|cf|al|vol|pp|ed|eds|min|max|tel|ext|p\.s)$",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"(?:^|\n)\s*\d{1,3}$")


def sentence_spans(text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """Offsets of the sentences in `text[start:end]`, in order, without the whitespace between them."""
    stop = len(text) if end is None else end
    spans: list[tuple[int, int]] = []
    first = start
    for boundary in _BOUNDARY.finditer(text, start, stop):
        if _is_end(text, first, boundary.start(), boundary.end(), stop):
            _append(text, first, boundary.end(), spans)
            first = boundary.end()
    _append(text, first, stop, spans)
    return spans


def _is_end(text: str, first: int, mark: int, following: int, stop: int) -> bool:
    if following >= stop or text[mark] != ".":
        return True
    if text[following].islower() or text[mark : mark + 2] == "..":
        return not text[following].islower()
    before = text[max(first, mark - 12) : mark]
    return not (_ABBREVIATION.search(before) or _NUMBERED.search(before))


def _append(text: str, start: int, end: int, spans: list[tuple[int, int]]) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if end > start:
        spans.append((start, end))
