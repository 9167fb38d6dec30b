"""`/console/sources`: the list, one source, its documents, its last ingest, its quality."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, TypeAlias

from litestar import Response, get, post
from litestar.params import QueryParameter
from litestar.response import Redirect, Template

from app.api.quality import quality_of_source, report_of
from app.asking import visible_sources
from app.engine import Engine
from app.errors import NotPermitted
from app.links import CONSOLE_SOURCE_PAGE, is_web, stored_text
from app.ops.ingest_history import Job
from app.ops.ingest_jobs import IngestJobs
from app.ops.source_health import health_of
from app.web.console.frame import Export, exported, page, part
from app.web.console.sources.rows import (
    documents_of,
    seen_catalog,
    source_named,
    source_row,
    table_path,
    table_row,
)
from app.web.console.viewers import Viewer
from ingest.layout import Layout
from ingest.request import shown_location

Shape: TypeAlias = Annotated[Export, QueryParameter(name="format")]
Answered: TypeAlias = Template | Response[bytes]
DOCUMENTS_A_PAGE = 50
MOST_JOBS = 15


@get("/sources", sync_to_thread=True)
def sources_page(engine: Engine, viewer: Viewer, jobs: IngestJobs, shape: Shape = "html") -> Answered:
    """The sources that the viewer may know of."""
    seen = visible_sources(engine.store.snapshot(), viewer.caller)
    rows = [source_row(source, engine, viewer, jobs.history) for source in seen]
    if shape != "html":
        return exported(rows, shape, "sources")
    alerts = engine.store.alerts if viewer.owns else ()
    return page("sources/list.html", viewer, active="sources", title="Sources", sources=rows, alerts=alerts)


@get("/sources/{name:str}", sync_to_thread=True)
def source_page(name: str, engine: Engine, viewer: Viewer, jobs: IngestJobs, shape: Shape = "html") -> Answered:
    """One source: how it is, what was ingested lately, its tables. The export lists the tables."""
    source = source_named(name, engine, viewer)
    catalog = seen_catalog(source, viewer)
    tables = [table_row(table) for table in catalog.tables]
    if shape != "html":
        return exported(tables, shape, "tables")
    return page(
        "sources/one.html",
        viewer,
        active="sources",
        title=name,
        row=source_row(source, engine, viewer, jobs.history),
        location=shown_location(source.entry.location) if viewer.owns else None,
        sendable=source.sendable,
        catalog=catalog,
        tables=[(row, table_path(name, row.name)) for row in tables],
        **_progress(name, engine, viewer, jobs),
    )


@get("/sources/{name:str}/progress", sync_to_thread=True)
def source_progress(name: str, engine: Engine, viewer: Viewer, jobs: IngestJobs) -> Template:
    """The health and the jobs of a source, which the page asks for while one runs."""
    source_named(name, engine, viewer)
    return part("sources/progress.html", viewer=viewer, **_progress(name, engine, viewer, jobs))


@get("/sources/{name:str}/jobs", sync_to_thread=True)
def source_history(name: str, engine: Engine, viewer: Viewer, jobs: IngestJobs, shape: Shape = "json") -> Answered:
    """What is remembered of a source's ingests, as a file."""
    _must_be_owner(viewer)
    source_named(name, engine, viewer)
    return exported(jobs.history.jobs(name), "csv" if shape == "csv" else "json", "ingests")


@post("/sources/{name:str}/sync", status_code=303, sync_to_thread=True)
def sync_now(name: str, engine: Engine, viewer: Viewer, jobs: IngestJobs) -> Redirect:
    """Begin to bring a source up to date."""
    viewer.must_own()
    source_named(name, engine, viewer)
    jobs.start("sync", name, ["sync", name], by=viewer.caller.key_id)
    return Redirect(f"/console/sources/{name}", status_code=303)


@get("/sources/{name:str}/documents", sync_to_thread=True)
def documents_page(
    name: str,
    engine: Engine,
    viewer: Viewer,
    words: Annotated[str, QueryParameter(name="q", max_length=200)] = "",
    number: Annotated[int, QueryParameter(name="page", ge=1, le=1_000_000)] = 1,
    shape: Shape = "html",
) -> Answered:
    """The documents of a source, page by page, by words in path or title."""
    rows = documents_of(source_named(name, engine, viewer), words)
    if shape != "html":
        return exported(rows, shape, "documents")
    pages = max(1, -(-len(rows) // DOCUMENTS_A_PAGE))
    number = min(number, pages)
    start = (number - 1) * DOCUMENTS_A_PAGE
    shown = [
        (row, stored_text(CONSOLE_SOURCE_PAGE, name, row.path), row.url if is_web(row.url) else None)
        for row in rows[start : start + DOCUMENTS_A_PAGE]
    ]
    return page(
        "sources/documents.html", viewer, active="sources", title=f"Documents of {name}", name=name, words=words,
        number=number, pages=pages, total=len(rows), documents=shown,
    )  # fmt: skip


@get("/sources/{name:str}/report", sync_to_thread=True)
def report_page(name: str, engine: Engine, viewer: Viewer, shape: Shape = "html") -> Answered:
    """What the sync that built what is served read, skipped, repaired and collapsed. The export lists the findings."""
    report = report_of(source_named(name, engine, viewer))
    if shape != "html":
        return exported(report.findings if report else (), shape, "findings")
    return page(
        "sources/report.html", viewer, active="sources", title=f"Last ingest of {name}", name=name, report=report
    )


@get("/sources/{name:str}/quality", sync_to_thread=True)
def quality_page(name: str, engine: Engine, viewer: Viewer, shape: Shape = "html") -> Answered:
    """What to mend in a source's documents, computed now. The export lists the findings."""
    _must_be_owner(viewer)
    quality = quality_of_source(source_named(name, engine, viewer))
    if shape != "html":
        return exported(quality.findings, shape, "quality")
    return page(
        "sources/quality.html", viewer, active="sources", title=f"Quality of {name}", name=name, quality=quality
    )


def _progress(name: str, engine: Engine, viewer: Viewer, jobs: IngestJobs) -> dict[str, Any]:
    """What the part of the page about health and jobs needs; nothing of it for viewers who are not owners."""
    if viewer.caller.role != "owner":
        return {"name": name, "health": None, "jobs": []}
    source = source_named(name, engine, viewer)
    health, known = health_of(source, Layout(engine.settings.home), jobs.history)
    return {"name": name, "health": health, "jobs": [(job, _seconds(job)) for job in known[:MOST_JOBS]]}


def _seconds(job: Job) -> float | None:
    if job.finished_at is None:
        return None
    return (datetime.fromisoformat(job.finished_at) - datetime.fromisoformat(job.started_at)).total_seconds()


def _must_be_owner(viewer: Viewer) -> None:
    if viewer.caller.role != "owner":
        raise NotPermitted("Only owners see this of a source.", hint="Log in with a key of role owner.")
