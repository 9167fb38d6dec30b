"""Which reader reads which file: by suffix, else by the file's first bytes. A new format is one module and one line."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from typing import cast

from connectors.formats.encoding import looks_like_text
from connectors.formats.source_file import Reader, UnreadableItem

_HEAD_BYTES = 8192

# Format name -> module; each module offers `READER`.
FORMATS: dict[str, str] = {
    "markdown": "connectors.formats.markdown",
    "text": "connectors.formats.text",
    "html": "connectors.formats.html",
    "pdf": "connectors.formats.pdf",
    "docx": "connectors.formats.docx",
    "delimited": "connectors.formats.delimited",
    "json": "connectors.formats.json_rows",
    "parquet": "connectors.formats.parquet",
    "xlsx": "connectors.formats.xlsx",
    "duckdb": "connectors.formats.duckdb_tables",
    "sqlite": "connectors.formats.sqlite_tables",
}

SUFFIXES: dict[str, str] = {
    **dict.fromkeys((".md", ".markdown", ".mdown", ".mkd", ".mdx"), "markdown"),
    **dict.fromkeys((".txt", ".text", ".rst", ".adoc", ".log"), "text"),
    **dict.fromkeys((".html", ".htm", ".xhtml"), "html"),
    **dict.fromkeys((".csv", ".tsv", ".tab", ".psv"), "delimited"),
    **dict.fromkeys((".json", ".jsonl", ".ndjson"), "json"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".xlsx", ".xlsm"), "xlsx"),
    **dict.fromkeys((".duckdb", ".ddb"), "duckdb"),
    **dict.fromkeys((".sqlite", ".sqlite3"), "sqlite"),
    ".pdf": "pdf",
    ".docx": "docx",
}

# Suffixes that are text or well known, yet neither documents nor tables; with what to do about them.
_UNSUPPORTED: dict[str, str] = {
    **dict.fromkeys((".css", ".js", ".map", ".svg", ".xml", ".ini", ".toml", ".lock"), "it holds no prose"),
    ".xls": "save it as .xlsx",
    ".xlsb": "save it as .xlsx",
    ".ods": "save it as .xlsx",
    ".doc": "save it as .docx",
    ".odt": "save it as .docx",
    ".rtf": "save it as .docx",
    ".ppt": "export it as PDF",
    ".pptx": "export it as PDF",
    ".epub": "convert it to HTML",
    **dict.fromkeys((".gz", ".zip", ".bz2", ".xz", ".zst", ".7z", ".tar"), "unpack it first"),
}

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"SQLite format 3\x00", "sqlite"),
    (8, b"DUCK", "duckdb"),
    (0, b"PAR1", "parquet"),
    (0, b"%PDF-", "pdf"),
)


def format_of_bytes(head: bytes) -> str | None:
    """The format that a file's first bytes (at least 16) prove, if any."""
    return next((name for offset, mark, name in _MAGIC if head[offset : offset + len(mark)] == mark), None)


def format_of(location: Path) -> str:
    """Name of the format that reads the file.

    Raises:
        UnreadableItem: `unsupported_type`; its message says what to do.
        OSError: The file cannot be opened.

    """
    suffix = location.suffix.lower()
    if known := SUFFIXES.get(suffix):
        return known
    with location.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if proven := format_of_bytes(head):
        return proven
    if suffix in _UNSUPPORTED:
        raise UnreadableItem("unsupported_type", f"Files of type {suffix} are not read: {_UNSUPPORTED[suffix]}.")
    if not head.strip():
        raise UnreadableItem("empty_file", "The file is empty.")
    if not looks_like_text(head):
        raise UnreadableItem(
            "unsupported_type", f"Files of type {suffix or '(no suffix)'} are not read: convert it to a supported one."
        )
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:64].lower()
    return "html" if start.startswith((b"<!doctype html", b"<html")) else "text"


@cache
def reader(format_name: str) -> Reader:
    """The reader of a format, imported at its first use."""
    return cast(Reader, importlib.import_module(FORMATS[format_name]).READER)
