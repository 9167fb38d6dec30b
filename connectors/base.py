"""The connector protocol and the values that connectors yield.

A connector reads one configured source. It is given the fingerprints of what an earlier sync stored and yields, item by
item, either the item's content or `Unchanged`. Items that an earlier sync knew and that are no longer yielded have been
deleted at the source. A connector never stops at one bad item: it yields a `Problem` and goes on. Where that says that
an item is there and could not be read (see `Problem.leaves_unread`), what an earlier sync read of it stays. A connector
raises a `ConnectorError` only when the source as a whole cannot be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import pyarrow as pa

Severity: TypeAlias = Literal["skipped", "repaired", "noted"]

HOLDS_NOTHING = frozenset({
    "access_denied", "broken_link", "dead_link", "empty_file", "link_loop", "link_outside", "no_columns", "no_text",
    "not_tabular", "unsupported_type",
})  # fmt: skip
"""Codes of items that were skipped because nothing is there to read: what they held before is gone."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document, converted to Markdown-flavoured plain text.

    Headings are `#` lines, list items `-` or `1.` lines, tables pipe rows, paragraphs separated by a blank line,
    whatever the format was; so that one chunker understands them all.
    """

    path: str
    """Path within the source with `/` separators, e.g. `policies/returns.md`: the document's identity."""
    text: str
    title: str | None
    media_type: str
    fingerprint: str
    """SHA-256 (hex) of the bytes read: equal fingerprints mean an unchanged document."""
    url: str | None = None
    modified: datetime | None = None
    """Time of the last change, timezone-aware UTC, where the source knows it."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Front matter and document properties, e.g. `{"version": "2023", "superseded_by": "returns.md"}`."""
    links: tuple[str, ...] = ()
    """Relative addresses that the document links to, e.g. `../policies/returns.md`."""
    people: tuple[str, ...] = ()
    """Names and addresses of people that the source itself gives. Never stored; a source that is scrubbed loses them
    wherever they stand."""


@dataclass(frozen=True, slots=True)
class ColumnSchema:
    """A column as the source declares it."""

    name: str
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A declared reference from columns of one table to columns of another table of the same source."""

    columns: tuple[str, ...]
    to_table: str
    to_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServerColumn:
    """How a column that stays on its server is read there; see `connectors.databases.readings`."""

    column: str
    """Its name in the catalog."""
    name: str
    """Its name on the server."""
    reading: str
    collation: str | None = None
    """Name of the collation that its text has on the server, where that decides what is equal or comes first."""


@dataclass(frozen=True, slots=True)
class ServerTable:
    """Where a table that was not copied lies."""

    dialect: Literal["postgres", "mysql"]
    schema: str
    name: str
    columns: tuple[ServerColumn, ...]
    binary: str = "C"
    """Collation of the server that compares text by its characters."""
    casing: str = ""
    """Collation by which the server turns text to lower case; empty: the column's own does."""


@dataclass(frozen=True, slots=True)
class TableSchema:
    """A table as the source declares it; keys are empty where the source (a CSV, say) declares none."""

    name: str
    """Suggested table name: the file's stem, the sheet's name or the database's table name, unaltered."""
    path: str
    """Item identity within the source, e.g. `sales/orders.csv`, `book.xlsx#Sheet1`, `shop.duckdb#main.orders`."""
    columns: tuple[ColumnSchema, ...]
    typed: bool
    """True: Arrow types are the source's own (Parquet, databases). False: all is text, to be typed at ingest."""
    primary_key: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    comment: str | None = None
    server: ServerTable | None = None
    """Set for a table that stays where it is and is asked there: its batch is empty and says only names and types."""


@dataclass(frozen=True, slots=True)
class TableBatch:
    """Some rows of one table. All batches of a table come one after another; an empty table yields one empty batch."""

    schema: TableSchema
    rows: pa.RecordBatch
    fingerprint: str
    """Identity of the table's content, equal for all its batches; see `Document.fingerprint`."""


@dataclass(frozen=True, slots=True)
class TableChanges:
    """What changed in a table since the last sync, to be merged by primary key into what that sync stored.

    Both functions read from the same state of the source and may be called until the next item is asked for.
    """

    schema: TableSchema
    fingerprint: str
    rows: int
    """Rows that the table has now. If the merged table has another number, rows were deleted: read the whole."""
    changed: Callable[[], Iterator[TableBatch]]
    """New and changed rows; at least one, perhaps empty, batch."""
    whole: Callable[[], Iterator[TableBatch]]


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The item at `path` has the fingerprint that the last sync stored; its content was not read again."""

    path: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something a person should know of an item: why it was skipped, or what was repaired while reading it."""

    path: str
    code: str
    """Stable snake_case code, e.g. `encrypted_pdf`, `zip_bomb`, `not_text`, `repeated_header`, `title_rows`."""
    message: str
    """What happened and what to do about it, for a person."""
    severity: Severity = "skipped"
    below: bool = True
    """Whether the problem also concerns items below its path: those of a folder or workbook, not those of a page."""

    @property
    def leaves_unread(self) -> bool:
        """Whether the item is there and could not be read: locked, damaged, encrypted or not permitted."""
        return self.severity == "skipped" and self.code not in HOLDS_NOTHING

    def concerns(self, path: str) -> bool:
        """Whether the problem is one of the item at `path`: its own, or its file's, workbook's or folder's."""
        if self.path in (path, "."):
            return True
        return self.below and path.startswith((self.path + "#", self.path + "/"))


Item: TypeAlias = Document | TableBatch | TableChanges | Unchanged | Problem


@dataclass(frozen=True, slots=True)
class Discovered:
    """An item that a connector would read, named without reading it."""

    path: str
    kind: Literal["document", "table"]
    bytes: int | None = None


@runtime_checkable
class Connector(Protocol):
    """A way to read one kind of source. Constructed by `connectors.registry.open_connector(location, options)`.

    Where naming the items costs as much as reading them (a site that is crawled), the connector has an attribute
    `discovery_reads = True`, and ingest does not ask for the names beforehand.
    A connector of people's conversations has an attribute `personal = True`: ingest scrubs its documents unless the
    source is added with `scrub=false`.
    """

    kind: str
    location: str

    def check(self) -> None:
        """Raise a `ConnectorError` that says what to do if the source cannot be read at all."""

    def discover(self) -> Iterator[Discovered]:
        """Name the items that `read` would yield, in a stable order, without reading their content."""

    def read(self, known: Mapping[str, str]) -> Iterator[Item]:
        """Yield every item in a stable order; `Unchanged` for those whose fingerprint equals `known[path]`."""


@runtime_checkable
class Resumable(Protocol):
    """A connector that keeps notes of its own from one sync to the next, e.g. the versions of pages.

    The notes are one file, sealed into the segment with what was read, so that both are always of the same sync.
    """

    def resume(self, before: Path | None, after: Path) -> None:
        """Called before `read`: the notes that the last sync left, if any, and the file to write this sync's to."""
