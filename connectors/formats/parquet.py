"""Parquet files: one table each, streamed by row groups, in the file's own types."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Literal

from connectors.base import ColumnSchema, Problem, TableBatch, TableSchema
from connectors.formats.arrow_columns import binary_columns, plain_batch, plain_schema
from connectors.formats.source_file import Content, SourceFile, UnreadableItem
from connectors.formats.tabular_header import unique_names
from connectors.formats.text_batches import BATCH_ROWS


class ParquetReader:
    """Reads `.parquet`."""

    kind: Literal["table"] = "table"

    def parts(self, file: SourceFile) -> tuple[str, ...]:
        """The file itself."""
        return (file.path,)

    def read(self, file: SourceFile, wanted: Collection[str]) -> Iterator[Content]:
        """Yield the table's batches.

        Raises:
            UnreadableItem: `empty_file` or `corrupt_file`.

        """
        import pyarrow as pa

        if not file.location.stat().st_size:
            raise UnreadableItem("empty_file", "The file is empty.")
        try:
            yield from _read_table(file)
        except (pa.ArrowException, OSError, ValueError) as error:
            message = f"The file is damaged or not Parquet ({error}): write it again."
            raise UnreadableItem("corrupt_file", message) from error


def _read_table(file: SourceFile) -> Iterator[Content]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(file.location) as source:
        stored = source.schema_arrow
        names = unique_names([name or f"column_{number}" for number, name in enumerate(stored.names, 1)])
        arrow = plain_schema(stored, names)
        comments = [(column.metadata or {}).get(b"comment", b"").decode("utf-8", "replace") for column in stored]
        columns = tuple(ColumnSchema(name, comment or None) for name, comment in zip(names, comments, strict=True))
        schema = TableSchema(file.stem, file.path, columns, typed=True)
        if binary := binary_columns(stored):
            message = f"Columns of bytes are read as text where they are text, else left empty: {', '.join(binary)}."
            yield Problem(file.path, "binary_column", message, "noted")
        any_rows = False
        for batch in source.iter_batches(batch_size=BATCH_ROWS, use_threads=False):
            any_rows = True
            yield TableBatch(schema, plain_batch(batch, arrow), file.fingerprint)
        if not any_rows:
            yield TableBatch(schema, pa.RecordBatch.from_pylist([], schema=arrow), file.fingerprint)


READER = ParquetReader()
