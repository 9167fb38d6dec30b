"""The first step: what the connector yields goes to staging (documents) and to the tables database (tables)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from connectors.base import Connector, Document, Item, Problem, Resumable, TableBatch, TableChanges, Unchanged
from connectors.errors import SourceEmpty, nothing_readable
from ingest.build import Build
from ingest.request import shown_location
from ingest.stores import segment as files
from ingest.stores.tables import TableWriter

_OFTEN = 16  # items between two calls of `on_progress`
_KEPT = "What the last sync read of it is still served ({names}); it is read again at the next sync."
_MOST_NAMES = 3
_OF_OLD_PARTS = "read-by-earlier-parts"
"""Fingerprint of what was kept although the parts that read it changed since: no file has it, so it is read again."""


def read_source(build: Build, connector: Connector) -> None:
    """Read what changed since the last sync and take over the rest.

    Raises a `ConnectorError` if nothing is readable.
    """
    with build.step("read"), ExitStack() as stack:
        reader = _Reader(build, stack)
        total = 0 if getattr(connector, "discovery_reads", False) else sum(1 for _ in connector.discover())
        if isinstance(connector, Resumable):
            connector.resume(build.previous.notes_path if build.previous else None, build.folder / files.NOTES)
        for count, item in enumerate(_wanted(build, connector.read(_known(build)))):
            reader.take(item)
            if count % _OFTEN == 0:
                build.hooks.on_progress("read", reader.items, total or None)
        build.hooks.on_progress("read", reader.items, max(total, reader.items))
        reader.finish()
    if not build.staging.count() and not build.tables:
        _raise_empty(build)


class _Reader:
    """Takes the items of one run; opens the tables database at the first table."""

    def __init__(self, build: Build, stack: ExitStack) -> None:
        self._build = build
        self._stack = stack
        self._tables: TableWriter | None = None
        self._last_table = ""
        self._unread: list[Problem] = []
        self.items = 0
        previous = build.previous
        self._known_documents = previous.documents() if previous else {}
        self._known_tables = previous.info.tables if previous else {}

    def take(self, item: Item) -> None:
        """Store one item."""
        if isinstance(item, TableBatch):
            self._open_tables().write(item)
            self.items += item.schema.path != self._last_table
            self._last_table = item.schema.path
            return
        self.items += 1
        if isinstance(item, TableChanges):
            self._open_tables().merge(item)
        elif isinstance(item, Document):
            self._take_document(item)
        elif isinstance(item, Unchanged):
            self._keep(item.path)
        else:
            self._take_problem(item)

    def finish(self) -> None:
        """Keep what could not be read this time, and complete the tables."""
        for problem in self._unread:
            self._keep_unread(problem)
        if self._tables is None:
            return
        written = self._tables.finish()
        self._build.tables = written.tables
        if self._build.scrubs and written.tables:
            text = "Only documents are scrubbed: columns of tables are masked in answers, as the description file says."
            self._build.note("read", "tables_not_scrubbed", "", text, "noted")
        for problem in written.findings:
            self._build.note_problem("read", problem)
        if not written.tables:
            (self._build.folder / files.TABLES).unlink()

    def _take_document(self, document: Document) -> None:
        if self._build.scrubs:
            document = self._build.scrubber.scrubbed(document)
        if not self._build.staging.add(document):
            text = "The source has two documents of this path; the first was taken."
            self._build.note("read", "duplicate_path", document.path, text, "skipped")

    def _keep(self, path: str) -> None:
        previous = self._build.previous
        if previous is None:
            raise ValueError(f"the connector calls {path!r} unchanged, but nothing was known of it")
        row = previous.document_row(path) if path in self._known_documents else None
        if row is not None:
            self._build.staging.keep(row)
            self._build.staging.add_links(path, previous.links(path))
        if path in self._known_tables:
            self._open_tables().copy_unchanged(path)

    def _take_problem(self, problem: Problem) -> None:
        if problem.severity == "skipped" and self._tables is not None:
            self._tables.discard(problem)
        if problem.leaves_unread and self._build.keeps_previous:
            self._unread.append(problem)
        else:
            self._build.note_problem("read", problem)

    def _keep_unread(self, problem: Problem) -> None:
        """Take over what the last sync read of an item that is there and could not be read this time."""
        previous, staging, kept = self._build.previous, self._build.staging, []
        if previous is not None:
            as_read = None if self._build.reuses("reader", "cleaning") else _OF_OLD_PARTS
            documents = {} if self._build.newly_scrubbed else self._known_documents
            for path in filter(problem.concerns, documents):
                row = previous.document_row(path)
                if row is not None and not staging.holds(path):
                    staging.keep(row, as_read)
                    staging.add_links(path, previous.links(path))
                    kept.append(path)
            as_read = None if self._build.reuses("reader", "typing") else _OF_OLD_PARTS
            for path in filter(problem.concerns, self._known_tables):
                if not self._open_tables().holds(path):
                    self._open_tables().copy_unchanged(path, as_read)
                    kept.append(path)
        if kept:
            more = f" and {len(kept) - _MOST_NAMES} more" if len(kept) > _MOST_NAMES else ""
            said = _KEPT.format(names=", ".join(kept[:_MOST_NAMES]) + more)
            problem = replace(problem, message=f"{problem.message} {said}")
        self._build.note_problem("read", problem)

    def _open_tables(self) -> TableWriter:
        if self._tables is None:
            previous = self._build.previous.tables_path if self._build.previous else None
            writer = TableWriter(
                self._build.folder / files.TABLES, memory_limit=self._build.options.memory_limit, previous=previous
            )
            self._tables = self._stack.enter_context(writer)
        return self._tables


def _known(build: Build) -> dict[str, str]:
    """Fingerprints of what need not be read again."""
    known: dict[str, str] = {}
    if build.previous is not None and _documents_are_as_they_would_be(build):
        known |= build.previous.documents()
    if build.previous is not None and build.reuses("reader", "typing"):
        known |= build.previous.info.tables
    return known


def _documents_are_as_they_would_be(build: Build) -> bool:
    """Whether documents of the last segment were read, repaired and scrubbed as they would be now."""
    before = build.previous.info.inputs.get("scrub") if build.previous else None
    parts = ("reader", "cleaning", "pii") if build.scrubs else ("reader", "cleaning")
    return before == build.inputs.get("scrub") and build.reuses(*parts)


def _wanted(build: Build, items: Iterator[Item]) -> Iterator[Item]:
    """The items without the description file and without the stores themselves, where they lie in the source."""
    if "://" in build.request.location:
        yield from items
        return
    location = Path(build.request.location)
    left_out = [_within(location, path) for path in (build.layout.home, build.request.description_path) if path]
    for item in items:
        path = item.schema.path if isinstance(item, TableBatch | TableChanges) else item.path
        if not any(out and (path == out or path.startswith((out + "/", out + "#"))) for out in left_out):
            yield item


def _within(folder: Path, path: Path | str) -> str | None:
    path = Path(path)
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) and path != folder else None


def _raise_empty(build: Build) -> None:
    location = shown_location(build.request.location)
    problems = [finding for finding in build.findings if finding.severity == "skipped"]
    if not problems:
        raise SourceEmpty(f"There is nothing to read in {location}.", hint="Check the location.")
    raise nothing_readable(location, [f"{each.path}: {each.message}" for each in problems])
