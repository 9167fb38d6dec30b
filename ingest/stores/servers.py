"""What the answering side needs of the servers whose tables were not copied: addresses, sessions, readings, errors."""

from connectors.base import ServerColumn, ServerTable
from connectors.databases.address import parse_address
from connectors.databases.readings import as_text, collated, reading
from connectors.databases.server import Refused, Server, Timeout
from connectors.errors import ConnectorError

__all__ = [
    "ConnectorError",
    "Refused",
    "Server",
    "ServerColumn",
    "ServerTable",
    "Timeout",
    "as_text",
    "collated",
    "parse_address",
    "reading",
]
