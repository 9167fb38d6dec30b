"""Vectors that depend on nothing but the text: the same for the same text, nearly at right angles for others."""

from __future__ import annotations

import hashlib

import numpy as np


def embed(text: str, dimensions: int) -> list[float]:
    """A unit vector, `float[dimensions]`, drawn from a normal distribution seeded by the text's SHA-256."""
    seed = int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest(), "big")
    drawn = np.random.default_rng(seed).standard_normal(dimensions)
    return [float(value) for value in drawn / np.linalg.norm(drawn)]
