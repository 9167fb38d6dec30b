"""Excel workbooks: every visible sheet with content is a table, its cells as plain text."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Literal

from connectors.base import ColumnSchema, Problem, TableSchema
from connectors.formats.source_file import Content, SourceFile, UnreadableItem
from connectors.formats.tabular_header import find_header
from connectors.formats.text_batches import TextBatches, pieces
from connectors.formats.xlsx_cells import ERROR_VALUES, CellText
from connectors.formats.zip_guard import checked_archive

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

_HEADER_ROWS = 100
_WIDEST_GAP = 1000
"""Blank rows in a row after which the rest of a sheet is formatting, not content."""
_UNCOMPUTED = re.compile(rb"</f>\s*(?:<v\s*/>|<v></v>)?\s*</c>|<f[^<>]*/>\s*(?:<v\s*/>|<v></v>)?\s*</c>")
_CHUNK_BYTES = 1 << 20
_OVERLAP_BYTES = 64


class XlsxReader:
    """Reads `.xlsx` and `.xlsm`."""

    kind: Literal["table"] = "table"

    def parts(self, file: SourceFile) -> list[str]:
        """`path#sheet` for each visible sheet with content."""
        with _opened(file) as (book, _):
            return [_part(file, sheet) for sheet in _visible(book) if _first_row(sheet) is not None]

    def read(self, file: SourceFile, wanted: Collection[str]) -> Iterator[Content]:
        """Yield the batches of the wanted sheets.

        Raises:
            UnreadableItem: `empty_file`, `corrupt_file`, `encrypted_file` or `zip_bomb`.

        """
        with _opened(file) as (book, archive):
            sheets = [sheet for sheet in _visible(book) if _first_row(sheet) is not None]
            hidden = [sheet.title for sheet in book.worksheets if sheet.sheet_state != "visible"]
            if hidden:
                message = f"Hidden sheets were left out: {', '.join(hidden)}. Unhide them to have them read."
                yield Problem(file.path, "hidden_sheet", message, "noted")
            if not sheets and not hidden:
                raise UnreadableItem("empty_file", "No sheet of the workbook holds anything.")
            for sheet in sheets:
                if _part(file, sheet) in wanted:
                    name = sheet.title if len(sheets) > 1 else file.stem
                    yield from _read_sheet(file, sheet, name)
                    yield from _uncomputed(_part(file, sheet), archive, sheet)


@contextmanager
def _opened(file: SourceFile) -> Iterator[tuple[Workbook, zipfile.ZipFile]]:
    """The workbook for reading in a stream, and its archive."""
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    archive = checked_archive(file.location, "xl/workbook.xml")
    with archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl warns of styles and extensions that do not concern values
        try:
            book = load_workbook(file.location, read_only=True, data_only=True)
        except (InvalidFileException, KeyError, ValueError, TypeError, SyntaxError) as error:
            message = f"The workbook is damaged ({error}): open it in its own program and save it again."
            raise UnreadableItem("corrupt_file", message) from error
        try:
            yield book, archive
        finally:
            book.close()


def _visible(book: Workbook) -> list[ReadOnlyWorksheet]:
    return [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]


def _part(file: SourceFile, sheet: ReadOnlyWorksheet) -> str:
    return f"{file.path}#{sheet.title}"


def _first_row(sheet: ReadOnlyWorksheet) -> tuple[Any, ...] | None:
    """The first row that holds anything."""
    sheet.reset_dimensions()  # files may declare a wrong extent
    rows = islice(sheet.iter_rows(values_only=True), _WIDEST_GAP)
    return next((row for row in rows if any(value not in (None, "") for value in row)), None)


def _read_sheet(file: SourceFile, sheet: ReadOnlyWorksheet, name: str) -> Iterator[Content]:
    part = _part(file, sheet)
    sheet.reset_dimensions()
    cell_text = CellText()
    rows = _text_rows(sheet, cell_text)
    first = list(islice(rows, _HEADER_ROWS))
    header = find_header(first, part)
    yield from header.problems
    width = len(header.names)
    columns = tuple(ColumnSchema(column) for column in header.names)
    batches = TextBatches(TableSchema(name, part, columns, typed=False), file.part_fingerprint(part))
    beyond = 0
    filled = (row for row in chain(first[header.first_row :], rows) if any(row))
    for piece in pieces(filled):
        beyond += sum(any(row[width:]) for row in piece)
        yield from batches.add([(row + [""] * (width - len(row)))[:width] for row in piece])
    yield from batches.finish()
    if beyond:
        message = f"{beyond} rows have cells to the right of the header; those cells were left out."
        yield Problem(part, "long_rows", message, "repaired")
    if cell_text.errors:
        shown = ", ".join(sorted(ERROR_VALUES & cell_text.errors.keys()))
        message = f"{sum(cell_text.errors.values())} cells hold an error ({shown}) and are empty."
        yield Problem(part, "cell_errors", message, "noted")


def _text_rows(sheet: ReadOnlyWorksheet, cell_text: CellText) -> Iterator[list[str]]:
    """The rows as text, until far more blank rows than anyone leaves between values."""
    blank = 0
    for row in sheet.iter_rows():
        texts = [cell_text(cell) for cell in row]
        blank = 0 if any(texts) else blank + 1
        if blank > _WIDEST_GAP:
            return
        yield texts


def _uncomputed(part: str, archive: zipfile.ZipFile, sheet: ReadOnlyWorksheet) -> Iterator[Problem]:
    """Formulas stored without their value: the writing program never computed them."""
    found = 0
    with archive.open(sheet._worksheet_path.lstrip("/")) as stream:
        kept = b""
        while chunk := stream.read(_CHUNK_BYTES):
            window = kept + chunk
            last = 0
            for match in _UNCOMPUTED.finditer(window):
                found, last = found + 1, match.end()
            kept = window[max(last, len(window) - _OVERLAP_BYTES) :]
    if found:
        message = f"{found} formulas have no stored value and are empty: open the workbook in Excel and save it."
        yield Problem(part, "formula_without_value", message, "noted")


READER = XlsxReader()
