"""The language that a request asks for: the header `Accept-Language` (RFC 9110, section 12.5.4)."""

from __future__ import annotations

import re
from collections.abc import Collection

from app.sentences import ReaderLanguage, reader_language

_MOST = 500
"""Characters of a header that are read."""
_RANGE = re.compile(r"([A-Za-z]{1,8})(?:-[A-Za-z0-9-]{1,30})?\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*")
_SPOKEN = ("en", "de", "es", "fr", "ar")


def liked_best(accepted: str, known: Collection[str]) -> str | None:
    """The language of those known that a header likes best; None if it likes none. What is malformed is passed over."""
    wanted = [_RANGE.fullmatch(part.strip()) for part in accepted[:_MOST].split(",")]
    liked = [(float(each.group(2) or 1), each.group(1).lower()) for each in wanted if each]
    ranked = sorted((each for each in liked if each[0] > 0), key=lambda each: -each[0])
    return next((name for _, name in ranked if name in known), None)


def preferred_language(accepted: str) -> ReaderLanguage | None:
    """The language that the service is to speak, where the question does not tell; None if it speaks none of them."""
    return reader_language(liked_best(accepted, _SPOKEN))
