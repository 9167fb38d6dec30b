"""The kinds of sources, each imported at its first use. A new kind is one module and one line in `KINDS`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import cast

from connectors.base import Connector
from connectors.errors import UnknownKind

# Kind -> module and class; the class is constructed with (location, options).
KINDS: dict[str, str] = {
    "files": "connectors.files:FilesConnector",
    "duckdb": "connectors.duckdb_file:DuckDBConnector",
    "sqlite": "connectors.sqlite_file:SQLiteConnector",
    "web": "connectors.web:WebConnector",
    "sql_database": "connectors.sql_database:SQLDatabaseConnector",
    "git": "connectors.git:GitConnector",
    "s3": "connectors.s3:S3Connector",
    "mailbox": "connectors.mail.mailbox:MailboxConnector",
    "imap": "connectors.mail.imap:ImapConnector",
    "helpdesk": "connectors.helpdesk:HelpdeskConnector",
}

_URL_SCHEMES = {
    **dict.fromkeys(("postgresql", "postgres", "mysql", "mariadb"), "sql_database"),
    **dict.fromkeys(("http", "https"), "web"),
    "imaps": "imap",
}

# Suffixes that name a kind even where the file is missing or damaged, so that the fault is reported as that kind's.
_DATABASE_SUFFIXES = {
    ".duckdb": "duckdb",
    ".ddb": "duckdb",
    ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
    ".db": "sqlite",
    ".db3": "sqlite",
}
_NO_OPTIONS: Mapping[str, str] = MappingProxyType({})


def open_connector(location: str, *, kind: str | None = None, options: Mapping[str, str] = _NO_OPTIONS) -> Connector:
    """The connector that reads `location`; nothing is read yet: call `check` first.

    Args:
        location: Path of a folder, a file or a database file.
        kind: One of `KINDS`; None: told from the location.
        options: What the kind lets one set, e.g. `{"exclude": "drafts/*"}`.

    Raises:
        UnknownKind: No connector reads this; the hint lists the known kinds.
        ConnectorError: An option that the kind does not have.

    """
    chosen = kind or kind_of(location)
    if chosen not in KINDS:
        known = ", ".join(sorted(KINDS))
        raise UnknownKind(f"No connector reads sources of kind {chosen!r}.", hint=f"Known kinds: {known}.")
    module, _, name = KINDS[chosen].partition(":")
    return cast(Connector, getattr(importlib.import_module(module), name)(location, options))


def kind_of(location: str) -> str:
    """The kind of source at a location: by a file's first bytes, else by its suffix; a URL's by its scheme."""
    named = kind_of_url(location)
    if named is not None:
        return named
    path = Path(location).expanduser()
    if path.suffix.lower() == ".mbox" or all((path / name).is_dir() for name in ("cur", "new", "tmp")):
        return "mailbox"
    if path.suffix.lower() in (".json", ".jsonl", ".ndjson") and _is_helpdesk_export(path):
        return "helpdesk"
    return _proven_kind(path) or _DATABASE_SUFFIXES.get(path.suffix.lower(), "files") if not path.is_dir() else "files"


def kind_of_url(location: str) -> str | None:
    """The kind of source that a URL names by its scheme; None if the location is no URL."""
    scheme, separator, rest = location.partition("://")
    if not separator or not scheme.replace("+", "").isalnum():
        return None
    if scheme.lower().startswith("git+") or rest.partition("?")[0].endswith(".git"):
        return "git"
    return _URL_SCHEMES.get(scheme.lower().partition("+")[0], scheme.lower())


def _is_helpdesk_export(path: Path) -> bool:
    from connectors.helpdesk import looks_like_export

    return looks_like_export(path)


def _proven_kind(path: Path) -> str | None:
    from connectors.formats.registry import format_of_bytes

    try:
        with path.open("rb") as stream:
            proven = format_of_bytes(stream.read(16))
    except OSError:
        return None
    if proven is None:
        return None
    return proven if proven in KINDS else "files"
