"""`/console/add-source` and `/console/sources/{name}/remove`: what `POST` and `DELETE /v1/sources` do, as forms."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import Redirect, Template

from app.api.source_jobs import AddSourceRequest, addition
from app.engine import Engine
from app.errors import AppError, IngestBusy, InvalidRequest, NotFound
from app.ops.ingest_history import Job
from app.ops.ingest_jobs import IngestJobs
from app.settings import Settings
from app.web.console.frame import page, part
from app.web.console.sources.rows import source_named
from app.web.console.viewers import Viewer
from connectors.registry import KINDS

_FIELDS = {"location": "location", "name": "name", "kind": "kind", "every": "interval"}
"""Fields of the request -> what the form calls them."""


_NAME_HINT = "A name has small letters, digits, - and _, and begins with a letter or digit."


class SourceForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the form for a source sends."""

    location: str = ""
    name: str = ""
    kind: str = ""
    """Empty: told from the location."""
    visibility: str = "internal"
    every: str = ""
    """Interval of scheduled syncs; empty: by hand."""
    options: str = ""
    """One `name=value` a line."""


SourceBody = Annotated[SourceForm, Body(media_type=RequestEncodingType.URL_ENCODED)]


@get("/add-source", sync_to_thread=False)
def new_source(viewer: Viewer) -> Template:
    """The form for a new source."""
    viewer.must_own()
    return _form(viewer, SourceForm())


@post("/add-source", status_code=303, sync_to_thread=True)
def add_source_by_form(
    data: SourceBody, viewer: Viewer, engine: Engine, jobs: IngestJobs, settings: Settings
) -> Template | Redirect:
    """Begin to add a source and go to how that goes; or the form again with what is wrong."""
    viewer.must_own()
    try:
        name, arguments, location = addition(_request(data), engine, settings)
        job = jobs.start("add", name, arguments, given=f"{location}\n", by=viewer.caller.key_id)
    except AppError as error:
        return _form(viewer, data, error)
    return Redirect(f"/console/jobs/{job.id}", status_code=303)


@get("/jobs/{identity:str}", sync_to_thread=True)
def job_page(identity: str, viewer: Viewer, jobs: IngestJobs) -> Template:
    """How an ingest goes or went."""
    job = _job(identity, viewer, jobs)
    titles = {"add": "Adding", "sync": "Synchronising", "describe": "Describing", "remove": "Removing"}
    return page("sources/job.html", viewer, active="sources", title=f"{titles[job.kind]} {job.source}", job=job)


@get("/jobs/{identity:str}/progress", sync_to_thread=True)
def job_progress(identity: str, viewer: Viewer, jobs: IngestJobs) -> Template:
    """The same without the frame, which the page asks for while the job runs."""
    return part("sources/job_state.html", viewer=viewer, job=_job(identity, viewer, jobs))


@get("/sources/{name:str}/remove", sync_to_thread=True)
def confirm_removal(name: str, viewer: Viewer, engine: Engine) -> Template:
    """Ask before a source is removed."""
    viewer.must_own()
    return _removal(name, viewer, engine)


@post("/sources/{name:str}/remove", status_code=303, sync_to_thread=True)
def remove_by_form(name: str, viewer: Viewer, engine: Engine, jobs: IngestJobs) -> Template | Redirect:
    """Remove a source from every store, at once; or the question again with what stands against it."""
    viewer.must_own()
    source_named(name, engine, viewer)
    try:
        job = jobs.run("remove", name, ["remove", name], by=viewer.caller.key_id)
    except IngestBusy as error:
        return _removal(name, viewer, engine, error)
    if job.code is not None and job.code != "unknown_source":
        return _removal(name, viewer, engine, AppError(job.message, hint=job.hint, code=job.code))
    return Redirect("/console/sources", status_code=303)


def _form(viewer: Viewer, form: SourceForm, problem: AppError | None = None) -> Template:
    return page(
        "sources/add.html",
        viewer,
        active="sources",
        title="Add a source",
        status=200 if problem is None else problem.status,
        form=form,
        problem=problem,
        kinds=sorted(KINDS),
    )


def _removal(name: str, viewer: Viewer, engine: Engine, problem: AppError | None = None) -> Template:
    entry = source_named(name, engine, viewer).entry
    status = 200 if problem is None else problem.status
    title = f"Remove the source {name}?"
    told = {"name": name, "kind": entry.kind, "problem": problem}
    return page("sources/remove.html", viewer, active="sources", title=title, status=status, **told)


def _request(form: SourceForm) -> AddSourceRequest:
    """What the API would be sent; raises `InvalidRequest`."""
    if form.visibility not in ("internal", "public"):
        raise InvalidRequest("This visibility is not known.", hint="It is internal or public.")
    content = {
        "location": form.location.strip(),
        "name": form.name.strip() or None,
        "kind": form.kind or None,
        "options": dict(_option(line) for line in form.options.splitlines() if line.strip()),
        "public": form.visibility == "public",
        "every": form.every.strip() or None,
    }
    try:
        return msgspec.convert(content, AddSourceRequest)
    except msgspec.ValidationError as error:
        field = re.search(r"\$\.(\w+)", str(error))
        wrong = _FIELDS.get(field[1] if field else "", "form")
        hint = "A name has small letters, digits, - and _, and begins with a letter or digit."
        raise InvalidRequest(
            f"The {wrong} is not one.", hint=hint if wrong == "name" else "Look at it again."
        ) from error


def _option(line: str) -> tuple[str, str]:
    name, equals, value = line.partition("=")
    if not equals or not name.strip():
        raise InvalidRequest(f"{line.strip()[:40]!r} is no option.", hint="Write one name=value a line.")
    return name.strip(), value.strip()


def _job(identity: str, viewer: Viewer, jobs: IngestJobs) -> Job:
    viewer.must_own()
    job = jobs.history.find(identity)
    if job is None:
        raise NotFound("There is no such ingest.", hint="The latest ones of each source are remembered.")
    return job
