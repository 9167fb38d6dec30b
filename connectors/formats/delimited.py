"""CSV, TSV and other delimited text: one table, every cell text, streamed with bounded memory."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterator
from itertools import chain, islice
from typing import Literal, TextIO

from connectors.base import ColumnSchema, Problem, TableSchema
from connectors.formats.delimiters import delimiter_of
from connectors.formats.encoding import detect_encoding
from connectors.formats.irregular_rows import IrregularRows
from connectors.formats.source_file import Content, SourceFile, UnreadableItem
from connectors.formats.tabular_header import find_header
from connectors.formats.text_batches import TextBatches, pieces

LONGEST_CELL = 4 << 20
"""Characters in one cell at most; a quote that is never closed would otherwise swallow the rest of the file."""
_SAMPLE_CHARACTERS = 1 << 17
_HEADER_ROWS = 100
_NEWLINE = re.compile(r"\r\n|\r|\n")

csv.field_size_limit(LONGEST_CELL)


class DelimitedReader:
    """Reads `.csv`, `.tsv`, `.psv`."""

    kind: Literal["table"] = "table"

    def parts(self, file: SourceFile) -> tuple[str, ...]:
        """The file itself."""
        return (file.path,)

    def read(self, file: SourceFile, wanted: Collection[str]) -> Iterator[Content]:
        """Yield the table's batches and what was repaired.

        Raises:
            UnreadableItem: `empty_file`, `not_text`, or `unclosed_quote` when a cell is longer than `LONGEST_CELL` or
                the file ends within a quoted cell that swallowed lines.

        """
        encoding = detect_encoding(file.location)
        yield from encoding.problems(file.path)
        with file.location.open(encoding=encoding.name, errors=encoding.errors, newline="") as stream:
            sample = stream.read(_SAMPLE_CHARACTERS)
            if "\x00" in sample:
                raise UnreadableItem("not_text", "The file holds binary content, not delimited text.")
            delimiter = _declared_delimiter(sample) or delimiter_of(_whole_lines(sample), file.location.suffix)
            stream.seek(0)
            if _declared_delimiter(sample):
                stream.readline()
            try:
                yield from _read_rows(file, stream, delimiter)
            except csv.Error as error:
                message = f"A cell is longer than {LONGEST_CELL >> 20} MB: a quote is probably never closed ({error})."
                raise UnreadableItem("unclosed_quote", message) from error


def _declared_delimiter(sample: str) -> str | None:
    """Excel's `sep=;` in the first line."""
    first = sample[:10].splitlines()[0] if sample else ""
    return first[4] if len(first) == 5 and first.lower().startswith("sep=") else None


def _whole_lines(sample: str) -> str:
    """The sample without its last, cut line."""
    if len(sample) < _SAMPLE_CHARACTERS:
        return sample
    return sample[: sample.rfind("\n") + 1] or sample


class _WithoutNul:
    """The lines of a stream without NUL characters, which no store takes; counts the lines that had any."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._stream:
            if "\x00" in line:
                self._lines += 1
                yield line.replace("\x00", "")
            else:
                yield line

    def problems(self, path: str) -> Iterator[Problem]:
        """What to report of the lines seen."""
        if self._lines:
            message = f"{self._lines} lines hold NUL bytes, which were left out: part of the file may be damaged."
            yield Problem(path, "nul_bytes", message, "repaired")


def _read_rows(file: SourceFile, stream: TextIO, delimiter: str) -> Iterator[Content]:
    clean = _WithoutNul(stream)
    rows = csv.reader(clean, delimiter=delimiter)
    first = list(islice(rows, _HEADER_ROWS))
    header = find_header(first, file.path)
    yield from header.problems
    columns = tuple(ColumnSchema(name) for name in header.names)
    batches = TextBatches(TableSchema(file.stem, file.path, columns, typed=False), file.fingerprint)
    repeated = first[header.header_rows[0]] if len(header.header_rows) == 1 and len(columns) > 1 else None
    irregular = IrregularRows(columns=len(columns), header=repeated, skipped=header.first_row, delimiter=delimiter)
    line = 0
    last = ""
    for piece in pieces(chain(first[header.first_row :], rows)):
        last = delimiter.join(piece[-1])
        yield from batches.add(irregular.regular(piece, lines=rows.line_num - line))
        line = rows.line_num
    swallowed = len(_NEWLINE.findall(last.rstrip("\r\n")))
    if swallowed and not irregular.took_apart and _ends_in_quote(stream, delimiter, last):
        message = f"A quote is opened and never closed; it swallowed the last {swallowed} lines of the file: close it."
        raise UnreadableItem("unclosed_quote", message)
    yield from batches.finish()
    yield from irregular.problems(file.path)
    yield from clean.problems(file.path)


def _ends_in_quote(stream: TextIO, delimiter: str, last: str) -> bool:
    """Whether the file ends within the quoted cell of its last row, which an ordinary parse takes for closed."""
    stream.seek(0)
    total = sum(1 for _ in stream)
    stream.seek(0)
    lines = len(_NEWLINE.findall(last)) + (last[-1] not in "\r\n")
    try:
        for _ in csv.reader(islice(stream, total - lines, None), delimiter=delimiter, strict=True):
            pass
    except csv.Error as error:
        return "unexpected end of data" in str(error)
    return False


READER = DelimitedReader()
