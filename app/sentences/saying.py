"""Putting what is said into a reader's language."""

from __future__ import annotations

from typing import Literal, TypeAlias

from app.sentences.arabic import ARABIC
from app.sentences.english import ENGLISH
from app.sentences.french import FRENCH
from app.sentences.german import GERMAN
from app.sentences.spanish import SPANISH
from app.sentences.template import Sentences
from app.sentences.values import LanguageName, Said, Value

ReaderLanguage: TypeAlias = Literal["en", "de", "es", "fr", "ar"]
"""Languages that the service speaks itself, as ISO 639-1."""
SENTENCES: dict[ReaderLanguage, Sentences] = {
    "en": ENGLISH,
    "de": GERMAN,
    "es": SPANISH,
    "fr": FRENCH,
    "ar": ARABIC,
}


def say(what: Said, language: ReaderLanguage) -> str:
    """The sentence in a language. What is put in may hold anything: it is not read for places again."""
    return _said(what, SENTENCES[language])


def reader_language(code: str | None) -> ReaderLanguage | None:
    """The language of a code such as `de`; None if the service does not speak it."""
    return next((language for language in SENTENCES if language == code), None)


def _said(what: Said, sentences: Sentences) -> str:
    template: str = getattr(sentences, what.name)
    return template.format_map({name: _Shown(value, sentences) for name, value in what.values.items()})


class _Shown:
    """A value as a place of the template wants it: `quoted`, and how several are joined."""

    def __init__(self, value: Value, sentences: Sentences) -> None:
        self._value = value
        self._sentences = sentences

    def __format__(self, wanted: str) -> str:
        value, sentences = self._value, self._sentences
        if isinstance(value, LanguageName):
            return sentences.languages[value.name]
        each = value if isinstance(value, tuple) else (value,)
        shown = [_said(part, sentences) if isinstance(part, Said) else str(part) for part in each]
        if wanted.startswith("quoted"):
            shown = [f"{sentences.quotes[0]}{part}{sentences.quotes[1]}" for part in shown]
        return _joined(shown, wanted.removeprefix("quoted").strip(), sentences)


def _joined(parts: list[str], joint: str, sentences: Sentences) -> str:
    if joint == ", or" and len(parts) > 1:
        return f"{sentences.comma.join(parts[:-1])}{sentences.either}{parts[-1]}"
    between = {"or": sentences.either, "nor": sentences.neither, ";": sentences.semicolon}
    return between.get(joint, sentences.comma).join(parts)
