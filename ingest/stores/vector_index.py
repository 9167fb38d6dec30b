"""Building the vector index: exact while small, lists of 8-bit vectors beyond, tuned on the vectors themselves.

How many lists a search must look into depends on the data (real embeddings need thirty times as many as clustered
noise), so it is measured: the least number that reaches the recall target for queries made like questions, which lie
further from passages than passages from each other. What was measured is kept in `vectors.json`.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

EXACT_UP_TO = 40_000
"""Vectors up to which an exact search costs less than embedding the question."""
RECALL_TARGET = 0.985
"""Of the ten nearest, found on average while tuning. Real questions miss twice as many as made-up ones, at whatever
cosine these are made: where 0.970 of the made-up ones' were found, 0.934 of SciFact's and XQuAD's were
(`bench/vectors.py`). 0.95 is promised."""
NEAREST = 10
TUNING_QUERIES = 256
QUESTION_COSINE = 0.65
"""Cosine of a made-up question with the passage it was made from: about that of real questions with their passages."""
TRAINING_PER_LIST = 48
RESCORED = 4
"""Candidates fetched by 8-bit scores for each one asked for; their exact cosines decide."""
_BLOCK = 65_536
_SEED = 20_260


class IndexInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What `vectors.json` holds."""

    kind: Literal["flat", "ivf_sq8"]
    vectors: int
    lists: int = 0
    probes: int = 0
    """Lists that a search looks into."""
    recall: float = 1.0
    """Measured share of the ten nearest that are found, over `sampled` queries."""
    sampled: int = 0


def build_index(
    vectors: NDArray[np.float32], path: Path, *, exact_up_to: int = EXACT_UP_TO, target: float = RECALL_TARGET
) -> IndexInfo:
    """Write the search index of float32[n, dimension] to `path`, and beside it what it is; returns the latter."""
    import faiss

    if len(vectors) <= exact_up_to:
        index: Any = faiss.IndexFlatIP(vectors.shape[1])
        _add(index, vectors)
        info = IndexInfo(kind="flat", vectors=len(vectors))
    else:
        index, info = _inverted(vectors, target)
    faiss.write_index(index, str(path))
    path.with_suffix(".json").write_bytes(msgspec.json.encode(info))
    return info


def read_info(path: Path) -> IndexInfo:
    """What is kept beside the index at `path`; an index without it is an exact one."""
    beside = path.with_suffix(".json")
    if not beside.is_file():
        return IndexInfo(kind="flat", vectors=0)
    return msgspec.json.decode(beside.read_bytes(), type=IndexInfo)


def _inverted(vectors: NDArray[np.float32], target: float) -> tuple[Any, IndexInfo]:
    import faiss

    count, dimension = vectors.shape
    lists = _lists(count)
    random = np.random.default_rng(_SEED)
    quantizer = faiss.IndexFlatIP(dimension)
    index = faiss.IndexIVFScalarQuantizer(
        quantizer, dimension, lists, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    )
    chosen = np.sort(random.choice(count, min(count, TRAINING_PER_LIST * lists), replace=False))
    index.cp.niter = 10
    index.cp.min_points_per_centroid = 1
    index.train(np.ascontiguousarray(vectors[chosen]))
    _add(index, vectors)
    queries = _questions(vectors, random)
    probes, recall = _tuned(index, queries, _exact_nearest(vectors, queries), vectors, target)
    index.nprobe = probes
    return index, IndexInfo(
        kind="ivf_sq8", vectors=count, lists=lists, probes=probes, recall=round(recall, 4), sampled=len(queries)
    )


def _lists(count: int) -> int:
    """A power of two near `4 * sqrt(n)`, as FAISS advises."""
    return 1 << max(4, round(math.log2(4 * math.sqrt(count))))


def _add(index: Any, vectors: NDArray[np.float32]) -> None:
    for start in range(0, len(vectors), _BLOCK):
        index.add(np.ascontiguousarray(vectors[start : start + _BLOCK]))


def _questions(vectors: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """Vectors like those of questions: float32[queries, dimension], each at `QUESTION_COSINE` from some passage.

    They deviate in the directions in which passages differ from each other, not in all directions alike.
    """
    count = len(vectors)
    picks = random.integers(0, count, (3, TUNING_QUERIES))
    base, one, other = (np.asarray(vectors[each], dtype=np.float32) for each in picks)
    away = one - other + 1e-6 * random.standard_normal(base.shape).astype(np.float32)
    away -= (away * base).sum(axis=1, keepdims=True) * base
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    mixed = QUESTION_COSINE * base + math.sqrt(1 - QUESTION_COSINE**2) * away
    return np.ascontiguousarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), dtype=np.float32)


def _exact_nearest(vectors: NDArray[np.float32], queries: NDArray[np.float32]) -> NDArray[np.int64]:
    """Ordinals of the nearest vectors: int64[queries, NEAREST]."""
    best = np.full((len(queries), NEAREST), -np.inf, dtype=np.float32)
    found = np.full((len(queries), NEAREST), -1, dtype=np.int64)
    for start in range(0, len(vectors), _BLOCK):
        cosines = queries @ np.asarray(vectors[start : start + _BLOCK]).T
        top = np.argpartition(-cosines, min(NEAREST, cosines.shape[1]) - 1, axis=1)[:, :NEAREST]
        both = np.hstack([best, np.take_along_axis(cosines, top, axis=1)])
        ordinals = np.hstack([found, top + start])
        order = np.argsort(-both, axis=1)[:, :NEAREST]
        best, found = np.take_along_axis(both, order, axis=1), np.take_along_axis(ordinals, order, axis=1)
    return found


def _tuned(
    index: Any,
    queries: NDArray[np.float32],
    nearest: NDArray[np.int64],
    vectors: NDArray[np.float32],
    target: float,
) -> tuple[int, float]:
    """The least number of lists to look into that reaches the target, by doubling and halving; and its recall."""

    def recall(probes: int) -> float:
        index.nprobe = probes
        _, ordinals = index.search(queries, RESCORED * NEAREST)
        hits = 0
        for query, candidates, wanted in zip(queries, ordinals, nearest, strict=True):
            known = candidates[candidates >= 0]
            exact = np.asarray(vectors[np.sort(known)]) @ query
            top = np.sort(known)[np.argsort(-exact)[:NEAREST]]
            hits += len(np.intersect1d(top, wanted))
        return hits / wanted_in_all

    wanted_in_all = int((nearest >= 0).sum())
    high = 1
    reached = recall(high)
    while reached < target and high < index.nlist:
        high = min(2 * high, index.nlist)
        reached = recall(high)
    low = high // 2
    while high - low > max(1, high // 16):
        middle = (low + high) // 2
        found = recall(middle)
        if found >= target:
            high, reached = middle, found
        else:
            low = middle
    return high, reached
