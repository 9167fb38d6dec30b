"""Words that fit nothing but are spelt nearly like something in the tables: asked back as whole questions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from itertools import islice, product

from app.clarifying import AskedBack
from app.planning.plan import ColumnRef
from app.planning.planner import Planned, Planner
from app.planning.schema_index import SHORTEST_ALIKE
from app.scrubbing import looks_personal
from app.sentences import said
from ingest.stores.values import ValueHit, normalise

LONG = 8
"""Letters from which two mistakes are allowed for, not one."""
MOST_WORDS, MOST_OPTIONS = 2, 3
MOST_ALIKE, MOST_TRIED = 6, 8
"""Words that one misspelt word may have been, and questions that are tried."""


def did_you_mean(text: str, planned: Planned, planner: Planner, threshold: float, today: date) -> AskedBack | None:
    """A question back whose options replace misspelt words and can be answered; None if there are none."""
    words = [w for w in planned.uncovered if w.isalpha() and len(w) >= SHORTEST_ALIKE]
    right = {word: list(islice(_alike(word, planner), MOST_ALIKE)) for word in words[:MOST_WORDS]}
    misspelt = [word for word in right if right[word]]
    for wrong in (*([word] for word in misspelt), *([misspelt] if len(misspelt) > 1 else [])):
        options = []
        for chosen in islice(product(*(right[word] for word in wrong)), MOST_TRIED):
            option = text
            for word, other in zip(wrong, chosen, strict=True):
                option = _replaced(option, word, other)
            found = planner.plan(option, today).candidates
            if option not in options and found and found[0].confidence >= threshold:
                options.append(option)
            if len(options) == MOST_OPTIONS:
                break
        if options:
            return AskedBack(said("unknown_names", words=tuple(wrong)), tuple(options))
    return None


def _replaced(text: str, word: str, right: str) -> str:
    return re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", lambda _: right, text, count=1)


def _alike(word: str, planner: Planner) -> Iterator[str]:
    """Names and stored values that differ from a word by a letter or two, the nearest first."""
    from rapidfuzz.distance import OSA

    most = 1 if len(word) < LONG else 2
    lowered = word.lower()
    seen: dict[str, int] = {}
    for known in (*_names(lowered, most, planner), *_values(word, most, planner)):
        distance = OSA.distance(lowered, known.lower(), score_cutoff=most)
        if 0 < distance <= most and known.lower().removesuffix("s") != lowered.removesuffix("s"):
            seen.setdefault(known, distance)
    yield from sorted(seen, key=lambda known: (seen[known], known))


def _names(word: str, mistakes: int, planner: Planner) -> list[str]:
    """Words of visible tables, columns, synonyms and metrics that are like a word, also in the plural."""
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    found = process.extract(word, planner.index.vocabulary, scorer=OSA.distance, score_cutoff=mistakes, limit=20)
    return [known for known, _, _ in found]


def _values(word: str, mistakes: int, planner: Planner) -> Iterator[str]:
    """Words of stored values like a word, of the columns that the asker may see."""
    for hit in planner.values.alike(normalise(word), mistakes) if planner.values is not None else ():
        try:
            planner.index.column(ColumnRef(hit.table, hit.column))
        except KeyError:
            continue
        stored = _spelt(hit, planner)
        if not looks_personal(stored):
            yield stored


def _spelt(hit: ValueHit, planner: Planner) -> str:
    """The word as it is stored, where it is a whole value."""
    assert planner.values is not None
    whole = (h for h in planner.values.lookup([hit.norm]) if (h.table, h.column) == (hit.table, hit.column))
    return next((h.value for h in whole if normalise(h.value) == hit.norm), hit.norm)
