"""The vector store of a segment: passage vectors as an array for reuse, and an index for search.

Search is by inner product (cosine, as vectors have length 1). How the index is built, exact or approximate, is
`ingest.stores.vector_index`'s concern; what it finds approximately is scored again with the exact vectors.
"""

from __future__ import annotations

import math
import mmap
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.stores.vector_index import RESCORED, read_info

LEAST_SHARE = 0.01
"""Share of visible passages down to which more lists are looked into; below it, as many as at it."""


class VectorWriter:
    """Appends vectors to a `.npy` file, never holding more than one group of them."""

    def __init__(self, path: Path, dimension: int) -> None:
        self.count = 0
        self.dimension = dimension
        self._stream = path.open("wb")
        self._write_header()

    def append(self, vectors: NDArray[np.float32]) -> None:
        """Append float32[n, dimension]."""
        if vectors.ndim != 2 or vectors.shape[1] != self.dimension:
            raise ValueError(f"vectors have shape {vectors.shape}; expected (n, {self.dimension})")
        self._stream.write(np.ascontiguousarray(vectors, dtype="<f4").tobytes())
        self.count += len(vectors)

    def close(self) -> None:
        """Write the final number of vectors into the header and close the file."""
        if not self._stream.closed:
            self._stream.seek(0)
            self._write_header()
            self._stream.close()

    def _write_header(self) -> None:
        # numpy pads the header so that the first axis can grow without moving the array.
        shape = (self.count, self.dimension)
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._stream, header)


def open_vectors(path: Path) -> NDArray[np.float32]:
    """The vectors of a `.npy` file: float32[n, dimension], memory-mapped and read-only."""
    with path.open("rb") as stream:
        np.lib.format.read_magic(stream)
        shape, _, _ = np.lib.format.read_array_header_1_0(stream)
    if shape[0] == 0:  # an empty file cannot be mapped
        return np.empty(shape, dtype=np.float32)
    vectors: NDArray[np.float32] = np.load(path, mmap_mode="r")
    return vectors


def _prefetched(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mapped vectors, the system being told to read them now: else forty rows a search come from the disk."""
    mapped = getattr(vectors, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_WILLNEED"):
        mapped.madvise(mmap.MADV_WILLNEED)
    return vectors


class VectorIndex:
    """Search over one segment's vectors, memory-mapped. Safe to share between threads.

    `visibility_of` gives each passage's visibility (by ordinal); search looks only at the passages a caller may see.
    The exact vectors lie beside the index, in `vectors.npy`.
    """

    def __init__(self, path: Path, visibility_of: NDArray[np.uint8], codes: dict[str, int]) -> None:
        import faiss

        self._index: Any = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        self.info = read_info(path)
        self._vectors = _prefetched(open_vectors(path.with_suffix(".npy"))) if self.info.kind != "flat" else None
        self._visibility_of = visibility_of
        self._codes = codes
        self._selectors: dict[frozenset[int], _Selection] = {}
        self._lock = threading.Lock()
        if self._index.ntotal != len(visibility_of):
            raise ValueError(f"{path} holds {self._index.ntotal} vectors for {len(visibility_of)} passages")

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    def search(
        self,
        query: NDArray[np.float32],
        k: int,
        visibilities: tuple[str, ...],
        allowed: NDArray[np.bool_] | None = None,
    ) -> list[tuple[int, float]]:
        """Up to `k` pairs of ordinal and cosine, best first; `query` is float32[dimension] of length 1.

        `allowed`: bool[passages], those that may be found; None: all that are visible.
        """
        import faiss

        if query.shape != (self.dimension,):
            raise ValueError(f"the query has shape {query.shape}; the index holds vectors of {self.dimension} numbers")
        codes = frozenset(self._codes[each] for each in visibilities if each in self._codes)
        selection = self._selection(codes)
        if allowed is not None:
            selection = _Selection(allowed & np.isin(self._visibility_of, list(codes)))
        k = min(k, selection.count)
        if k <= 0:
            return []
        faiss.omp_set_num_threads(1)  # of this thread: a team for one query waits for its slowest member
        rows = np.ascontiguousarray(query, dtype=np.float32)[None, :]
        if self._vectors is not None:
            return self._rescored(rows, k, selection, self._vectors)
        parameters = None if selection.all else faiss.SearchParameters(sel=selection.selector)  # type: ignore[call-arg]
        cosines, ordinals = self._index.search(rows, k, params=parameters)
        found = zip(ordinals[0].tolist(), cosines[0].tolist(), strict=True)
        return [(ordinal, cosine) for ordinal, cosine in found if ordinal >= 0]

    def cosines(self, query: NDArray[np.float32], ordinals: Sequence[int]) -> list[float]:
        """The exact cosine of each passage with the query."""
        if not len(ordinals):
            return []
        if self._vectors is not None:
            rows = self._vectors[np.asarray(ordinals)]
        else:
            rows = self._index.reconstruct_batch(np.asarray(ordinals, dtype=np.int64))
        found: list[float] = (rows @ query).tolist()
        return found

    def _rescored(
        self, rows: NDArray[np.float32], k: int, selection: _Selection, vectors: NDArray[np.float32]
    ) -> list[tuple[int, float]]:
        """Candidates by their 8-bit scores, ranked by their exact ones."""
        import faiss

        share = max(selection.count / len(self._visibility_of), LEAST_SHARE)
        probes = min(self.info.lists, math.ceil(self.info.probes / share))
        parameters = faiss.SearchParametersIVF(nprobe=probes, sel=selection.selector)  # type: ignore[call-arg]
        _, ordinals = self._index.search(rows, min(RESCORED * k, selection.count), params=parameters)
        known = np.sort(ordinals[0][ordinals[0] >= 0])
        cosines = vectors[known] @ rows[0]
        order = np.argsort(-cosines, kind="stable")[:k]
        return list(zip(known[order].tolist(), cosines[order].tolist(), strict=True))

    def _selection(self, codes: frozenset[int]) -> _Selection:
        with self._lock:
            if codes not in self._selectors:
                self._selectors[codes] = _Selection(np.isin(self._visibility_of, list(codes)))
            return self._selectors[codes]


class _Selection:
    """The passages that may be looked at, as FAISS wants them: one bit each."""

    def __init__(self, wanted: NDArray[np.bool_]) -> None:
        import faiss

        self.count = int(wanted.sum())
        self.all = self.count == len(wanted)
        self._bits = np.packbits(wanted, bitorder="little")  # the selector points into it
        self.selector: Any = faiss.IDSelectorBitmap(self._bits) if self.count and not self.all else None  # type: ignore[call-arg,arg-type]
