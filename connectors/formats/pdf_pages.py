"""The text of a PDF's pages made readable: repeated headers and footers, page numbers and hyphens removed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_EDGE_LINES = 2
"""Lines at the top and bottom of a page among which headers and footers are looked for."""
_FEWEST_PAGES = 3
_REPEATED_SHARE = 0.6
_PAGE_NUMBER = re.compile(
    r"^\W{0,3}(?:(?:page|seite|p\.)\s*)?(?:\d{1,4}|[ivxl]{1,6})(?:\s*(?:/|of|von|de|sur)\s*\d{1,4})?\W{0,3}$", re.I
)
_HYPHENATED = re.compile(r"(?<=[^\W\d_])[-\u00ad\u2010]$")
_ENDS_SENTENCE = (".", "!", "?", ":", ";", "|")
_BULLET = re.compile(r"^\s*[•●▪◦‣∙·■–]\s+")
_SHORTEST_WRAPPED = 40


def text_of_pages(pages: Sequence[str]) -> str:
    """The pages' text as paragraphs; pages follow one another with a blank line."""
    split = [[line.rstrip() for line in page.replace("\x00", "").splitlines()] for page in pages]
    repeated = _repeated_edges(split)
    texts = [_readable(_without_edges(lines, repeated)) for lines in split]
    return "\n\n".join(text for text in texts if text) + ("\n" if any(texts) else "")


def _edges(lines: Sequence[str]) -> list[int]:
    """Indices of the first and last lines that hold anything."""
    filled = [index for index, line in enumerate(lines) if line.strip()]
    return sorted({*filled[:_EDGE_LINES], *filled[-_EDGE_LINES:]})


def _pattern(line: str) -> str:
    """The line with numbers made equal, so that page numbers do not hide a repetition."""
    return re.sub(r"\d+", "0", " ".join(line.split())).casefold()


def _is_prose(line: str) -> bool:
    """Whether a line ends a sentence of the text rather than being a header or footer."""
    text = line.strip()
    return text.endswith((".", "!", "?")) and len(text.split()) > 4 and "©" not in text


def _repeated_edges(pages: Sequence[Sequence[str]]) -> frozenset[str]:
    """Patterns of lines that most pages have at an edge."""
    filled = [lines for lines in pages if any(line.strip() for line in lines)]
    if len(filled) < _FEWEST_PAGES:
        return frozenset()
    counts = Counter(
        pattern
        for lines in filled
        for pattern in {_pattern(lines[index]) for index in _edges(lines) if not _is_prose(lines[index])}
    )
    return frozenset(pattern for pattern, count in counts.items() if count >= _REPEATED_SHARE * len(filled))


def _without_edges(lines: Sequence[str], repeated: frozenset[str]) -> list[str]:
    """The lines without headers, footers and page numbers, which are looked for from the page's edges inwards."""
    filled = [index for index, line in enumerate(lines) if line.strip()]
    dropped: set[int] = set()
    for inwards in (filled[:_EDGE_LINES], filled[::-1][:_EDGE_LINES]):
        for index in inwards:
            is_number = len(filled) > 1 and _PAGE_NUMBER.match(lines[index].strip())
            if not (is_number or _pattern(lines[index]) in repeated):
                break
            dropped.add(index)
    return [line for index, line in enumerate(lines) if index not in dropped]


def _readable(lines: Sequence[str]) -> str:
    """Words split by a hyphen and sentences split by the page's width made whole; bullets as `-`."""
    joined: list[str] = []
    for line in lines:
        text = _BULLET.sub("- ", line).strip()
        above = joined[-1] if joined else ""
        if text and above and not above.startswith("#") and _HYPHENATED.search(above) and text[0].islower():
            joined[-1] = above[:-1] + text
        elif text and _goes_on(above, text):
            joined[-1] = f"{above} {text}"
        else:
            joined.append(text)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(joined)).strip()


def _goes_on(above: str, line: str) -> bool:
    """Whether a line continues the sentence of the one above."""
    last = above.rsplit("\n", 1)[-1]
    whole = len(last) < _SHORTEST_WRAPPED or last.startswith("#") or last.endswith(_ENDS_SENTENCE)
    return not whole and line[0].islower()
