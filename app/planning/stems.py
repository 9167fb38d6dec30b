"""Words without case, accents and endings, as they are compared."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any

from ingest.folding import fold as fold


class _Stemmers(threading.local):
    """Stemmers for each thread: one keeps the word it is working on in itself."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}

    def of(self, language: str) -> Any:
        """The stemmer of a language, by its name in English."""
        if language not in self._known:
            import snowballstemmer

            self._known[language] = snowballstemmer.stemmer(language)
        return self._known[language]


_STEMMERS = _Stemmers()
_IRREGULAR = {
    "people": "person",
    "persons": "person",
    "men": "man",
    "women": "woman",
    "children": "child",
    "lives": "life",
    "countries": "countri",
    "spent": "spend",
    "sold": "sale",
    "sell": "sale",
    "sells": "sale",
    "selling": "sale",
    "bought": "buy",
    "paid": "paid",
    "staff": "staff",
    "data": "data",
    "series": "seri",
    "feet": "foot",
    "aircrafts": "aircraft",
    "taught": "teach",
    "wrote": "write",
    "written": "write",
    "won": "win",
    "born": "birth",
}


def stemmed(word: str, language: str = "english") -> str:
    """The Snowball stem of a lower-case word (Porter 2 for English)."""
    return str(_STEMMERS.of(language).stemWord(word))


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """The English (Snowball) stem of a lower-cased word, accents removed."""
    folded = fold(word)
    if folded in _IRREGULAR:
        return _IRREGULAR[folded]
    return stemmed(folded) if folded.isalpha() else folded
