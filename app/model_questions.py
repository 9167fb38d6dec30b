"""Questions that a model words anew: kept only if they say what was asked, in the words that were there.

What a model returns is untrusted. A question is taken from it if it passes the guards, is one line, and holds no
content word, number or name that the person did not use; and none that they used may be missing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from app.guards import objection
from app.terms import term_set
from app.verbalising.cues import denies
from ingest.languages import Language, language_of

_JOINING = frozenset({"plus", "along", "well", "addit", "togeth", "you"})
_SMALL = frozenset({"everyth", "instead", "mind", "rather", "wise", "case", "mean", "meant", "you"})
"""Stems that join, or that only lead from one question to the next: they may be left out."""
LONGEST = 400
"""Characters of a question worded by a model."""


def clean_question(text: str) -> str | None:
    """The question on one line; None for one too long, hidden characters, SQL, instructions or a wish to write."""
    one_line = " ".join(text.split())
    if not one_line or len(one_line) > LONGEST or any(unicodedata.category(c)[0] == "C" for c in one_line):
        return None
    if any(mark in one_line for mark in "<>{}`\\|") or "://" in one_line or objection(one_line) is not None:
        return None
    return one_line


def uses_only(question: str, known: Iterable[str], language: Language) -> bool:
    """Whether every content word of a question is among those of known texts."""
    return term_set(question, language) - {"you"} <= words_of(known, language)


def words_of(texts: Iterable[str], language: Language) -> frozenset[str]:
    """The content words of several texts."""
    return frozenset().union(*(term_set(text, language) for text in texts))


def rewrite_kept(rewritten: str, fragment: str, whole: str, history: Sequence[str]) -> bool:
    """Whether a rewritten follow-up holds all of the fragment and, beyond it, only what the conversation held.

    `fragment` is the follow-up without its leading marks ("and", "what about"), `whole` the follow-up as it was asked.
    """
    language = language_of(f"{whole} {' '.join(history)}")
    wanted = term_set(fragment, language) - _SMALL
    if not wanted <= term_set(rewritten, language) or not uses_only(rewritten, (whole, *history), language):
        return False
    before = any(map(denies, history))
    return denies(rewritten) <= (denies(whole) or before) and denies(whole) <= denies(rewritten)


def split_kept(pieces: Sequence[str], question: str) -> bool:
    """Whether pieces are made of the question's content words and leave none of them out."""
    language = language_of(question)
    whole = term_set(question, language) - _JOINING
    if not all(uses_only(piece, (question,), language) for piece in pieces):
        return False
    if len({term_set(piece, language) for piece in pieces}) < len(pieces) or not all(
        term_set(piece, language) for piece in pieces
    ):
        return False
    return whole <= words_of(pieces, language) and denies(question) == any(map(denies, pieces))
