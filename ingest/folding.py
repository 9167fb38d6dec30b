"""Text as names, values and words are compared: without case and accents."""

from __future__ import annotations

import unicodedata


def fold(text: str) -> str:
    """The text without case and accents.

    >>> fold("Größe São-Paulo")
    'grosse sao-paulo'
    """
    folded = text.casefold()
    if folded.isascii():
        return folded
    return "".join(mark for mark in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(mark))
