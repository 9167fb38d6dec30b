"""Read-only sessions on a PostgreSQL, MariaDB or MySQL server, all alike: UTC, strict quoting, read-only, timed.

Every session is set up so that a statement means the same on each server and in the table sandbox: the time zone is
UTC, text without a collation compares by its characters, names resolve in the server's own schema only. What a driver
says of a failure becomes an error of ours without the driver's words, which may repeat what must not be shown.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from connectors.databases.address import Address
from connectors.errors import SourceAccessDenied, SourceNotFound, SourceUnreachable, SourceUnreadable

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

MARIADB_BINARY, MYSQL_BINARY = "utf8mb4_nopad_bin", "utf8mb4_0900_bin"
"""Collations that compare text by its characters and count trailing spaces, as the table sandbox does."""
_POSTGRES_SESSION = (
    "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    "SET search_path = pg_catalog",
    "SET TimeZone = 'UTC'",
    "SET DateStyle = 'ISO, YMD'",
    "SET IntervalStyle = 'postgres'",
    "SET standard_conforming_strings = on",
    "SET extra_float_digits = 1",
    "SET client_encoding = 'UTF8'",
)
_MYSQL_SESSION = (
    "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_UNSIGNED_SUBTRACTION,NO_ENGINE_SUBSTITUTION'",
    "SET SESSION time_zone = '+00:00'",
    "SET SESSION lc_time_names = 'en_US'",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "SET SESSION TRANSACTION READ ONLY",
)
_GRACE_S = 1.0
"""Seconds after a statement's own timeout at which the connection is cut, if the server does not answer at all."""


class Timeout(Exception):
    """The server, or the way to it, took longer than allowed."""


class Refused(Exception):
    """The server refused a statement; `code` is its SQLSTATE (PostgreSQL) or error number (MariaDB, MySQL)."""

    def __init__(self, code: str, kind: str) -> None:
        super().__init__(f"{kind} {code}")
        self.code = code


class Server:
    """A server with a bounded pool of connections, opened when first needed. Thread-safe; close it after use.

    `pool` is the number of connections held at most, `connect_s` how long connecting may take (seconds).
    """

    def __init__(self, address: Address, *, pool: int = 1, connect_s: float = 10.0, read_s: float = 3600.0) -> None:
        from sqlalchemy import create_engine, event

        self.address = address
        self.dialect = address.dialect
        self._connect_s = connect_s
        arguments: dict[str, Any] = {"connect_timeout": max(2, round(connect_s))}
        if self.dialect == "mysql":
            arguments |= {
                "charset": "utf8mb4", "local_infile": False, "read_timeout": max(1, round(read_s)),
                "write_timeout": max(1, round(read_s)), "conv": _mysql_conversions(),
            }  # fmt: skip
        else:
            arguments |= {"application_name": "answerable", "prepare_threshold": None, "tcp_user_timeout": 30_000}
        self._engine: Engine = create_engine(
            address.url, connect_args=arguments, pool_size=pool, max_overflow=0, pool_timeout=connect_s,
            pool_pre_ping=False, pool_recycle=300, hide_parameters=True, echo=False, skip_autocommit_rollback=True,
        )  # fmt: skip
        event.listen(self._engine, "connect", self._set_up)
        self.is_mariadb = False

    @property
    def binary_collation(self) -> str:
        """The collation that compares by characters."""
        if self.dialect == "postgres":
            return "C"
        return MARIADB_BINARY if self.is_mariadb else MYSQL_BINARY

    def close(self) -> None:
        """Close every connection that is not in use."""
        self._engine.dispose()

    @contextmanager
    def session(self, timeout_s: float | None = None) -> Iterator[Session]:
        """One read-only transaction that sees one state of the data; statements in it take `timeout_s` at most.

        Raises a `ConnectorError` if there is no connection, `Timeout` or `Refused` for what happens in it.
        """
        raw = self._connection()
        session = Session(self, raw.driver_connection, timeout_s)
        try:
            session.begin()
            yield session
            with suppress(self._error):
                raw.driver_connection.rollback()
        except BaseException:
            raw.invalidate()  # whatever state it is in, nobody else gets it
            raise
        finally:
            with suppress(self._error):
                raw.close()

    @property
    def _error(self) -> type[Exception]:
        error: type[Exception] = self._engine.dialect.loaded_dbapi.Error
        return error

    def _connection(self) -> Any:
        from sqlalchemy.exc import DBAPIError
        from sqlalchemy.exc import TimeoutError as PoolTimeout

        try:
            return self._engine.raw_connection()
        except PoolTimeout:
            raise Timeout from None
        except (DBAPIError, self._error, OSError) as error:
            raise _connection_error(self.address, getattr(error, "orig", error)) from None

    def _set_up(self, connection: Any, record: object) -> None:
        cursor = connection.cursor()
        if self.dialect == "mysql":
            cursor.execute("SELECT version()")
            self.is_mariadb = "mariadb" in str(cursor.fetchone()[0]).lower()
            cursor.execute(f"SET NAMES utf8mb4 COLLATE {self.binary_collation}")
        for statement in _MYSQL_SESSION if self.dialect == "mysql" else _POSTGRES_SESSION:
            cursor.execute(statement)
        cursor.close()
        connection.commit()

    @contextmanager
    def _stated(self) -> Iterator[None]:
        """What the driver raises, as `Timeout` or `Refused`."""
        try:
            yield
        except self._error as error:
            number = error.args[0] if error.args else ""
            code = str(number if self.dialect == "mysql" else getattr(error, "sqlstate", None) or "lost")
            if code in _TIMEOUTS:
                raise Timeout from None
            raise Refused(code if code.isalnum() else "lost", type(error).__name__) from None


