"""Finds documents that say the same: exact copies, near copies, and versions that differ in what matters.

A near copy shares at least 90 % of its five-word shingles with another document (Jaccard index of the two sets,
Broder 1997) and differs in no number, negation or unit of time; it is collapsed. Where those differ, two documents are
versions of each other ("returns within 14 days", "within 30 days"): both are kept, and the older one names the newer.

A document stands for another only where everyone who may see the other may see it, too: a public page is never
collapsed into an internal one. Of several newer versions the one is named that most may see.

Candidates come from MinHash signatures compared in bands (Leskovec, Rajaraman, Ullman: Mining of Massive Datasets,
chapter 3), so documents are not compared all with all; a candidate is then checked on its text.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ingest.stores.catalog import Visibility

THRESHOLD = 0.9
"""Least Jaccard index of near copies."""
_SHINGLE = 5  # words
_HASHES = 128
_BANDS = 16  # of 8 rows: finds a pair of Jaccard index 0.9 with probability 0.9999, one of 0.5 with 0.06
_SLACK = 0.06  # what a signature may miss of the true index; its standard error at 0.9 is 0.027
_MOST_COMPARED = 2000  # signatures, and
_MOST_CHECKED = 8  # texts that one document is compared with, so that pages from one template stay affordable
_BLOCK = 4096  # shingles hashed at once
_RANDOM = np.random.default_rng(20240229)
_FACTORS = _RANDOM.integers(0, 1 << 63, _HASHES, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_OFFSETS = _RANDOM.integers(0, 1 << 63, _HASHES, dtype=np.uint64)
_NUMBER = re.compile(r"\d(?:[\d.,:/-]*\d)?")
_SUFFIX = re.compile(r"\.[^./]*$")
_WORD = re.compile(r"\w+")
_SUPERSEDED = frozenset({"superseded", "outdated", "obsolete", "deprecated", "archived", "withdrawn", "expired"})

# A pair that differs in one of these is never a copy.
_TELLING = frozenset(
    """
no not never none nor neither without except unless only cannot isn aren wasn weren don doesn didn won wouldn shouldn
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion half double first second
third last next hour hours day days week weeks month months year years daily weekly monthly quarterly yearly annually
january february march april may june july august september october november december monday tuesday wednesday thursday
friday saturday sunday mandatory optional required allowed forbidden prohibited must free
""".split()  # noqa: SIM905
)

Kind: TypeAlias = Literal["exact", "near", "version"]
Signature: TypeAlias = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is compared of a document. `signature` is uint32[128]."""

    path: str
    content_hash: str
    signature: Signature
    modified: str | None
    superseded: bool
    visibility: Visibility = "public"

    @classmethod
    def of(
        cls,
        path: str,
        content_hash: str,
        signature: Signature,
        modified: str | None,
        metadata: Mapping[str, str],
        visibility: Visibility = "public",
    ) -> Candidate:
        """The candidate of a document with this metadata."""
        return cls(path, content_hash, signature, modified, is_superseded(metadata), visibility)

    def seen_by_all_of(self, other: Candidate) -> bool:
        """Whether everyone who may see `other` may see this one."""
        return self.visibility in ("public", other.visibility)


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The document at `path` is a copy, or (`version`) an earlier version, of the one at `kept`."""

    path: str
    kept: str
    kind: Kind


def is_superseded(metadata: Mapping[str, str]) -> bool:
    """Whether a document says of itself that another has taken its place."""
    known = {key.casefold(): str(value) for key, value in metadata.items()}
    return bool(known.get("superseded_by")) or known.get("status", "").strip().casefold() in _SUPERSEDED


def signature(text: str) -> Signature:
    """MinHash signature of a text's five-word shingles: uint32[128]."""
    shingles = _shingles(text)
    least = np.full(_HASHES, np.iinfo(np.uint32).max, dtype=np.uint32)
    for start in range(0, len(shingles), _BLOCK):
        # Multiply-shift hashing (Dietzfelbinger 1997); the arithmetic wraps at 64 bits on purpose.
        hashed = (shingles[start : start + _BLOCK, None] * _FACTORS + _OFFSETS) >> np.uint64(32)
        least = np.minimum(least, hashed.min(axis=0).astype(np.uint32))
    return least


def find_duplicates(candidates: Sequence[Candidate], text_of: Callable[[str], str]) -> list[Duplicate]:
    """The documents that another one of `candidates` makes superfluous, or is a newer version of.

    Kept is the one that is not superseded, else the newer (by the minute), else the first by path; of equal texts a
    public one. `text_of` gives the text of a path, and is asked only for likely pairs.
    """
    ranked = sorted(candidates, key=_path)
    ranked.sort(key=_minute, reverse=True)  # stable: the first path stays first among equals
    ranked.sort(key=lambda each: each.superseded)
    copies, distinct = _exact(ranked)
    found: dict[str, Duplicate] = {}
    for worse, betters in _likely(distinct):
        kept = [each for each in betters if each.path not in found or found[each.path].kind != "near"]
        if (duplicate := _duplicate(worse, kept, text_of)) is not None:
            found[worse.path] = duplicate
    return _with_final_targets(copies, found)


