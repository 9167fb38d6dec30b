"""The vector store: what is appended comes back, and search is exact among the visible passages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ingest.stores.vector_index import build_index, read_info
from ingest.stores.vectors import VectorIndex, VectorWriter, open_vectors

CODES = {"public": 0, "internal": 1}


def unit_vectors(count: int, dimension: int = 8) -> np.ndarray:
    vectors = np.random.default_rng(count).standard_normal((count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def index_of(tmp_path: Path, vectors: np.ndarray, visibility_of: np.ndarray) -> VectorIndex:
    build_index(vectors, tmp_path / "vectors.faiss")
    return VectorIndex(tmp_path / "vectors.faiss", visibility_of.astype(np.uint8), CODES)


@pytest.mark.parametrize("counts", [[], [0], [3], [1000, 5, 12345]])
def test_vectors_come_back_as_they_were_appended(tmp_path: Path, counts: list[int]) -> None:
    writer = VectorWriter(tmp_path / "vectors.npy", 8)
    groups = [unit_vectors(count) if count else np.empty((0, 8), np.float32) for count in counts]
    for group in groups:
        writer.append(group)
    writer.close()
    read = open_vectors(tmp_path / "vectors.npy")
    np.testing.assert_array_equal(read, np.concatenate([np.empty((0, 8), np.float32), *groups]))
    assert read.dtype == np.float32


def test_a_wrong_dimension_is_refused(tmp_path: Path) -> None:
    writer = VectorWriter(tmp_path / "vectors.npy", 8)
    with pytest.raises(ValueError, match="expected"):
        writer.append(np.zeros((2, 9), np.float32))
    writer.close()
    index = index_of(tmp_path, unit_vectors(3), np.zeros(3))
    with pytest.raises(ValueError, match="vectors of 8 numbers"):
        index.search(np.zeros(9, np.float32), 1, ("public",))


def test_search_is_exact_among_what_may_be_seen(tmp_path: Path) -> None:
    vectors = unit_vectors(500)
    visibility_of = np.arange(500) % 3 == 0
    index = index_of(tmp_path, vectors, visibility_of)
    query = unit_vectors(1)[0]
    cosines = vectors @ query
    for visibilities, allowed in (
        (("public",), ~visibility_of),
        (("internal",), visibility_of),
        (("public", "internal"), np.ones(500, bool)),
    ):
        expected = [i for i in np.argsort(-cosines) if allowed[i]][:7]
        found = index.search(query, 7, visibilities)
        assert [ordinal for ordinal, _ in found] == expected
        np.testing.assert_allclose([cosine for _, cosine in found], cosines[expected], rtol=1e-5)


def test_fewer_passages_than_asked_for(tmp_path: Path) -> None:
    index = index_of(tmp_path, unit_vectors(4), np.array([0, 0, 0, 1]))
    assert len(index.search(unit_vectors(1)[0], 50, ("public",))) == 3
    assert index.search(unit_vectors(1)[0], 50, ()) == []
    assert index.search(unit_vectors(1)[0], 50, ("secret",)) == []


def test_no_passages_at_all(tmp_path: Path) -> None:
    index = index_of(tmp_path, np.empty((0, 8), np.float32), np.empty(0))
    assert index.search(unit_vectors(1)[0], 5, ("public", "internal")) == []


def test_an_index_of_other_passages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="4 vectors for 3 passages"):
        index_of(tmp_path, unit_vectors(4), np.zeros(3))


def like_text(count: int, dimension: int = 32) -> np.ndarray:
    """Vectors in loose groups, as those of passages are."""
    random = np.random.default_rng(7)
    topics = random.standard_normal((40, dimension))
    vectors = topics[random.integers(0, 40, count)] + 0.8 * random.standard_normal((count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_a_large_index_finds_nearly_all_and_scores_exactly(tmp_path: Path) -> None:
    vectors = like_text(6000)
    visibility_of = np.arange(6000) % 50 == 0
    np.save(tmp_path / "vectors.npy", vectors)
    info = build_index(vectors, tmp_path / "vectors.faiss", exact_up_to=1000)
    assert info == read_info(tmp_path / "vectors.faiss")
    assert info.kind == "ivf_sq8"
    assert 0 < info.probes < info.lists
    assert info.recall >= 0.95
    index = VectorIndex(tmp_path / "vectors.faiss", visibility_of.astype(np.uint8), CODES)
    queries = like_text(6100)[6000:]
    for visibilities, allowed in ((("public", "internal"), np.ones(6000, bool)), (("internal",), visibility_of)):
        hits = 0
        for query in queries:
            cosines = np.where(allowed, vectors @ query, -2)
            found = index.search(query, 10, visibilities)
            assert all(allowed[ordinal] for ordinal, _ in found)
            assert all(abs(cosine - cosines[ordinal]) < 1e-5 for ordinal, cosine in found)
            assert [cosine for _, cosine in found] == sorted((c for _, c in found), reverse=True)
            hits += len({ordinal for ordinal, _ in found} & set(np.argsort(-cosines)[:10].tolist()))
        assert hits / (10 * len(queries)) >= 0.95
