"""Answers in the documents' own words: one to three units of the best passages, each with its citation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.abstention import SURE, THRESHOLD, confidence, features
from app.sentences import ReaderLanguage, Said, said, say
from app.terms import term_set
from app.values import Citation, Passage, ScrubbedPassages
from app.verbalising.quotes import Quote, citation, lines
from app.verbalising.relevance import Asked, ScoredUnit, asked, held, says_opposite, scored_units
from app.verbalising.units import Unit, units

if TYPE_CHECKING:
    from ingest.embedder import Embedder

__all__ = ["THRESHOLD", "Reading", "read"]

PASSAGES_READ = 3
"""Passages that units are taken from; the rest only tell how common a term is."""
LIST_PASSAGES_READ = 6
"""The same where a list is asked for, whose items may stand in several places."""
_SENTENCES = 3
_CHARACTERS = 500  # a further unit is added only while the answer stays shorter than this
_SHORT_SECTION = 360  # characters; a section this short is quoted whole
_NEAR_BEST = 0.72  # a further unit needs this share of the best one's score
_NEW_TERMS = 3  # and this many new terms, unless its passage is ranked before the best one's
_SAME_ROW = 0.95  # and a further table row this share of its overlap
_UNCERTAIN = 0.5  # overlap under which embeddings help choosing among the best units
_EMBEDDED = 3  # units embedded then
_EMBEDDED_CHARACTERS = 200
_COSINE_WEIGHT = 0.5
_LIST_CHARACTERS = 1400  # an answer that gathers the items of several passages
_LIST_QUOTES = 4
_LIST_NEAR_BEST = 0.6  # share of the best unit's overlap that a further list needs
_LIST_RELEVANCE = 0.5  # and of its passage's relevance
_SAME_ITEM = 0.6  # items that share this part of their terms (Jaccard) are told once
_LEANING = re.compile(
    r"^(?:it|this|that|these|those|they|he|she|such|otherwise|then|later than that|after that)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Reading:
    """An extractive answer. `confidence` in [0, 1]: answer when it is at least `THRESHOLD`, else refuse."""

    text: str
    """The answer with numbered markers, `… within 30 days. [1]`; empty if no passage held a unit."""
    citations: tuple[Citation, ...]
    confidence: float
    features: dict[str, float]
    """What the confidence was computed from, for the trace."""


def read(
    question_text: str,
    passages: ScrubbedPassages,
    embedder: Embedder,
    *,
    vector: NDArray[np.float32] | None = None,
    thorough: bool = False,
    language: ReaderLanguage = "en",
) -> Reading:
    """The answer to the question that the passages (best first) hold, in their own words.

    `vector`: the embedded question, float32[dimension], where the caller has it already. Where words alone leave
    doubt, or always if `thorough`, the best units are embedded, too. `language`: of what the service itself says beside
    the quotes. A citation's `document_text[start:end]` is its
    quote, except where masks stand in the quote.
    """
    question = asked(question_text)
    considered = passages.passages[: LIST_PASSAGES_READ if question.kind == "list" else PASSAGES_READ]
    scored = scored_units(question, considered)
    if not scored:
        return Reading("", (), 0.0, {})
    found = features(question, passages.passages, scored)
    if thorough or SURE[0] < confidence(found) < SURE[1]:
        query = embedder.embed_query(question_text) if vector is None else vector
        scored, unit_cosine = _with_cosines(scored, query, embedder)
        found = features(question, passages.passages, scored) | {"unit_cosine": unit_cosine}
    quotes = _quotes(question, considered, scored)
    text, citations = _worded(quotes)
    if considered[scored[0].passage].outdated:
        text = f"{say(_outdated(considered[scored[0].passage]), language)}\n{text}"
    return Reading(text, citations, round(confidence(found), 4), found)


def _outdated(passage: Passage) -> Said:
    """What to know before reading a version that another one replaces."""
    title = passage.title or passage.document
    if passage.modified:
        return said("outdated_since", title=title, date=passage.modified[:10])
    return said("outdated", title=title)


def _with_cosines(
    scored: list[ScoredUnit], query: NDArray[np.float32], embedder: Embedder
) -> tuple[list[ScoredUnit], float]:
    """The units, best first, and the best one's cosine with the question.

    Where words alone are unsure, embeddings decide among the leading ones.
    """
    count = 1 if scored[0].overlap >= _UNCERTAIN else _EMBEDDED
    leading = scored[:count]
    cosines = embedder.embed_again([each.unit.text[:_EMBEDDED_CHARACTERS] for each in leading]) @ query
    order = sorted(range(len(leading)), key=lambda i: -(leading[i].score + _COSINE_WEIGHT * float(cosines[i])))
    return [leading[i] for i in order] + scored[count:], float(cosines[order[0]])


def _quotes(question: Asked, passages: Sequence[Passage], scored: Sequence[ScoredUnit]) -> list[Quote]:
    """What to quote, the best unit's passage first."""
    best = scored[0]
    first = _selection(question, passages[best.passage], best, scored)
    quotes = _grouped(passages[best.passage], first)
    if question.kind == "list":
        return quotes + _further_lists(question, passages, scored, first)
    length = sum(len(unit.text) for unit in first)
    said = term_set(" ".join(unit.text for unit in first), question.language)
    for each in scored[1:]:
        if len(quotes) >= _SENTENCES or each.passage == best.passage or each.score < _NEAR_BEST * best.score:
            continue
        passage = passages[each.passage]
        if (passage.outdated and not passages[best.passage].outdated) or not _speaks_of(question, passage, each.unit):
            continue
        further = _selection(question, passage, each, ())
        size = sum(len(unit.text) for unit in further)
        new = term_set(each.unit.text, question.language) - said
        least = _NEW_TERMS if each.passage > best.passage else 1
        if length + size > 1.5 * _CHARACTERS or len(new) < least or each.overlap < _NEAR_BEST * best.overlap:
            continue
        quotes += _grouped(passage, further)
        break
    return quotes


