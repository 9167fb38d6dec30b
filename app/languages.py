"""Which language a question is in, by its function words: to say why it was not understood, and to say so in it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.sentences import ReaderLanguage
from app.terms import STOP_WORDS, fold
from ingest.languages import ENGLISH, FUNCTION_WORDS

_TELLING = {
    language: frozenset(word for word in words - STOP_WORDS if len(word) > 1)
    for language, words in FUNCTION_WORDS.items()
}
"""Without those that English has too ("was", "on", "as"), and single letters ("s" is what "Ada's" ends in)."""
_ENGLISH = frozenset(word for word in ENGLISH - {"long"} if len(word) > 1).difference(*FUNCTION_WORDS.values())
"""Function words of English that no other known language has."""
_LEAST = 2
"""Function words of a language without which a question may be in any."""
_WORD = re.compile(r"[^\W\d_]+")
_OF_ARABIC = re.compile(r"[\u0620-\u064a]")
_OF_ITS_NEIGHBOURS = re.compile(r"[\u0671-\u06d3]")
"""Letters that Persian, Urdu and others have added to the Arabic script."""
_SPOKEN: dict[str, ReaderLanguage] = {"german": "de", "spanish": "es", "french": "fr"}


def other_language(text: str) -> str | None:
    """The language of a question that is not in English: "German", "French", … ; None if it may be English."""
    words = _WORD.findall(fold(text))
    count, likeliest = _likeliest(words)
    english = sum(word in STOP_WORDS for word in words)
    return likeliest[0].title() if count >= _LEAST and count > english else None


def asked_in(text: str) -> ReaderLanguage | None:
    """The language of a question, of those that the service speaks; None where its words do not tell."""
    arabic = _arabic(text)
    if arabic is not None:
        return "ar" if arabic else None
    if "¿" in text or "¡" in text:
        return "es"
    words = _WORD.findall(fold(text))
    count, likeliest = _likeliest(words)
    if other_language(text) is not None:
        return _SPOKEN.get(likeliest[0]) if len(likeliest) == 1 else None
    return "en" if sum(word in _ENGLISH for word in words) > count else None


def _likeliest(words: Sequence[str]) -> tuple[int, list[str]]:
    """The most function words that `words` hold of one language besides English, and of which languages so many."""
    counts = {language: sum(word in known for word in words) for language, known in _TELLING.items()}
    most = max(counts.values())
    return most, [language for language, count in counts.items() if count == most]


def _arabic(text: str) -> bool | None:
    """Whether a text mostly in the Arabic script is in Arabic; None for one in another script."""
    letters = [character for character in text if character.isalpha()]
    neighbours = len(_OF_ITS_NEIGHBOURS.findall(text))
    written = len(_OF_ARABIC.findall(text)) + neighbours
    return neighbours == 0 if 2 * written > len(letters) else None
