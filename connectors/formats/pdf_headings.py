"""Headings of a PDF, which has none: told from the size and weight of the letters, and written as Markdown headings."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

LARGER = 1.12
"""A heading's size, as a multiple of the body's."""
LONGEST = 140
MOST_SHARE = 0.3
"""Share of all letters above which the large ones are no headings: a poster, slides."""
_LEVELS = 4
_WRAPS_FROM = 36
"""Characters from which a heading may go on in the next line."""
_BOLD = re.compile(r"bold|black|heavy|semibold|demi", re.IGNORECASE)
_NO_HEADING = re.compile(r".*[.,;]|[\W\d_]*|\W*\d+(?:[.,]\d+)*\W*", re.DOTALL)


class Line(NamedTuple):
    """A line of a page, its letters' size in points and whether all of them are bold."""

    text: str
    size: float
    bold: bool


class PageLines:
    """Collects the lines of one page; `visit` is a `visitor_text` for pypdf's `extract_text`."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._texts: list[str] = []
        self._sizes: Counter[float] = Counter()
        self._bold = True

    def visit(
        self, text: str, cm: Sequence[float], tm: Sequence[float], font: Mapping[str, object] | None, size: float
    ) -> None:
        """Take a run of text with its matrices, font and size."""
        first, *further = text.split("\n")
        self._add(first, cm, tm, font, size)
        for piece in further:
            self._end_line()
            self._add(piece, cm, tm, font, size)

    def close(self) -> list[Line]:
        """All lines, once the page is read."""
        self._end_line()
        return self.lines

    def _add(
        self, text: str, cm: Sequence[float], tm: Sequence[float], font: Mapping[str, object] | None, size: float
    ) -> None:
        self._texts.append(text)
        letters = sum(not character.isspace() for character in text)
        if letters:
            shown = abs(size) * math.hypot(tm[2], tm[3]) * math.hypot(cm[2], cm[3])
            self._sizes[round(shown * 2) / 2] += letters
            self._bold &= bool(_BOLD.search(str((font or {}).get("/BaseFont", ""))))

    def _end_line(self) -> None:
        size = self._sizes.most_common(1)[0][0] if self._sizes else 0.0
        self.lines.append(Line("".join(self._texts), size, self._bold and bool(self._sizes)))
        self._texts, self._sizes, self._bold = [], Counter(), True


def with_headings(pages: Sequence[Sequence[Line]]) -> list[str]:
    """The text of each page, headings as `## …` between blank lines."""
    body = _body(line for lines in pages for line in lines)
    found = {line for lines in pages for line in lines if _may_head(line, body)}
    letters = sum(len(line.text) for lines in pages for line in lines)
    headed = sum(len(line.text) for lines in pages for line in lines if line in found)
    if not found or headed > MOST_SHARE * letters:
        return ["\n".join(line.text for line in lines) for lines in pages]
    ranks = sorted({_rank(line, body) for line in found}, reverse=True)
    levels = {rank: min(level, _LEVELS) for level, rank in enumerate(ranks, 1)}
    return [_page_text(lines, found, body, levels) for lines in pages]


def _body(lines: Iterable[Line]) -> Line:
    """The size and weight that most letters have."""
    counts: Counter[tuple[float, bool]] = Counter()
    for line in lines:
        counts[line.size, line.bold] += len(line.text.strip())
    (size, bold), _ = counts.most_common(1)[0] if counts else ((0.0, False), 0)
    return Line("", size, bold)


def _may_head(line: Line, body: Line) -> bool:
    text = line.text.strip()
    if not 2 <= len(text) <= LONGEST or _NO_HEADING.fullmatch(text) or body.size <= 0:
        return False
    return line.size >= LARGER * body.size or (line.bold and not body.bold and line.size >= 0.95 * body.size)


def _rank(line: Line, body: Line) -> float:
    return line.size if line.size >= LARGER * body.size else 0.0


def _page_text(lines: Sequence[Line], found: set[Line], body: Line, levels: Mapping[float, int]) -> str:
    texts: list[str] = []
    above: Line | None = None
    for line in lines:
        text = line.text.strip()
        if line not in found:
            texts.append(line.text)
        elif above is not None and _goes_on(above, line):
            texts[-2] = f"{texts[-2]} {text}"
        else:
            texts += ["", f"{'#' * levels[_rank(line, body)]} {text}", ""]
        above = line if line in found else None
    return "\n".join(texts)


def _goes_on(above: Line, line: Line) -> bool:
    """Whether a heading was too long for its line."""
    same = (above.size, above.bold) == (line.size, line.bold)
    return same and (len(above.text.strip()) >= _WRAPS_FROM or line.text.strip()[0].islower())