def _further_lists(
    question: Asked, passages: Sequence[Passage], scored: Sequence[ScoredUnit], first: Sequence[Unit]
) -> list[Quote]:
    """The items of other passages that answer as well, without those already told."""
    best = scored[0]
    told = [term_set(unit.text, question.language) for unit in first]
    length = sum(len(unit.text) for unit in first)
    seen = {best.passage}
    quotes: list[Quote] = []
    for each in scored[1:]:
        passage = passages[each.passage]
        near = each.overlap >= _LIST_NEAR_BEST * best.overlap
        if each.passage in seen or not near or passage.score < _LIST_RELEVANCE * passages[best.passage].score:
            continue
        seen.add(each.passage)
        older = passage.outdated and not passages[best.passage].outdated
        if older or says_opposite(question, passage, each.unit):
            continue
        chosen = _selection(question, passage, each, ())
        if not any(unit.kind in ("item", "row") or unit.intro for unit in chosen):
            continue
        words = {unit: term_set(unit.text, question.language) for unit in chosen}
        new = [unit for unit in chosen if not _is_told(words[unit], told)]
        length += sum(len(unit.text) for unit in new)
        if length > _LIST_CHARACTERS or len(quotes) >= _LIST_QUOTES:
            break
        quotes += _grouped(passage, new)
        told += [words[unit] for unit in new]
    return quotes[:_LIST_QUOTES]


def _is_told(words: frozenset[str], told: Sequence[frozenset[str]]) -> bool:
    return any(len(words & other) >= _SAME_ITEM * len(words | other) for other in told)


def _selection(question: Asked, passage: Passage, best: ScoredUnit, scored: Sequence[ScoredUnit]) -> tuple[Unit, ...]:
    """The units of the best passage that answer: the best one with what belongs to it."""
    everything = units(passage.text)
    if sum(len(unit.text) for unit in everything) <= _SHORT_SECTION:
        return tuple(unit for unit in everything if unit == best.unit or not says_opposite(question, passage, unit))
    chosen = {best.unit} | _belonging(question, everything, best.unit)
    sentences = 1
    for each in scored[1:]:
        if sentences == _SENTENCES or each.score < _NEAR_BEST * best.score:
            break
        least = _SAME_ROW if each.unit.kind == "row" else 0.01
        if each.passage == best.passage and each.unit not in chosen and each.overlap >= least * best.overlap:
            if sum(len(unit.text) for unit in chosen) + len(each.unit.text) > _CHARACTERS:
                break
            chosen |= {each.unit} | _belonging(question, everything, each.unit)
            sentences += 1
    return tuple(unit for unit in everything if unit in chosen)


def _belonging(question: Asked, everything: Sequence[Unit], unit: Unit) -> set[Unit]:
    """What makes no sense without its company: lists asked for, introductions, sentences leaning on the one before."""
    at = everything.index(unit)
    block = [each for each in everything if each.block == unit.block]
    whole_list = question.kind in ("steps", "list") or unit.ordered or unit.intro
    found: set[Unit] = set()
    if unit.kind == "item" and whole_list:
        found.update(block)
    if unit.kind == "row" and question.kind == "list":
        least = _held(question, unit)
        found.update(each for each in block if _held(question, each) >= least)
    if unit.intro:
        found.update(each for each in everything if each.block == unit.block + 1 and each.kind in ("item", "row"))
    if unit.kind == "item":
        before = [each for each in everything if each.block == unit.block - 1]
        found.update(each for each in before[-1:] if each.intro)
    if unit.kind == "sentence" and at and _LEANING.match(unit.text) and everything[at - 1].kind == "sentence":
        found.add(everything[at - 1])
    if unit.kind == "sentence" and question.kind == "steps":
        found.update(each for each in everything if each.kind == "item" and each.ordered)
    return found


def _held(question: Asked, unit: Unit) -> int:
    """How many of the question's terms a unit itself holds: a list's rows that hold as many answer as well."""
    return len(term_set(unit.text, question.language) & set(question.terms))


def _speaks_of(question: Asked, passage: Passage, unit: Unit) -> bool:
    """Whether a unit or the heading above it holds a term of the question: its document's title is not enough."""
    words = term_set(f"{passage.heading.split(' > ')[-1]} {unit.text}", question.language)
    return any(held(term, words) for term in question.terms)


def _grouped(passage: Passage, chosen: Sequence[Unit]) -> list[Quote]:
    """The chosen units as quotes, neighbours with nothing but whitespace between them together."""
    groups: list[list[Unit]] = []
    for unit in chosen:
        if groups and not passage.text[groups[-1][-1].end : unit.start].strip():
            groups[-1].append(unit)
        else:
            groups.append([unit])
    return [Quote(passage, tuple(group)) for group in groups]


def _worded(quotes: Sequence[Quote]) -> tuple[str, tuple[Citation, ...]]:
    parts: list[str] = []
    citations: list[Citation] = []
    for n, quote in enumerate(quotes, start=1):
        words = lines(quote.units)
        apart = quote.units[0].kind != "sentence" or (n > 1 and quotes[n - 2].units[-1].kind != "sentence")
        separator = "\n" if apart or "\n" in words or (parts and "\n" in parts[-1]) else " "
        parts.append(f"{separator if parts else ''}{words} [{n}]")
        citations.append(citation(n, quote))
    return "".join(parts), tuple(citations)
