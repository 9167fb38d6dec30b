"""Words that fit nothing but mean nearly what a table or a column is called: asked back as whole questions.

Such a word is never taken for the name: of 1,500 questions of Spider's training half, 241 were refused for one word,
and with the nearest name in its place 19 were answered rightly and 15 wrongly at this floor (`bench/meanings.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from app.clarifying import AskedBack
from app.planning.identifiers import spoken
from app.planning.linking import link
from app.planning.planner import Planned, Planner
from app.planning.wording import plural
from app.sentences import said

if TYPE_CHECKING:
    from ingest.embedder import Embedder

FLOOR = 0.5
"""Cosine from which a name may be what was meant."""
MOST_NAMES = 150
"""Names compared with, which costs about a millisecond each when they come for the first time."""
MOST_OPTIONS = 3
SHORTEST = 4
"""Letters under which a word's vector says little."""


def nearest_names(
    text: str, planned: Planned, planner: Planner, embedder: Embedder, threshold: float, today: date
) -> AskedBack | None:
    """A question back that offers names for the only word that fits nothing; None if none is near and answers."""
    words = [word for word in planned.uncovered if word.isalpha() and len(word) >= SHORTEST]
    names = list(dict.fromkeys(_names(text, planner, today)))[:MOST_NAMES]
    if len(words) != 1 or not names:
        return None
    likeness = embedder.embed_again(names) @ embedder.embed_query(words[0])
    near = sorted(((float(value), name) for value, name in zip(likeness, names, strict=True)), reverse=True)
    options = []
    for value, name in near[: 2 * MOST_OPTIONS]:
        option = re.sub(rf"(?<!\w){re.escape(words[0])}(?!\w)", lambda _, name=name: str(name), text, count=1)  # type: ignore[misc]
        found = planner.plan(option, today).candidates if value >= FLOOR else ()
        if found and found[0].confidence >= threshold:
            options.append(option)
    if not options:
        return None
    return AskedBack(said("unknown_names", words=(words[0],)), tuple(options[:MOST_OPTIONS]))


def _names(text: str, planner: Planner, today: date) -> Iterator[str]:
    """Names of the columns of the tables that the question names, then of all tables, then of all other columns."""
    _, elements = link(text, planner.index, None, today)
    named = {e.table for e in elements if e.table is not None}
    catalog = planner.index.catalog
    for table in catalog.tables:
        if table.name in named:
            yield from (spoken(column.name) for column in table.columns)
    yield from (plural(spoken(table.name)) for table in catalog.tables)
    yield from (spoken(column.name) for table in catalog.tables for column in table.columns)
