"""Validated queries on the database servers of live sources: read-only, timed, with the types that copied tables have.

A question's statement runs in a read-only transaction with a timeout on the server and a limit on rows. The sandbox
holds the same tables without rows; it tells which types the result would have if the tables were copied, and the
server's values are brought to those, so that an answer does not depend on where the rows are.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from app.errors import DeadlineExceeded, ExecutionFailed, SourceUnavailable
from app.values import Deadline, Rows, ValidatedQuery

if TYPE_CHECKING:
    from app.execution.tables import HoldsSources, TableExecutor
    from ingest.stores.servers import Refused, Server

_log = logging.getLogger("answerable.servers")

CONNECTIONS = 4
"""Connections that one process holds to one server at most."""
CONNECT_S = 5.0
_GONE = frozenset({"42P01", "42703", "3F000", "1146", "1054", "1049"})
"""Codes of schemas, tables and columns that are no longer there."""
_DENIED = frozenset({"42501", "1142", "1143", "1044", "1356"})


class ServerExecutor:
    """Runs queries on servers. Thread-safe. `timeout_s` bounds each query (seconds), as the deadline does."""

    def __init__(self, sandbox: TableExecutor, timeout_s: float) -> None:
        self._sandbox = sandbox
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._servers: dict[str, Server] = {}

    def run(self, query: ValidatedQuery, snapshot: HoldsSources, deadline: Deadline) -> Rows:
        """The rows of a query, at most `query.max_rows`.

        Raises `DeadlineExceeded` if no time was left, `SourceUnavailable` if the server does not answer (in time) or
        its tables have changed, `ExecutionFailed` if it refused the query.
        """
        from ingest.stores.servers import ConnectorError, Refused, Timeout

        types = self._sandbox.types(query, snapshot, deadline)
        seconds = min(self._timeout_s, deadline.left())
        if seconds <= 0:
            raise DeadlineExceeded("No time was left to ask the server.", hint="Ask for less at once.")
        try:
            with self._server(query.source, snapshot).session(seconds) as session:
                names, fetched = session.at_most(query.executable, query.max_rows + 1)
        except ConnectorError as error:
            _log.warning(
                "source %s: %s %s", query.source, error.message, error.hint
            )  # for the operator: names the host
            message = f"The server of the source {query.source} cannot be asked now."
            raise SourceUnavailable(
                message, hint="Try again later; the service's log says why.", code=error.code
            ) from None
        except Timeout:
            message = f"The server of the source {query.source} did not answer within {seconds:.0f} seconds."
            raise SourceUnavailable(
                message, hint="Narrow the question, or try again later.", code="source_timeout"
            ) from None
        except Refused as refused:
            raise _refusal(query.source, refused) from None
        if len(names) != len(types):
            raise _changed(query.source)
        converters = [converter(engine_type) for _, engine_type in types]
        rows = tuple(
            tuple(convert(cell) for convert, cell in zip(converters, row, strict=True))
            for row in fetched[: query.max_rows]
        )
        columns = tuple(info for info, _ in types)
        return Rows(columns=columns, rows=rows, truncated=len(fetched) > query.max_rows)

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for server in self._servers.values():
                server.close()
            self._servers.clear()

    def _server(self, source: str, snapshot: HoldsSources) -> Server:
        """The source's server; servers of sources that are gone are closed."""
        from ingest.stores.servers import Server, parse_address

        location = str(snapshot.sources[source].entry.location)
        with self._lock:
            known = {str(each.entry.location) for each in snapshot.sources.values()}
            for gone in [each for each in self._servers if each not in known]:
                self._servers.pop(gone).close()
            if location not in self._servers:
                self._servers[location] = Server(
                    parse_address(location),
                    pool=CONNECTIONS,
                    connect_s=CONNECT_S,
                    read_s=self._timeout_s + CONNECT_S,
                )
            return self._servers[location]


def _refusal(source: str, refused: Refused) -> Exception:
    if refused.code in _GONE:
        return _changed(source)
    if refused.code in _DENIED:
        message = f"The source {source} may no longer be read by its user."
        return SourceUnavailable(message, hint="Grant it SELECT again.", code="source_access_denied")
    if refused.code in ("lost", "2006", "2013", "2055", "08006", "08003", "57P01", "57P02", "57P03"):
        message = f"The connection to the server of the source {source} was lost."
        return SourceUnavailable(message, hint="Ask again.", code="source_unreachable")
    message = f"The server of the source {source} could not answer (code {refused.code})."
    return ExecutionFailed(message, hint=f"If its tables were changed, run: answerable ingest sync {source}")


def _changed(source: str) -> SourceUnavailable:
    message = f"The source {source} has changed since it was last synced: a table or column is gone or another."
    return SourceUnavailable(message, hint=f"Run: answerable ingest sync {source}", code="source_changed")


def converter(engine_type: str) -> Callable[[Any], Any]:
    """How a driver's value becomes the value that the sandbox would return for a column of that type."""
    upper = engine_type.upper()
    if upper == "BOOLEAN":
        return _nothing_or(bool)
    if found := re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", upper):
        return _nothing_or(_decimal(int(found[2])))
    if "INT" in upper and not upper.startswith("INTERVAL"):
        return _nothing_or(lambda value: int(value) if isinstance(value, int) else int(Decimal(str(value))))
    if upper in ("DOUBLE", "FLOAT"):
        return _nothing_or(float)
    if upper == "DATE":
        return _nothing_or(lambda value: value.date() if isinstance(value, datetime) else value)
    if upper.startswith("TIMESTAMP"):
        return _nothing_or(_moment)
    return _nothing_or(lambda value: value.decode("utf-8", "replace") if isinstance(value, bytes) else value)


def _nothing_or(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else convert(value)


def _decimal(scale: int) -> Callable[[Any], Decimal | None]:
    unit = Decimal(1).scaleb(-scale)

    def convert(value: Any) -> Decimal | None:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
        return number.quantize(unit, rounding=ROUND_HALF_UP) if number.is_finite() else None

    return convert


def _moment(value: date | datetime) -> datetime:
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
