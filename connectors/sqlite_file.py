"""A single SQLite database file."""

from __future__ import annotations

from connectors.database_file import DatabaseFileConnector


class SQLiteConnector(DatabaseFileConnector):
    """Reads every table and view of a SQLite file; see `connectors.formats.sqlite_tables`."""

    kind = "sqlite"
