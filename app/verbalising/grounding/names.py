"""What a text names: people, places and products by their capitals, addresses, codes and quotations."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.terms import STOP_WORDS, fold, stem
from ingest.languages import STOP_WORDS as STOP_WORDS_OF
from ingest.languages import Language

_ADDRESS = re.compile(
    r"\b(?:https?://|www\.)[^\s<>\"')\]]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|(?<![\w@.])(?:[a-z0-9-]+\.)+(?:com|org|net|io|de|fr|es|eu|uk|ch|at|us|dev|app|example|info|biz|ru|cn|co)\b(?:/[^\s<>\"')\]]*)?",
    re.IGNORECASE,
)
_MASK = re.compile(r"<[A-Z][A-Z_]*_\d+>|<WITHHELD>")
_PHONE = re.compile(r"(?<![\w.])\+?\d[\d()/\s\u00a0-]{5,}\d(?!\w)")
_CODE = re.compile(
    r"(?<![\w.-])(?=[\w./-]*\d)(?=[\w./-]*[A-Za-z])"
    r"(?!\d+(?:st|nd|rd|th|k|kg|g|mm|cm|m|km|ml|l|h|s|ms|am|pm|min|x|°c)\b)"
    r"[A-Za-z0-9]+(?:[-_/.][A-Za-z0-9]+)*\b|\b[A-Z]{2,}(?:[-_][A-Z0-9]+)*\b|\b[a-z]+(?:_[a-z0-9]+)+\b"
)
_QUOTED = re.compile(r"[\"“”«»„]([^\"“”«»„]{2,120})[\"“”«»„]|`([^`]{2,120})`|(?<!\w)[‘']([^‘’']{2,120})[’'](?!\w)")
_CAPITAL = re.compile(r"[^\W\d_]+(?:[.&'’-][^\W_]+)*")


def addresses(text: str) -> list[str]:
    """Mail and web addresses and masks, folded, as they are written."""
    found = [match.group().rstrip(".,;:!?") for match in _ADDRESS.finditer(text)]
    return [fold(each) for each in (*found, *_MASK.findall(text))]


def phones(text: str) -> list[str]:
    """The digits of telephone numbers and the like: at least seven in one piece."""
    found = (re.sub(r"\D", "", match.group()) for match in _PHONE.finditer(text))
    return [digits for digits in found if len(digits) >= 7]


def codes(text: str) -> list[str]:
    """Identifiers such as `FL-2403`, `max_rows` or `USB`, folded."""
    return [fold(match.group()) for match in _CODE.finditer(text)]


def quotations(text: str) -> list[str]:
    """What stands between quotation marks, folded."""
    return [fold(next(filter(None, match.groups()))).strip(" .,;:!?") for match in _QUOTED.finditer(text)]


def without_strings(text: str) -> str:
    """The text with spaces in place of addresses, telephone numbers, masks and codes, as long as it was."""
    for pattern in (_ADDRESS, _MASK, _CODE):
        text = pattern.sub(lambda match: " " * len(match.group()), text)
    return _PHONE.sub(lambda m: " " * len(m.group()) if sum(map(str.isdigit, m.group())) >= 7 else m.group(), text)


def capitalised(text: str, language: Language) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Runs of neighbouring capitalised words, folded, and whether the run is one word that begins a sentence.

    German writes every noun so: nothing there tells a name but a run of two.
    """
    stop_words = STOP_WORDS if language == "english" else STOP_WORDS_OF[language]
    run: list[str] = []
    begins, end = False, -2
    for match in _CAPITAL.finditer(text):
        word = re.sub(r"['’]s$", "", match.group())
        first = not text[: match.start()].strip(" \t\"'“‘(¿¡") or text[: match.start()].rstrip()[-1:] in ".?!:"
        named = word[:1].isupper() and fold(word) not in stop_words
        if run and (not named or text[end : match.start()].strip() or first):
            yield tuple(run), begins and len(run) == 1
            run = []
        if named:
            begins = first if not run else begins
            run.append(fold(word))
            end = match.start() + len(match.group())
    if run:
        yield tuple(run), begins and len(run) == 1


def stems(words: tuple[str, ...], language: Language) -> list[str]:
    """The stems of folded words, compounds in parts."""
    return [stem(part, language) for word in words for part in re.findall(r"[^\W_]+", word)]