def _duplicate(worse: Candidate, betters: Sequence[Candidate], text_of: Callable[[str], str]) -> Duplicate | None:
    """What `worse` is to the first of `betters` that may stand for it, else to the newest version of it."""
    hidden: Duplicate | None = None
    version: Duplicate | None = None
    for better in betters:
        kind = _compare(text_of(better.path), text_of(worse.path))
        seen = better.seen_by_all_of(worse)
        if kind == "near" and seen:
            return Duplicate(worse.path, better.path, kind)
        if kind == "version" and seen:
            version = version or Duplicate(worse.path, better.path, kind)
        elif kind == "version":
            hidden = hidden or Duplicate(worse.path, better.path, kind)
    return version or hidden


def _path(candidate: Candidate) -> str:
    """`returns.md` before `returns-copy.md`."""
    return _SUFFIX.sub("", candidate.path)


def _minute(candidate: Candidate) -> str:
    return (candidate.modified or "")[:16]


def _exact(ranked: Sequence[Candidate]) -> tuple[list[Duplicate], list[Candidate]]:
    """Copies, and the documents that are left, in their order."""
    first: dict[str, Candidate] = {}
    copies: dict[str, Duplicate] = {}
    for candidate in sorted(ranked, key=lambda each: (each.superseded, each.visibility != "public")):
        kept = first.setdefault(candidate.content_hash, candidate)
        if kept is not candidate and not kept.seen_by_all_of(candidate):
            kept = first[candidate.content_hash] = candidate  # the public one, which can stand for all that follow
        if kept is not candidate:
            copies[candidate.path] = Duplicate(candidate.path, kept.path, "exact")
    return list(copies.values()), [each for each in ranked if each.path not in copies]


def _likely(ranked: Sequence[Candidate]) -> Iterator[tuple[Candidate, list[Candidate]]]:
    """Documents, best first, each with the better ones that its signature agrees with well enough."""
    if len(ranked) < 2:
        return
    signatures = np.stack([candidate.signature for candidate in ranked])
    groups_of: dict[int, list[NDArray[np.int64]]] = defaultdict(list)
    for band in np.split(signatures, _BANDS, axis=1):
        for members in _buckets(band):
            for index in members[1:].tolist():
                groups_of[index].append(members)
    for index in sorted(groups_of):
        better = np.unique(np.concatenate([each[: np.searchsorted(each, index)] for each in groups_of[index]]))
        better = better[:_MOST_COMPARED]
        agreement = (signatures[better] == signatures[index]).mean(axis=1)
        near = np.flatnonzero(agreement >= THRESHOLD - _SLACK)
        nearest = np.sort(near[np.argsort(-agreement[near], kind="stable")[:_MOST_CHECKED]])
        if len(nearest):
            yield ranked[index], [ranked[each] for each in better[nearest].tolist()]


def _buckets(band: NDArray[np.uint32]) -> Iterator[NDArray[np.int64]]:
    """Row numbers, ascending, of each group of two or more equal rows."""
    rows = np.ascontiguousarray(band).view(np.dtype((np.void, band.dtype.itemsize * band.shape[1]))).ravel()
    order = np.argsort(rows, kind="stable")
    ends = np.flatnonzero(rows[order][1:] != rows[order][:-1]) + 1
    for group in np.split(order, ends):
        if len(group) > 1:
            yield group


def _compare(one: str, other: str) -> Kind | None:
    left, right = np.unique(_shingles(one)), np.unique(_shingles(other))
    shared = len(np.intersect1d(left, right, assume_unique=True))
    union = len(left) + len(right) - shared
    if union and shared / union < THRESHOLD:
        return None
    return "version" if _differ_in_substance(one, other) else "near"


def _differ_in_substance(one: str, other: str) -> bool:
    if _NUMBER.findall(one) != _NUMBER.findall(other):
        return True
    words, others = Counter(_words(one)), Counter(_words(other))
    difference = ((words - others) + (others - words)).keys()
    return not _TELLING.isdisjoint(difference)


def _with_final_targets(copies: list[Duplicate], found: Mapping[str, Duplicate]) -> list[Duplicate]:
    """Copies of a collapsed document point at the one that is kept in the end."""
    collapsed = {path: each.kept for path, each in found.items() if each.kind == "near"}

    def final(path: str) -> str:
        while path in collapsed:
            path = collapsed[path]
        return path

    every = [*copies, *found.values()]
    return [Duplicate(each.path, final(each.kept), each.kind) for each in sorted(every, key=lambda each: each.path)]


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _shingles(text: str) -> NDArray[np.uint64]:
    """A 64-bit hash for each run of five words (of all words, if there are fewer), the same in every process."""
    words = _words(text)
    codes = {word: zlib.crc32(word.encode("utf-8", "replace")) for word in set(words)}
    hashed = np.fromiter((codes[word] for word in words), dtype=np.uint64, count=len(words))
    width = min(_SHINGLE, len(words))
    if width == 0:
        return hashed
    combined = np.zeros(len(words) - width + 1, dtype=np.uint64)
    for offset in range(width):
        combined = combined * np.uint64(0x9E3779B97F4A7C15) + hashed[offset : offset + len(combined)]
        combined ^= combined >> np.uint64(29)
    return combined
