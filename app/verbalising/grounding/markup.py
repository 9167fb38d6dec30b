"""A model's sentence as plain text on one line, or nothing where it holds what no answer needs."""

# ruff: noqa: E501 - patterns read better unwrapped
from __future__ import annotations

import re
import unicodedata

from app.guards import gives_instructions, is_sql

LONGEST = 600
"""Characters of one sentence."""
_LINK = re.compile(r"!?\[[^\]]*\]\s*[(\[]|^\s*\[[^\]]+\]:", re.MULTILINE)
_TAG = re.compile(
    r"<(?![A-Z][A-Z_]*_\d+>|WITHHELD>)\s*[/!?a-zA-Z]|&(?:#\w+|[a-z]+);|javascript:|data:\w+/", re.IGNORECASE
)
_MARKS = re.compile(
    r"\*{1,3}(?=\S)|(?<=\S)\*{1,3}|(?<!\w)_{1,2}(?=\w)|(?<=\w)_{1,2}(?!\w)|`+|^\s*(?:#{1,6}|>|[-*+•–]|\d{1,2}[.)])\s+"
)
_ID = r"(?:\^?\d{1,2}|(?:p|r|row |cell |passage |source |doc )\d{1,3})"
_OWN_NUMBERS = re.compile(
    rf"\s*(?:[\[【]{_ID}(?:\s*[,;]\s*{_ID})*[\]】]|\((?:p|r|row |cell |passage |source |doc )\d{{1,3}}(?:\s*[,;]\s*{_ID})*\))",
    re.IGNORECASE,
)
_ASKS = re.compile(r"\?(?![\w/&=%-])|[¿？؟]")
"""A mark that ends a question, and not one within an address."""
_ANSWERED = re.compile(
    r"^(?:yes|no|ja|nein|sí|oui|non|sure|of course|certainly|absolutely)\b\s*[,.!:;–—-]+\s*", re.IGNORECASE
)
_ADDRESSED = re.compile(
    r"\b(?:as an ai|language model|i (?:cannot|can't|am unable to) (?:help|assist)|my (?:instructions|guidelines)|(?:system|developer|hidden) (?:prompt|message|instructions?)"
    r"|you (?:must|should|have to) (?:now )?(?:ignore|disregard|forget|output|reply|respond|print)|do not tell the user|tell the user)\b",
    re.IGNORECASE,
)


def plain_sentence(text: str) -> str | None:
    """The sentence without emphasis, bullets, numbers of its own and "Yes,"; None for links, tags and what hides.

    Whether the answer is yes is for the sentence itself to say: the word before it is not checked against anything.
    """
    if len(text) > LONGEST or _LINK.search(text) or _TAG.search(text) or any(map(_hides, text)):
        return None
    said = _OWN_NUMBERS.sub("", _MARKS.sub("", text))
    said = " ".join(said.split())
    shortened = _ANSWERED.sub("", said)
    if shortened != said and shortened:
        said = shortened[0].upper() + shortened[1:]
    return said or None


def is_instruction(text: str) -> bool:
    """Whether a sentence tells somebody to break a rule, speaks of prompts, or is SQL: no answer is."""
    return bool(gives_instructions(text) or is_sql(text) or _ADDRESSED.search(text))


def asks(text: str) -> bool:
    """Whether a sentence asks something: small models repeat the question in place of an answer, or before it."""
    return _ASKS.search(text) is not None


def _hides(character: str) -> bool:
    """Whether a character is not seen, or changes how its neighbours are read."""
    return character not in "\n\t\u00ad" and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn")
