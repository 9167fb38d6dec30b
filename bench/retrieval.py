"""Retrieval quality and speed of the passage search, on SciFact and XQuAD, through the real stores.

    python -m bench.retrieval --data BENCH_DATA [--cache ~/.answerable/cache] [--work FOLDER] [--sets scifact xquad_en]
                              [--exact]

A document ranks where its best passage ranks. Prints one JSON object: nDCG@10 of the search, of its vectors and of its
words alone, R@1, R@10, and milliseconds a search without and with embedding the question. `--work` keeps the indexes
for the next run. `--exact` embeds with float32 weights and arithmetic, to see what the service's own precision costs.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest.mock import patch

from app.execution.passages import search
from app.synonyms import synonyms
from bench.corpus import Corpus, build, documents_of
from ingest.embedder import DEFAULT_MODEL, Embedder, open_embedder
from ingest.embedding import bert
from ingest.embedding.models import find_model
from ingest.embedding.runtime import Network, import_openvino

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


class ExactEmbedder(Embedder):
    """The packaged model in float32 throughout; several times slower."""

    @cached_property
    def _loaded_network(self) -> Any:
        with patch.object(bert, "QUANTISATION_GROUP", 7919):  # divides no matrix: all weights stay float
            model = bert.build_bert(find_model(DEFAULT_MODEL))
        core = import_openvino().Core()
        compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        network = Network.__new__(Network)
        network.__dict__.update(self._network_of(compiled))
        return network

    def _network_of(self, compiled: Any) -> dict[str, Any]:
        return {
            "_inputs": tuple(self._meta["inputs"]), "_pad_id": int(self._meta["pad_id"]), "_compiled": compiled,
            "_bulk": compiled, "_lock": threading.Lock(), "_local": threading.local(),
        }  # fmt: skip


def _alone(hits: Sequence[tuple[int, float]], reader: Any, wanted: set[str]) -> float:
    """NDCG@10 of one index without the other."""
    documents = [passage.document for passage in reader.get([ordinal for ordinal, _ in hits], ("public",))]
    return gain(list(dict.fromkeys(documents)), wanted)


def score(folder: Path, corpus: Corpus, embedder: Embedder) -> dict[str, float]:
    """Figures for one set."""
    relevant = relevant_of(folder)
    ndcg, dense, words, first, ten, alone, whole = [], [], [], [], [], [], []
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
        reader = corpus.sources["corpus"].passages
        dense.append(_alone(reader.search_dense(vector, DEPTH, ("public",)), reader, wanted))
        words.append(
            _alone(reader.search_lexical(question["text"], DEPTH, ("public",), None, synonyms), reader, wanted)
        )
        first.append(bool(ranked) and ranked[0] in wanted)
        ten.append(bool(wanted & set(ranked[:10])))
    return {
        "questions": len(ndcg),
        "ndcg@10": round(statistics.mean(ndcg), 4),
        "ndcg@10, vectors alone": round(statistics.mean(dense), 4),
        "ndcg@10, words alone": round(statistics.mean(words), 4),
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
    parser.add_argument("--exact", action="store_true")
    options = parser.parse_args()
    root = Path(options.data or "") / "retrieval"
    if not root.is_dir():
        sys.exit(f"no retrieval sets in {root.parent}: pass --data or set ANSWERABLE_BENCH_DATA")
    embedder = open_embedder(DEFAULT_MODEL, options.cache)
    if options.exact:
        embedder = ExactEmbedder(options.cache / "models" / embedder.fingerprint)
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
