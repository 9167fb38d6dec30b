"""The address of a database server: a URL whose parts may name environment variables, with few allowed parameters.

    postgresql://reader:${PG_PASSWORD}@db.example.com:5432/shop?sslmode=verify-full
    mariadb://reader:${DB_PASSWORD}@db.example.com/shop?ssl_ca=/etc/ssl/ca.pem

Variables are expanded when a connection is opened, never when the address is stored or shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from connectors.errors import ConnectorError
from connectors.secrets import expanded

if TYPE_CHECKING:
    from sqlalchemy.engine import URL as EngineURL

Dialect: TypeAlias = Literal["postgres", "mysql"]

SCHEMES: Mapping[str, Dialect] = {
    "postgresql": "postgres", "postgres": "postgres", "mysql": "mysql", "mariadb": "mysql",
}  # fmt: skip
_DRIVERS: Mapping[Dialect, str] = {"postgres": "postgresql+psycopg", "mysql": "mysql+pymysql"}
_PORTS: Mapping[Dialect, int] = {"postgres": 5432, "mysql": 3306}
PARAMETERS: Mapping[Dialect, frozenset[str]] = {
    "postgres": frozenset({"sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "target_session_attrs"}),
    "mysql": frozenset({"ssl_ca", "ssl_cert", "ssl_key", "ssl_check_hostname"}),
}
"""Parameters of a URL that reach a driver. Others could load files, set options or switch protections off."""
_SHAPE = "Write it as postgresql://user:${PASSWORD}@host:5432/database (or mariadb://…)."


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """Where a server is and who connects; the password is nowhere but in `url`."""

    dialect: Dialect
    host: str
    port: int
    database: str
    url: EngineURL

    def __repr__(self) -> str:
        return f"Address({self.shown})"

    @property
    def shown(self) -> str:
        """The address for people: host, port and database."""
        return f"{self.host}:{self.port}/{self.database}"


def parse_address(location: str, environment: Mapping[str, str] | None = None) -> Address:
    """The address that a location names. Raises a `ConnectorError` that never repeats the location."""
    from sqlalchemy.engine import URL, make_url
    from sqlalchemy.exc import ArgumentError

    scheme = location.partition("://")[0].lower()
    if scheme not in SCHEMES:
        raise ConnectorError("The address has no known scheme.", hint=f"Known: {', '.join(sorted(SCHEMES))}. {_SHAPE}")
    dialect = SCHEMES[scheme]
    try:
        parsed = make_url(location)
    except (ArgumentError, ValueError):
        raise ConnectorError("The database address cannot be read.", hint=_SHAPE) from None
    unknown = sorted(set(parsed.query) - PARAMETERS[dialect])
    if unknown:
        known = ", ".join(sorted(PARAMETERS[dialect]))
        raise ConnectorError(
            f"The address has a parameter {unknown[0]!r} that may not be set.", hint=f"Known: {known}."
        )
    host, database = expanded(parsed.host or "", environment), expanded(parsed.database or "", environment)
    if not host or not database:
        raise ConnectorError("The database address needs a host and a database.", hint=_SHAPE)
    url = URL.create(
        _DRIVERS[dialect],
        username=expanded(parsed.username or "", environment, may_be_empty=True) or None,
        password=expanded(parsed.password or "", environment, may_be_empty=True) or None,
        host=host,
        port=parsed.port or _PORTS[dialect],
        database=database,
        query=parsed.query,
    )
    return Address(dialect, host, parsed.port or _PORTS[dialect], database, url)
