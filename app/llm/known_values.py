"""Values that were found to be personal somewhere in an answer's inputs, so that they are masked everywhere in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from app.llm.errors import NotAllowed
from app.llm.strict_names import NAME, has_unknown, may_be_name
from ingest.pii.spans import PiiSpan

NAMED = frozenset({NAME, "PERSON"})
"""Kinds whose single words are looked for too: a surname in a cell."""
SHORTEST = 3
"""Characters under which a value is looked for only where it was found."""
MOST = 20_000
"""Values looked for in one call."""
_PART = re.compile(r"[^\W\d_](?:[^\W\d_]|['’-](?=[^\W\d_]))*")
_KIND = re.compile(r"<([A-Z_]+)_\d+>")


def folded(value: str) -> str:
    """What spellings of one value share: case and white space do not count, in numbers nothing but digits does."""
    text = " ".join(value.casefold().split())
    digits = re.sub(r"\D", "", text)
    return digits if len(digits) >= 7 and not any(map(str.isalpha, text)) else text


class KnownValues:
    """Values and the kinds that they were found as; used by one call."""

    def __init__(self, before: Mapping[str, str]) -> None:
        self._kinds: dict[str, str] = {}
        self._spellings: dict[str, str] = {}
        self._patterns: dict[str, str] = {}
        self._by_word: dict[str, list[str]] = {}
        """First word of a value -> the values that begin with it, all folded."""
        for token, value in before.items():
            kind = _KIND.fullmatch(token)
            if kind is not None and not kind[1].startswith("MASKED_"):
                self.learn(kind[1], value)

    def learn(self, kind: str, value: str) -> None:
        """Look for a value from now on, and for the words of a name. Raises `NotAllowed` beyond `MOST` values."""
        self._note(kind, value)
        if kind in NAMED and " " in value.strip():
            for part in _PART.findall(value):
                if part[0].isupper() and (kind == "PERSON" or may_be_name(part)):
                    self._note(kind, part)

    def kind(self, value: str) -> str:
        """The kind of a value that was learnt."""
        return self._kinds.get(folded(value), NAME)

    def holds(self, value: str) -> bool:
        """Whether the whole of a text is a value."""
        return folded(value) in self._kinds

    def spelling(self, value: str) -> str:
        """The spelling to restore a value in: one with capitals where there is one, as it is stored."""
        return self._spellings.get(folded(value), value)

    def spans(self, text: str) -> Iterator[PiiSpan]:
        """Where values stand, as whole words; the longest first where several begin."""
        near = {fold for word in _words(text) for fold in self._by_word.get(word, ())}
        if near:
            longest = sorted((self._patterns[fold] for fold in near), key=len, reverse=True)
            for match in re.finditer(rf"(?<!\w)(?:{'|'.join(longest)})(?!\w)", text):
                yield PiiSpan(match.start(), match.end(), "", 0.0)

    def stand_in(self, texts: Iterable[str]) -> bool:
        """Whether any value stands in one of the texts."""
        return any(True for text in texts for _ in self.spans(text))

    def _note(self, kind: str, value: str) -> None:
        fold = folded(value)
        words = _words(value)
        if len(fold) < SHORTEST or not words:
            return
        if len(self._kinds) >= MOST:
            raise NotAllowed("The inputs hold too many personal values to look for each of them.")
        kept = self._spellings.get(fold)
        if kept is None:
            self._kinds[fold] = kind
            self._by_word.setdefault(words[0], []).append(fold)
        if kept is None or (_plain(kept) and not _plain(value)):
            self._spellings[fold] = value
            self._patterns[fold] = _pattern(value)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _plain(value: str) -> bool:
    return value.islower() or value.isupper()


def _pattern(value: str) -> str:
    """A value with any white space between its words; one of ordinary words only as written, or in capitals."""
    written = r"\s+".join(map(re.escape, value.split()))
    if any(map(str.isalpha, value)) and not has_unknown(value):
        return f"{written}|{written.upper()}" if value.replace(" ", "").isalpha() else written
    return f"(?i:{written})"
