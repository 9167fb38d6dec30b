"""The vector store at 10,000, 100,000 and a million vectors, against the bare FAISS index underneath it.

    python -m bench.vectors [--seed-vectors FILE.npy] [--sizes 10000 100000 1000000] [--work FOLDER]

The vectors are grown from those of real passages (`--seed-vectors`, else the sample help centre's): each lies near a
real one, away from it in a direction in which two other real ones differ. Queries are made the same way, further
away, as questions are. Prints one JSON object a size: recall@10 against an exact search, milliseconds a search
through the store and in the bare index with the same parameters, queries a second on one thread, seconds to build and
to load, memory and disk.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.stores.vector_index import build_index
from ingest.stores.vectors import VectorIndex

QUERIES = 300
NEAR, FAR = 0.85, 0.62
"""Cosine of a grown vector, and of a query, with the real one that it comes from."""


def grown(seeds: NDArray[np.float32], count: int, cosine: float, random: np.random.Generator) -> NDArray[np.float32]:
    """float32[count, dimension] of length 1, each at `cosine` from a seed."""
    out = np.empty((count, seeds.shape[1]), dtype=np.float32)
    for start in range(0, count, 50_000):
        size = min(50_000, count - start)
        base, one, other = (seeds[each] for each in random.integers(0, len(seeds), (3, size)))
        away = one - other + 0.05 * random.standard_normal(base.shape, dtype=np.float32)
        away -= (away * base).sum(axis=1, keepdims=True) * base
        away /= np.linalg.norm(away, axis=1, keepdims=True)
        out[start : start + size] = cosine * base + np.sqrt(1 - cosine**2) * away
    return out / np.linalg.norm(out, axis=1, keepdims=True)


def measured(vectors: NDArray[np.float32], queries: NDArray[np.float32], work: Path) -> dict[str, Any]:
    """Figures of one size."""
    import faiss
    import psutil

    faiss.omp_set_num_threads(1)
    np.save(work / "vectors.npy", vectors)
    start = time.perf_counter()
    info = build_index(vectors, work / "vectors.faiss")
    built = time.perf_counter() - start
    nearest = np.concatenate([np.argsort(-(vectors @ q))[:10][None] for q in queries])
    before = psutil.Process().memory_info().rss
    start = time.perf_counter()
    index = VectorIndex(work / "vectors.faiss", np.zeros(len(vectors), np.uint8), {"public": 0})
    loaded = time.perf_counter() - start
    bare = index._index
    parameters = faiss.SearchParametersIVF(nprobe=info.probes) if info.kind != "flat" else None
    hits, through, alone = 0, [], []
    for query, wanted in zip(queries, nearest, strict=True):
        start = time.perf_counter()
        found = index.search(query, 10, ("public",))
        through.append(1000 * (time.perf_counter() - start))
        start = time.perf_counter()
        bare.search(query[None, :], 10, params=parameters)
        alone.append(1000 * (time.perf_counter() - start))
        hits += len({ordinal for ordinal, _ in found} & set(wanted.tolist()))
    return {
        "vectors": len(vectors),
        "index": info.kind,
        "lists": info.lists,
        "probes": info.probes,
        "recall@10": round(hits / (10 * len(queries)), 4),
        "p50_ms": round(statistics.median(through), 3),
        "p99_ms": round(float(np.percentile(through, 99)), 3),
        "bare_p50_ms": round(statistics.median(alone), 3),
        "queries_a_second": round(1000 / statistics.mean(through)),
        "build_s": round(built, 1),
        "load_s": round(loaded, 3),
        "memory_mb": round((psutil.Process().memory_info().rss - before) / 1e6),
        "index_mb": round((work / "vectors.faiss").stat().st_size / 1e6),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed-vectors", type=Path, required=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--work", type=Path, default=None)
    options = parser.parse_args()
    seeds = np.load(options.seed_vectors)
    for size in options.sizes:
        random = np.random.default_rng(size)
        with tempfile.TemporaryDirectory(dir=options.work) as folder:
            figures = measured(grown(seeds, size, NEAR, random), grown(seeds, QUERIES, FAR, random), Path(folder))
        print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
