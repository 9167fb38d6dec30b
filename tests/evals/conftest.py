"""A small real database for gold SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pytest


@pytest.fixture
def shop() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    connection.execute("CREATE TABLE orders AS SELECT i AS id, i * 1.5 AS total FROM range(1, 11) t(i)")
    yield connection
    connection.close()


@pytest.fixture
def gold(shop: duckdb.DuckDBPyConnection) -> Callable[[str], list[tuple[Any, ...]]]:
    return lambda sql: shop.execute(sql).fetchall()
