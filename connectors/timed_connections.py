"""Connections on which no operation outlasts the exchange: a server that sends a byte now and then gains nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import httpcore

if TYPE_CHECKING:
    import ssl


class Clock(threading.local):
    """The moment (monotonic clock, seconds) at which the current thread's exchange must have ended."""

    end = 0.0

    def start(self, seconds: float) -> None:
        """An exchange begins that may take so long."""
        self.end = time.monotonic() + seconds

    def left(self, most: float | None = None) -> float:
        """Seconds left, at most `most`. Raises `httpcore.ReadTimeout` if there are none."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the time for the whole exchange is over")
        return left if most is None else min(left, most)


class TimedBackend(httpcore.NetworkBackend):
    """Opens connections whose operations keep to a clock."""

    def __init__(self, clock: Clock) -> None:
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
        """A connection, opened within the time that is left."""
        timeout = self._clock.left(timeout)
        return TimedStream(self._sockets.connect_tcp(host, port, timeout, local_address, socket_options), self._clock)


class TimedStream(httpcore.NetworkStream):
    """A connection on which no operation outlasts the exchange."""

    def __init__(self, stream: httpcore.NetworkStream, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Bytes as they come, within the time that is left."""
        return self._stream.read(max_bytes, self._clock.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send, within the time that is left."""
        self._stream.write(buffer, self._clock.left(timeout))

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """The same connection, encrypted."""
        return TimedStream(self._stream.start_tls(ssl_context, server_hostname, self._clock.left(timeout)), self._clock)

    def get_extra_info(self, info: str) -> Any:
        """What the connection tells of itself."""
        return self._stream.get_extra_info(info)
