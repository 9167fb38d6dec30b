"""Which URLs and which network addresses a connector may reach: the guard against requests to the inside (SSRF).

A URL is checked twice. `UrlGuard.target` looks at how it is written: scheme, credentials, port. `UrlGuard.addresses`
looks at where it leads: every address that its host resolves to must be public, unless the host is allowed by name. The
caller connects to the addresses that were checked and resolves nothing again, so that a name cannot be re-bound between
the check and the connection.

Address blocks: IANA's special-purpose registries (RFC 6890 and its updates).
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

from connectors.errors import ConnectorError, RefusedUrl

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

DEFAULT_PORTS = {"http": 80, "https": 443}
LONGEST_URL = 2000
"""Characters; servers and proxies commonly refuse longer ones."""
_RESOLVE_SECONDS = 15.0
_EMBEDS_IPV4 = ipaddress.ip_network("64:ff9b::/96")  # NAT64, RFC 6052

# Blocks that `ipaddress` (in one of its versions) takes for public, and that are not the public web.
_NOT_THE_WEB: tuple[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, str], ...] = (
    (ipaddress.ip_network("168.63.129.16/32"), "the address of a cloud's own services"),
    (ipaddress.ip_network("100.64.0.0/10"), "an address shared inside a provider's network"),
    (ipaddress.ip_network("192.0.0.0/24"), "a reserved address"),
    (ipaddress.ip_network("192.88.99.0/24"), "an address of a tunnel"),
    (ipaddress.ip_network("2001::/32"), "an address of a tunnel"),
    (ipaddress.ip_network("2002::/16"), "an address of a tunnel"),
    (ipaddress.ip_network("64:ff9b:1::/48"), "a private address"),
    (ipaddress.ip_network("fec0::/10"), "a private address"),
    (ipaddress.ip_network("::/96"), "a reserved address"),
)


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be asked for, taken apart."""

    scheme: str
    host: str
    """Lower-case ASCII name or address, without brackets."""
    port: int
    path: str
    """Path and query, ASCII, starting with `/`."""

    @property
    def origin(self) -> str:
        """Scheme, host and port, e.g. `https://example.com:443`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UrlGuard:
    """What may be reached. The default is the public web on its usual ports."""

    allowed: frozenset[tuple[str, int | None]] = frozenset()
    """Hosts that may have private addresses, each with its port; None: on every allowed port."""
    ports: frozenset[int] = frozenset(DEFAULT_PORTS.values())

    def target(self, url: str) -> Target:
        """The URL taken apart. Raises `RefusedUrl` for one that may not be asked for, whatever its host resolves to."""
        parts = _split(url)
        if parts.scheme not in DEFAULT_PORTS:
            raise RefusedUrl(f"{shown(url)} is not a web address.", hint="Only http and https are read.")
        if parts.username is not None or parts.password is not None:
            raise RefusedUrl(
                f"{shown(url)} holds a user name or password.",
                hint="Leave it out: pages behind a sign-in are not read.",
            )
        host = _ascii_host(parts, url)
        port = _port(parts, url) or DEFAULT_PORTS[parts.scheme]
        if port not in self.ports and (host, port) not in self.allowed:
            ports = ", ".join(map(str, sorted(self.ports)))
            raise RefusedUrl(
                f"{shown(url)} asks for port {port}.", hint=f"Only these ports are read from this source: {ports}."
            )
        path = parts.path or "/"
        return Target(parts.scheme, host, port, f"{path}?{parts.query}" if parts.query else path)

    def addresses(self, host: str, port: int) -> Sequence[str]:
        """The addresses of a host, each one checked; connect to these and to no others.

        Raises `RefusedUrl` if any of them is not public and the host is not allowed by name, `OSError` if the name
        does not resolve.
        """
        found = resolve(host, port)
        if not self.allows_private(host, port):
            for address in found:
                if reason := refusal(ipaddress.ip_address(address)):
                    raise RefusedUrl(
                        f"{host} has the address {address}, which is {reason}.",
                        hint=f"If it is meant to be read, allow it by name: -o allow_private={_named(host, port)}",
                    )
        return found

    def allows_private(self, host: str, port: int) -> bool:
        """Whether the host may have any address."""
        return (host, port) in self.allowed or (host, None) in self.allowed


def guard_of(location: str, allow_private: str = "") -> UrlGuard:
    """The guard of a source at `location`, whose port is allowed; `allow_private` is `host[:port],…`.

    Raises a `ConnectorError` that names what of `allow_private` cannot be understood.
    """
    allowed: set[tuple[str, int | None]] = set()
    for entry in filter(None, (part.strip() for part in allow_private.split(","))):
        parts = _split(f"//{entry}")
        if not parts.hostname or parts.path or parts.username is not None or "*" in entry:
            raise ConnectorError(
                f"The option allow_private names {entry!r}.", hint="Name each host as host or host:port, without *."
            )
        allowed.add((_ascii_host(parts, entry), _port(parts, entry)))
    given = _port(_split(location), location)
    return UrlGuard(frozenset(allowed), frozenset({*DEFAULT_PORTS.values(), *((given,) if given else ())}))


def refusal(address: Address) -> str | None:
    """Why an address is not part of the public web, in words that follow `which is`; None if it is."""
    if isinstance(address, ipaddress.IPv6Address):
        embedded = address.ipv4_mapped
        if embedded is None and address in _EMBEDS_IPV4:
            embedded = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if embedded is not None:
            return refusal(embedded)
    if address.is_unspecified or address.is_loopback:
        return "this machine itself"
    if address.is_link_local:
        return "a link-local address, where clouds keep their credentials"
    if address.is_multicast:
        return "a multicast address"
    for network, reason in _NOT_THE_WEB:
        if address.version == network.version and address in network:
            return reason
    if address.is_private:
        return "a private address"
    return "a reserved address" if address.is_reserved or not address.is_global else None


def resolve(host: str, port: int) -> tuple[str, ...]:
    """The addresses of a host, in the order to be tried. Raises `OSError`, also after 15 seconds without an answer."""
    answer: list[tuple[str, ...] | OSError] = []

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            answer.append(error)
        except UnicodeError:
            answer.append(OSError("not a valid host name"))
        else:
            answer.append(tuple(dict.fromkeys(str(entry[4][0]) for entry in found)))

    # The system's resolver takes no deadline: it is left behind in its thread when it exceeds ours.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(_RESOLVE_SECONDS)
    if not answer:
        raise TimeoutError(f"the name {host} was not resolved within {_RESOLVE_SECONDS:.0f} seconds")
    if isinstance(answer[0], OSError):
        raise answer[0]
    return answer[0]


def shown(url: str) -> str:
    """A URL for messages: without credentials and control characters, cut at 200 characters."""
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    bare = scheme + separator + authority.rpartition("@")[2] + slash + path if separator else url
    printable = "".join(character if character.isprintable() else "?" for character in bare)
    return printable if len(printable) <= 200 else printable[:199] + "…"


def _split(url: str) -> SplitResult:
    if len(url) > LONGEST_URL:
        raise RefusedUrl(f"{shown(url)} is longer than {LONGEST_URL} characters.", hint="Nothing needs such addresses.")
    if any(character <= " " or character in "\\\x7f" for character in url):
        raise RefusedUrl(
            f"{shown(url)} holds spaces or control characters.", hint="Write the address as a browser shows it."
        )
    try:
        return urlsplit(url)
    except ValueError as error:
        raise RefusedUrl(f"{shown(url)} is not an address: {error}.", hint="Check how it is written.") from error


def _ascii_host(parts: SplitResult, url: str) -> str:
    host = (parts.hostname or "").rstrip(".")
    try:
        ascii_host = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        ascii_host = ""
    if not ascii_host or "%" in ascii_host or len(ascii_host) > 253:
        raise RefusedUrl(f"{shown(url)} names no valid host.", hint="Check how it is written.")
    return ascii_host.lower()


def _port(parts: SplitResult, url: str) -> int | None:
    try:
        port = parts.port
    except ValueError as error:
        raise RefusedUrl(f"{shown(url)} names no valid port.", hint="Ports are numbers up to 65535.") from error
    if port == 0:
        raise RefusedUrl(f"{shown(url)} names no valid port.", hint="Ports are numbers up to 65535.")
    return port


def _named(host: str, port: int) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port in DEFAULT_PORTS.values() else f"{name}:{port}"
