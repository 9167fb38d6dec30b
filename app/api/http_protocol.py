"""HTTP on a connection, as uvicorn speaks it, with an end to what comes before a body: the parser knows none.

A request must come in time: a client that sends nothing, or less and less, would hold its connection for as long as it
likes. One that takes nothing of its answer any more is cut off: it would hold the answer in memory. When the service
stops, a request that has come is answered; one whose body does not come holds nothing up.
"""

from __future__ import annotations

from asyncio import TimerHandle, Transport

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_MAX_BYTES = 65_536
"""Bytes of a request line and headers that are read before their end must have come. What ends in time but is over
`app.api.envelope.HEADERS_MAX_BYTES` is answered in the one error shape."""
HEAD_S = 30.0
"""Seconds in which the head of a request must have come, from its first byte or the opening of the connection."""
BODY_S = 60.0
"""Seconds after which a body of which nothing more came is given up."""
UNSENT_S = 0.5
"""Seconds in which a body that is on its way must have come when the service stops."""
STALLED_S = 300.0
"""Seconds after which a client that took none of what is ready for it is cut off. Long, as the kernel takes that in
pieces of up to a megabyte: a client that reads 4 kB a second is slow and no more."""
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """The protocol of one connection."""

    _in_head = True
    _head_bytes = 0
    _stalled: TimerHandle | None = None
    _awaited: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """A request is expected."""
        super().connection_made(transport)
        self._await(HEAD_S)

    def data_received(self, data: bytes) -> None:
        """Parse what came; a head that does not end is refused and the connection closed."""
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_MAX_BYTES:
                self.transport.write(TOO_LARGE)
                self.transport.close()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0
        self._await(HEAD_S)

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        self._in_head = False
        super().on_headers_complete()
        self._await(BODY_S)

    def on_body(self, body: bytes) -> None:
        """A piece of its body has come."""
        super().on_body(body)
        self._await(BODY_S)

    def on_message_complete(self) -> None:
        """It is whole."""
        self._await(None)
        super().on_message_complete()

    def pause_writing(self) -> None:
        """More is ready than the client has taken."""
        super().pause_writing()
        self._watch(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """It has taken most of it."""
        super().resume_writing()
        self._unwatch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is expected any more, and whatever was ready is let go."""
        self._await(None)
        self._unwatch()
        super().connection_lost(exc)

    def _await(self, seconds: float | None) -> None:
        """Give up unless more of the request comes within that time."""
        if self._awaited is not None:
            self._awaited.cancel()
        self._awaited = self.loop.call_later(seconds, self._miss, seconds) if seconds is not None else None

    def _miss(self, seconds: float) -> None:
        """Nothing came. A client has its time while it is not listened to, or is being answered."""
        cycle = self.cycle
        answering = cycle is not None and not cycle.response_complete and (self._in_head or cycle.response_started)
        if self.flow.read_paused or answering:
            self._await(seconds)
        elif not self.transport.is_closing():
            if self._in_head and self._head_bytes:
                self.transport.write(TOO_LATE)
            self.transport.close()

    def _watch(self, ready: int) -> None:
        """Look after a while how much of the `ready` bytes is left."""
        self._unwatch()
        self._stalled = self.loop.call_later(STALLED_S, self._look_at_client, ready)

    def _unwatch(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _look_at_client(self, ready: int) -> None:
        left = self.transport.get_write_buffer_size()
        if left < ready:
            self._watch(left)
        else:
            self.transport.abort()

    def shutdown(self) -> None:
        """The service stops: close the connection as soon as its request is answered, or if that does not come."""
        super().shutdown()
        if self.cycle is not None and self.cycle.more_body and not self.transport.is_closing():
            self.loop.call_later(UNSENT_S, self._give_up, self.cycle)

    def _give_up(self, cycle: RequestResponseCycle) -> None:
        if cycle.more_body and not cycle.response_started and not self.transport.is_closing():
            self.transport.close()
