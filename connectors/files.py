"""A folder, or a single file, of documents and tables.

Every item comes from one file. What is wrong with one file is a `Problem` and the next file is read. A `Problem` of
severity `skipped` that follows batches of the same table means that the table broke off: its batches are incomplete.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import quote

from connectors.base import Discovered, Document, Item, Problem, Unchanged
from connectors.errors import ConnectorError, SourceEmpty, SourceNotFound, SourceUnreadable, nothing_readable
from connectors.formats.registry import format_of, reader
from connectors.formats.source_file import PARSER_FAULTS, SourceFile, UnreadableItem, file_fingerprint
from connectors.walking import walk

ITEM_FAULTS: tuple[type[Exception], ...] = (UnreadableItem, *PARSER_FAULTS)

OPTIONS: dict[str, str] = {
    "base_url": "address that a document's path is appended to where the document names no URL of its own",
    "views": "`yes` or `no`: whether views of databases are read like tables (unset: only where there are no tables)",
    "exclude": "comma-separated patterns of paths to leave out, e.g. `drafts/*,*.log`",
}


def require_known_options(kind: str, options: Mapping[str, str], known: Mapping[str, str]) -> None:
    """Raise a `ConnectorError` for an option that the kind of source does not have."""
    for name in options:
        if name not in known:
            listed = "; ".join(f"{each}: {meaning}" for each, meaning in known.items())
            raise ConnectorError(f"Sources of kind {kind} have no option {name!r}.", hint=f"Known options: {listed}.")


def reads_views(options: Mapping[str, str]) -> bool | None:
    """The option `views`; None unless given."""
    if "views" not in options:
        return None
    chosen = options["views"].lower()
    if chosen not in ("yes", "no"):
        raise ConnectorError(f"The option views is {chosen!r}.", hint="Known values: yes, no.")
    return chosen == "yes"


def require_readable(location: Path) -> None:
    """Raise `SourceNotFound` or `SourceUnreadable` unless the path exists and may be read."""
    try:
        exists = location.exists()
    except OSError as error:
        raise SourceUnreadable(f"{location} cannot be opened: {error.strerror}.", hint="Check the path.") from error
    if not exists:
        raise SourceNotFound(f"{location} does not exist.", hint=_nearest_hint(location))
    if not (location.is_dir() or location.is_file()):
        raise SourceUnreadable(f"{location} is neither a file nor a folder.", hint="Add a file, or a folder of files.")
    needed = os.R_OK | os.X_OK if location.is_dir() else os.R_OK
    if not os.access(location, needed):
        raise SourceUnreadable(f"{location} may not be read.", hint="Give this user permission to read it.")


def _nearest_hint(location: Path) -> str:
    """What exists of a path that does not."""
    parent = next((each for each in location.absolute().parents if each.exists()), None)
    if parent is None or parent != location.absolute().parent:
        return f"Check the path: the part that exists is {parent}."
    similar = sorted(each.name for each in parent.iterdir() if each.stem.lower()[:3] == location.stem.lower()[:3])
    return f"Similar names there: {', '.join(similar[:5])}." if similar else f"Nothing of that name is in {parent}."


def _problem_of(fault: Exception, path: str) -> Problem:
    """What to report of a file that a reader failed on."""
    if isinstance(fault, UnreadableItem):
        return fault.problem(path)
    if isinstance(fault, OSError):
        message = f"The file cannot be read: {fault.strerror or fault}. Check its permissions."
        return Problem(path, "unreadable", message)
    message = f"The file seems damaged ({type(fault).__name__}: {fault}): open it in its own program and save it."
    return Problem(path, "corrupt_file", message)


def items_of(file: SourceFile, known: Mapping[str, str]) -> Iterator[Item]:
    """What one file holds, `Unchanged` for what is known; its faults become problems.

    Without a fingerprint of its own the file is known by the SHA-256 of its bytes.
    """
    try:
        format_reader = reader(format_of(file.location))
        file = file if file.fingerprint else replace(file, fingerprint=file_fingerprint(file.location))
        if known.get(file.path) == file.fingerprint:
            yield Unchanged(file.path)
            return
        parts = format_reader.parts(file)
        wanted = [part for part in parts if known.get(part) != file.part_fingerprint(part)]
        yield from (Unchanged(part) for part in parts if part not in wanted)
        if wanted or not parts:
            yield from format_reader.read(file, wanted)
    except ITEM_FAULTS as fault:
        yield _problem_of(fault, file.path)


def known_parts(path: str, fingerprint: str, known: Mapping[str, str]) -> list[str]:
    """Items of an unchanged file that an earlier sync stored: the file itself, or its tables; in their order.

    For a source that tells a file's fingerprint without its bytes, so that an unchanged file need not be fetched.
    """
    if known.get(path) == fingerprint:
        return [path]
    file = SourceFile(Path(path), path, fingerprint)
    below = path + "#"
    return [each for each in known if each.startswith(below) and known[each] == file.part_fingerprint(each)]


def patterns_of(option: str) -> tuple[str, ...]:
    """The patterns of a comma-separated option."""
    return tuple(part.strip() for part in option.split(",") if part.strip())


class FilesConnector:
    """Reads a folder or one file of any supported format."""

    kind = "files"

    def __init__(self, location: str, options: Mapping[str, str]) -> None:
        require_known_options(self.kind, options, OPTIONS)
        self.location = location
        self._root = Path(location).expanduser()
        self._views = reads_views(options)
        self._base_url = options.get("base_url", "")
        self._excluded = patterns_of(options.get("exclude", ""))

    def check(self) -> None:
        """Raise a `ConnectorError` unless there is something to read."""
        require_readable(self._root)
        problems: list[Problem] = []
        for found in self._discovered():
            if isinstance(found, Discovered):
                return
            problems.append(found)
        if problems:
            raise nothing_readable(self.location, [f"{each.path}: {each.message}" for each in problems])
        raise SourceEmpty(
            f"There is nothing to read in {self.location}.",
            hint="Supported: Markdown, HTML, text, PDF, DOCX, CSV, XLSX, JSON, Parquet, DuckDB and SQLite files.",
        )

    def discover(self) -> Iterator[Discovered]:
        """Name the documents and tables; files that cannot be read are left out."""
        return (found for found in self._discovered() if isinstance(found, Discovered))

    def read(self, known: Mapping[str, str]) -> Iterator[Item]:
        """Yield each file's items, `Unchanged` for those whose fingerprint is known."""
        require_readable(self._root)
        for entry in self._entries():
            if isinstance(entry, Problem):
                yield entry
            else:
                for item in items_of(entry, known):
                    yield self._with_url(item) if isinstance(item, Document) else item

    def _discovered(self) -> Iterator[Discovered | Problem]:
        """What `read` would yield, by name, and what is wrong with the files that show it before they are read."""
        for entry in self._entries():
            if isinstance(entry, Problem):
                yield entry
                continue
            try:
                format_reader = reader(format_of(entry.location))
                size = entry.location.stat().st_size
                parts = format_reader.parts(entry)
            except ITEM_FAULTS as fault:
                yield _problem_of(fault, entry.path)
                continue
            if not parts:
                yield Problem(entry.path, "empty_file", "It holds nothing to read.")
            for part in parts:
                yield Discovered(part, format_reader.kind, size)

    def _entries(self) -> Iterator[SourceFile | Problem]:
        if self._root.is_file():
            yield SourceFile(self._root, self._root.name, views=self._views)
            return
        for found in walk(self._root):
            path = found.path if isinstance(found, Problem) else found[0]
            if any(fnmatch(path, pattern) for pattern in self._excluded):
                continue
            yield found if isinstance(found, Problem) else SourceFile(found[1], path, views=self._views)

    def _with_url(self, document: Document) -> Document:
        if document.url or not self._base_url:
            return document
        return replace(document, url=self._base_url.rstrip("/") + "/" + quote(document.path))
