"""`/mcp`: the tools over streamable HTTP, without sessions, so that any server process answers any request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from litestar import Request
from litestar.exceptions import MethodNotAllowedException
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send

from app.api.answering import Answering
from app.api.callers import Asker, Callers
from app.engine import Engine
from app.errors import NotPermitted, TooLarge
from app.settings import Settings

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

ASKER = "answerable.asker"
"""Where a request's scope holds who makes it."""


class McpEndpoint:
    """The SDK's server behind this service's keys and limits; it is imported and started by the first request."""

    def __init__(self, engine: Engine, answering: Answering, callers: Callers, settings: Settings) -> None:
        self._engine = engine
        self._answering = answering
        self._callers = callers
        self._settings = settings
        self._opening = asyncio.Lock()
        self._manager: StreamableHTTPSessionManager | None = None
        self._running: asyncio.Task[None] | None = None
        self._end = asyncio.Event()

    @property
    def handler(self) -> ASGIRouteHandler:
        """What the application routes `/mcp` to. Host and origin have been checked by its envelope."""

        async def mcp(scope: Scope, receive: Receive, send: Send) -> None:
            await self._answer(scope, receive, send)

        return ASGIRouteHandler("/mcp", name="mcp", copy_scope=False)(mcp)

    async def close(self) -> None:
        """End every call."""
        self._end.set()
        if self._running is not None:
            await self._running

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request: Request[Any, Any, Any] = Request(scope, receive, send)
        if request.method != "POST":
            # without sessions there is no stream to listen to and nothing to delete
            raise MethodNotAllowedException(headers={"Allow": "POST"})
        asker = await asyncio.to_thread(self._callers.asker, request)
        if asker.site is not None:
            raise NotPermitted("The ticket of a site's visitor opens the widget's paths only.", hint="Use a key.")
        length = request.headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._settings.body_max_bytes:
            raise TooLarge("The request's body is too large.", hint="ANSWERABLE_BODY_MAX_BYTES sets the limit.")
        manager = await self._opened()
        known = {**cast("dict[str, Any]", scope), ASKER: (asker, self._base(request))}
        await manager.asgi_app(known, cast("Any", receive), cast("Any", send))

    def _base(self, request: Request[Any, Any, Any]) -> str:
        return (self._settings.public_url or str(request.base_url)).rstrip("/")

    async def _opened(self) -> StreamableHTTPSessionManager:
        async with self._opening:
            if self._manager is None:
                manager = await asyncio.to_thread(self._open)
                started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                # its tasks must be started and ended by one task, and no request lives as long as they do
                self._running = asyncio.create_task(self._run(manager, started))
                await asyncio.wait({started, self._running}, return_when=asyncio.FIRST_COMPLETED)
                if self._running.done():
                    self._running.result()
                self._manager = manager
            return self._manager

    def _open(self) -> StreamableHTTPSessionManager:
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

        from app.api.mcp.server import build_server

        server = build_server(self._engine, self._answering, _asking)
        return StreamableHTTPSessionManager(server, stateless=True, max_request_body_size=self._settings.body_max_bytes)

    async def _run(self, manager: StreamableHTTPSessionManager, started: asyncio.Future[None]) -> None:
        async with manager.run():
            started.set_result(None)
            await self._end.wait()


def _asking(context: ServerRequestContext[Any, Any]) -> tuple[Asker, str]:
    """Who makes a request: what the endpoint wrote into its scope."""
    asker, base = cast("Any", context.request).scope[ASKER]
    return asker, base
