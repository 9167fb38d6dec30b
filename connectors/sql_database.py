"""A PostgreSQL, MariaDB or MySQL database, copied into the store or left where it is.

All tables are read in one transaction, so that they fit together. A table whose content is as the last sync stored it
is not transferred again: the server computes a hash of its rows. With a cursor column, only rows that are new or
changed since are read, and merged by primary key. A live database yields the tables' columns and no rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from connectors.base import Discovered, Item, Problem, Unchanged
from connectors.databases.address import parse_address
from connectors.databases.reflection import ReflectedTable, reflected
from connectors.databases.selection import selection, suggested_names
from connectors.databases.server import Refused, Server, Session, Timeout
from connectors.databases.table_reader import Seen, TableReader
from connectors.errors import SourceUnreachable, SourceUnreadable


class SQLDatabaseConnector:
    """Reads the tables of a database server."""

    kind = "sql_database"

    def __init__(self, location: str, options: Mapping[str, str]) -> None:
        self.location = location
        self._address = parse_address(location)
        default = "public" if self._address.dialect == "postgres" else self._address.database
        self._selection = selection(self.kind, options, default)

    def check(self) -> None:
        """Raise a `ConnectorError` unless the server lets this user read tables."""
        with self._session() as session:
            self._tables(session)

    def discover(self) -> Iterator[Discovered]:
        """Name the tables and views."""
        with self._session() as session:
            tables = self._tables(session)
        for table in tables:
            yield Discovered(table.path, "table")

    def read(self, known: Mapping[str, str]) -> Iterator[Item]:
        """Yield the tables' rows, their changes, or `Unchanged`; a table that cannot be read is a problem."""
        with self._session() as session:
            tables = self._tables(session)
            names = suggested_names(tables)
            for table in tables:
                if not table.columns:
                    yield _unreadable(table, Refused("1356", "View"))
                    continue
                reader = TableReader(session, table, names, live=self._selection.live)
                try:
                    with session.apart():
                        yield from self._items(reader, table, known.get(table.path))
                except Refused as refused:
                    yield _unreadable(table, refused)

    def _items(self, reader: TableReader, table: ReflectedTable, known: str | None) -> Iterator[Item]:
        yield from _notes(reader, table)
        cursor = self._selection.cursor_of(table)
        if cursor is None or self._selection.live or not reader.can_follow(cursor):
            if cursor is not None and not self._selection.live:
                message = f"The cursor {cursor!r} is not used: it needs a primary key, and dates, numbers or texts."
                yield Problem(table.path, "cursor_unused", message, "noted")
            fingerprint = reader.fingerprint()
            if fingerprint == known:
                yield Unchanged(table.path)
            elif self._selection.live:
                yield reader.empty(fingerprint)
            else:
                yield from reader.batches(fingerprint)
            return
        now, before = reader.seen(cursor), Seen.of(known)
        if now == before:
            yield Unchanged(table.path)
        elif before is not None and before.definition == now.definition:
            yield reader.changes(cursor, now, before)
        else:
            yield from reader.batches(now.fingerprint())

    def _tables(self, session: Session) -> list[ReflectedTable]:
        found = reflected(session, self._selection.schemas)
        return self._selection.chosen(found, self._address.shown)

    @contextmanager
    def _session(self) -> Iterator[Session]:
        server = Server(self._address)
        try:
            with server.session() as session:
                yield session
        except Timeout:
            message = f"The database server at {self._address.shown} does not answer in time."
            raise SourceUnreachable(message, hint="Try again when it is less busy.") from None
        except Refused as refused:
            message = f"The database server at {self._address.shown} refused to be read (code {refused.code})."
            raise SourceUnreadable(message, hint="Check the user's grants, and the server's log.") from None
        finally:
            server.close()


def _notes(reader: TableReader, table: ReflectedTable) -> Iterator[Problem]:
    if unread := reader.unread_columns():
        yield Problem(table.path, "binary_column", f"Columns of bytes are left empty: {', '.join(unread)}.", "noted")
    if rounded := reader.rounded_columns():
        message = f"Numbers with more than 38 digits are rounded to 15: {', '.join(rounded)}."
        yield Problem(table.path, "wide_numbers", message, "noted")


def _unreadable(table: ReflectedTable, refused: Refused) -> Problem:
    what = "view" if table.is_view else "table"
    if refused.code == "1356":
        return Problem(table.path, "unreadable_table", f"The {what} selects from what is gone: repair or drop it.")
    if refused.code in ("42501", "1142", "1143"):
        return Problem(table.path, "not_permitted", f"The {what} may not be read: grant SELECT on it to this user.")
    message = f"The server cannot read the {what} (code {refused.code}): select from it there to see why."
    return Problem(table.path, "unreadable_table", message)
