"""Words that stand for things in what the operator published: no names of people where nothing else says so.

    ordinary  words that published documents and values write in lower case
    names     ordinary words of published values, titles and headings, and values of one word: brands, towns
    whole     published values as they are
    labels    what published columns of such names are called: `product name`
    pairs     words that stand together in one of these: `flint`, `stove`

`catalog_words.py` collects them; words that are anybody's name (`person_names.txt`) are in `ordinary` only where they
are often written in lower case, never in `names`, and two of them are no pair. Words are compared in their `normal`
form.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from ingest.folding import fold

_POSSESSIVE = re.compile(r"['’´`]s?$")
_SHORTEST_PLURAL = 4


@lru_cache(maxsize=50_000)
def normal(word: str) -> str:
    """A word without case, accents, possessive `'s` and the `s` of a plural.

    >>> normal("Stoves"), normal("Altavia’s")
    ('stove', 'altavia')
    """
    folded = _POSSESSIVE.sub("", fold(word))
    plural = len(folded) >= _SHORTEST_PLURAL and folded.endswith("s") and not folded.endswith("ss")
    return folded[:-1] if plural else folded


def joined(words: Iterable[str]) -> str:
    """Words as one value."""
    return " ".join(map(normal, words))


class Things(NamedTuple):
    """What the published sources of one snapshot say of words."""

    ordinary: Collection[str] = frozenset()
    names: Collection[str] = frozenset()
    whole: Collection[str] = frozenset()
    labels: Collection[str] = frozenset()
    pairs: Collection[tuple[str, str]] = frozenset()

    def hold(self, word: str) -> bool:
        """Whether a word is an ordinary one here."""
        return bool(self.ordinary) and normal(word) in self.ordinary

    def name(self, word: str) -> bool:
        """Whether a word by itself names a thing."""
        folded = normal(word)
        return folded in self.names or folded in self.ordinary

    def value(self, words: Sequence[str]) -> bool:
        """Whether words are all the words of a value."""
        return joined(words) in self.whole

    def label(self, words: Sequence[str]) -> bool:
        """Whether words, `name` the last of them, announce the name of a thing."""
        return joined(words) in self.labels

    def pair(self, first: str, second: str) -> bool:
        """Whether two words side by side, in this order, name a thing together."""
        return (normal(first), normal(second)) in self.pairs


NOTHING = Things()


def together(every: Iterable[Things]) -> Things:
    """What several sources say."""
    listed = list(every)
    return Things(
        frozenset().union(*(each.ordinary for each in listed)),
        frozenset().union(*(each.names for each in listed)),
        frozenset().union(*(each.whole for each in listed)),
        frozenset().union(*(each.labels for each in listed)),
        frozenset().union(*(each.pairs for each in listed)),
    )
