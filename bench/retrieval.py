"""Retrieval quality and speed of the passage search, on SciFact and XQuAD, through the real stores.

    python -m bench.retrieval --data BENCH_DATA [--cache ~/.answerable/cache] [--work FOLDER] [--sets scifact xquad_en]

A document ranks where its best passage ranks. Prints one JSON object: nDCG@10, R@1, R@10, and milliseconds a search
without and with embedding the question. `--work` keeps the indexes for the next run.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from app.execution.passages import search
from bench.corpus import Corpus, build, documents_of
from ingest.embedder import DEFAULT_MODEL, Embedder, open_embedder

DEPTH = 30
"""Passages asked for, so that ten documents are among them."""


def questions_of(folder: Path) -> list[dict[str, Any]]:
    """The set's questions: `id`, `text`, and for XQuAD `answers`."""
    path = next(each for name in ("queries.jsonl", "queries_train.jsonl") if (each := folder / name).is_file())
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def relevant_of(folder: Path) -> dict[str, set[str]]:
    """Question id -> ids of the relevant documents."""
    relevant: dict[str, set[str]] = {}
    for line in next(folder.glob("qrels*.tsv")).read_text(encoding="utf-8").splitlines()[1:]:
        question, document, _ = line.split("\t")
        relevant.setdefault(question, set()).add(document)
    return relevant


def gain(ranked: list[str], relevant: set[str]) -> float:
    """NDCG@10 with binary relevance."""
    found = sum(1 / math.log2(place + 2) for place, each in enumerate(ranked[:10]) if each in relevant)
    return found / sum(1 / math.log2(place + 2) for place in range(min(10, len(relevant))))


def score(folder: Path, corpus: Corpus, embedder: Embedder) -> dict[str, float]:
    """Figures for one set."""
    relevant = relevant_of(folder)
    ndcg, first, ten, alone, whole = [], [], [], [], []
    for question in questions_of(folder):
        start = time.perf_counter()
        vector = embedder.embed_query(question["text"])
        embedded = time.perf_counter()
        found = search(question["text"], corpus, embedder, sources=None, visibilities=("public",), k=10, vector=vector)
        alone.append(time.perf_counter() - embedded)
        whole.append(time.perf_counter() - start)
        found = search(
            question["text"], corpus, embedder, sources=None, visibilities=("public",), k=DEPTH, vector=vector
        )
        ranked = list(dict.fromkeys(passage.document for passage in found))
        wanted = relevant[question["id"]]
        ndcg.append(gain(ranked, wanted))
        first.append(bool(ranked) and ranked[0] in wanted)
        ten.append(bool(wanted & set(ranked[:10])))
    return {
        "questions": len(ndcg),
        "ndcg@10": round(statistics.mean(ndcg), 4),
        "r@1": round(statistics.mean(first), 4),
        "r@10": round(statistics.mean(ten), 4),
        "search_ms_p50": round(statistics.median(alone) * 1000, 2),
        "with_embedding_ms_p50": round(statistics.median(whole) * 1000, 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default=os.environ.get("ANSWERABLE_BENCH_DATA"))
    parser.add_argument("--cache", type=Path, default=Path("~/.answerable/cache").expanduser())
    parser.add_argument("--work", type=Path, default=None)
    parser.add_argument("--sets", nargs="+", default=["scifact", "xquad_en"])
    options = parser.parse_args()
    root = Path(options.data or "") / "retrieval"
    if not root.is_dir():
        sys.exit(f"no retrieval sets in {root.parent}: pass --data or set ANSWERABLE_BENCH_DATA")
    embedder = open_embedder(DEFAULT_MODEL, options.cache)
    result = {}
    with tempfile.TemporaryDirectory() as temporary:
        for name in options.sets:
            folder = root / name
            corpus = build((options.work or Path(temporary)) / name, documents_of(folder / "corpus.jsonl"), embedder)
            result[name] = score(folder, corpus, embedder) | {"passages": corpus.sources["corpus"].passages.count}
    json.dump(result, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
