"""Embedding speed: the exported model against sentence-transformers on torch, the same texts, in one run.

    python bench/embedding.py --cache ~/.answerable/cache [--data BENCH_DATA] [--passages 96] [--repeats 3]

Prints one JSON object: passages per second and milliseconds for a question (medians), and how near the vectors are.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from ingest.embedder import DEFAULT_MODEL, Embedder, open_embedder
from ingest.embedding.models import find_model

QUESTION = "How long do I have to return an item?"
TOKENS = 200


def passages(data: Path | None, embedder: Embedder, count: int) -> list[str]:
    """`count` texts of 200 tokens: from the SciFact abstracts where they are at hand, else made up."""
    corpus = data / "retrieval" / "scifact" / "corpus.jsonl" if data else None
    if corpus is not None and corpus.is_file():
        text = " ".join(json.loads(line)["text"] for line in corpus.read_text().splitlines()[: count * 2])
    else:
        text = " ".join(f"Order number {n} was shipped to customer {n * 7 % 997}." for n in range(count * 30))
    offsets = embedder.token_offsets(text)[: TOKENS * count]
    return [text[offsets[n * TOKENS][0] : offsets[n * TOKENS + TOKENS - 1][1]] for n in range(len(offsets) // TOKENS)]


def seconds(work: Callable[[], object]) -> float:
    """Seconds that `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(
    embeds: dict[str, Callable[[list[str]], object]], texts: list[str], repeats: int
) -> dict[str, dict[str, float]]:
    """Passages per second and question milliseconds of each, medians; they take turns, so that load meets all."""
    batches: dict[str, list[float]] = {name: [] for name in embeds}
    questions: dict[str, list[float]] = {name: [] for name in embeds}
    for embed in embeds.values():
        embed(texts[:8])
    for _ in range(repeats):
        for name, embed in embeds.items():
            batches[name].append(seconds(partial(embed, texts)))
            questions[name] += [seconds(partial(embed, [QUESTION])) for _ in range(20)]
    return {
        name: {
            "passages_per_second": round(len(texts) / statistics.median(batches[name]), 1),
            "question_ms": round(statistics.median(questions[name]) * 1000, 2),
        }
        for name in embeds
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path("~/.answerable/cache").expanduser())
    parser.add_argument("--data", type=Path, default=os.environ.get("ANSWERABLE_BENCH_DATA"))
    parser.add_argument("--passages", type=int, default=96)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    embedder = open_embedder(DEFAULT_MODEL, options.cache)
    texts = passages(Path(options.data) if options.data else None, embedder, options.passages)
    embeds: dict[str, Callable[[list[str]], object]] = {"answerable": embedder.embed}
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError:
        json.dump(measure(embeds, texts, options.repeats), sys.stdout, indent=1)
        return
    model = SentenceTransformer(str(find_model(DEFAULT_MODEL)), device="cpu")
    embeds["torch"] = partial(model.encode, show_progress_bar=False)
    figures = measure(embeds, texts, options.repeats)
    near = np.sum(embedder.embed(texts) * model.encode(texts, normalize_embeddings=True), axis=1)
    result = {
        **figures,
        "faster": round(figures["answerable"]["passages_per_second"] / figures["torch"]["passages_per_second"], 2),
        "least_cosine": round(float(near.min()), 5),
        "passages": len(texts),
        "tokens": TOKENS,
    }
    json.dump(result, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
