"""A small HTTP/1.1 client for servers that nobody vouches for.

It connects only to addresses that a `UrlGuard` has checked, keeps no cookies, follows no redirect, reads no proxy from
the environment, and bounds everything: the seconds that a whole exchange may take (a server that sends a byte now and
then gains nothing), the bytes of a body, and the bytes that it unpacks to. TLS certificates are verified against the
name in the URL, though the connection goes to the checked address.
"""

from __future__ import annotations

import socket
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpcore

from connectors.errors import RefusedUrl
from connectors.timed_connections import Clock, TimedStream
from connectors.url_guard import UrlGuard, shown

if TYPE_CHECKING:
    import ssl

_CONNECT_SECONDS = 10.0
_CHUNK_BYTES = 1 << 16
_FORMS = {"gzip": 47, "x-gzip": 47, "deflate": 47}  # zlib's window bits: gzip or zlib, whichever it is
_MOST_HEADER_CHARACTERS = 4096


class FetchFailed(Exception):
    """An exchange that gave no usable response. `code` is stable; `message` says what happened and what to do."""

    def __init__(self, code: str, message: str, *, transient: bool = True) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.transient = transient
        """Whether trying again may help."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one exchange."""

    body_bytes: int
    """Bytes of a body, both as sent and unpacked."""
    seconds: float
    """Seconds from the first packet to the last byte of the body."""


@dataclass(frozen=True, slots=True)
class Response:
    """What a server answered."""

    url: str
    status: int
    headers: Mapping[str, str]
    """By lower-case name, the values of repeated ones joined by commas."""
    body: Path | None = None
    """The unpacked body, where one was asked for and the status is 200."""
    received: int = 0
    """Bytes of the body as sent."""


def user_agent() -> str:
    """How requests name this program: `Answerable/<version>`."""
    try:
        return f"Answerable/{version('answerable')}"
    except PackageNotFoundError:
        return "Answerable/0"


class GuardedClient:
    """Sends requests, one at a time; for one thread. Close it after use."""

    def __init__(self, guard: UrlGuard, limits: Limits, *, ssl_context: ssl.SSLContext | None = None) -> None:
        self._guard = guard
        self._limits = limits
        self._clock = Clock()
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context,
            max_connections=2,
            max_keepalive_connections=1,
            keepalive_expiry=15.0,
            network_backend=_CheckedBackend(guard, self._clock),
        )

    def get(
        self, url: str, into: Path, headers: Mapping[str, str] | None = None, limits: Limits | None = None
    ) -> Response:
        """Ask for a URL; the body of a response with status 200 is written to the file `into`.

        `limits` are the client's own unless others are given.

        Raises `RefusedUrl` if the URL or the address it leads to may not be reached, `FetchFailed` for every fault of
        the server or the network.
        """
        target = self._guard.target(url)
        limits = limits or self._limits
        self._clock.start(limits.seconds)
        sent = {"Host": _host_header(target.origin), "User-Agent": user_agent(), "Accept-Encoding": "gzip, deflate"}
        lines = [
            (name.encode(), value.encode("latin-1", "replace")) for name, value in (sent | dict(headers or {})).items()
        ]
        try:
            with self._pool.stream("GET", target.origin + target.path, headers=lines) as answer:
                return _received(url, answer, into, limits)
        except RefusedUrl:
            raise
        except socket.gaierror as error:
            raise FetchFailed("unreachable", f"The name {target.host} does not resolve ({error.strerror}).") from error
        except (httpcore.TimeoutException, TimeoutError) as error:
            message = f"{shown(url)} was not answered in full within {limits.seconds:g} seconds."
            raise FetchFailed("timeout", message) from error
        except (httpcore.NetworkError, OSError) as error:
            raise FetchFailed("unreachable", f"{target.host} cannot be reached: {_told(error)}.") from error
        except (httpcore.ProtocolError, zlib.error) as error:
            message = f"The answer of {target.host} is damaged or broke off: {_told(error)}."
            raise FetchFailed("bad_response", message) from error

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


