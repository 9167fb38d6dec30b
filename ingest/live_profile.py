"""The profile of tables that stay on their server, from a bounded number of bounded queries.

Small tables are looked at whole. Of large ones, counts, least and greatest values come from the whole table if the
server can tell them in time, everything else from a part of the rows. What is not known is left open: planning then
takes a little less for granted. Values of columns without personal data are kept, so that questions may name them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
from sqlglot import exp

from connectors.base import Problem, ServerTable
from connectors.databases.address import parse_address
from connectors.databases.readings import reading
from connectors.databases.server import Refused, Server, Session, Timeout
from connectors.errors import SourceUnreachable
from ingest.joins import declared_joins, infer_joins
from ingest.keys import infer_key
from ingest.pii import kind_of_column
from ingest.profiler import (
    FREQUENT,
    FREQUENT_DISTINCT,
    LONGEST_VALUE,
    PII_TYPES,
    SAMPLED_VALUES,
    bound,
    column_type,
    renamed_keys,
    scalar,
    stored_columns,
)  # fmt: skip
from ingest.stores.catalog import Catalog, Column, ColumnType, FrequentValue, Table, Visibility
from ingest.stores.tables import WrittenTable
from ingest.stores.values import LONGEST_AVERAGE

if TYPE_CHECKING:
    import duckdb

QUERY_S = 5.0
"""Seconds that one query of the profile may take."""
BUDGET_S = 180.0
"""Seconds after which the remaining tables are taken as they are declared."""
WHOLE_ROWS = 100_000
"""Rows up to which a table is looked at whole, and rows looked at of a larger one."""
VALUES_PER_COLUMN = 10_000
VALUES_COMPARED = 2_000
UNKNOWN_ROWS = 1_000_000
"""Rows that a table is taken to have if the server cannot count them in time."""


@contextmanager
def profiling(
    location: str, connection: duckdb.DuckDBPyConnection, tables: Sequence[WrittenTable], *, keep_values: bool
) -> Iterator[LiveProfile]:
    """A profile of the tables at `location`; `connection` has them without rows. Raises a `ConnectorError`."""
    server = Server(parse_address(location))
    try:
        with server.session(QUERY_S) as session:
            yield LiveProfile(session, connection, tables, keep_values)
    except (Timeout, Refused):
        message = f"The connection to {server.address.shown} was lost while its tables were looked at."
        raise SourceUnreachable(message, hint="Sync the source again.") from None
    finally:
        server.close()


class LiveProfile:
    """Looks at the tables of one source. One thread."""

    def __init__(
        self, session: Session, connection: duckdb.DuckDBPyConnection, tables: Sequence[WrittenTable], keep: bool
    ) -> None:
        self._session = session
        self._connection = connection
        self._tables = {table.name: table for table in tables}
        self._keep = keep
        self._until = time.monotonic() + BUDGET_S
        self._values: dict[tuple[str, str], list[tuple[str, int]]] = {}
        self.findings: list[Problem] = []
        """What could not be looked at in time."""

    def catalog(self, source: str, visibility: Visibility) -> Catalog:
        """The catalog of the tables as they are now."""
        profiled = tuple(self._table(table, visibility) for table in self._tables.values())
        keys = {table.name: renamed_keys(table, list(self._tables.values())) for table in self._tables.values()}
        declared = declared_joins(profiled, keys)
        inferred = infer_joins(self._connection, profiled, declared, self._inclusion)
        return Catalog(source=source, tables=profiled, joins=(*declared, *inferred))

    def values(self, table: Table, column: Column) -> Iterable[tuple[str, int]]:
        """Values of a text column with their rows, as `write_value_index` takes them."""
        return self._values.get((table.name, column.name), ()) if self._keep else ()

    def _table(self, table: WrittenTable, visibility: Visibility) -> Table:
        look = _Look(self._session, table, stored_columns(self._connection, table), self._until)
        columns = tuple(self._column(look, at, visibility) for at in range(len(look.columns)))
        if look.missed:
            message = "The table was not looked at whole, since the server took too long: " + ", ".join(look.missed)
            self.findings.append(Problem(table.path, "profile_cut", message + ".", "noted"))
        profiled = Table(
            name=table.name, path=table.path, columns=columns, rows=look.rows, primary_key=table.primary_key,
            description=table.comment, visibility=visibility, server=table.server,
        )  # fmt: skip
        if profiled.primary_key:
            return profiled
        return msgspec.structs.replace(profiled, primary_key=infer_key(self._connection, profiled))

    def _column(self, look: _Look, at: int, visibility: Visibility) -> Column:
        name, sql_type = look.columns[at]
        kind = column_type(sql_type)
        sample = look.sample(at)
        pii = kind_of_column(name, sample, text=kind == "text") if kind in PII_TYPES else None
        shown = pii is None and (self._keep or kind != "text")
        filled, distinct, low, high = look.statistics[at]
        counted = look.frequent(at, kind, distinct, sample) if shown else []
        if shown and kind == "text":
            self._values[(look.table.name, name)] = [(str(value), count) for value, count in counted]
        short = [pair for pair in counted if not isinstance(pair[0], str) or len(pair[0]) <= LONGEST_VALUE]
        return Column(
            name=name, type=kind, sql_type=sql_type, description=look.table.column_comments.get(name),
            nulls=max(0, look.rows - filled), distinct=distinct, visibility=visibility, pii=pii,
            unique=look.table.primary_key == (name,) or (look.whole and filled > 0 and distinct == filled),
            minimum=bound(low) if shown else None, maximum=bound(high) if shown else None,
            frequent=tuple(FrequentValue(scalar(value), int(count)) for value, count in short[:FREQUENT]),
        )  # fmt: skip

    def _inclusion(self, left: str, column: str, right: str, target: str) -> float:
        """The share of up to 2,000 values of a column that another one has; 0 if the server cannot tell in time."""
        a, b = (_Look(self._session, self._tables[name], [], self._until) for name in (left, right))
        try:
            own, other = a.read(column), b.read(target)
        except KeyError:
            return 0.0
        query = (
            f"SELECT count(*), coalesce(sum(CASE WHEN v IN (SELECT {other} FROM {b.relation}) THEN 1 ELSE 0 END), 0) "  # noqa: S608
            f"FROM (SELECT DISTINCT {own} AS v FROM {a.relation} WHERE {own} IS NOT NULL LIMIT {VALUES_COMPARED}) s"
        )
        found = a.asked(query, "joins")
        return float(found[0][1]) / float(found[0][0]) if found and found[0][0] else 0.0


class _Look:
    """Bounded queries on one table."""

    def __init__(self, session: Session, table: WrittenTable, columns: Sequence[tuple[str, str]], until: float) -> None:
        assert table.server is not None
        self._session = session
        self.table = table
        self.columns = columns
        self._server: ServerTable = table.server
        self._reads = {column.column: column for column in self._server.columns}
        self._until = until
        self.missed: list[str] = []
        names = (exp.to_identifier(name, quoted=True) for name in (self._server.schema, self._server.name))
        self.relation = ".".join(name.sql(dialect=self._server.dialect) for name in names)
        if columns:
            self.rows = self._counted()
            self.whole = self.rows <= WHOLE_ROWS
            self.statistics = self._statistics()
            self._sampled = self.asked(f"SELECT {self._listed()} FROM {self.relation} LIMIT {SAMPLED_VALUES}", "sample")  # noqa: S608

    def read(self, column: str) -> str:
        """The column's reading as SQL. Raises KeyError for an unknown one."""
        found = self._reads[column]
        bare = exp.column(exp.to_identifier(found.name, quoted=True))
        read = reading(bare, found.reading, self._server.dialect, found.collation, self._server.binary)
        return read.sql(dialect=self._server.dialect)

    def asked(self, query: str, what: str) -> list[tuple[Any, ...]]:
        """The rows of a query; none if it takes too long or the time for the profile is over."""
        try:
            if time.monotonic() < self._until:
                with self._session.apart(QUERY_S):
                    return self._session.rows(query)
        except Timeout:
            pass
        self.missed.append(what)
        return []

    def sample(self, at: int) -> list[Any]:
        """Some values of a column that are there."""
        return [row[at] for row in self._sampled if row[at] is not None]

    def frequent(self, at: int, kind: ColumnType, distinct: int, sample: Sequence[Any]) -> list[tuple[Any, int]]:
        """Values of a column with their rows, most frequent first; none of columns of prose or of many numbers."""
        if kind == "text" and sample and sum(len(str(v)) for v in sample) / len(sample) > LONGEST_AVERAGE:
            return []
        if kind != "text" and not 0 < distinct <= FREQUENT_DISTINCT.get(kind, 0):
            return []
        read = self.read(self.columns[at][0])
        source = self.relation if self.whole else f"(SELECT * FROM {self.relation} LIMIT {WHOLE_ROWS}) s"  # noqa: S608
        most = VALUES_PER_COLUMN if kind == "text" else FREQUENT
        query = (
            f"SELECT {read}, count(*) FROM {source} WHERE {read} IS NOT NULL "  # noqa: S608
            f"GROUP BY {read} ORDER BY 2 DESC, 1 LIMIT {most}"
        )
        found = self.asked(query, f"values of {self.columns[at][0]}")
        return [(bool(value) if kind == "boolean" else value, int(count)) for value, count in found]

    def _listed(self) -> str:
        return ", ".join(self.read(name) for name, _ in self.columns)

    def _counted(self) -> int:
        found = self.asked(f"SELECT count(*) FROM {self.relation}", "count")  # noqa: S608
        return int(found[0][0]) if found else UNKNOWN_ROWS

    def _statistics(self) -> list[tuple[int, int, object, object]]:
        """Per column: filled rows, distinct values, minimum, maximum."""
        if self.whole:
            found = self._aggregates(self.relation, self._part)
            return found or [(self.rows, 0, None, None)] * len(self.columns)
        cut = f"(SELECT * FROM {self.relation} LIMIT {WHOLE_ROWS}) s"  # noqa: S608
        part = self._aggregates(cut, self._part) or [(0, 0, None, None)] * len(self.columns)
        ends = self._aggregates(self.relation, self._ends) or [(self.rows, 0, None, None)] * len(self.columns)
        return [
            (filled, distinct, low, high) for (_, distinct, *_), (filled, _, low, high) in zip(part, ends, strict=True)
        ]

    def _aggregates(self, source: str, part: Callable[[str, ColumnType], str]) -> list[tuple[int, int, object, object]]:
        parts = ", ".join(part(self.read(name), column_type(sql_type)) for name, sql_type in self.columns)
        found = self.asked(f"SELECT {parts} FROM {source}", "statistics")  # noqa: S608
        if not found:
            return []
        cells = iter(found[0])
        return [(int(next(cells)), int(next(cells)), next(cells), next(cells)) for _ in self.columns]

    def _part(self, read: str, kind: ColumnType) -> str:
        if kind == "boolean":
            return f"count({read}), count(DISTINCT {read}), NULL, NULL"
        return f"count({read}), count(DISTINCT {read}), min({read}), max({read})"

    def _ends(self, read: str, kind: ColumnType) -> str:
        ends = f"min({read}), max({read})" if kind in ("integer", "number", "date", "timestamp") else "NULL, NULL"
        return f"count({read}), 0, {ends}"
