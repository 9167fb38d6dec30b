"""Which of the options offered somebody means: "the first", "2", "the one about order dates", or the option itself."""

# ruff: noqa: E501 - patterns read better unwrapped
from __future__ import annotations

import re
from collections.abc import Sequence

from app.terms import fold, terms

MOST_WORDS = 8
"""Words beyond which a reply is a question of its own rather than a choice."""
_ORDINALS = ("first|1st|one|former", "second|2nd|two", "third|3rd|three")
_LAST = re.compile(r"(?:the )?(?:last|latter)(?: one| option)?", re.IGNORECASE)
_YES = re.compile(
    r"(?:yes|yeah|yep|sure|right|correct|exactly|ok|okay)(?:,? (?:please|that one|that|i (?:do|did|mean(?:t)? that)))?",
    re.IGNORECASE,
)
_POLITE = re.compile(
    r"^(?:(?:i mean(?:t)?|i want|i'd like|yes|no|please|the one (?:about|with|for|by)|use|take|by)[\s,:]+)+|[\s,]+please$",
    re.IGNORECASE,
)


def choice(reply: str, options: Sequence[str]) -> str | None:
    """The option that a reply chooses; None if it chooses none or could mean several."""
    said = _plain(reply)
    for option in options:
        if said == _plain(option):
            return option
    if not said or len(said.split()) > MOST_WORDS:
        return None
    at = _position(said, len(options))
    return options[at] if at is not None else _named(said, options)


def _plain(text: str) -> str:
    return fold(" ".join(text.split())).strip(" ?!.,;:\"'“”()")


def _position(said: str, count: int) -> int | None:
    """The place of the option that a number or ordinal names."""
    if count == 1 and _YES.fullmatch(said):
        return 0
    number = re.fullmatch(r"(?:(?:option|number|no\.?|nr\.?|#|answer|choice)\s*)?#?(\d)[.)]?", said)
    if number is not None:
        return int(number[1]) - 1 if 1 <= int(number[1]) <= count else None
    for at, words in enumerate(_ORDINALS[:count]):
        if re.fullmatch(rf"(?:(?:the|option|number|take|use) )*(?:{words})(?: (?:one|option|please|question))*", said):
            return at
    return count - 1 if _LAST.fullmatch(said) else None


def _named(said: str, options: Sequence[str]) -> str | None:
    """The only option that holds all content words of a reply, if they are not in every option."""
    wanted = set(terms(_POLITE.sub("", said)))
    if not wanted:
        return None
    holding = [option for option in options if wanted <= set(terms(option))]
    return holding[0] if len(holding) == 1 and len(options) > 1 else None


def is_bare(reply: str) -> bool:
    """Whether a reply is nothing but a choice ("2", "the first"), which means nothing where none is open."""
    said = _plain(reply)
    return _position(said, len(_ORDINALS)) is not None or _YES.fullmatch(said) is not None
