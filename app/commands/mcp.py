"""`answerable mcp`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.values import Role

if TYPE_CHECKING:
    from app.settings import Settings
    from app.values import Caller

app = typer.Typer(add_completion=False)


@app.command()
def mcp(
    role: Annotated[
        str, typer.Option("--role", help="What calls may see: owner, analyst or visitor (public data only).")
    ] = "owner",
    source: Annotated[list[str] | None, typer.Option("--source", help="Only this source; may be repeated.")] = None,
) -> None:
    """Serve the tools to an MCP client over standard input and output; logs go to standard error."""
    import asyncio
    import os

    from app.commands.ending import end_process
    from app.ops.logs import configure_logs
    from app.settings import load_settings

    settings = load_settings(os.environ)
    configure_logs(settings)
    caller = caller_for(role, source, settings)
    asyncio.run(serve_stdio(settings, caller))
    end_process()


def caller_for(role: str, sources: list[str] | None, settings: Settings) -> Caller:
    """Who calls are made for: the owner of the local data, or somebody limited; raises `InvalidRequest`."""
    import secrets
    from typing import get_args

    from app.errors import InvalidRequest
    from app.values import Caller

    named: Role | None = next((each for each in get_args(Role) if each == role), None)
    if named is None:
        raise InvalidRequest(f"--role is {role!r}.", hint=f"It may be {', '.join(get_args(Role))}.")
    limited = tuple(dict.fromkeys(sources)) if sources else None
    # an owner of everything may read every answer; whoever is limited only those of this process
    own = None if named == "owner" and limited is None else f"stdio-{secrets.token_hex(8)}"
    return Caller(role=named, sources=limited, key_id=own)


async def serve_stdio(settings: Settings, caller: Caller) -> None:
    """Answer calls until standard input ends."""
    from mcp.server.stdio import stdio_server

    from app.api.answering import Answering
    from app.api.callers import Asker
    from app.api.mcp.server import build_server
    from app.asking import checked_sources
    from app.engine import Engine
    from app.ops.metrics import Metrics

    engine = Engine(settings)
    checked_sources(caller.sources, engine.store.snapshot(), caller)
    answering = Answering(engine, Metrics())
    asker, base = Asker(caller=caller), (settings.public_url or f"http://127.0.0.1:{settings.port}").rstrip("/")
    server = build_server(engine, answering, lambda _context: (asker, base))
    engine.start_warm_up()
    try:
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())
    finally:
        answering.close()
        engine.close()
