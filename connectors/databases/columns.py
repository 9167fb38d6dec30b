"""From a column's type on a server to its reading and its Arrow type."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa

from connectors.databases.address import Dialect
from connectors.databases.server import MARIADB_BINARY, MYSQL_BINARY

WIDEST_DECIMAL = 38
_BINARY_COLLATIONS = frozenset({"C", "POSIX", "C.UTF-8", "C.utf8", "ucs_basic"})
"""Collations of PostgreSQL that compare by characters already."""
_POSTGRES: dict[str, tuple[str, pa.DataType]] = {
    "bool": ("plain", pa.bool_()),
    "int2": ("plain", pa.int16()),
    "int4": ("plain", pa.int32()),
    "int8": ("plain", pa.int64()),
    "oid": ("as_text", pa.string()),
    "float4": ("real", pa.float64()),
    "float8": ("plain", pa.float64()),
    "date": ("dated", pa.date32()),
    "timestamp": ("dated", pa.timestamp("us")),
    "timestamptz": ("dated", pa.timestamp("us")),
    "text": ("text", pa.string()),
    "varchar": ("text", pa.string()),
    "citext": ("as_text", pa.string()),
    "name": ("as_text", pa.string()),
    "bpchar": ("char", pa.string()),
    "bytea": ("nothing", pa.string()),
    "tsvector": ("nothing", pa.string()),
    "geometry": ("nothing", pa.string()),
    "geography": ("nothing", pa.string()),
}
_MYSQL: dict[str, tuple[str, pa.DataType]] = {
    "tinyint": ("plain", pa.int16()),
    "smallint": ("plain", pa.int32()),
    "mediumint": ("plain", pa.int32()),
    "int": ("plain", pa.int64()),
    "bigint": ("plain", pa.int64()),
    "year": ("plain", pa.int16()),
    "float": ("real", pa.float64()),
    "double": ("plain", pa.float64()),
    "date": ("dated", pa.date32()),
    "datetime": ("dated", pa.timestamp("us")),
    "timestamp": ("dated", pa.timestamp("us")),
    **dict.fromkeys(("char", "varchar", "tinytext", "text", "mediumtext", "longtext"), ("text", pa.string())),
    **dict.fromkeys(("enum", "set", "time", "json", "uuid", "inet4", "inet6"), ("as_text", pa.string())),
}
"""Whatever is not listed is bytes or a shape, and stays empty."""


@dataclass(frozen=True, slots=True)
class ServerType:
    """What a server says of a column's type: `int4`, or MariaDB's whole `int(10) unsigned`."""

    name: str
    precision: int | None = None
    scale: int | None = None
    collation: str | None = None
    deterministic: bool = True


@dataclass(frozen=True, slots=True)
class Read:
    """How a column is read. `asks` says what of its values has to be known to be sure."""

    reading: str
    arrow: pa.DataType
    asks: str = ""
    """`dated`: are there dates that are none; `flag`: other values than 0 and 1; `digits`: how wide are its numbers."""


def read_of(kind: ServerType, dialect: Dialect) -> Read:
    """The reading of a column of that type, before its values are known."""
    return _postgres(kind) if dialect == "postgres" else _mysql(kind)


def settled(read: Read, answers: tuple[object, ...]) -> Read:
    """The reading once what it asks is known.

    Answers: dated: whether some are none; flag: whether there are other values; digits: those before and after the
    decimal point.
    """
    if read.asks == "dated":
        return Read("dated" if answers[0] else "plain", read.arrow)
    if read.asks == "flag":
        return Read("plain", pa.int16()) if answers[0] else read
    whole, scale = (int(str(each or 0)) for each in answers)
    if whole + scale > WIDEST_DECIMAL:
        return Read("double", pa.float64())
    return Read(f"decimal_{scale}", pa.decimal128(WIDEST_DECIMAL, scale))


def _postgres(kind: ServerType) -> Read:
    if kind.name == "numeric":
        return _decimal(kind)
    reading, arrow = _POSTGRES.get(kind.name, ("as_text", pa.string()))
    if reading == "text" and kind.deterministic and kind.collation in _BINARY_COLLATIONS:
        reading = "plain"
    return Read(reading, arrow, "dated" if reading == "dated" else "")


def _decimal(kind: ServerType) -> Read:
    if kind.precision is None or kind.precision > WIDEST_DECIMAL or not 0 <= (kind.scale or 0) <= kind.precision:
        return Read("double", pa.float64(), "digits")
    return Read("plain", pa.decimal128(kind.precision, kind.scale or 0))


def _mysql(kind: ServerType) -> Read:
    whole = kind.name.lower()
    name = re.split(r"[\s(]", whole, maxsplit=1)[0]
    if whole.startswith("tinyint(1)") and "unsigned" not in whole:
        return Read("flag", pa.bool_(), "flag")
    if name == "bit":
        return Read("flag", pa.bool_()) if whole == "bit(1)" else Read("bits", pa.decimal128(20, 0))
    if name == "bigint" and "unsigned" in whole:
        return Read("plain", pa.decimal128(20, 0))
    if name == "decimal":
        return _decimal(kind)
    if kind.collation == "binary":
        return Read("nothing", pa.string())
    reading, arrow = _MYSQL.get(name, ("nothing", pa.string()))
    if reading == "text" and kind.collation in (MARIADB_BINARY, MYSQL_BINARY):
        reading = "plain"
    return Read(reading, arrow, "dated" if reading == "dated" else "")
