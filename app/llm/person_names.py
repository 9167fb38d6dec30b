"""Which words are somebody's given or family name, whatever else they are."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from app.llm.strict_names import ordinary_words
from ingest.folding import fold

_LETTERS = re.compile(r"[^\W\d_]+")


@lru_cache(maxsize=1)
def person_names() -> frozenset[str]:
    """Names that are no ordinary words, without case and accents."""
    return frozenset(Path(__file__).with_name("person_names.txt").read_text(encoding="utf-8").split())


@lru_cache(maxsize=50_000)
def is_persons(word: str) -> bool:
    """Whether a word, one of its parts, or either with an `s` is a name of people. Only Latin letters are known."""
    return any(map(_is_listed, _LETTERS.findall(fold(word))))


def _is_listed(part: str) -> bool:
    marks = ordinary_words()
    if marks.get(part) == "":  # an ordinary word that is nobody's name
        return False
    return not part.isascii() or any(each in person_names() or bool(marks.get(each)) for each in (part, part + "s"))
