"""A scripted server running: in a thread of this process, or in the foreground."""

from __future__ import annotations

import asyncio
import ipaddress
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.errors import ConfigurationError
from app.llm.scripted.application import Application, BackEnd, ScriptBackEnd
from app.llm.scripted.reading import read_script
from app.llm.scripted.received import Received, RequestLog, Sums
from app.llm.scripted.script import Script

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LOOPBACK = "127.0.0.1"
KEPT = 10_000
"""Requests that the log keeps."""
KEPT_BYTES = 128 * 1024 * 1024
"""Bytes of bodies that the log keeps."""
_STOP_S = 5.0


class ScriptedServer:
    """A server bound to its address, from the start. `run` serves until `stop`, which any thread may call."""

    def __init__(
        self,
        back_end: BackEnd,
        *,
        host: str = LOOPBACK,
        port: int = 0,
        kept: int = KEPT,
        kept_bytes: int = KEPT_BYTES,
        told: Callable[[Received], None] | None = None,
    ) -> None:
        self._back_end = back_end
        self._log = RequestLog(kept, kept_bytes)
        self._application = Application(back_end, self._log, hosts=_host_names(host), told=told)
        self._socket = _bound(host, port)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        bound = self._socket.getsockname()
        shown = LOOPBACK if bound[0] in ("0.0.0.0", "::") else bound[0]  # noqa: S104
        self.port: int = bound[1]
        self.root = f"http://[{shown}]:{self.port}" if ":" in shown else f"http://{shown}:{self.port}"
        """Address without a path; Azure's base URL."""
        self.url = f"{self.root}/v1"
        """The base URL of an OpenAI-compatible client."""

    @property
    def received(self) -> list[Received]:
        """The last requests, oldest first; those still running have the outcome `open`."""
        return self._log.all()

    @property
    def count(self) -> int:
        """Requests in all, also those that are no longer kept."""
        return self._log.count

    @property
    def tokens(self) -> dict[str, Sums]:
        """Model that was asked for -> requests and tokens since the start; of requests that have ended."""
        return self._log.sums()

    def settled(self, timeout_s: float = 5.0) -> bool:
        """Wait until no request is open: the server notices a moment later that a client has gone."""
        return self._log.settled(timeout_s)

    def run(self, *, started: Future[None] | None = None, signals: bool = False) -> None:
        """Serve until `stop`; with `signals` also until SIGINT or SIGTERM."""
        asyncio.run(self._serve(started or Future(), signals=signals))

    def stop(self) -> None:
        """End all connections and the server."""
        if self._loop is not None and self._stopping is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopping.set)

    async def _serve(self, started: Future[None], *, signals: bool) -> None:
        import uvicorn
        from uvicorn.server import ServerState

        loop = self._loop = asyncio.get_running_loop()
        stopping = self._stopping = asyncio.Event()
        config = uvicorn.Config(
            self._application, log_config=None, access_log=False, lifespan="off", ws="none", timeout_keep_alive=60
        )
        config.load()
        state, protocol = ServerState(), _protocol()
        server = await loop.create_server(
            lambda: protocol(config=config, server_state=state, app_state={}), sock=self._socket, backlog=2048
        )
        for number in (signal.SIGINT, signal.SIGTERM) if signals else ():
            loop.add_signal_handler(number, stopping.set)
        started.set_result(None)
        await stopping.wait()
        server.close()
        for connection in list(state.connections):
            connection.transport.abort()
        if state.tasks:
            await asyncio.wait(list(state.tasks), timeout=_STOP_S)
        await self._back_end.close()


@contextmanager
def scripted_server(
    script: Script | Mapping[str, Any] | Sequence[Any] | Path | str = (), **options: Any
) -> Iterator[ScriptedServer]:
    """A server on loopback in a thread, stopped at the end; options are those of `ScriptedServer`.

    Raises `ConfigurationError` for a script with a mistake.
    """
    with running(ScriptBackEnd(read_script(script)), **options) as server:
        yield server


@contextmanager
def running(back_end: BackEnd, **options: Any) -> Iterator[ScriptedServer]:
    """A server over any back end in a thread, stopped at the end."""
    server = ScriptedServer(back_end, **options)
    started: Future[None] = Future()

    def serve() -> None:
        try:
            server.run(started=started)
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    thread = threading.Thread(target=serve, name=f"scripted-{server.port}", daemon=True)
    thread.start()
    try:
        started.result(timeout=_STOP_S)
        yield server
    finally:
        server.stop()
        thread.join(timeout=2 * _STOP_S)


def _protocol() -> type[HttpToolsProtocol]:
    """The protocol of uvicorn that lets a reply end its connection."""
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    class Closable(HttpToolsProtocol):
        def on_message_begin(self) -> None:
            super().on_message_begin()
            self.scope["state"]["transport"] = self.transport

    return Closable


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host.strip("[]"), port))
        bound.listen(128)  # whoever was told the address may connect at once
    except OSError as error:
        bound.close()
        raise ConfigurationError(
            f"Cannot listen on {host} port {port}: {error.strerror or error}.",
            hint="Choose another --port; 0 finds one.",
        ) from error
    return bound


def _host_names(host: str) -> frozenset[str] | None:
    """Names for a server on loopback; None for one that others may reach, under whatever name they have for it."""
    try:
        loopback = ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        loopback = host == "localhost"
    return frozenset({"127.0.0.1", "localhost", "::1", host.strip("[]")}) if loopback else None
