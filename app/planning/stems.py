"""Words without case, accents and endings, as they are compared."""

from __future__ import annotations

import threading
import unicodedata
from functools import lru_cache
from typing import Any


class _Stemmers(threading.local):
    """A stemmer for each thread: it keeps the word it is working on in itself."""

    @property
    def english(self) -> Any:
        if "stemmer" not in self.__dict__:
            import snowballstemmer

            self.stemmer = snowballstemmer.stemmer("english")
        return self.stemmer


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


def english_stem(word: str) -> str:
    """The Snowball (Porter 2) stem of a lower-case word."""
    return str(_STEMMERS.english.stemWord(word))


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """The English (Snowball) stem of a lower-cased word, accents removed."""
    folded = fold(word)
    if folded in _IRREGULAR:
        return _IRREGULAR[folded]
    return english_stem(folded) if folded.isalpha() else folded


def fold(text: str) -> str:
    """Lower case without accents."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))
