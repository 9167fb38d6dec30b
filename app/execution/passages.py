"""Hybrid passage search: embeddings and words, fused by their scores.

A passage's relevance is `cosine + weight * bm25 / (bm25 + 20)`. Both parts keep their scale from question to question
(unlike ranks, or scores divided by the best one), so that the score says how good the best passage is, too. The weight
rises where one passage stands out by its words, and where the question holds what only words can match: codes and
quoted phrases. Weights and saturation were chosen on SciFact and XQuAD (`bench/retrieval.py`), where they are flat:
1.0 to 1.4, 10 to 30.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app.synonyms import synonyms
from app.terms import codes, fold, quoted
from app.values import Passage

if TYPE_CHECKING:
    from ingest.embedder import Embedder
    from ingest.stores.catalog import Visibility
    from ingest.stores.passage_filter import PassageFilter
    from ingest.stores.snapshot import Snapshot

DEPTH = 100
"""Passages taken from each index before fusing."""
LEXICAL_WEIGHT = 1.0
STANDING_OUT_WEIGHT = 1.0
"""Added in full where the best BM25 score is 30 % above the second, in part where it is less above."""
EXACT_WEIGHT = 2.0
"""Least lexical weight for questions with codes or quoted phrases."""
SATURATION = 20.0
"""BM25 score that counts half."""
SUPERSEDED_PENALTY = 0.35
"""Taken off the relevance of a version that another one replaces; about the gap between a right and a wrong passage."""
OLDER_PENALTY = 0.15
"""Taken off one that is only likely to be replaced: another title differs from its own in a later year or version."""
NAMED_BONUS = 1.0
"""Added to the relevance of passages whose document the question names by its path or file name."""
DUPLICATE_OVERLAP = 0.85
"""Passages that share this part of their words (Jaccard) show once."""

_SLOPE, _MIDDLE = 7.0, 0.85
_REPLACED = frozenset(
    {"superseded", "archived", "obsolete", "deprecated", "outdated", "withdrawn", "expired", "replaced"}
)
_VERSION = re.compile(r"[(\[]?\b(?:(?:v\.?|version)\s*\d+(?:[.-]\d+)*|(?:19|20)\d\d)\b[)\]]?", re.IGNORECASE)
"""Versions and years in titles; other numbers (`Chapter 2`) make no version."""
_ASKS_OLD = re.compile(
    r"\b(?:old|older|former|previous|superseded|archived|outdated|earlier) (?:\w+ )?"
    r"(?:versions?|policy|policies|terms|rules?|conditions|prices?|editions?|guides?|manuals?|releases?)\b|\bused to\b"
)


@dataclass(frozen=True, slots=True)
class _Found:
    """A candidate with the stored passage behind it."""

    source: str
    stored: Any
    cosine: float
    lexical: float
    relevance: float
    outdated: bool = False


def search(
    question_text: str,
    snapshot: Snapshot,
    embedder: Embedder,
    *,
    sources: Sequence[str] | None,
    visibilities: Sequence[Visibility],
    k: int = 10,
    vector: NDArray[np.float32] | None = None,
    only: PassageFilter | None = None,
    embedder_of: Callable[[str], Embedder] | None = None,
    documents: Sequence[str] = (),
) -> list[Passage]:
    """The `k` most relevant passages that the caller may see, best first.

    `sources`: names to search in, None for all. `vector`: the embedded question, float32[dimension], where the caller
    has it already, from `embedder`. `only`: documents to look at, all without it. `embedder_of`: the model of a
    fingerprint, for sources whose vectors another model made. `documents`: paths or file names that are preferred;
    they are not used together with `only`. Older versions rank behind their successors, and
    near-duplicates show once.
    """
    readers = _readers(snapshot, sources)
    if not readers or k < 1:
        return []
    queries = _queries(question_text, readers, embedder, vector, embedder_of)
    depth = max(DEPTH, 3 * k)
    dense = {name: reader.search_dense(queries[name], depth, visibilities, only) for name, reader in readers.items()}
    lexical = {
        name: reader.search_lexical(question_text, depth, visibilities, only, synonyms)
        for name, reader in readers.items()
    }
    weight = _lexical_weight(question_text, [bm25 for hits in lexical.values() for _, bm25 in hits])
    found: list[_Found] = []
    for name, reader in readers.items():
        cosines = dict(dense[name])
        named = frozenset(each for document in documents for each in reader.named(document, visibilities))
        further = [each for each in dict.fromkeys((*(o for o, _ in lexical[name]), *named)) if each not in cosines]
        cosines |= dict(zip(further, reader.cosines(queries[name], further), strict=True))
        ranked = _fused(cosines, dict(lexical[name]), weight, named)[: max(2 * k, 20)]
        stored = reader.get([ordinal for ordinal, *_ in ranked], visibilities)
        found += [
            _Found(name, each, cosine, bm25, relevance)
            for each, (_, cosine, bm25, relevance) in zip(stored, ranked, strict=True)
        ]
    found = _without_replaced(found, question_text)
    found.sort(key=lambda each: -each.relevance)
    return [_passage(each, weight) for each in _distinct(found, k)]


def _readers(snapshot: Snapshot, sources: Sequence[str] | None) -> dict[str, Any]:
    return {
        name: reader.passages
        for name, reader in snapshot.sources.items()
        if (sources is None or name in sources) and reader.passages is not None and reader.passages.count
    }


def _queries(
    question: str,
    readers: Mapping[str, Any],
    embedder: Embedder,
    vector: NDArray[np.float32] | None,
    embedder_of: Callable[[str], Embedder] | None,
) -> dict[str, NDArray[np.float32]]:
    """By source the question's vector, from the model that made the source's vectors."""
    embedded: dict[str, NDArray[np.float32]] = {} if vector is None else {embedder.fingerprint: vector}
    queries = {}
    for name, reader in readers.items():
        of_source = reader.embedder if embedder_of is not None and reader.embedder else embedder.fingerprint
        if of_source not in embedded:
            model = embedder_of(of_source) if embedder_of and of_source != embedder.fingerprint else embedder
            embedded[of_source] = model.embed_query(question)
        queries[name] = embedded[of_source]
    return queries


def _lexical_weight(question: str, scores: Sequence[float]) -> float:
    """How much words count for this question, given all BM25 scores found for it."""
    best, second = [*sorted(scores, reverse=True)[:2], 0.0, 0.0][:2]
    lead = (best - second) / best if len(scores) > 1 and best else 0.0
    weight = LEXICAL_WEIGHT + STANDING_OUT_WEIGHT * min(1.0, lead / 0.3)
    return max(weight, EXACT_WEIGHT) if codes(question) or quoted(question) else weight


def _fused(
    cosines: Mapping[int, float], words: Mapping[int, float], weight: float, named: frozenset[int]
) -> list[tuple[int, float, float, float]]:
    """(ordinal, cosine, bm25, relevance), best first. What the words did not return is taken to hold none of them."""
    fused = []
    for ordinal, cosine in cosines.items():
        bm25 = words.get(ordinal, 0.0)
        bonus = NAMED_BONUS if ordinal in named else 0.0
        fused.append((ordinal, cosine, bm25, cosine + weight * bm25 / (bm25 + SATURATION) + bonus))
    fused.sort(key=lambda each: (-each[3], each[0]))
    return fused


def _without_replaced(found: Sequence[_Found], question: str) -> list[_Found]:
    """The candidates, those of replaced versions with less relevance, unless the question asks for such a version."""
    folded = fold(question)
    if _ASKS_OLD.search(folded):
        return list(found)
    newest = _newest_versions(found)
    named = _named_as_replaced(found)
    kept = []
    for each in found:
        version = _version(each.stored)
        asked = bool(version) and version in folded
        replaced = (
            str(each.stored.metadata.get("status", "")).casefold() in _REPLACED
            or bool(each.stored.metadata.get("superseded_by") or each.stored.metadata.get("newer_version"))
            or (each.source, each.stored.document) in named
        )
        older = newest.get(_family(each), each.stored.document) != each.stored.document
        penalty = 0.0 if asked else SUPERSEDED_PENALTY if replaced else OLDER_PENALTY if older else 0.0
        kept.append(replace(each, relevance=each.relevance - penalty, outdated=True) if penalty else each)
    return kept


def _named_as_replaced(found: Iterable[_Found]) -> set[tuple[str, str]]:
    """Documents that another candidate's metadata says it supersedes."""
    return {
        (each.source, path.strip())
        for each in found
        for path in str(each.stored.metadata.get("supersedes", "")).split(",")
        if path.strip()
    }


