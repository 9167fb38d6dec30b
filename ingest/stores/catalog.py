"""The catalog: tables, columns, keys, joins and metrics of one source, as planning sees them.

Written by the profiler (merged with the description file) into a segment as `catalog.json`, read back unchanged.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from connectors.base import ServerTable

ColumnType: TypeAlias = Literal["integer", "number", "text", "boolean", "date", "timestamp", "time", "other"]
Visibility: TypeAlias = Literal["public", "internal"]
Dialect: TypeAlias = Literal["duckdb", "postgres", "mysql"]
Sending: TypeAlias = Literal["allowed", "never"]
Scalar: TypeAlias = str | int | float | bool | None


class FrequentValue(msgspec.Struct, frozen=True):
    """A value and how many rows hold it. Absent for personal-data columns."""

    value: Scalar
    rows: int


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column with its profile. Counts are rows; `minimum`/`maximum` are ISO text for dates and timestamps."""

    name: str
    type: ColumnType
    sql_type: str
    """The engine's type, e.g. `DECIMAL(12,2)`."""
    description: str | None = None
    synonyms: tuple[str, ...] = ()
    unit: str | None = None
    """`EUR`, `USD`, `%`, `kg` …: from the description file or from the signs removed while typing. `ratio`: shares in
    0..1, which readers see as percent."""
    labels: dict[str, str] = {}
    """Stored value -> what people call it, from the description file."""
    nulls: int = 0
    distinct: int = 0
    unique: bool = False
    """No two non-null rows hold the same value, and the table has rows."""
    minimum: Scalar = None
    maximum: Scalar = None
    frequent: tuple[FrequentValue, ...] = ()
    """Up to 20 most frequent values, most frequent first."""
    pii: str | None = None
    """Kind of personal data (`EMAIL_ADDRESS`, `PERSON`, …), declared or detected; None if none."""
    pii_declared: bool = False
    visibility: Visibility = "internal"
    hidden: bool = False
    """Never shown to planning or readers."""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """One table. `name` is its name in the segment's database: unique within the source, case-insensitively."""

    name: str
    path: str
    """The connector's identity of it, e.g. `sales/orders.csv`."""
    columns: tuple[Column, ...]
    rows: int
    primary_key: tuple[str, ...] = ()
    """Declared, described or inferred; empty if none was found."""
    description: str | None = None
    synonyms: tuple[str, ...] = ()
    default_date: str | None = None
    """Column that a period in a question means when it names no date."""
    visibility: Visibility = "internal"
    server: ServerTable | None = None
    """Where the table lies if it was not copied; the segment's database then holds it without rows."""


class Join(msgspec.Struct, frozen=True, kw_only=True):
    """An equi-join: many rows of `left_table` refer to one row of `right_table`."""

    left_table: str
    left_columns: tuple[str, ...]
    right_table: str
    right_columns: tuple[str, ...]
    evidence: Literal["declared", "described", "inferred"]
    score: float = 1.0
    """1 for declared and described; for inferred ones how well name, uniqueness and inclusion agree, in [0, 1]."""


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """A named aggregate from the description file, e.g. net revenue."""

    name: str
    table: str
    """The table whose rows are aggregated."""
    expression: str
    """DuckDB aggregate expression; columns are `table.column` or bare columns of `table`."""
    filter: str | None = None
    """Boolean expression that always applies, same names."""
    synonyms: tuple[str, ...] = ()
    unit: str | None = None
    description: str | None = None


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    """Everything planning knows of one source's tables."""

    source: str
    tables: tuple[Table, ...]
    joins: tuple[Join, ...] = ()
    metrics: tuple[Metric, ...] = ()
    description: str | None = None
    planner_threshold: float | None = None
    """Least confidence at which a table question of this source is answered; None: the setting's."""
    models: Sending = "allowed"
    """Whether anything of this source, documents included, may be sent to a language model."""

    @property
    def dialect(self) -> Dialect:
        """The SQL dialect that the tables are asked in."""
        servers = (table.server for table in self.tables if table.server is not None)
        return next((server.dialect for server in servers), "duckdb")

    def table(self, name: str) -> Table | None:
        """The table of that name, compared case-insensitively."""
        folded = name.casefold()
        return next((t for t in self.tables if t.name.casefold() == folded), None)
