"""Which sources may be added by somebody who is not at this machine.

A location that comes over HTTP is not trusted as one typed at a terminal is: a key may be stolen. So it may be

    a web site, a Git repository, a bucket, a database server    at a public address, or at a host allowed by name
    a folder or file                                             below a folder that is allowed

and may name only those environment variables that are allowed. What is secret here, a variable's value or this
machine's own credentials, is sent to hosts that are allowed by name and to no other: whoever holds a stolen key could
name a server of theirs. Whatever is not named here is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from connectors.errors import ConnectorError, RefusedUrl
from connectors.exporting import yes_or_no
from connectors.registry import kind_of_url, open_connector
from connectors.url_guard import guard_of
from ingest.errors import SourceRefused
from ingest.request import SourceRequest, connector_options

LONGEST_LOCATION = 2000
MOST_OPTIONS = 30
SCHEMES: Mapping[str, frozenset[str]] = {
    "web": frozenset({"http", "https"}),
    "git": frozenset({"https", "git+https", "ssh", "git+ssh"}),
    "s3": frozenset({"s3"}),
    "sql_database": frozenset({"postgresql", "postgres", "mysql", "mariadb"}),
}
"""Kinds that are read over the network -> schemes of their locations."""
LOCAL_KINDS = ("files", "duckdb", "sqlite", "git", "mailbox", "helpdesk")
_AT_THE_MACHINE = {"web": ("allow_private",), "s3": ("profile",)}
"""Options that lead to what belongs to the machine: its network, its credentials."""
_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl", "ssl_ca", "ssl_cert", "ssl_key")
_VARIABLE = re.compile(r"\$\{([^}]*)\}?")
_PORTS = {"https": 443, "http": 80, "ssh": 22}
_TERMINAL = "Whoever operates the service can add it with `answerable ingest add`"


@dataclass(frozen=True, slots=True)
class Admission:
    """What the operator allows; the default is the public internet."""

    folders: tuple[Path, ...] = ()
    """Folders at or below which local sources may be."""
    hosts: tuple[str, ...] = ()
    """`host` or `host:port` of servers that may have a private address."""
    variables: frozenset[str] = frozenset()
    """Environment variables that a location may name as `${NAME}`."""

    def admitted(self, request: SourceRequest) -> SourceRequest:
        """The request as it may be carried out, with its kind and options settled.

        Raises `SourceRefused` for what is not allowed, and for options that the kind does not have.
        """
        asked = replace(request, location=request.location.strip())
        _check_texts(asked.location, asked.options)
        self._check_variables(asked.location)
        try:
            settled = self._remote(asked) if "://" in asked.location else self._local(asked)
            open_connector(settled.location, kind=settled.kind, options=connector_options(settled.options))
        except ConnectorError as error:
            raise SourceRefused(error.message, hint=error.hint) from error
        return settled

    def _check_variables(self, location: str) -> None:
        for name in _VARIABLE.findall(location):
            if name not in self.variables:
                raise SourceRefused(
                    f"The location names the environment variable {name!r}.",
                    hint=f"Only those in ANSWERABLE_SOURCE_VARIABLES may be named. {_TERMINAL}.",
                )
        before, _, after = location.partition("://")
        if "${" in before or "${" in (after.partition("@")[2] if "@" in after else after):
            raise SourceRefused(  # a host and a database's name are shown, in messages too
                "A location names variables only as user and password.", hint="https://user:${PASSWORD}@example.com/x"
            )

    def _remote(self, request: SourceRequest) -> SourceRequest:
        scheme = request.location.partition("://")[0].lower()
        kind = request.kind or kind_of_url(request.location) or ""
        if scheme not in SCHEMES.get(kind, ()):
            known = ", ".join(f"{each} ({', '.join(sorted(schemes))})" for each, schemes in SCHEMES.items())
            raise SourceRefused("A source of this kind and scheme is not added over HTTP.", hint=f"Known: {known}.")
        for option in _AT_THE_MACHINE.get(kind, ()):
            if option in request.options:
                raise SourceRefused(f"The option {option} is not taken over HTTP.", hint=f"{_TERMINAL}.")
        options = dict(request.options)
        if kind == "web":
            guard_of(request.location).target(request.location)
            if self.hosts:
                options["allow_private"] = ",".join(self.hosts)
        host, port = _server_of(kind, request)
        self._check_host(host, port)
        self._check_secrets(kind, request, host, port)
        return replace(request, kind=kind, options=options)

    def _check_host(self, host: str, port: int) -> None:
        """Refuse a server that is neither public nor allowed by name.

        Unlike the crawler, which connects to the very addresses that were checked, git and the drivers resolve the
        name again.
        """
        guard = guard_of("", ",".join(self.hosts))
        try:
            guard.addresses(host.lower(), port)
        except RefusedUrl as error:
            raise SourceRefused(
                error.message, hint=f"ANSWERABLE_SOURCE_HOSTS names hosts with private addresses. {_TERMINAL}."
            ) from error
        except OSError as error:
            raise SourceRefused(f"The host {host} does not resolve.", hint="Check the location.") from error

    def _check_secrets(self, kind: str, request: SourceRequest, host: str, port: int) -> None:
        """Refuse to send what is secret here to a server that is not allowed by name."""
        if kind == "s3":
            own = host == "s3.amazonaws.com" or yes_or_no("anonymous", request.options, default=False)
            what = "" if own else "with this machine's credentials"
        elif kind == "git" and "ssh" in request.location.partition("://")[0].lower():
            what = "with this machine's SSH keys"
        else:
            what = "with a variable's value" if "${" in request.location else ""
        if what and not guard_of("", ",".join(self.hosts)).allows_private(host.lower(), port):
            raise SourceRefused(
                f"{host} would be read {what}, and is not allowed by name.",
                hint=f"ANSWERABLE_SOURCE_HOSTS names the hosts that may get what is secret here. {_TERMINAL}.",
            )

    def _local(self, request: SourceRequest) -> SourceRequest:
        path = Path(request.location)
        allowed = [folder.expanduser().resolve() for folder in self.folders]
        found = path.resolve() if path.is_absolute() else None
        if found is None or not any(found.is_relative_to(folder) for folder in allowed):
            raise SourceRefused(
                "This is no path below a folder that sources may be added from over HTTP.",
                hint=f"ANSWERABLE_SOURCE_FOLDERS names these folders. {_TERMINAL}.",
            )
        if request.kind is not None and request.kind not in LOCAL_KINDS:
            raise SourceRefused(f"A path is no source of kind {request.kind!r}.", hint=", ".join(LOCAL_KINDS))
        return replace(request, location=str(found))


def _check_texts(location: str, options: Mapping[str, str]) -> None:
    """Refuse what no location or option holds, before anything reads it."""
    if not location or len(location) > LONGEST_LOCATION or not location.isprintable() or location.startswith("-"):
        raise SourceRefused("The location is empty, too long, or holds characters that no location has.")
    if len(options) > MOST_OPTIONS:
        raise SourceRefused(f"There are {len(options)} options; {MOST_OPTIONS} are allowed.")
    for name, value in options.items():
        if not re.fullmatch(r"[a-z_]{1,40}", name) or len(value) > LONGEST_LOCATION or not value.isprintable():
            raise SourceRefused(f"The option {name[:40]!r} cannot be used.", hint="Names are lower-case words.")
        if "${" in value:
            raise SourceRefused(f"The option {name} names an environment variable.", hint="Write the value.")


def _server_of(kind: str, request: SourceRequest) -> tuple[str, int]:
    """Host and port that a location leads to."""
    if kind == "sql_database":
        from connectors.databases.address import parse_address

        address = parse_address(request.location)
        for name in _FILES:
            if name in address.url.query:
                raise SourceRefused(f"The parameter {name} names a file of the server.", hint=f"{_TERMINAL}.")
        return address.host, address.port
    url = request.location.removeprefix("git+")
    if kind == "s3":
        url = request.options.get("endpoint_url") or "https://s3.amazonaws.com"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConnectorError("The location cannot be read.", hint="Check host and port.") from error
    if not host or parts.scheme not in _PORTS:
        raise ConnectorError("The location names no host.", hint="For example https://example.com/path.")
    return host, port or _PORTS[parts.scheme]
