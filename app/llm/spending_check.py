"""Whether the database of ledger and budgets can do what is asked of it: statements that touch no row."""

from __future__ import annotations

import sqlalchemy as sa

from app.llm.spending_store import GUARDS, TABLES, SpendingStore
from app.ops.state import SPENDING
from app.settings import Settings


def try_store(store: SpendingStore) -> None:
    """Read and write every table, no row of it. Raises `SpendingUnavailable`, also where the role may not."""
    store.write(_touch)


def missing_guards(store: SpendingStore) -> list[str]:
    """Triggers that refuse changes of the ledger and are not there, or are off. Raises `SpendingUnavailable`."""
    return store.read(_missing)


def place_of(settings: Settings) -> str:
    """Where ledger and budgets are, without user and password."""
    if not settings.spending_url:
        return str(settings.state_path)
    url = sa.make_url(settings.spending_url)
    return f"{url.database} at {url.host}" if url.host else str(url.database)


def _touch(connection: sa.Connection) -> None:
    for table in TABLES:
        columns = [column.name for column in table.columns]
        nothing = sa.select(table).where(sa.false())
        connection.execute(sa.insert(table).from_select(columns, nothing))
        if table is not SPENDING:  # of the ledger a role needs no more than to read and to append
            first = table.columns[0]
            connection.execute(sa.update(table).values({first: first}).where(sa.false()))
            connection.execute(sa.delete(table).where(sa.false()))


def _missing(connection: sa.Connection) -> list[str]:
    if connection.dialect.name == "postgresql":
        query = "SELECT tgname FROM pg_trigger WHERE tgrelid = 'spending'::regclass AND tgenabled <> 'D'"
    else:
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'spending'"
    there = {row[0] for row in connection.execute(sa.text(query))}
    return [name for name in GUARDS[connection.dialect.name] if name not in there]
