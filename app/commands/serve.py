"""`answerable serve`."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option("--host", help="Address to bind to; overrides ANSWERABLE_HOST.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port to bind to; overrides ANSWERABLE_PORT.")] = None,
    workers: Annotated[int | None, typer.Option("--workers", help="Processes; overrides ANSWERABLE_WORKERS.")] = None,
) -> None:
    """Answer questions over HTTP."""
    import os

    import uvicorn

    from app.api.callers import Callers
    from app.commands.ending import end_process
    from app.ops.logs import configure_logs
    from app.settings import load_settings, variable

    given = {"host": host, "port": port, "workers": workers}
    os.environ.update({variable(name): str(value) for name, value in given.items() if value is not None})
    settings = load_settings(os.environ)
    configure_logs(settings)
    Callers(settings).check_start()
    uvicorn.run(
        "app.asgi:app_from_environment",
        factory=True,
        host=settings.host.strip("[]"),
        port=settings.port,
        workers=settings.workers,
        log_config=None,
        access_log=False,
        http="app.api.http_protocol:BoundedProtocol",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=10,
        forwarded_allow_ips=list(settings.trusted_proxies),
    )
    end_process()
