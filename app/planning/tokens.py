"""Words of questions and identifiers: tokens with offsets, stems, and identifiers split into words."""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

from app.planning.identifiers import identifier_stems, identifier_words
from app.planning.stems import fold, stem

__all__ = ["Token", "fold", "identifier_stems", "identifier_words", "parse_number", "stem", "tokenize"]

_TOKEN = re.compile(
    r"""(?P<quoted>"[^"\n]{1,200}"|“[^”\n]{1,200}”|(?<!\w)'[^'\n]{1,200}'(?!\w)|‘[^’\n]{1,200}’)
    |(?P<iso>\d{4}-\d{2}-\d{2}(?!\d))
    |(?P<number>(?<![\w.])[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[kKmM](?!\w))?(?![\w]))
    |(?P<word>[^\W_]+(?:[.&'’/+-][^\W_]+)*)
    |(?P<mark>[^\s\w]|_)""",
    re.VERBOSE,
)
_MULTIPLIERS = {"k": 1_000, "m": 1_000_000}


class Token(msgspec.Struct, frozen=True):
    """A word, number, quoted string or mark; `start`/`end` are character offsets into the question."""

    text: str
    start: int
    end: int
    kind: Literal["word", "number", "quoted", "iso", "mark"]
    lower: str
    stem: str

    @property
    def value(self) -> int | float | None:
        """The number that the token stands for, if it is one."""
        return parse_number(self.text) if self.kind == "number" else NUMBER_WORDS.get(self.lower)


NUMBER_WORDS: dict[str, int] = {
    word: number
    for number, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty",
        ]
    )
} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "hundred": 100, "thousand": 1000, "dozen": 12}


def parse_number(text: str) -> int | float:
    """The number written as `1,204`, `3.5` or `10k`."""
    cleaned = text.replace(",", "")
    factor = _MULTIPLIERS.get(cleaned[-1].lower(), 1)
    if factor != 1:
        cleaned = cleaned[:-1]
    number = float(cleaned) * factor
    return int(number) if number.is_integer() and "." not in cleaned else number


def _tokens_of(match: re.Match[str]) -> list[Token]:
    kind: Any = match.lastgroup
    text, start = match.group(), match.start()
    if kind == "quoted":
        inner = text[1:-1].strip()
        return [Token(inner, start, match.end(), kind, fold(inner), fold(inner))]
    if kind != "word":
        return [Token(text, start, match.end(), kind, text.lower(), text.lower())]
    text = text.replace("’", "'")
    for suffix in ("'s", "s'"):
        if text.lower().endswith(suffix) and len(text) > len(suffix) + 1:
            text = text[: -len(suffix)] + ("s" if suffix == "s'" else "")
            break
    return [Token(text, start, match.end(), kind, fold(text), stem(text.lower()))]


def tokenize(question: str) -> list[Token]:
    """Tokens of a question in order; possessive endings are dropped, hyphenated words stay whole."""
    tokens = [token for match in _TOKEN.finditer(question) for token in _tokens_of(match)]
    return [part for token in tokens for part in _split_hyphen(token)]


def _split_hyphen(token: Token) -> list[Token]:
    if token.kind != "word" or not re.search(r"[-/]", token.text):
        return [token]
    parts: list[Token] = []
    for match in re.finditer(r"[^-/]+", token.text):
        word = match.group()
        start = token.start + match.start()
        kind: Literal["number", "word"] = "number" if word.isdigit() else "word"
        parts.append(Token(word, start, start + len(word), kind, fold(word), stem(word.lower())))
    return parts
