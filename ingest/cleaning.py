"""Repairs a document's text before it is cut and stored; what was repaired is reported, never silent.

Encoding that was decoded wrongly (`fÃ¼r`), control and invisible characters, odd spaces and line endings are repaired
in every document. Lines that many documents of a source share at their head or foot (navigation, cookie banners,
footers) are removed: they match every question and answer none.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from connectors.base import Document

BOILERPLATE_SHARE = 0.3
"""A line is boilerplate when at least this share of a source's documents has it at its head or foot."""
BOILERPLATE_DOCUMENTS = 5
"""Sources of fewer documents are left alone: a line in two of three documents proves nothing."""
_EDGE_LINES = 15
"""Head and foot: this many lines that are not blank, at either end."""
_LONGEST_BOILERPLATE = 1000  # characters; a longer line is content, and never searched for addresses

_NEWLINES = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff\ud800-\udfff]")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\U000e0000-\U000e007f]"
    "|(?<=[\\s!-\u024f])[\u200c\u200d]|[\u200c\u200d](?=[\\s!-\u024f])"
)
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_BLANK_RUN = re.compile(r"\n{4,}")
_KEPT = re.compile(
    r"^\s*(?:#{1,6}\s|\||```|~~~|[-=*_:\s]+$)|^\s*\S{0,2}\s*$|[^\s@]+@[^\s@]+\.\w|(?:\+?\d[\s()./-]*){7,}"
)
"""Lines that are never boilerplate: headings, tables, fences, rules, and lines with an e-mail address or a phone number
(a contact line is repeated because people need it)."""


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A document after cleaning; `text` is what is stored, and what all offsets point into."""

    document: Document
    text: str
    repairs: tuple[str, ...]
    """What was done, in order: `encoding`, `line_endings`, `control_characters`, `invisible_characters`, `spaces`,
    `blank_lines`, `boilerplate`. Empty if nothing but surrounding whitespace changed."""
    removed_lines: tuple[str, ...] = ()
    """The boilerplate lines that were removed, as they stood."""


def clean(document: Document, boilerplate: frozenset[str] = frozenset()) -> Cleaned:
    """The document with its text repaired and without the lines in `boilerplate` (see `find_boilerplate`)."""
    text, repairs = repair(document.text)
    text, removed = _without(text, boilerplate)
    if removed:
        repairs = (*repairs, "boilerplate")
    return Cleaned(dataclasses.replace(document, text=text), text, repairs, removed)


def clean_documents(documents: Sequence[Document]) -> list[Cleaned]:
    """The documents of one source, cleaned, without the boilerplate that they share."""
    boilerplate = find_boilerplate(document.text for document in documents)
    return [clean(document, boilerplate) for document in documents]


def repair(text: str) -> tuple[str, tuple[str, ...]]:
    """The text with encoding, characters, spaces and line endings repaired, and the names of the repairs."""
    repairs: list[str] = []

    def note(name: str, changed: str) -> str:
        if changed != text and name not in repairs:
            repairs.append(name)
        return changed

    text = note("encoding", _decoded_again(text))
    text = note("line_endings", _NEWLINES.sub("\n", text))
    text = note("control_characters", _CONTROL.sub("", text))
    text = note("invisible_characters", _INVISIBLE.sub("", text))
    text = note("spaces", _SPACES.sub(" ", text))
    text = "\n".join(line.rstrip(" \t") for line in unicodedata.normalize("NFC", text).split("\n"))
    text = note("blank_lines", _BLANK_RUN.sub("\n\n", text))
    return text.strip("\n"), tuple(repairs)


def find_boilerplate(texts: Iterable[str]) -> frozenset[str]:
    """Normalised lines that at least 30 % of the documents, of 5 or more, have at their head or foot."""
    lines: Counter[str] = Counter()
    documents = 0
    for text in texts:
        documents += 1
        repaired = repair(text)[0].split("\n")
        lines.update({_normalised(repaired[i]) for i in _edges(repaired) if _may_be_boilerplate(repaired[i])})
    if documents < BOILERPLATE_DOCUMENTS:
        return frozenset()
    least = max(3.0, BOILERPLATE_SHARE * documents)
    return frozenset(line for line, count in lines.items() if count >= least)


def _without(text: str, boilerplate: frozenset[str]) -> tuple[str, tuple[str, ...]]:
    if not boilerplate:
        return text, ()
    lines = text.split("\n")
    drop = {i for i in _edges(lines) if _may_be_boilerplate(lines[i]) and _normalised(lines[i]) in boilerplate}
    kept = "\n".join(line for i, line in enumerate(lines) if i not in drop).strip("\n")
    if not drop or not kept.strip():
        return text, ()
    return _BLANK_RUN.sub("\n\n", kept), tuple(lines[i].strip() for i in sorted(drop))


def _edges(lines: Sequence[str]) -> list[int]:
    """Indices of the first and last lines that are not blank."""
    filled = [i for i, line in enumerate(lines) if line.strip()]
    if len(filled) <= 2 * _EDGE_LINES:
        return filled
    return filled[:_EDGE_LINES] + filled[-_EDGE_LINES:]


def _may_be_boilerplate(line: str) -> bool:
    return len(line) <= _LONGEST_BOILERPLATE and not _KEPT.search(line)


def _normalised(line: str) -> str:
    return " ".join(line.casefold().split())


def _decoded_again(text: str) -> str:
    if text.isascii():
        return text
    import ftfy

    return str(ftfy.fix_text(text, _encoding_only()))


@cache
def _encoding_only() -> Any:
    """What ftfy may repair: wrongly decoded text, and nothing else. Quotes, entities and widths stay as written."""
    import ftfy

    return ftfy.TextFixerConfig(
        unescape_html=False,
        remove_terminal_escapes=False,
        fix_latin_ligatures=False,
        fix_character_width=False,
        uncurl_quotes=False,
        fix_line_breaks=False,
        remove_control_chars=False,
        normalization=None,
    )
