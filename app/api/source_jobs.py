"""`GET`, `POST` and `DELETE /v1/sources/…`: one source, adding, synchronising and removing; and how that went."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from litestar import Response, delete, get, post
from litestar.openapi import ResponseSpec
from msgspec import Meta

from app.api.callers import Asker
from app.api.sources import source_view
from app.api.wire import ErrorResponse, SourceView
from app.asking import checked_sources
from app.engine import Engine
from app.errors import AlreadyExists, AppError, IngestBusy, InvalidRequest, NotFound, NotPermitted
from app.ops.ingest_history import Job
from app.ops.ingest_jobs import IngestJobs
from app.ops.source_health import SourceHealth, health_of
from app.settings import Settings
from app.values import Caller
from ingest.layout import Layout
from ingest.request import shown_location

MOST_JOBS = 20
_ERRORS = {
    400: "The request's shape or values are wrong, or the source may not be added from here.",
    401: "No key, or one that is not known.",
    403: "The key may not change sources.",
    404: "Unknown, or not the caller's.",
    409: "The name is taken, or another ingest is running.",
}


class AddSourceRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A source to add, as `answerable ingest add` takes it. What is left out is as the known source has it."""

    location: Annotated[str, Meta(min_length=1, max_length=2000)]
    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")] | None = None
    kind: Annotated[str, Meta(max_length=40)] | None = None
    options: dict[str, str] = {}
    public: bool | None = None
    every: Annotated[str, Meta(max_length=20)] | None = None
    """Interval of scheduled syncs, e.g. `1h`."""
    models: Literal["allowed", "never"] | None = None


class SourceDetail(SourceView, frozen=True, kw_only=True):
    """One source; what is null for callers who are not owners comes last."""

    location: str | None = None
    health: SourceHealth | None = None
    jobs: list[Job] | None = None


class JobsResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs, the newest first."""

    jobs: list[Job]


def _errors(*codes: int) -> dict[int, ResponseSpec]:
    return {code: ResponseSpec(ErrorResponse, generate_examples=False, description=_ERRORS[code]) for code in codes}


@get("/v1/sources/{name:str}", tags=["sources"], sync_to_thread=True, responses=_errors(401, 404))
def one_source(name: str, engine: Engine, asker: Asker, jobs: IngestJobs) -> SourceDetail:
    """One source with its tables and columns; for owners with its health and what was ingested lately."""
    snapshot = engine.store.snapshot()
    checked_sources([name], snapshot, asker.caller)
    source = snapshot.sources[name]
    layout = Layout(engine.settings.home)
    view = msgspec.structs.asdict(source_view(source, asker.caller, layout))
    if asker.caller.role != "owner":
        return SourceDetail(**view)
    health, known = health_of(source, layout, jobs.history)
    return SourceDetail(**view, location=shown_location(source.entry.location), health=health, jobs=known[:MOST_JOBS])


@post("/v1/sources", status_code=202, tags=["sources"], sync_to_thread=True, responses=_errors(400, 401, 403, 409))
def add_source(
    data: AddSourceRequest, engine: Engine, asker: Asker, jobs: IngestJobs, settings: Settings
) -> Response[Job]:
    """Begin to add a source, or to bring a known one up to date."""
    _must_own_all(asker)
    name, arguments, location = addition(data, engine, settings)
    return _accepted(jobs.start("add", name, arguments, given=f"{location}\n", by=asker.key_id))


@post(
    "/v1/sources/{name:str}/sync",
    status_code=202,
    tags=["sources"],
    sync_to_thread=True,
    responses=_errors(401, 403, 404, 409),
)
def sync_source(name: str, engine: Engine, asker: Asker, jobs: IngestJobs) -> Response[Job]:
    """Begin to bring a source up to date."""
    _known_to_owner(name, engine, asker)
    return _accepted(jobs.start("sync", name, ["sync", name], by=asker.key_id))


@delete(
    "/v1/sources/{name:str}",
    status_code=204,
    tags=["sources"],
    sync_to_thread=True,
    responses=_errors(401, 403, 404, 409),
)
def remove_source(name: str, engine: Engine, asker: Asker, jobs: IngestJobs) -> None:
    """Remove a source from every store, at once."""
    _must_own_all(asker)
    _known_to_owner(name, engine, asker)
    job = jobs.run("remove", name, ["remove", name], by=asker.key_id)
    if job.code == "unknown_source":
        raise NotFound(job.message, hint=job.hint)
    if job.code == "ingest_busy":
        raise IngestBusy(job.message, hint=job.hint)
    if job.code is not None:
        raise AppError(job.message, hint=job.hint, code=job.code)


@get("/v1/jobs", tags=["sources"], sync_to_thread=True, responses=_errors(401, 403))
def source_jobs(
    asker: Asker, jobs: IngestJobs, source: Annotated[str, Meta(max_length=64)] | None = None
) -> JobsResponse:
    """What the service was told to ingest, for owners; those of the sources of their key."""
    _must_be_owner(asker)
    return JobsResponse(jobs=[job for job in jobs.history.jobs(source) if _may_know(job, asker.caller)])


@get("/v1/jobs/{job_id:str}", tags=["sources"], sync_to_thread=True, responses=_errors(401, 403, 404))
def one_job(job_id: str, asker: Asker, jobs: IngestJobs) -> Job:
    """One of them."""
    _must_be_owner(asker)
    job = jobs.history.find(job_id)
    if job is None or not _may_know(job, asker.caller):
        raise NotFound("There is no such job.", hint="GET /v1/jobs lists those that are remembered.")
    return job


def addition(data: AddSourceRequest, engine: Engine, settings: Settings) -> tuple[str, list[str], str]:
    """Name, arguments and location of the command that adds what is asked for, checked as far as can be without it."""
    from ingest.admission import Admission
    from ingest.errors import SourceExists, SourceRefused, WrongInterval
    from ingest.request import SourceRequest, resolve
    from ingest.stores.schedule import interval_s

    admission = Admission(
        folders=tuple(map(Path, settings.source_folders)),
        hosts=settings.source_hosts,
        variables=frozenset(settings.source_variables),
    )
    asked = SourceRequest(data.location, name=data.name, kind=data.kind, options=data.options)
    try:
        interval_s(data.every or "off")
        admitted = admission.admitted(asked)
        name = resolve(admitted, engine.store.snapshot().manifest).name or ""
    except (SourceRefused, WrongInterval) as error:
        raise InvalidRequest(error.message, hint=error.hint, code=error.code) from error
    except SourceExists as error:
        raise AlreadyExists(error.message, hint="Choose another name, or remove that source first.") from error
    arguments = ["add", "-", f"--name={name}"]
    arguments += [f"--kind={admitted.kind}"] if admitted.kind else []
    arguments += [f"--option={option}={value}" for option, value in admitted.options.items()]
    arguments += [] if data.public is None else ["--public" if data.public else "--internal"]
    arguments += [f"--every={data.every}"] if data.every else []
    arguments += [] if data.models is None else ["--models" if data.models == "allowed" else "--no-models"]
    return name, arguments, admitted.location


def _accepted(job: Job) -> Response[Job]:
    return Response(job, status_code=202, headers={"Location": f"/v1/jobs/{job.id}"})


def _must_be_owner(asker: Asker) -> None:
    if asker.caller.role != "owner":
        raise NotPermitted("Only owners may do this.", hint="Use a key of role owner.")


def _must_own_all(asker: Asker) -> None:
    if not asker.sees_all_answers:
        raise NotPermitted("Only owners of all sources may add or remove one.", hint="Use a key without --source.")


def _known_to_owner(name: str, engine: Engine, asker: Asker) -> None:
    checked_sources([name], engine.store.snapshot(), asker.caller)
    _must_be_owner(asker)


def _may_know(job: Job, caller: Caller) -> bool:
    return caller.sources is None or job.source in caller.sources
