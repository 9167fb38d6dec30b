"""The vector store at 10,000, 100,000 and a million vectors, against the bare FAISS index underneath it.

    python -m bench.vectors [--data BENCH_DATA] [--seed-vectors FILE.npy] [--sizes 10000 100000 1000000] [--work FOLDER]

The vectors are grown from those of real passages (`--seed-vectors`, else SciFact's of `--data`, else the sample help
centre's): each lies near a real one, away from it in a direction in which two other real ones differ. Queries are made
the same way, further away, as questions are. Prints one JSON object a size: recall@10 against an exact search, also
where few passages are visible; milliseconds a search through the store and in the bare index with the same parameters,
queries a second on one thread, seconds to build and to load, memory and disk.

With `--data`, first the same for what is real: the passages of SciFact and XQuAD with their questions, the inverted
index forced upon them. `--work` keeps their indexes for the next run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.contenders import EXPORTS
from bench.corpus import build, documents_in, documents_of
from bench.machine import described
from bench.retrieval import questions_of
from bench.service import SAMPLE
from ingest.embedder import DEFAULT_MODEL, Embedder, open_embedder
from ingest.stores.vector_index import EXACT_UP_TO, build_index
from ingest.stores.vectors import VectorIndex

QUERIES = 300
VISIBLE = (0.1, 0.01, 0.001)
"""Shares of the passages that a caller may see, chosen at random."""
FORCED_FROM = 1000
"""Vectors from which real passages get the inverted index."""
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


def measured(
    vectors: NDArray[np.float32], queries: NDArray[np.float32], work: Path, exact_up_to: int = EXACT_UP_TO
) -> dict[str, Any]:
    """Figures of one size."""
    import faiss
    import psutil

    np.save(work / "vectors.npy", vectors)
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    start = time.perf_counter()
    info = build_index(vectors, work / "vectors.faiss", exact_up_to=exact_up_to)
    built = time.perf_counter() - start
    faiss.omp_set_num_threads(1)
    before = psutil.Process().memory_info().rss
    start = time.perf_counter()
    index = VectorIndex(work / "vectors.faiss", np.zeros(len(vectors), np.uint8), {"public": 0})
    loaded = time.perf_counter() - start
    bare = index._index
    parameters = faiss.SearchParametersIVF(nprobe=info.probes) if info.kind != "flat" else None
    first = []
    for query in queries:
        start = time.perf_counter()
        index.search(query, 10, ("public",))
        first.append(1000 * (time.perf_counter() - start))
    memory = psutil.Process().memory_info().rss - before
    cosines = [vectors @ query for query in queries]
    hits, through, alone = 0, [], []
    for query, exact in zip(queries, cosines, strict=True):
        start = time.perf_counter()
        found = index.search(query, 10, ("public",))
        through.append(1000 * (time.perf_counter() - start))
        start = time.perf_counter()
        bare.search(query[None, :], 10, params=parameters)
        alone.append(1000 * (time.perf_counter() - start))
        hits += len({ordinal for ordinal, _ in found} & set(np.argsort(-exact)[:10].tolist()))
    figures = {
        "vectors": len(vectors),
        "index": info.kind,
        "lists": info.lists,
        "probes": info.probes,
        "recall@10": round(hits / (10 * len(queries)), 4),
        "p50_ms": round(statistics.median(through), 3),
        "p99_ms": round(float(np.percentile(through, 99)), 3),
        "first time, p50_ms": round(statistics.median(first), 3),
        "bare_p50_ms": round(statistics.median(alone), 3),
        "queries_a_second": round(1000 / statistics.mean(through)),
        "build_s": round(built, 1),
        "load_s": round(loaded, 3),
        "memory_mb": round(memory / 1e6),
        "index_mb": round((work / "vectors.faiss").stat().st_size / 1e6),
    }
    random = np.random.default_rng(7)
    for share in VISIBLE:
        figures[f"{share:.1%} visible"] = limited(index, random.random(len(vectors)) < share, queries[:50], cosines)
    return figures


def limited(
    index: VectorIndex, allowed: NDArray[np.bool_], queries: NDArray[np.float32], cosines: list[NDArray[np.float32]]
) -> dict[str, float]:
    """Recall@10 and milliseconds where only `allowed` passages may be found."""
    hits = wanted = 0
    times = []
    for query, exact in zip(queries, cosines, strict=False):
        start = time.perf_counter()
        found = {ordinal for ordinal, _ in index.search(query, 10, ("public",), allowed)}
        times.append(1000 * (time.perf_counter() - start))
        visible = np.flatnonzero(allowed)
        nearest = set(visible[np.argsort(-exact[visible])[:10]].tolist())
        hits, wanted = hits + len(found & nearest), wanted + len(nearest)
    return {"recall@10": round(hits / max(1, wanted), 4), "p50_ms": round(statistics.median(times), 3)}


def real(root: Path, work: Path, embedder: Embedder) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vectors of the passages and of the questions of SciFact and XQuAD."""
    passages, questions = [], []
    for name in ("scifact", "xquad_en"):
        corpus = build(work / name, documents_of(root / name / "corpus.jsonl"), embedder)
        passages.append(vectors_of(corpus))
        questions += [question["text"] for question in questions_of(root / name)]
    return np.concatenate(passages), np.stack([embedder.embed_query(text) for text in questions])


def vectors_of(corpus: Any) -> NDArray[np.float32]:
    """The vectors of a corpus small enough to have an exact index."""
    index = corpus.sources["corpus"].passages._vectors._index
    vectors: NDArray[np.float32] = index.reconstruct_n(0, index.ntotal)
    return vectors


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("ANSWERABLE_BENCH_DATA"))
    parser.add_argument("--seed-vectors", type=Path, default=None)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--work", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.work) as temporary:
        work = options.work or Path(temporary)
        seeds = np.load(options.seed_vectors) if options.seed_vectors else None
        if options.data:
            embedder = open_embedder(DEFAULT_MODEL, EXPORTS)
            passages, questions = real(Path(options.data) / "retrieval", work, embedder)
            figures = measured(passages, questions, Path(temporary), FORCED_FROM)
            print(json.dumps({"what": "SciFact and XQuAD"} | figures | {"load": described()["load"]}), flush=True)
            seeds = passages if seeds is None else seeds
        if seeds is None:
            embedder = open_embedder(DEFAULT_MODEL, EXPORTS)
            seeds = vectors_of(build(work / "help-centre", documents_in(SAMPLE / "help-centre"), embedder))
        for size in options.sizes:
            random = np.random.default_rng(size)
            figures = measured(grown(seeds, size, NEAR, random), grown(seeds, QUERIES, FAR, random), Path(temporary))
            print(json.dumps(figures | {"load": described()["load"]}), flush=True)


if __name__ == "__main__":
    main()
