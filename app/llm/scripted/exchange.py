"""One request and its response over ASGI: pauses that end when the client goes, and connections that break off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import msgspec

from app.llm.scripted.received import Outcome, Received, RequestLog

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
MOST_BODY = 16 * 1024 * 1024
"""Bytes of a request's body."""


class Gone(Exception):
    """The client has gone, or the script has ended the connection."""


class BodyTooLarge(Exception):
    """The request's body is over `MOST_BODY`."""


class Exchange:
    """One request and its response; used by one task. What it notes ends in the log when it is closed."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, log: RequestLog) -> None:
        self.scope = scope
        self._receive = receive
        self._send = send
        self._log = log
        self._gone = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None
        self.received: Received | None = None
        self.headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}

    async def body(self) -> bytes:
        """The whole body. Raises `Gone`, `BodyTooLarge`."""
        read = bytearray()
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Gone
            read += message.get("body", b"")
            if len(read) > MOST_BODY:
                raise BodyTooLarge
            if not message.get("more_body"):
                self._watcher = asyncio.get_running_loop().create_task(self._watch())
                return bytes(read)

    def note(self, **changes: Any) -> None:
        """Change what the log says."""
        if self.received is not None:
            self.received = msgspec.structs.replace(self.received, **changes)
            self._log.update(self.received)

    @property
    def begun(self) -> bool:
        """Whether a status was sent."""
        return self.received is not None and self.received.status is not None

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Send status and headers."""
        self._raise_if_gone()
        pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})
        self.note(status=status)

    async def write(self, data: bytes) -> None:
        """Send a part of the body. Raises `Gone`."""
        self._raise_if_gone()
        await self._send({"type": "http.response.body", "body": data, "more_body": True})
        await asyncio.sleep(0)

    async def finish(self, data: bytes, outcome: Outcome, **changes: Any) -> None:
        """Send the last part. The log has it before the client does, who may look at once. Raises `Gone`."""
        self._raise_if_gone()
        self._settle(outcome, **changes)
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def whole(self, status: int, data: bytes, headers: Mapping[str, str], outcome: Outcome = "failed") -> None:
        """Send a response whose length is known."""
        await self.start(status, {**headers, "content-length": str(len(data))})
        await self.finish(data, outcome)

    async def json(self, status: int, value: Any, headers: Mapping[str, str] | None = None) -> None:
        """Send JSON; the log says `completed` below status 400."""
        given = {"content-type": "application/json", **(headers or {})}
        await self.whole(status, msgspec.json.encode(value), given, "completed" if status < 400 else "failed")

    async def pause(self, seconds: float) -> None:
        """Wait. Raises `Gone` as soon as the client goes."""
        if seconds > 0:
            try:
                await asyncio.wait_for(self._gone.wait(), seconds)
            except TimeoutError:
                return
        self._raise_if_gone()

    async def hang(self) -> None:
        """Wait until the client goes; raises `Gone`."""
        await self._gone.wait()
        raise Gone

    async def cut(self) -> None:
        """Close the connection once what was written is sent; raises `Gone`."""
        self._settle("cut" if self.begun else "failed")
        self.scope["state"]["transport"].close()
        await self._gone.wait()
        raise Gone

    def close(self) -> None:
        """End the exchange; the log keeps how it went."""
        if self._watcher is not None:
            self._watcher.cancel()
        self._settle("cut" if self.begun else "abandoned")

    def _settle(self, outcome: Outcome, **changes: Any) -> None:
        """Write to the log how it went; only the first time counts."""
        if self.received is not None and self.received.outcome == "open":
            self.note(outcome=outcome, **changes)
            self._log.close(self.received)

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            continue
        self._gone.set()

    def _raise_if_gone(self) -> None:
        if self._gone.is_set():
            raise Gone
