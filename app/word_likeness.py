"""How alike in meaning common English words are (`mountain`, `hill`): a table made by `bench/word_vectors.py`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

VECTORS = Path(__file__).with_name("word_vectors.npz")


UNLIKE, SAME = 0.3, 0.7
"""Cosines at which two words mean different things, and as good as the same."""


def meant(term: str, words: frozenset[str]) -> float:
    """How surely a stem is said in other words by the stems, in [0, 1]."""
    return min(1.0, max(0.0, (likeness(term, words) - UNLIKE) / (SAME - UNLIKE)))


@lru_cache(maxsize=20_000)
def likeness(term: str, words: frozenset[str]) -> float:
    """Greatest cosine, in [0, 1], of a stem with any of the stems; 0 where the table does not know them."""
    places = _places()
    if term not in places:
        return 0.0
    known = _known(words)
    if not len(known):
        return 0.0
    rows = _rows()
    return max(0.0, float((rows[known] @ rows[places[term]]).max()))


@lru_cache(maxsize=2048)
def _known(words: Iterable[str]) -> NDArray[np.int64]:
    places = _places()
    return np.array([places[word] for word in words if word in places], dtype=np.int64)


@cache
def _rows() -> NDArray[np.float32]:
    """float32[stems, dimensions] of length 1."""
    with np.load(VECTORS) as stored:
        rows = stored["vectors"].astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


@cache
def _places() -> dict[str, int]:
    with np.load(VECTORS) as stored:
        return {stem: place for place, stem in enumerate(str(stored["stems"]).split())}
