"""The database of ledger and budgets: the state file, or one database that several hosts share.

    ANSWERABLE_SPENDING_URL=postgresql+psycopg://answerable@db/answerable

Transactions that write are serialised: SQLite by `BEGIN IMMEDIATE`, PostgreSQL by the rows that they change. A store
that cannot be reached, or whose file was removed or replaced by something else, is `SpendingUnavailable`: it is never
made anew while the service runs, for with it what was spent would be forgotten.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.pool import QueuePool
from sqlalchemy.schema import CreateIndex, CreateTable

from app.errors import ConfigurationError
from app.ops.state import BUDGET_ACCOUNTS, BUDGET_ALERTS, BUDGET_RESERVATIONS, SPENDING
from app.settings import Settings

Result = TypeVar("Result")

TABLES = (SPENDING, BUDGET_ACCOUNTS, BUDGET_RESERVATIONS, BUDGET_ALERTS)
WAIT_S = 5
"""Seconds that a transaction waits for others, and a server may take to connect."""
PAUSE_S = 1.0
"""Seconds after a failed connection in which no other is tried: a dead host must not cost every question its wait."""
SETUP_LOCK = 7_305_881
"""Key of the PostgreSQL advisory lock under which tables are made; any number that nobody else uses."""
REFUSED = "the ledger is append-only"
_SQLITE_TRIGGERS = tuple(
    f"CREATE TRIGGER IF NOT EXISTS spending_refuses_{change.lower()} BEFORE {change} ON spending "
    f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
    for change in ("UPDATE", "DELETE")
)
_POSTGRES_TRIGGERS = (
    f"CREATE OR REPLACE FUNCTION spending_refuses() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{REFUSED}'; END $$",
    "CREATE TRIGGER spending_refuses_change BEFORE UPDATE OR DELETE ON spending "
    "FOR EACH ROW EXECUTE FUNCTION spending_refuses()",
    "CREATE TRIGGER spending_refuses_truncate BEFORE TRUNCATE ON spending "
    "FOR EACH STATEMENT EXECUTE FUNCTION spending_refuses()",
)
GUARDS = {
    "sqlite": ("spending_refuses_update", "spending_refuses_delete"),
    "postgresql": ("spending_refuses_change", "spending_refuses_truncate"),
}
"""Dialect -> names of the triggers."""


class SpendingUnavailable(Exception):
    """The database of ledger and budgets cannot be used now; the message names no content and no password."""


class SpendingStore:
    """One process's connections to the database, opened when first needed. Thread-safe."""

    def __init__(self, url: sa.URL, *, durable: bool = False) -> None:
        """With `durable` a SQLite commit waits for the disk; without, it survives the process but not the power."""
        self._url = url
        self._durable = durable
        self._opening = threading.Lock()
        self._writing = threading.Lock()
        self._engine: sa.Engine | None = None
        self._file: tuple[int, int] | None = None
        self._down_until = 0.0

    def write(self, work: Callable[[sa.Connection], Result]) -> Result:
        """The result of `work` in a transaction that is committed if it returns. Raises `SpendingUnavailable`."""
        if not self._writing.acquire(timeout=WAIT_S):
            raise SpendingUnavailable("The store of budgets is too busy.")
        try:
            return self._run(work, {})
        finally:
            self._writing.release()

    def read(self, work: Callable[[sa.Connection], Result]) -> Result:
        """The result of `work`, which only reads. Raises `SpendingUnavailable`."""
        return self._run(work, {"only_reads": True})

    def close(self) -> None:
        """Close the connections."""
        with self._opening:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def _run(self, work: Callable[[sa.Connection], Result], options: dict[str, Any]) -> Result:
        try:
            with self._opened().execution_options(**options).begin() as connection:
                return work(connection)
        except (sa.exc.SQLAlchemyError, OSError) as error:
            raise SpendingUnavailable(f"The store of budgets cannot be used: {_reason(error)}.") from error

    def _opened(self) -> sa.Engine:
        with self._opening:
            if time.monotonic() < self._down_until:
                raise SpendingUnavailable("The store of budgets could not be reached a moment ago.")
            try:
                self._check_file()
                if self._engine is None:
                    self._engine = self._open()
            except (sa.exc.SQLAlchemyError, OSError):
                self._down_until = time.monotonic() + PAUSE_S
                raise
            return self._engine

    def _open(self) -> sa.Engine:
        path = sqlite_path(self._url)
        if path is None:
            engine = _postgres_engine(self._url)
        else:
            engine = _sqlite_engine(self._url, path, durable=self._durable, create=self._file is None)
        try:
            if path is None or self._file is None:
                with engine.begin() as connection:
                    _make_tables(connection)
        except sa.exc.SQLAlchemyError:
            engine.dispose()
            raise
        self._file = None if path is None else _identity(path)
        return engine

    def _check_file(self) -> None:
        """Let go of a file that is no longer the one under its name: others write to the one that is."""
        path = sqlite_path(self._url)
        if path is not None and self._file is not None and self._engine is not None and _identity(path) != self._file:
            self._engine.dispose()
            self._engine = None


