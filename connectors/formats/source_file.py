"""The file a reader is given, and what every reader offers."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from connectors.base import Document, Problem, Severity, TableBatch

Content: TypeAlias = Document | TableBatch | Problem

# What parsers of third parties raise on damaged files: their own errors derive from these, or are named beside them.
PARSER_FAULTS: tuple[type[Exception], ...] = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    OSError,
    NotImplementedError,
    RecursionError,
    SyntaxError,  # lxml and ElementTree parse errors
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)

# Write-ahead logs that hold part of a database file's content.
_COMPANIONS = ("-wal", ".wal")
_CHUNK_BYTES = 1 << 20


class UnreadableItem(Exception):
    """One item cannot be read; the connector turns it into a `Problem` and goes on with the next."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def problem(self, path: str, severity: Severity = "skipped") -> Problem:
        """The problem to report for the item at `path`."""
        return Problem(path=path, code=self.code, message=self.message, severity=severity)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a source."""

    location: Path
    path: str
    """Path within the source with `/` separators."""
    fingerprint: str = ""
    """SHA-256 (hex) of the file's bytes; empty while discovering."""
    views: bool | None = None
    """Whether a database's views are read like its tables; None: only where it has no tables.

    A view mostly repeats tables, joined: counted or summed, its rows would count twice.
    """

    @property
    def stem(self) -> str:
        """The file's name without its last suffix."""
        return self.location.stem

    @property
    def modified(self) -> datetime:
        """The file's modification time, UTC."""
        return datetime.fromtimestamp(self.location.stat().st_mtime, tz=UTC)

    def part_fingerprint(self, part: str) -> str:
        """Fingerprint of the item `part`: the file's own, mixed with the part's name where the file has several."""
        if part == self.path:
            return self.fingerprint
        return hashlib.sha256(f"{self.fingerprint}\n{part}".encode()).hexdigest()


class Reader(Protocol):
    """Reads one file format. Faults of the file as a whole are raised as `UnreadableItem`."""

    kind: Literal["document", "table"]

    def parts(self, file: SourceFile) -> Sequence[str]:
        """Paths of the items in the file: its own path, or `path#part` for each table of a workbook or database."""

    def read(self, file: SourceFile, wanted: Collection[str]) -> Iterator[Content]:
        """Yield the content of those parts of the file that are `wanted`, in the order of `parts`."""


def file_fingerprint(location: Path) -> str:
    """SHA-256 (hex) of the file's bytes, and of its write-ahead log where it has one with content."""
    digest = hashlib.sha256()
    companions = [location.with_name(location.name + suffix) for suffix in _COMPANIONS]
    for each in [location, *companions]:
        if each is not location and not (each.is_file() and each.stat().st_size):
            continue
        with each.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
    return digest.hexdigest()
