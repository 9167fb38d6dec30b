"""Rows of text cells gathered into Arrow batches of a bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connectors.base import TableBatch, TableSchema

BATCH_ROWS = 50_000
"""Rows in a batch at most."""
BATCH_BYTES = 32 << 20
"""Bytes in a batch, give or take one piece, so that wide or wordy rows do not exhaust memory either."""
_PIECE_ROWS = (
    2000  # Python's rows are turned into Arrow while they still are in the processor's cache: 2.5 times faster
)
_PIECE_CHARACTERS = 4 << 20

Row = list[str]


def pieces(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """The rows in pieces of at most 2,000, fewer where rows are long."""
    size = 100
    while piece := list(islice(rows, size)):
        yield piece
        characters = sum(map(len, chain.from_iterable(piece)))
        size = max(1, min(_PIECE_ROWS, _PIECE_CHARACTERS * len(piece) // (characters + 1)))


class TextBatches:
    """Gathers rows of one table; an empty cell becomes null."""

    def __init__(self, schema: TableSchema, fingerprint: str) -> None:
        self._schema = schema
        self._fingerprint = fingerprint
        self._arrow = pa.schema([(column.name, pa.string()) for column in schema.columns])
        self._pieces: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0
        self._yielded = False

    def add(self, rows: Sequence[Row]) -> Iterator[TableBatch]:
        """Add a piece of rows with exactly one cell a column; yields a batch when one is full."""
        if not rows:
            return
        if self._rows + len(rows) > BATCH_ROWS:
            yield self._batch()
        piece = pa.record_batch([_column(cells) for cells in zip(*rows, strict=True)], schema=self._arrow)
        self._pieces.append(piece)
        self._rows += piece.num_rows
        self._bytes += piece.nbytes
        if self._bytes >= BATCH_BYTES:
            yield self._batch()

    def finish(self) -> Iterator[TableBatch]:
        """Yield what is left, and one empty batch for a table without rows."""
        if self._pieces or not self._yielded:
            yield self._batch()

    def _batch(self) -> TableBatch:
        empty = pa.RecordBatch.from_pylist([], schema=self._arrow)
        whole = pa.Table.from_batches(self._pieces or [empty], schema=self._arrow).combine_chunks()
        rows = next(iter(whole.to_batches()), empty)
        self._pieces, self._rows, self._bytes, self._yielded = [], 0, 0, True
        return TableBatch(self._schema, rows, self._fingerprint)


def _column(cells: Sequence[str]) -> pa.Array[Any]:
    array = pa.array(cells, pa.string())
    if "" not in cells:
        return array
    filled: pa.Array[Any] = pc.if_else(pc.equal(array, pa.scalar("")), pa.scalar(None, pa.string()), array)
    return filled
