"""`create_app(settings)`: the only wiring of the service."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from litestar import Litestar
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from app.api.answering import Answering
from app.api.answers import chart_picture, earlier_answer
from app.api.ask import ask, stop_asking
from app.api.callers import Callers
from app.api.cost import cost
from app.api.documented import documented
from app.api.envelope import Envelope
from app.api.errors import error_response
from app.api.feedback import feedback
from app.api.handover import handover
from app.api.health import healthz, metrics_page, readyz
from app.api.mcp.endpoint import McpEndpoint
from app.api.openai_compat.chat import chat_completions
from app.api.openai_compat.models import model, models
from app.api.pages import front_page
from app.api.quality import source_quality
from app.api.search import search
from app.api.source_jobs import add_source, one_job, one_source, remove_source, source_jobs, sync_source
from app.api.sources import sources
from app.api.sql_check import sql_check
from app.api.streams import Streams
from app.api.verified import unverify, verified_queries, verify
from app.api.widget_session import widget_session
from app.engine import Engine
from app.llm.loading import load_config
from app.ops.events import tell_job_failed, tell_refusal
from app.ops.handover import Handovers
from app.ops.ingest_jobs import IngestJobs
from app.ops.logs import configure_logs
from app.ops.metrics import Metrics
from app.ops.scheduler import Scheduler
from app.ops.version import answerable_version
from app.settings import Settings, load_settings
from app.web.console.routes import console_router
from app.web.console.viewers import Viewers
from app.web.pages import PAGES
from app.web.templating import template_config

ENDPOINTS = (
    *(front_page, ask, stop_asking, search, sql_check, sources, source_quality, earlier_answer, chart_picture),
    *(verified_queries, verify, unverify),
    *(feedback, handover),
    *(one_source, add_source, sync_source, remove_source, source_jobs, one_job),
    *(cost,),
    *(chat_completions, models, model),
    *(widget_session,),
    *(healthz, readyz, metrics_page),
)


def create_app(settings: Settings) -> Envelope:
    """The ASGI application; raises `ConfigurationError` if it must not be started so."""
    _check_prompts(settings)
    callers = Callers(settings)
    callers.check_start()
    limits = callers.limits
    load_config(settings)
    engine = Engine(settings)
    metrics = Metrics()
    engine.observe_attempt = metrics.count_attempt
    answering = Answering(engine, metrics)
    streams = Streams(settings.stream_resume_s)
    scheduler = Scheduler(engine, metrics)
    handovers = Handovers(engine)
    announcements = engine.announcements
    engine.traces.on_masked = partial(tell_refusal, announcements) if announcements.hears("answer.refused") else None
    jobs = IngestJobs(settings)
    jobs.observe_failure = partial(tell_job_failed, announcements, engine.masked)

    @asynccontextmanager
    async def running(_app: Litestar) -> AsyncIterator[None]:
        engine.start_warm_up()
        await asyncio.to_thread(handovers.resume)
        announcements.resume()
        if settings.scheduler == "on":
            scheduler.start()
        yield
        await mcp.close()
        await asyncio.to_thread(scheduler.close)
        await asyncio.to_thread(jobs.close)
        streams.close()
        answering.close()
        await asyncio.to_thread(handovers.close)
        await asyncio.to_thread(engine.close)

    mcp = McpEndpoint(engine, answering, callers, settings)
    viewers = Viewers(settings, callers)
    consoles = [console_router()] if settings.console == "on" else []
    app = Litestar(
        route_handlers=[*documented(ENDPOINTS), mcp.handler, *PAGES, *consoles],
        lifespan=[running],
        dependencies={
            "engine": Provide(lambda: engine, sync_to_thread=False),
            "metrics": Provide(lambda: metrics, sync_to_thread=False),
            "answering": Provide(lambda: answering, sync_to_thread=False),
            "streams": Provide(lambda: streams, sync_to_thread=False),
            "handovers": Provide(lambda: handovers, sync_to_thread=False),
            "asker": Provide(callers.asker, sync_to_thread=True),
            "jobs": Provide(lambda: jobs, sync_to_thread=False),
            "callers": Provide(lambda: callers, sync_to_thread=False),
            "limits": Provide(lambda: limits, sync_to_thread=False),
            "viewers": Provide(lambda: viewers, sync_to_thread=False),
            "viewer": Provide(viewers.viewer, sync_to_thread=True),
            "settings": Provide(lambda: settings, sync_to_thread=False),
        },
        template_config=template_config(),
        exception_handlers={Exception: error_response},
        openapi_config=_openapi(settings),
        request_max_body_size=settings.body_max_bytes,
        logging_config=None,
    )
    return Envelope(app, settings, metrics, callers.allows_origin)


def _check_prompts(settings: Settings) -> None:
    """Raise `ConfigurationError` for prompts that cannot be used; they are read (0.4 s) only where they may be."""
    if settings.prompts is not None or settings.llm_base_url or settings.llm_config is not None:
        from app.llm.prompts import labels_of, open_prompts

        open_prompts(settings, labels_of(load_config(settings))).close()


def _openapi(settings: Settings) -> OpenAPIConfig:
    key = SecurityScheme(type="http", scheme="bearer", description="A key that `answerable keys add` made.")
    return OpenAPIConfig(
        title="Answerable",
        version=answerable_version(),
        path="/schema",
        components=Components(security_schemes={"key": key}),
        security=[{"key": []}] if settings.needs_key else [{"key": []}, {}],
        render_plugins=[JsonRenderPlugin(path=["/openapi.json", "/"]), YamlRenderPlugin()],
    )


def app_from_environment() -> Envelope:
    """The application configured by the environment: what each server process starts."""
    settings = load_settings(os.environ)
    configure_logs(settings)
    return create_app(settings)
