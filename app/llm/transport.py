"""The HTTP connections to an endpoint of models: bounded, without redirects, and with no header but our own.

The operator chose the endpoint, so its address is not checked; what it answers is not trusted. Everything is bounded:
the seconds of a whole exchange (a server that sends a byte now and then gains nothing) and the bytes of a body, which
is taken only as it is, not compressed. The key stands in no object of the client library, and so in none of its errors
and logs: it is put onto a request here, at the last moment. Nothing is read from the
environment but SSL_CERT_FILE and SSL_CERT_DIR.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import httpcore2
import httpx2

from app.llm.errors import Cancelled
from app.llm.parts import Stopped

if TYPE_CHECKING:
    import ssl

MOST_BYTES = 8_000_000
"""Of one answer: a long completion has some hundred thousand."""
MOST_CONNECTIONS = 128
"""As many threads as one process may have (`ANSWERABLE_THREADS`)."""
_FROM_CLIENT = frozenset({"host", "content-type", "content-length", "transfer-encoding", "accept"})
"""Headers that are sent as the client library sets them; its others tell of this machine and its environment."""
LOOK_EVERY_S = 0.1
"""How often a waiting exchange looks whether anybody still waits for it."""
_KEPT_S = 30.0


class UnreadableBody(httpx2.RequestError):
    """A body over `MOST_BYTES`, or compressed although that was not asked for."""


class BoundedTransport(httpx2.BaseTransport):
    """Sends requests with `headers` and bounds their answers. Thread-safe.

    Of a request's timeouts, `write` bounds the whole exchange and `read` the time until its body begins.
    """

    def __init__(self, headers: Mapping[str, str], *, ssl_context: ssl.SSLContext | None = None) -> None:
        self._headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]
        self._clock = _Clock()
        self._pool = httpcore2.ConnectionPool(
            ssl_context=ssl_context,
            max_connections=MOST_CONNECTIONS,
            keepalive_expiry=_KEPT_S,
            network_backend=_TimedBackend(self._clock),
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer to a request, its body still to be read. Raises httpx2's errors."""
        now, timeouts = time.monotonic(), request.extensions["timeout"]
        self._clock.end = now + timeouts["read"]
        kept = [(name, value) for name, value in request.headers.raw if name.decode("ascii").lower() in _FROM_CLIENT]
        with _mapped_errors():
            answer = self._pool.handle_request(
                httpcore2.Request(
                    method=request.method,
                    url=str(request.url),
                    headers=kept + self._headers,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        body = _Body(answer, self._clock, begin=now + timeouts["read"], end=now + timeouts["write"])
        encoding = next((value for name, value in answer.headers if name.lower() == b"content-encoding"), b"identity")
        if encoding.lower() != b"identity":
            body.close()
            raise UnreadableBody("the answer is compressed")
        return httpx2.Response(status_code=answer.status, headers=answer.headers, stream=body)

    def wanted_until(self, stopped: Stopped) -> AbstractContextManager[None]:
        """Within the block, exchanges of this thread end with `Cancelled` soon after `stopped` says so.

        That holds for a body too which is read later, by whichever thread.
        """
        return self._clock.watching(stopped)

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


class _Clock(threading.local):
    """Of the exchange of the current thread: the moment at which it must have ended, and whether it is still wanted."""

    end = 0.0
    stopped: Stopped = staticmethod(lambda: False)

    @contextmanager
    def watching(self, stopped: Stopped) -> Iterator[None]:
        before, self.stopped = self.stopped, stopped
        try:
            yield
        finally:
            self.stopped = before

    def left(self, most: float | None) -> float:
        """Seconds left, at most `most`. Raises `ReadTimeout` if there are none, `Cancelled` if nobody waits."""
        if self.stopped():
            raise Cancelled("whoever asked has gone")
        left = self.end - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("the time for the whole exchange is over")
        return left if most is None else min(left, most)


class _Body(httpx2.SyncByteStream):
    """The body of an answer, within its bytes and its time whichever thread reads it."""

    def __init__(self, answer: httpcore2.Response, clock: _Clock, *, begin: float, end: float) -> None:
        self._answer = answer
        self._clock = clock
        self._begin = begin
        self._end = end
        self._stopped = clock.stopped

    def __iter__(self) -> Iterator[bytes]:
        received = 0
        parts = self._answer.iter_stream()
        while True:
            self._clock.end = self._end if received else self._begin
            with self._clock.watching(self._stopped), _mapped_errors():
                part = next(parts, None)
            if part is None:
                return
            received += len(part)
            if received > MOST_BYTES:
                raise UnreadableBody(f"the answer is over {MOST_BYTES} bytes")
            yield part

    def close(self) -> None:
        self._answer.close()


class _TimedBackend(httpcore2.NetworkBackend):
    """Opens connections on which no operation outlasts the exchange."""

    def __init__(self, clock: _Clock) -> None:
        self._clock = clock
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        stream = self._sockets.connect_tcp(host, port, self._clock.left(timeout), local_address, socket_options)
        return _TimedStream(stream, self._clock)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class _TimedStream(httpcore2.NetworkStream):
    """A connection on which no operation outlasts the exchange."""

    def __init__(self, stream: httpcore2.NetworkStream, clock: _Clock) -> None:
        self._stream = stream
        self._clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while True:
            try:
                return self._stream.read(max_bytes, self._clock.left(LOOK_EVERY_S))
            except httpcore2.ReadTimeout:
                self._clock.left(LOOK_EVERY_S)  # raises if this was the last look

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._clock.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _TimedStream(
            self._stream.start_tls(ssl_context, server_hostname, self._clock.left(timeout)), self._clock
        )

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


@contextmanager
def _mapped_errors() -> Iterator[None]:
    """Errors of httpcore2 as those of httpx2 that have the same name."""
    try:
        yield
    except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.ProxyError) as error:
        raise getattr(httpx2, type(error).__name__)(str(error)) from error
    except httpcore2.UnsupportedProtocol as error:
        raise httpx2.UnsupportedProtocol(str(error)) from error
