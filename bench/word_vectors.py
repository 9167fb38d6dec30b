"""Makes `app/word_vectors.npz`: how alike common English words are, from the packaged embedding model.

    pip install wordfreq && python -m bench.word_vectors [--words 30000] [--dimensions 64]

Each word is embedded alone, words of one stem are averaged by frequency, the mean of all is taken off, and the
leading directions are kept as 8-bit integers. The word list is wordfreq's (CC BY-SA 4.0), the model all-MiniLM-L6-v2
(Apache-2.0).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from app.terms import stem
from app.word_likeness import VECTORS
from ingest.embedder import DEFAULT_MODEL, open_embedder


def main() -> None:
    """Embed, average, reduce and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", type=int, default=30_000)
    parser.add_argument("--dimensions", type=int, default=64)
    parser.add_argument("--cache", type=Path, default=Path("~/.answerable/cache").expanduser())
    options = parser.parse_args()
    from wordfreq import top_n_list, word_frequency

    words = [w for w in top_n_list("en", options.words) if w.isascii() and w.isalpha() and len(w) > 2]
    vectors = open_embedder(DEFAULT_MODEL, options.cache).embed(words)
    stems: dict[str, list[int]] = {}
    for number, word in enumerate(words):
        stems.setdefault(stem(word), []).append(number)
    weights = np.array([word_frequency(word, "en") for word in words])
    rows = np.stack([np.average(vectors[of], axis=0, weights=weights[of]) for of in stems.values()])
    rows -= rows.mean(axis=0)
    _, _, directions = np.linalg.svd(rows, full_matrices=False)
    kept = rows @ directions[: options.dimensions].T
    kept /= np.linalg.norm(kept, axis=1, keepdims=True)
    packed = np.round(kept / np.abs(kept).max(axis=1, keepdims=True) * 127).astype(np.int8)
    np.savez(VECTORS, vectors=packed, stems=np.array(" ".join(stems)))
    print(f"{len(stems)} stems, {VECTORS.stat().st_size / 1e6:.1f} MB in {VECTORS}")


if __name__ == "__main__":
    main()
