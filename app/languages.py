"""Which language a question is in, by its function words: enough to say why it was not understood."""

from __future__ import annotations

import re

from app.terms import STOP_WORDS, fold
from ingest.languages import FUNCTION_WORDS

_TELLING = {
    language: frozenset(word for word in words - STOP_WORDS if len(word) > 1)
    for language, words in FUNCTION_WORDS.items()
}
"""Without those that English has too ("was", "on", "as"), and single letters ("s" is what "Ada's" ends in)."""
_LEAST = 2
"""Function words of a language without which a question may be in any."""


def other_language(text: str) -> str | None:
    """The language of a question that is not in English: "German", "French", … ; None if it may be English."""
    words = re.findall(r"[^\W\d_]+", fold(text))
    english = sum(word in STOP_WORDS for word in words)
    counts = {language: sum(word in known for word in words) for language, known in _TELLING.items()}
    likeliest = max(counts, key=lambda language: counts[language])
    return likeliest.title() if counts[likeliest] >= _LEAST and counts[likeliest] > english else None
