"""Words that fit nothing but are spelt nearly like something in the tables: asked back as whole questions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from app.planning.plan import ColumnRef
from app.planning.planner import Planned, Planner
from app.planning.tokens import identifier_words
from app.values import Clarify
from ingest.stores.values import normalise

if TYPE_CHECKING:
    from app.planning.linking import ValueLookup

SHORTEST = 4
"""Letters under which a word is like too many others."""
LONG = 8
"""Letters from which two mistakes are allowed for, not one."""
MOST_WORDS, MOST_OPTIONS = 2, 3


def did_you_mean(text: str, planned: Planned, planner: Planner, threshold: float, today: date) -> Clarify | None:
    """A question back whose options replace one misspelt word and can be answered; None if there are none."""
    for word in [word for word in planned.uncovered if word.isalpha() and len(word) >= SHORTEST][:MOST_WORDS]:
        options = []
        for right in _alike(word, planner):
            option = _replaced(text, word, right)
            found = planner.plan(option, today).candidates
            if option not in options and found and found[0].confidence >= threshold:
                options.append(option)
            if len(options) == MOST_OPTIONS:
                break
        if options:
            return Clarify(question=f"Nothing is called “{word}”. Did you mean one of these?", options=tuple(options))
    return None


def _replaced(text: str, word: str, right: str) -> str:
    return re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", lambda _: right, text, count=1)


def _alike(word: str, planner: Planner) -> Iterator[str]:
    """Names and stored values that differ from a word by a letter or two, the nearest first."""
    from rapidfuzz.distance import OSA

    most = 1 if len(word) < LONG else 2
    lowered = word.lower()
    seen: dict[str, int] = {}
    for known in (*_names(planner), *_values(word, planner.values, planner)):
        distance = OSA.distance(lowered, known.lower(), score_cutoff=most)
        if 0 < distance <= most and known.lower().removesuffix("s") != lowered.removesuffix("s"):
            seen.setdefault(known, distance)
    yield from sorted(seen, key=lambda known: (seen[known], known))


def _names(planner: Planner) -> Iterator[str]:
    """The words of visible tables, columns, synonyms and metrics, also in the plural."""
    catalog = planner.index.catalog
    said = [metric.name for metric in catalog.metrics]
    for table in catalog.tables:
        said += [table.name, *table.synonyms]
        said += [name for column in table.columns for name in (column.name, *column.synonyms)]
    for word in dict.fromkeys(word for name in said for word in identifier_words(name)):
        if len(word) >= SHORTEST:
            yield from (word, f"{word}s", word.removesuffix("s"))


def _values(word: str, values: ValueLookup | None, planner: Planner) -> Iterator[str]:
    """Stored values like a word, of the columns that the asker may see."""
    for hit in values.nearest(normalise(word)) if values is not None else ():
        try:
            planner.index.column(ColumnRef(hit.table, hit.column))
        except KeyError:
            continue
        yield hit.value if normalise(hit.value) == hit.norm else hit.norm
