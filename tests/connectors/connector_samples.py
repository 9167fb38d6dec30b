"""Small files of every format, made in place, and short ways to read a source."""

from __future__ import annotations

import sqlite3
import zipfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.base import Document, Item, Problem, TableBatch, Unchanged
from connectors.registry import open_connector

OrdinaryUser = Callable[[], AbstractContextManager[None]]


def read(location: Path, known: Mapping[str, str] | None = None, **options: str) -> list[Item]:
    return list(open_connector(str(location), options=options).read(known or {}))


def read_document(path: Path, **options: str) -> Document:
    (document,) = [item for item in read(path, **options) if isinstance(item, Document)]
    return document


def read_table(path: Path, *, name: str | None = None) -> list[dict[str, object]]:
    """All rows of the source's only table, or of the one called `name`."""
    batches = [item for item in read(path) if isinstance(item, TableBatch) and name in (None, item.schema.name)]
    assert len({batch.schema.path for batch in batches}) == 1, "not exactly one table"
    return [row for batch in batches for row in batch.rows.to_pylist()]


def columns(path: Path) -> tuple[str, ...]:
    batch = next(item for item in read(path) if isinstance(item, TableBatch))
    return tuple(column.name for column in batch.schema.columns)


def problems(path: Path, **options: str) -> dict[str, Problem]:
    return {item.code: item for item in read(path, **options) if isinstance(item, Problem)}


def path_of(item: Item) -> str:
    return item.schema.path if isinstance(item, TableBatch) else item.path


def fingerprints(items: list[Item]) -> dict[str, str]:
    return {path_of(item): item.fingerprint for item in items if isinstance(item, Document | TableBatch)}


def unchanged(items: list[Item]) -> list[str]:
    return [item.path for item in items if isinstance(item, Unchanged)]


def write_text(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def write_pdf(path: Path, pages: list[list[str]], **options: object) -> Path:
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(path), **options)
    canvas.setTitle("Sample")
    for lines in pages:
        block = canvas.beginText(72, 780)
        for line in lines:
            block.textLine(line)
        canvas.drawText(block)
        canvas.showPage()
    canvas.save()
    return path


def write_docx(path: Path, word: str) -> Path:
    import docx

    document = docx.Document()
    document.add_heading("Guide", 1)
    document.add_paragraph(word)
    document.save(str(path))
    return path


def write_xlsx(path: Path, sheets: Mapping[str, list[list[object]]]) -> Path:
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def write_parquet(path: Path, table: Mapping[str, object]) -> Path:
    pq.write_table(pa.table(dict(table)), path)
    return path


def write_duckdb(path: Path, *statements: str) -> Path:
    path.unlink(missing_ok=True)
    with duckdb.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)
    return path


def write_sqlite(path: Path, *statements: str) -> Path:
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return path


def write_bomb(path: Path, entry: str) -> Path:
    """A zip archive of some 50 KB that unpacks to 50 MB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(entry, bytes(50 << 20))
    return path


def truncated(path: Path) -> Path:
    """Cut a file in half."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


_CREATE = ("CREATE TABLE {word}_orders (id INTEGER PRIMARY KEY, note VARCHAR)", "CREATE TABLE people (id INTEGER)")
_INSERT = "INSERT INTO {word}_orders VALUES (1, '{word}')"


def _statements(word: str) -> list[str]:
    return [statement.format(word=word) for statement in (*_CREATE, _INSERT)]


# Suffix -> writes a file with content that depends on the word.
SAMPLES: dict[str, Callable[[Path, str], Path]] = {
    ".md": lambda path, word: write_text(path, f"# Guide\n\nAbout {word}.\n"),
    ".html": lambda path, word: write_text(path, f"<title>G</title><main><h1>Guide</h1><p>All about {word}.</main>"),
    ".txt": lambda path, word: write_text(path, f"All about {word}."),
    ".pdf": lambda path, word: write_pdf(path, [["Guide", f"All about {word}."]], invariant=1),
    ".docx": write_docx,
    ".csv": lambda path, word: write_text(path, f"id,note\n1,{word}\n2,other\n"),
    ".tsv": lambda path, word: write_text(path, f"id\tnote\n1\t{word}\n"),
    ".json": lambda path, word: write_text(path, f'[{{"id": 1, "note": "{word}"}}]'),
    ".jsonl": lambda path, word: write_text(path, f'{{"id": 1, "note": "{word}"}}\n{{"id": 2}}\n'),
    ".parquet": lambda path, word: write_parquet(path, {"id": [1, 2], "note": [word, None]}),
    ".xlsx": lambda path, word: write_xlsx(path, {"One": [["id", "note"], [1, word]], "Two": [["a", "b"], [1, 2]]}),
    ".duckdb": lambda path, word: write_duckdb(path, *_statements(word)),
    ".sqlite": lambda path, word: write_sqlite(path, *_statements(word)),
}
