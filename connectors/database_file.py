"""What the connectors of single database files share: one file, one reader, its tables as items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from connectors.base import Discovered, Item, Unchanged
from connectors.errors import SourceEmpty, SourceUnreadable
from connectors.files import OPTIONS, reads_views, require_known_options, require_readable
from connectors.formats.registry import reader
from connectors.formats.source_file import SourceFile, UnreadableItem, file_fingerprint


class DatabaseFileConnector:
    """Reads the tables of one database file; the file itself failing is an error of the source."""

    kind: str

    def __init__(self, location: str, options: Mapping[str, str]) -> None:
        require_known_options(self.kind, options, {"views": OPTIONS["views"]})
        self._views = reads_views(options)
        self.location = location
        self._path = Path(location).expanduser()

    def check(self) -> None:
        """Raise a `ConnectorError` unless the file is a database with tables."""
        if not self._parts(self._file()):
            raise SourceEmpty(f"{self.location} holds no tables.", hint="Check that it is the right file.")

    def discover(self) -> Iterator[Discovered]:
        """Name the tables and views."""
        for part in self._parts(self._file()):
            yield Discovered(part, "table")

    def read(self, known: Mapping[str, str]) -> Iterator[Item]:
        """Yield the tables' batches, `Unchanged` for every table while the file is the same."""
        file = self._file()
        file = replace(file, fingerprint=file_fingerprint(file.location))
        parts = self._parts(file)
        wanted = [part for part in parts if known.get(part) != file.part_fingerprint(part)]
        yield from (Unchanged(part) for part in parts if part not in wanted)
        if wanted:
            try:
                yield from reader(self.kind).read(file, wanted)
            except UnreadableItem as fault:
                raise SourceUnreadable(f"{self.location}: {fault.message}", hint=self._hint()) from fault

    def _file(self) -> SourceFile:
        require_readable(self._path)
        if self._path.is_dir():
            raise SourceUnreadable(f"{self.location} is a folder.", hint="Add it as a source of kind files.")
        return SourceFile(self._path, self._path.name, views=self._views)

    def _parts(self, file: SourceFile) -> list[str]:
        try:
            return list(reader(self.kind).parts(file))
        except UnreadableItem as fault:
            raise SourceUnreadable(f"{self.location}: {fault.message}", hint=self._hint()) from fault

    def _hint(self) -> str:
        return f"Check that the file is a whole {self.kind} database and that no other program has it open."
