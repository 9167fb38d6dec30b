"""A word that may mean two columns, or a value found in two: asked back as whole questions that say which."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from app.clarifying import AskedBack
from app.planning.plan import ColumnRef
from app.planning.planner import Candidate, Planned, Planner
from app.planning.tokens import identifier_words
from app.sentences import said

CLOSE = 0.04
"""Confidence by which two readings may differ and both be meant."""
PLAUSIBLE = 0.2
"""Confidence from which a reading is worth offering where none is sure."""
MOST_OPTIONS = 3


def which_is_meant(
    text: str, planned: Planned, planner: Planner, threshold: float, today: date, *, close: bool
) -> AskedBack | None:
    """Asks which column a mention means; None unless two readings differ in it and each can be asked for surely.

    With `close`, the two likeliest readings are about as likely; without, none is sure enough to be run.
    """
    candidates = [c for c in planned.candidates if c.confidence >= PLAUSIBLE]
    if len(candidates) < 2 or (close and candidates[0].confidence - candidates[1].confidence > CLOSE):
        return None
    mention = _parting(candidates[0], candidates[1])
    if mention is None or any(_is_key(dict(c.refs)[mention], mention) for c in candidates[:2]):
        return None
    options: dict[ColumnRef, str] = {}
    for candidate in candidates:
        ref = dict(candidate.refs).get(mention)
        if ref is not None and ref not in options and len(options) < MOST_OPTIONS:
            option = _said_surely(text, mention, candidate, planner, threshold, today)
            if option is not None:
                options[ref] = option
    if len(options) < 2:
        return None
    names = tuple(said("column_of", column=words_of(ref.column), table=words_of(ref.table)) for ref in options)
    return AskedBack(said("which_column", mention=mention, columns=names), tuple(options.values()))


def _parting(first: Candidate, second: Candidate) -> str | None:
    """The mention that two readings take for different columns."""
    other = dict(second.refs)
    return next((m for m, ref in first.refs if m in other and other[m] != ref and ":" not in m), None)


def _is_key(ref: ColumnRef, mention: str) -> bool:
    """Whether a mention was taken for a key that it does not call one: by "customers" nobody means their ids."""
    head = identifier_words(ref.column)[-1:]
    return head in (("id",), ("key",), ("code",)) and head[0] not in mention.lower()


def _said_surely(
    text: str, mention: str, meant: Candidate, planner: Planner, threshold: float, today: date
) -> str | None:
    """The question with the mention spelled out so that planning it gives the plan that is meant, surely."""
    for spelled in _spellings(mention, meant):
        option = re.sub(rf"(?<!\w){re.escape(mention)}(?!\w)", lambda _, s=spelled: s, text, count=1)  # type: ignore[misc]
        found = planner.plan(option, today).candidates
        if found and found[0].confidence >= threshold and found[0].plan == meant.plan:
            return option
    return None


def _spellings(mention: str, meant: Candidate) -> Iterator[str]:
    ref = dict(meant.refs)[mention]
    table, column = words_of(ref.table), words_of(ref.column)
    if any(e.kind == "value" and e.text == mention for e in meant.elements):
        yield from (f"{table} {column} {mention}", f"{table} whose {column} is {mention}", f"{column} {mention}")
    else:
        yield from (f"{column} of {table}", f"{table} {column}", f"{table} {mention}", column)


def words_of(identifier: str) -> str:
    """An identifier as people say it."""
    return " ".join(identifier_words(identifier))
