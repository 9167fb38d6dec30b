"""What can go wrong with a source as a whole.

ConnectorError             code, message, hint
├── SourceNotFound         the path or database does not exist
├── SourceUnreadable       it exists but cannot be opened (permission, corrupt, encrypted)
├── SourceEmpty            nothing in it that a connector reads
├── RefusedUrl             a URL that may not be asked for (not http, a private address, credentials in it)
├── SourceUnreachable      a server does not answer
├── SourceAccessDenied     a server refuses the user or password
├── SecretMissing          an environment variable that the location names is not set (connectors/secrets.py)
└── UnknownKind            no connector reads this kind of location
"""

from __future__ import annotations

from collections.abc import Sequence

_MOST_REASONS = 3


class ConnectorError(Exception):
    """A source cannot be read. `code` is stable; `hint` says what to do."""

    code = "connector_error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class SourceNotFound(ConnectorError):
    """The location does not exist."""

    code = "source_not_found"


class SourceUnreadable(ConnectorError):
    """The location exists but cannot be opened or understood."""

    code = "source_unreadable"


class SourceEmpty(ConnectorError):
    """The location holds nothing that any connector reads."""

    code = "source_empty"


class RefusedUrl(ConnectorError):
    """A URL that no connector may ask for, or whose host has an address that is not public."""

    code = "url_refused"


class SourceUnreachable(ConnectorError):
    """The server of the source cannot be reached, or does not answer in time."""

    code = "source_unreachable"


class SourceAccessDenied(ConnectorError):
    """The server of the source refuses the user or password."""

    code = "source_access_denied"


def nothing_readable(location: str, reasons: Sequence[str]) -> SourceEmpty:
    """The error of a source in which every item was skipped; `reasons` are what was wrong, `path: message` each."""
    if len(reasons) == 1:
        return SourceEmpty(f"{location} cannot be read: {reasons[0]}", hint="Repair the file, or add another path.")
    more = f" … and {len(reasons) - _MOST_REASONS} more." if len(reasons) > _MOST_REASONS else ""
    listed = " ".join(reasons[:_MOST_REASONS]) + more
    return SourceEmpty(f"None of the {len(reasons)} items in {location} can be read.", hint=listed)


class UnknownKind(ConnectorError):
    """No connector reads this kind of location; the message lists the known ones."""

    code = "unknown_source_kind"