class _CheckedBackend(httpcore.NetworkBackend):
    """Connects to the addresses that the guard has checked, and to nothing else."""

    def __init__(self, guard: UrlGuard, clock: Clock) -> None:
        self._guard = guard
        self._clock = clock
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to the first checked address that takes one."""
        failure: Exception | None = None
        for address in self._guard.addresses(host.strip("[]"), port):
            seconds = self._clock.left(_CONNECT_SECONDS)
            try:
                return TimedStream(self._sockets.connect_tcp(address, port, seconds), self._clock)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError("the name has no address")

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        """Refused: there are no URLs of sockets."""
        raise RefusedUrl("A socket file is not a web address.", hint="Only http and https are read.")

    def sleep(self, seconds: float) -> None:
        """Wait; httpcore does so only between tries of its own, which are off."""
        time.sleep(seconds)


def _received(url: str, answer: httpcore.Response, into: Path, limits: Limits) -> Response:
    """The answer with its body in the file `into`."""
    headers = _headers(answer.headers)
    if answer.status != 200:
        return Response(url, answer.status, headers)
    announced = headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limits.body_bytes:
        raise _too_large(limits.body_bytes)
    sent = _Counted(answer.iter_stream(), limits.body_bytes)
    written = 0
    with into.open("wb") as stream:
        for piece in _unpacked(sent, headers.get("content-encoding", "")):
            written += len(piece)
            if written > limits.body_bytes:
                raise _too_large(limits.body_bytes)
            stream.write(piece)
    return Response(url, 200, headers, into, sent.bytes)


class _Counted:
    """The chunks of a body as sent, counted and cut off over a limit."""

    def __init__(self, chunks: Iterable[bytes], limit: int) -> None:
        self._chunks = chunks
        self._limit = limit
        self.bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.bytes += len(chunk)
            if self.bytes > self._limit:
                raise _too_large(self._limit)
            yield chunk


def _unpacked(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The body without its content encoding, in pieces of at most 64 KiB, so that no bomb goes off at once."""
    name = encoding.strip().lower()
    if name in ("", "identity", "none"):
        yield from chunks
        return
    if name not in _FORMS:
        raise FetchFailed(
            "bad_response", f"The body is packed as {name[:40]!r}, which was not asked for.", transient=False
        )
    inflate, started = zlib.decompressobj(_FORMS[name]), False
    for chunk in chunks:
        while chunk:
            try:
                piece = inflate.decompress(chunk, _CHUNK_BYTES)
            except zlib.error:
                if started or name != "deflate":
                    raise
                inflate = zlib.decompressobj(-15)  # some servers send deflate without zlib's frame
                piece = inflate.decompress(chunk, _CHUNK_BYTES)
            started = True
            yield piece
            chunk = inflate.unconsumed_tail
            if inflate.eof and inflate.unused_data:  # the next member of a gzip file
                chunk, inflate = inflate.unused_data, zlib.decompressobj(_FORMS[name])
    if started and not inflate.eof:
        yield inflate.flush()
        if not inflate.eof:
            raise zlib.error("the packed body ends too early")


def _too_large(limit: int) -> FetchFailed:
    message = f"The answer is larger than {_size(limit)}; nothing of it was taken. Raise the limit with -o max_bytes=…"
    return FetchFailed("too_large", message, transient=False)


def _size(count: int) -> str:
    return f"{count / (1 << 20):.1f} MB" if count >= 1 << 20 else f"{count:,} bytes"


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")[:_MOST_HEADER_CHARACTERS]
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def _host_header(origin: str) -> str:
    scheme, _, authority = origin.partition("://")
    return authority.removesuffix(":443" if scheme == "https" else ":80")


def _told(error: BaseException) -> str:
    """An error's own words, without a full stop."""
    text = str(error) or (str(error.__cause__) if error.__cause__ else "") or type(error).__name__
    return " ".join(text.split())[:200].rstrip(".")
