"""Primary keys inferred where none is declared: a unique column that is named like a key, or the pair of a bridge."""

from __future__ import annotations

import duckdb

from ingest.names import words
from ingest.stores.catalog import Column, Table
from ingest.stores.identifiers import quoted

_KEY_WORDS = frozenset({"id", "code", "key", "no", "number", "nr", "num", "uuid", "guid"})


def infer_key(connection: duckdb.DuckDBPyConnection, table: Table) -> tuple[str, ...]:
    """The best single column, else the first two (or three) key-like columns if they are unique together."""
    ranked = sorted(
        ((_score(table, column, position), -position, column.name) for position, column in enumerate(table.columns)),
        reverse=True,
    )
    if ranked and ranked[0][0] > 0:
        return (ranked[0][2],)
    return _bridge_key(connection, table)


def _score(table: Table, column: Column, position: int) -> float:
    unique = column.unique and column.nulls == 0
    name, entity = words(column.name), words(table.name)
    key_like = _key_like(name)
    if column.type not in ("integer", "text") or not (unique or table.rows == 0):
        return 0.0
    if name == ("id",) or (key_like and (name[:-1] == entity or name == (*entity[-1:], name[-1]))):
        return 1.0 if name[-1].endswith("id") else 0.9
    if position == 0 and key_like:
        return 0.8
    if not unique:
        return 0.0
    if key_like:
        return 0.5
    return 0.4 if position == 0 else 0.0


def _key_like(name: tuple[str, ...]) -> bool:
    return bool(name) and (name[-1] in _KEY_WORDS or (len(name[-1]) > 4 and name[-1].endswith("id")))


def _bridge_key(connection: duckdb.DuckDBPyConnection, table: Table) -> tuple[str, ...]:
    likely = (c for c in table.columns if c.nulls == 0 and c.type in ("integer", "text"))
    columns = [column.name for column in likely if _key_like(words(column.name))]
    for count in (2, 3):
        names = tuple(columns[:count])
        if len(names) == count and table.rows and _unique_together(connection, table, names):
            return names
    return ()


def _unique_together(connection: duckdb.DuckDBPyConnection, table: Table, names: tuple[str, ...]) -> bool:
    listed = ", ".join(quoted(name) for name in names)
    row = connection.execute(
        f"SELECT count(*) FROM (SELECT DISTINCT {listed} FROM {quoted(table.name)})"  # noqa: S608
    ).fetchone()
    return row is not None and row[0] == table.rows