def open_spending(settings: Settings, *, durable: bool = False) -> SpendingStore:
    """The store that is set; nothing is connected yet. Raises `ConfigurationError`."""
    if not settings.spending_url:
        return SpendingStore(sa.URL.create("sqlite", database=str(settings.state_path)), durable=durable)
    hint = "Write it as postgresql+psycopg://user:password@host:5432/database, or leave it out."
    try:
        url = sa.make_url(settings.spending_url)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise ConfigurationError("ANSWERABLE_SPENDING_URL is not a database URL.", hint=hint) from error
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("postgresql+psycopg", "sqlite") or not url.database:
        raise ConfigurationError(f"ANSWERABLE_SPENDING_URL cannot be {url.drivername!r} or has no database.", hint=hint)
    return SpendingStore(url, durable=durable)


def sqlite_path(url: sa.URL) -> Path | None:
    """The file of a SQLite URL; None for a server."""
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None


def _sqlite_engine(url: sa.URL, path: Path, *, durable: bool, create: bool) -> sa.Engine:
    if create:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    elif not path.exists():
        raise FileNotFoundError(f"{path.name} is gone")
    engine = sa.create_engine(url, poolclass=QueuePool, connect_args={"check_same_thread": False})

    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions begin below, not at sqlite3's discretion
        synchronous = "FULL" if durable else "NORMAL"
        for pragma in (f"busy_timeout={WAIT_S * 1000}", "journal_mode=WAL", f"synchronous={synchronous}"):
            connection.execute(f"PRAGMA {pragma}").close()

    def begin(connection: sa.Connection) -> None:
        only_reads = connection.get_execution_options().get("only_reads", False)
        connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")

    sa.event.listen(engine, "connect", prepare)
    sa.event.listen(engine, "begin", begin)
    return engine


def _postgres_engine(url: sa.URL) -> sa.Engine:
    limits = f"-c statement_timeout={WAIT_S * 1000} -c lock_timeout={WAIT_S * 1000}"
    return sa.create_engine(
        url, pool_pre_ping=True, pool_timeout=WAIT_S, connect_args={"connect_timeout": WAIT_S, "options": limits}
    )


def _make_tables(connection: sa.Connection) -> None:
    """Make what is missing, once however many processes start together."""
    postgres = connection.dialect.name == "postgresql"
    if postgres:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(SETUP_LOCK)))
    present = set(sa.inspect(connection).get_table_names())
    for table in TABLES:
        if table.name not in present:
            connection.execute(CreateTable(table))
            for index in table.indexes:
                connection.execute(CreateIndex(index))
    if not postgres or SPENDING.name not in present:
        refuse_changes(connection)


def refuse_changes(connection: sa.Connection) -> None:
    """Have the database itself refuse to change or delete a row of the ledger."""
    for statement in _POSTGRES_TRIGGERS if connection.dialect.name == "postgresql" else _SQLITE_TRIGGERS:
        connection.exec_driver_sql(statement)


def allow_deletion(connection: sa.Connection) -> None:
    """Lift the refusal for the rest of a transaction, at whose end `refuse_changes` must be called."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("DROP TRIGGER spending_refuses_change ON spending")
        connection.exec_driver_sql("DROP TRIGGER spending_refuses_truncate ON spending")
    else:
        connection.exec_driver_sql("DROP TRIGGER spending_refuses_update")
        connection.exec_driver_sql("DROP TRIGGER spending_refuses_delete")


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _reason(error: Exception) -> str:
    """What went wrong, by its type: a driver's message may hold the address, the user or a value."""
    cause = getattr(error, "orig", None) or error
    return type(cause).__name__
