"""The words of a question and of a text that carry meaning, brought to a common form."""

from __future__ import annotations

import re
from functools import lru_cache

from app.planning.stems import stemmed
from ingest.folding import fold as fold
from ingest.languages import STOP_WORDS as STOP_WORDS_OF
from ingest.languages import Language

_WORD = re.compile(r"[^\W_]+(?:[.,'’&/+-][^\W_]+)*")
_PART = re.compile(r"[^\W_]+")
_CODE = re.compile(
    r"(?=[^\s]*\d)(?=[^\s]*[A-Za-z])[A-Za-z0-9]+(?:[-_/.][A-Za-z0-9]+)*|[A-Z]{2,}[-_][A-Z0-9_-]+|[a-z]+_[a-z_]+"
)
_QUOTED = re.compile(r"[\"“”«»„]([^\"“”«»„]{2,80})[\"“”«»„]|`([^`]{2,80})`")

_STOP_WORDS = """
    a about above after again all also am an and any are aren't as at be because been before being below between
    both but by can can't could couldn't did didn't do does doesn't doing don't down during each else ever few
    for from further had has hasn't have haven't having he her here hers him his how i i'd i'll i'm i've if in
    into is isn't it it's its itself just let's me might mine more most much must my myself no nor not of off on
    once only or other our ours out over own please same shall she should so some such than that that's the
    their theirs them then there there's these they this those through to too under until up upon us very was
    wasn't we were what what's when where where's which while who whom whose why will with won't would wouldn't
    you you're your yours yourself many long get got gets give tell know want need like say said whether within
    without per via may one ones anything something someone anyone actually really hi hello thanks thank kind
    type sort take takes took happen happens happened still already yet even usually currently show
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""Words that a passage need not hold to answer the question: function words and the small change of asking."""


_ENGLISH = STOP_WORDS | frozenset({"thing", "things", "stuff", "become", "becomes"})
"""The same with words that no passage need repeat, though they may name something in a table."""


@lru_cache(maxsize=50_000)
def stem(word: str, language: Language = "english") -> str:
    """The stem of a folded word (Snowball; Porter 2 for English); numbers and codes stay as they are."""
    if not word.isalpha() or len(word) < 3:
        return word
    return stemmed(word, language)


def terms(text: str, language: Language = "english") -> list[str]:
    """The stems of the content words of `text`, in order, compounds also in parts (`re-send` gives `re`, `send`)."""
    found: list[str] = []
    stop_words = _ENGLISH if language == "english" else STOP_WORDS_OF[language]
    for match in _WORD.finditer(fold(text)):
        word = match.group().replace("’", "'")
        if word in stop_words or word.endswith("n't"):
            continue
        if word.replace(",", "").replace(".", "").isdigit():
            found.append(word.replace(",", ""))
            continue
        word = word.removesuffix("'s")
        found.extend(stem(part, language) for part in _PART.findall(word) if part not in stop_words)
    return found


_READER = re.compile(r"\b(?:you|your|yours)\b", re.IGNORECASE)


@lru_cache(maxsize=8192)
def term_set(text: str, language: Language = "english") -> frozenset[str]:
    """The distinct terms of a piece of text, with `you` where it speaks to its reader.

    Remembered, as the same passages are read again and again.
    """
    found = frozenset(terms(text, language))
    return found | {"you"} if _READER.search(text) else found


def codes(text: str) -> list[str]:
    """Identifiers in `text`, such as `FL-2403`, `E42` or `max_rows`, folded."""
    return [fold(match.group()) for match in _CODE.finditer(text)]


def quoted(text: str) -> list[str]:
    """What stands between quotation marks or backticks in `text`, folded."""
    return [fold(match.group(1) or match.group(2)) for match in _QUOTED.finditer(text)]


def names(question: str, language: Language = "english") -> list[str]:
    """The words of a question written like names (`Mars`, `PayPal`): capitals that do not just begin the sentence.

    German writes every noun so: nothing there tells a name.
    """
    if language == "german":
        return []
    stop_words = STOP_WORDS if language == "english" else STOP_WORDS_OF[language]
    found = []
    for match in _WORD.finditer(question):
        word = match.group().removesuffix("'s").removesuffix("’s")
        begins = (
            not question[: match.start()].strip(" \t\n\"'“‘(¿") or question[: match.start()].rstrip()[-1:] in ".?!:"
        )
        folded = fold(word)
        if any(letter.isupper() for letter in word[1 if begins else 0 :]) and folded not in stop_words:
            found.append(stem(folded, language))
    return found


def numbers(text: str) -> list[str]:
    """The numbers written in digits in `text`, thousands separators removed."""
    return [number.replace(",", "") for number in re.findall(r"(?<![\w.])\d+(?:[.,]\d+)*(?!\w)", text)]