_TIMEOUTS = frozenset({"57014", "25P03", "55P03", "1969", "3024", "1317", "2013"})
"""Statements that ran out of time; 2013: the connection was cut while it was waited for."""


class Session:
    """A transaction on one connection. One thread."""

    def __init__(self, server: Server, connection: Any, timeout_s: float | None) -> None:
        self.server = server
        self._connection = connection
        self._timeout_s = timeout_s
        self._streams = 0

    def begin(self) -> None:
        """Start the transaction; its first statement fixes the state of the data that it sees."""
        if self.server.dialect == "mysql":
            self._run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        self._allow(self._timeout_s)

    @contextmanager
    def apart(self, timeout_s: float | None = None) -> Iterator[None]:
        """Statements in this block take `timeout_s` at most; what fails in it leaves the transaction as it was."""
        self._allow(timeout_s)
        if self.server.dialect == "postgres":
            self._run("SAVEPOINT apart")
        try:
            yield
        finally:
            with suppress(Refused, Timeout):  # the connection is gone; the next statement says so
                if self.server.dialect == "postgres":
                    self._run("ROLLBACK TO SAVEPOINT apart")
                    self._run("RELEASE SAVEPOINT apart")
                self._allow(self._timeout_s)

    def _allow(self, timeout_s: float | None) -> None:
        """Set how long one statement may take; None: as long as it needs."""
        if self.server.dialect == "postgres":
            self._run(f"SET LOCAL statement_timeout = {_milliseconds(timeout_s)}")
        elif self.server.is_mariadb:
            self._run(f"SET SESSION max_statement_time = {timeout_s or 0:.3f}")
        else:
            self._run(f"SET SESSION max_execution_time = {_milliseconds(timeout_s)}")

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query whose result is small. `%` is a placeholder's only where there are parameters."""
        with self.server._stated(), self._connection.cursor() as cursor:
            self._execute(cursor, sql, parameters)
            return list(cursor.fetchall())

    def at_most(self, sql: str, count: int) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Column names and up to `count` rows of one statement; cut off if the server does not answer in time."""
        with self.server._stated(), self._cut_off(), self._connection.cursor() as cursor:
            self._execute(cursor, sql, ())
            names = [column[0] for column in cursor.description or ()]
            return names, list(cursor.fetchmany(count))

    def stream(self, sql: str, least: int, most: int, size: int) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a query of any size, in pieces of `least` to `most` rows and about `size` bytes."""
        self._streams += 1
        if self.server.dialect == "postgres":
            cursor = self._connection.cursor(name=f"stream_{self._streams}")
        else:
            from pymysql.cursors import SSCursor

            cursor = self._connection.cursor(SSCursor)
        with self.server._stated():
            try:
                cursor.execute(sql)
                count = least
                while rows := cursor.fetchmany(count):
                    yield list(rows)
                    count = max(1, min(most, size * len(rows) // max(1, _size(rows))))
            finally:
                with suppress(self.server._error):
                    cursor.close()

    def casing(self) -> str:
        """The collation by which this server turns text to lower case in every script; empty: a column's own does."""
        if self.server.dialect == "mysql":
            return ""
        found = self.rows("SELECT 1 FROM pg_collation WHERE collname = 'und-x-icu' AND collnamespace = 11")
        return "und-x-icu" if found else "default"

    def _execute(self, cursor: Any, sql: str, parameters: Sequence[object]) -> None:
        if self.server.dialect == "postgres":
            cursor.execute(sql, tuple(parameters) or None, binary=True)  # by a protocol that takes one statement only
        else:
            cursor.execute(sql, tuple(parameters) or None)

    def _run(self, sql: str) -> None:
        with self.server._stated(), self._connection.cursor() as cursor:
            cursor.execute(sql)

    @contextmanager
    def _cut_off(self) -> Iterator[None]:
        if self._timeout_s is None:
            yield
            return
        timer = threading.Timer(self._timeout_s + _GRACE_S, self._shut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _shut(self) -> None:
        """Close the connection's socket under the driver, which then stops waiting."""
        import os

        with suppress(Exception):  # the statement may have ended in this moment
            number = self._connection.fileno() if self.server.dialect == "postgres" else self._connection._sock.fileno()
            with socket.socket(fileno=os.dup(number)) as connection:
                connection.shutdown(socket.SHUT_RDWR)


def _size(rows: Sequence[Sequence[object]]) -> int:
    """About the bytes of some rows."""
    return sum(len(cell) if isinstance(cell, str | bytes) else 16 for row in rows for cell in row)


def _milliseconds(seconds: float | None) -> int:
    return 0 if seconds is None else max(1, round(seconds * 1000))


def _mysql_conversions() -> dict[Any, Any]:
    """The driver's conversions, but times as text (they may exceed a day) and dates that are none as None."""
    from pymysql import converters
    from pymysql.constants import FIELD_TYPE

    def dated(convert: Any) -> Any:
        def convert_or_none(text: Any) -> Any:
            found = convert(text)
            return None if isinstance(found, str | bytes) else found

        return convert_or_none

    conversions = dict(converters.conversions)
    conversions[FIELD_TYPE.TIME] = str
    for kind in (FIELD_TYPE.DATE, FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP):
        conversions[kind] = dated(conversions[kind])
    return conversions


_DENIED = ("28p01", "28000", "1045", "1044", "1698", "password authentication failed", "no pg_hba.conf", "fe_sendauth")
_NO_DATABASE = ("3d000", "1049", "does not exist")


def _connection_error(address: Address, error: BaseException) -> Exception:
    said = f"{getattr(error, 'sqlstate', '') or ''} {error.args[0] if error.args else ''}".lower()
    if any(each in said for each in _DENIED):
        return SourceAccessDenied(
            f"The database server at {address.shown} refuses this user.",
            hint="Check user and password (an environment variable in the address must hold the password), and grants.",
        )
    if any(each in said for each in _NO_DATABASE):
        return SourceNotFound(
            f"The server at {address.host}:{address.port} has no database {address.database!r} for this user.",
            hint="Check the last part of the address.",
        )
    if "ssl" in said or "certificate" in said:
        return SourceUnreadable(
            f"No encrypted connection to {address.shown} could be agreed on.",
            hint="Check sslmode and the certificates named in the address.",
        )
    return SourceUnreachable(
        f"The database server at {address.shown} cannot be reached.",
        hint="Check host and port, that the server runs, and that it lets this machine in.",
    )
