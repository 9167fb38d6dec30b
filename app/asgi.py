"""`create_app(settings)`: the only wiring of the service."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin

from app.api.answering import Answering
from app.api.answers import chart_picture, earlier_answer
from app.api.ask import ask
from app.api.callers import Callers
from app.api.cost import cost
from app.api.envelope import Envelope
from app.api.errors import error_response
from app.api.health import healthz, metrics_page, readyz
from app.api.pages import front_page
from app.api.quality import source_quality
from app.api.search import search
from app.api.sources import sources
from app.api.sql_check import sql_check
from app.api.verified import unverify, verified_queries, verify
from app.engine import Engine
from app.llm.loading import load_config
from app.ops.logs import configure_logs
from app.ops.metrics import Metrics
from app.ops.scheduler import Scheduler
from app.ops.version import answerable_version
from app.settings import Settings, load_settings

ENDPOINTS = (
    *(front_page, ask, search, sql_check, sources, source_quality, earlier_answer, chart_picture),
    *(verified_queries, verify, unverify),
    *(cost,),
    *(healthz, readyz, metrics_page),
)


def create_app(settings: Settings) -> Envelope:
    """The ASGI application; raises `ConfigurationError` if it must not be started so."""
    _check_prompts(settings)
    callers = Callers(settings)
    callers.check_start()
    load_config(settings)
    engine = Engine(settings)
    metrics = Metrics()
    engine.observe_attempt = metrics.count_attempt
    answering = Answering(engine, metrics)
    scheduler = Scheduler(engine, metrics)

    @asynccontextmanager
    async def running(_app: Litestar) -> AsyncIterator[None]:
        engine.start_warm_up()
        if settings.scheduler == "on":
            scheduler.start()
        yield
        await asyncio.to_thread(scheduler.close)
        answering.close()
        await asyncio.to_thread(engine.close)

    app = Litestar(
        route_handlers=ENDPOINTS,
        lifespan=[running],
        dependencies={
            "engine": Provide(lambda: engine, sync_to_thread=False),
            "metrics": Provide(lambda: metrics, sync_to_thread=False),
            "answering": Provide(lambda: answering, sync_to_thread=False),
            "asker": Provide(callers.asker, sync_to_thread=True),
        },
        exception_handlers={Exception: error_response},
        openapi_config=_openapi(),
        request_max_body_size=settings.body_max_bytes,
        logging_config=None,
    )
    return Envelope(app, settings, metrics)


def _check_prompts(settings: Settings) -> None:
    """Raise `ConfigurationError` for prompts that cannot be used; they are read (0.4 s) only where they may be."""
    if settings.prompts is not None or settings.llm_base_url or settings.llm_config is not None:
        from app.llm.prompts import labels_of, open_prompts

        open_prompts(settings, labels_of(load_config(settings))).close()


def _openapi() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Answerable",
        version=answerable_version(),
        path="/schema",
        render_plugins=[JsonRenderPlugin(path=["/openapi.json", "/"]), YamlRenderPlugin()],
    )


def app_from_environment() -> Envelope:
    """The application configured by the environment: what each server process starts."""
    settings = load_settings(os.environ)
    configure_logs(settings)
    return create_app(settings)
