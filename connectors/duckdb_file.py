"""A single DuckDB database file."""

from __future__ import annotations

from connectors.database_file import DatabaseFileConnector


class DuckDBConnector(DatabaseFileConnector):
    """Reads every table and view of a DuckDB file; see `connectors.formats.duckdb_tables`."""

    kind = "duckdb"
