"""Where a validated query runs: in the sandbox over copied tables, or on the server of a live source."""

from __future__ import annotations

from app.execution.servers import ServerExecutor
from app.execution.tables import HoldsSources, TableExecutor
from app.values import Deadline, Rows, ValidatedQuery


class Executors:
    """Both executors behind one `run`. Thread-safe."""

    def __init__(self, memory_limit: str, threads: int, timeout_s: float) -> None:
        self._sandbox = TableExecutor(memory_limit, threads, timeout_s)
        self._servers = ServerExecutor(self._sandbox, timeout_s)

    def run(self, query: ValidatedQuery, snapshot: HoldsSources, deadline: Deadline) -> Rows:
        """The rows of a query; raises what the executor of its source raises."""
        executor = self._sandbox if query.dialect == "duckdb" else self._servers
        return executor.run(query, snapshot, deadline)

    def explain(self, query: ValidatedQuery, snapshot: HoldsSources, deadline: Deadline) -> None:
        """Have the sandbox bind and plan a query without running it; raises `ExecutionFailed`, `DeadlineExceeded`."""
        self._sandbox.explain(query, snapshot, deadline)

    def close(self) -> None:
        """Close the connections to servers."""
        self._servers.close()
