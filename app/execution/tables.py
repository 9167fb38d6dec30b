"""The table sandbox: validated queries over sealed segments, in an engine that cannot touch anything else.

One in-memory DuckDB instance per manifest attaches every source's `tables.duckdb` read-only and is then locked: no file
or network access, no extensions, no change of settings. Queries run on cursors of it. See "Securing DuckDB" in DuckDB's
documentation for the settings.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from app.errors import DeadlineExceeded, ExecutionFailed
from app.values import ColumnInfo, Deadline, Rows, ValidatedQuery

if TYPE_CHECKING:
    import duckdb

KEPT_INSTANCES = 2
"""Instances held open: the current manifest's and the one before, for questions still running on it."""
_LOCKDOWN = (
    "SET temp_directory = ''",
    "SET enable_external_access = false",
    "SET allow_community_extensions = false",
    "SET lock_configuration = true",
)
_CONFIG = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


class HoldsTables(Protocol):
    """The part of a source reader that execution needs."""

    @property
    def tables_path(self) -> Path | None:
        """The source's DuckDB file."""


class HoldsSources(Protocol):
    """The part of a snapshot that execution needs."""

    @property
    def id(self) -> str | None:
        """The manifest's name."""

    @property
    def sources(self) -> Mapping[str, Any]:
        """Source readers by name."""


def database_name(source: str) -> str:
    """The name under which a source's tables are attached: any source name becomes a plain identifier."""
    return f"s_{hashlib.sha256(source.encode()).hexdigest()[:16]}"


class TableExecutor:
    """Runs validated queries. Thread-safe. `timeout_s` bounds each query (seconds), as the deadline does."""

    def __init__(self, memory_limit: str, threads: int, timeout_s: float) -> None:
        self._memory_limit = memory_limit
        self._threads = threads
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._instances: dict[str, duckdb.DuckDBPyConnection] = {}

    def run(self, query: ValidatedQuery, snapshot: HoldsSources, deadline: Deadline) -> Rows:
        """The rows of a query, at most `query.max_rows`.

        Raises `DeadlineExceeded` when time ran out and `ExecutionFailed` when the engine refused (overflow, a cast that
        fails, memory); the engine's message is not shown to callers since it may quote cells.
        """
        columns, fetched = self._fetched(query.executable, query.max_rows + 1, snapshot, deadline)
        infos = tuple(ColumnInfo(name, type_name(kind)) for name, kind in columns)
        return Rows(columns=infos, rows=tuple(fetched[: query.max_rows]), truncated=len(fetched) > query.max_rows)

    def types(
        self, query: ValidatedQuery, snapshot: HoldsSources, deadline: Deadline
    ) -> tuple[tuple[ColumnInfo, str], ...]:
        """For a query on a server: each output column with the engine's type it would have here; raises as `run`."""
        columns, _ = self._fetched(query.shadow or query.executable, 1, snapshot, deadline)
        return tuple((ColumnInfo(name, type_name(kind)), kind) for name, kind in columns)

    def explain(self, query: ValidatedQuery, snapshot: HoldsSources, deadline: Deadline) -> None:
        """Have the engine bind and plan a query without reading a row; raises as `run`.

        For a query on a server it plans the same statement over the tables without rows.
        """
        self._fetched(f"EXPLAIN {query.shadow or query.executable}", 1, snapshot, deadline)

    def _fetched(
        self, sql: str, count: int, snapshot: HoldsSources, deadline: Deadline
    ) -> tuple[list[tuple[str, str]], list[tuple[Any, ...]]]:
        """Names and types of the columns, and up to `count` rows."""
        import duckdb

        seconds = min(self._timeout_s, deadline.left())
        if seconds <= 0:
            raise DeadlineExceeded(
                "No time was left to run the query.", hint="Ask for less at once, or raise ANSWERABLE_DEADLINE_S."
            )
        cursor = self._instance(snapshot).cursor()
        timer = threading.Timer(seconds, cursor.interrupt)
        timer.start()
        started = time.monotonic()
        try:
            cursor.execute(sql)
            columns = [(str(name), str(kind)) for name, kind, *_ in cursor.description or ()]
            return columns, cursor.fetchmany(count)
        except duckdb.InterruptException as error:
            message = f"The query was stopped after {time.monotonic() - started:.1f} seconds."
            raise DeadlineExceeded(message, hint="Narrow the question, or raise ANSWERABLE_TABLE_TIMEOUT_S.") from error
        except duckdb.Error as error:
            raise ExecutionFailed(
                f"The tables could not answer: {_reason(error)}.", hint="The query is in `sql`."
            ) from error
        finally:
            timer.cancel()
            cursor.close()

    def _instance(self, snapshot: HoldsSources) -> duckdb.DuckDBPyConnection:
        key = snapshot.id or ""
        held = self._instances.get(key)
        if held is not None:
            return held
        with self._lock:
            if key not in self._instances:
                self._instances[key] = self._open(snapshot)
                while len(self._instances) > KEPT_INSTANCES:
                    self._instances.pop(next(iter(self._instances)))
            return self._instances[key]

    def _open(self, snapshot: HoldsSources) -> duckdb.DuckDBPyConnection:
        import duckdb

        config: dict[str, str | bool | int | float | list[str]] = {
            **_CONFIG,
            "memory_limit": self._memory_limit,
            "threads": str(self._threads),
        }
        connection = duckdb.connect(":memory:", config=config)
        for name in sorted(snapshot.sources):
            path = snapshot.sources[name].tables_path
            if path is not None:
                quoted = str(path).replace("'", "''")
                connection.execute(f"ATTACH '{quoted}' AS {database_name(name)} (READ_ONLY)")
        for statement in _LOCKDOWN:
            connection.execute(statement)
        return connection


def _reason(error: Exception) -> str:
    """The kind of failure in words, without the engine's text."""
    return {
        "OutOfMemoryException": "the query needs more memory than it may use",
        "OutOfRangeException": "a number is out of range",
        "ConversionException": "a value cannot be converted",
        "InvalidInputException": "a value does not fit the calculation",
    }.get(type(error).__name__, f"the engine reports {type(error).__name__.removesuffix('Exception')}")


_TYPES = (
    ("DECIMAL", "number"),
    ("DOUBLE", "number"),
    ("FLOAT", "number"),
    ("TIMESTAMP", "timestamp"),
    ("DATE", "date"),
    ("TIME", "time"),
    ("BOOLEAN", "boolean"),
    ("VARCHAR", "text"),
    ("UUID", "text"),
    ("ENUM", "text"),
)


def type_name(engine_type: str) -> str:
    """A DuckDB type as the contract names types."""
    upper = engine_type.upper()
    if upper.startswith(("INTERVAL", "STRUCT", "MAP", "UNION", "BLOB", "BIT")) or upper.endswith("[]"):
        return "other"
    for prefix, name in _TYPES:
        if upper.startswith(prefix):
            return name
    return "integer" if "INT" in upper else "other"
