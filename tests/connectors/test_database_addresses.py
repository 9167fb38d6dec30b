"""Addresses of database servers: what is accepted, what is expanded, and what is shown."""

from __future__ import annotations

import pytest

from connectors.databases.address import parse_address
from connectors.errors import ConnectorError
from connectors.registry import kind_of
from ingest.request import holds_password, shown_location, slug_of_location


@pytest.mark.parametrize(
    ("location", "dialect", "port", "driver"),
    [
        ("postgresql://u@h/d", "postgres", 5432, "postgresql+psycopg"),
        ("postgres://u@h:6000/d?sslmode=require", "postgres", 6000, "postgresql+psycopg"),
        ("mysql://u@h/d", "mysql", 3306, "mysql+pymysql"),
        ("mariadb://u@[::1]:3307/d?ssl_ca=/ca.pem", "mysql", 3307, "mysql+pymysql"),
    ],
)
def test_addresses_of_each_kind(location: str, dialect: str, port: int, driver: str) -> None:
    address = parse_address(location)
    assert (address.dialect, address.port, address.url.drivername) == (dialect, port, driver)
    assert kind_of(location) == "sql_database"
    assert slug_of_location(location) == "d"


def test_variables_are_expanded_and_may_hold_any_character() -> None:
    environment = {"U": "me", "P": "p@ss/?#:%", "H": "db.local", "D": "shop", "EMPTY": ""}
    address = parse_address("mariadb://${U}:${P}@${H}/${D}", environment)
    assert (address.url.username, address.url.password, address.host, address.database) == (
        "me",
        "p@ss/?#:%",
        "db.local",
        "shop",
    )
    assert parse_address("mariadb://me:${EMPTY}@h/d", environment).url.password is None
    assert "p@ss" not in repr(address)


@pytest.mark.parametrize(
    "location",
    [
        "oracle://me:s3cret@h/d",
        "postgresql://me:s3cret@h",
        "postgresql://me:s3cret@/d",
        "postgresql://me:s3cret@h:port/d",
        "postgresql+psycopg2://me:s3cret@h/d",
        "postgresql://me:s3cret@h/d?options=-c%20x",
        "postgresql://me:s3cret@h/d?service=x",
        "mysql://me:s3cret@h/d?read_default_file=/etc/passwd",
        "mysql://me:s3cret@h/d?init_command=x",
        "mysql://me:s3cret@h/d?client_flag=65536",
        "mysql://me:s3cret@${UNSET_VARIABLE}/d",
    ],
)
def test_wrong_addresses_are_errors_without_the_password(location: str) -> None:
    with pytest.raises(ConnectorError) as error:
        parse_address(location, {})
    assert "s3cret" not in f"{error.value} {error.value.hint} {error.value.__context__!r}"


@pytest.mark.parametrize(
    ("location", "shown", "secret"),
    [
        ("postgresql://me:s3cret@h/d?sslmode=require", "postgresql://me:***@h/d", True),
        ("postgresql://me:s3@c/r?e#t@h/d", "postgresql://me:***@h/d", True),
        ("postgresql://me:${PW}@h/d", "postgresql://me:${PW}@h/d", False),
        ("postgresql://me:x${PW}@h/d", "postgresql://me:***@h/d", True),
        ("mysql://me@h/d", "mysql://me@h/d", False),
        ("https://example.com/a?b=c", "https://example.com/a?b=c", False),
    ],
)
def test_passwords_are_not_shown(location: str, shown: str, secret: bool) -> None:
    assert shown_location(location) == shown
    assert holds_password(location) is secret
