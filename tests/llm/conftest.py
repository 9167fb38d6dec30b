"""Ledger and budgets are tested alike over SQLite and PostgreSQL."""

import os

import psycopg
import pytest
from spending_stores import postgres_database, settings


@pytest.fixture(scope="session")
def postgres_url():
    try:
        with postgres_database() as url:
            yield url
    except psycopg.OperationalError as error:
        reason = f"no postgresql server: {type(error).__name__}"
        (pytest.fail if os.environ.get("ANSWERABLE_CI") == "1" else pytest.skip)(reason)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
def spending(request, tmp_path):
    """Settings with an empty store of one kind."""
    if request.param == "sqlite":
        return settings(tmp_path)
    url = request.getfixturevalue("postgres_url")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return settings(tmp_path, url)