def _newest_versions(found: Iterable[_Found]) -> Mapping[tuple[str, str], str]:
    """For titles that differ in nothing but a version or year: the document with the greatest one."""
    families: dict[tuple[str, str], dict[str, tuple[str, str]]] = {}
    for each in {(each.source, each.stored.document): each for each in found}.values():
        family = families.setdefault(_family(each), {})
        family[each.stored.document] = (_version(each.stored), each.stored.modified or "")
    return {
        family: max(documents, key=lambda path: (_sortable(documents[path][0]), documents[path][1]))
        for family, documents in families.items()
        if len(documents) > 1 and all(version for version, _ in documents.values())
    }


def _family(found: _Found) -> tuple[str, str]:
    return found.source, _without_version(found.stored.title or found.stored.document)


@lru_cache(maxsize=20_000)
def _without_version(title: str) -> str:
    return " ".join(_VERSION.sub(" ", fold(title)).split())


def _version(stored: Any) -> str:
    """The version in the metadata, or the one in the title; empty if neither names one."""
    declared = str(stored.metadata.get("version", "")).strip()
    return declared or _version_in(stored.title or "")


@lru_cache(maxsize=20_000)
def _version_in(title: str) -> str:
    found = _VERSION.search(title)
    return found.group().strip("()[] ") if found else ""


def _sortable(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


def _distinct(found: Sequence[_Found], k: int) -> list[_Found]:
    """The first `k`, without those that nearly repeat an earlier one."""
    kept: list[_Found] = []
    seen: list[set[str]] = []
    for each in found:
        words = set(each.stored.text.casefold().split())
        least, most = DUPLICATE_OVERLAP * len(words), len(words) / DUPLICATE_OVERLAP
        if any(least <= len(other) <= most and _overlap(words, other) >= DUPLICATE_OVERLAP for other in seen):
            continue
        kept.append(each)
        seen.append(words)
        if len(kept) == k:
            break
    return kept


def _overlap(left: set[str], right: set[str]) -> float:
    """Jaccard similarity."""
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared or 1)


def _passage(found: _Found, weight: float) -> Passage:
    stored = found.stored
    excess = (weight - LEXICAL_WEIGHT) * found.lexical / (found.lexical + SATURATION)
    return Passage(
        source=found.source,
        document=stored.document,
        title=stored.title,
        url=stored.url,
        heading=stored.heading,
        text=stored.text,
        start=stored.start,
        end=stored.end,
        score=round(1 / (1 + math.exp(-_SLOPE * (found.relevance - excess - _MIDDLE))), 4),
        cosine=round(found.cosine, 4),
        lexical=round(found.lexical, 4),
        modified=stored.modified,
        visibility=stored.visibility,
        spans=stored.spans,
        outdated=found.outdated,
    )
