"""`/console/sources/{name}/description`: editing the description file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from litestar import get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, QueryParameter
from litestar.response import Redirect, Template

from app.engine import Engine
from app.errors import EditedMeanwhile, InvalidRequest
from app.ops.ingest_jobs import IngestJobs
from app.ops.source_description import (
    MOST_CHARACTERS,
    CurrentDescription,
    current_description,
    save_description,
)
from app.web.console.diff import DiffLine, unified
from app.web.console.frame import page
from app.web.console.sources.changes import Change, changes_of
from app.web.console.sources.rows import source_named
from app.web.console.viewers import Viewer
from ingest.describing import draft_description
from ingest.description import Description, apply_description, parse_description
from ingest.errors import DescriptionError
from ingest.layout import Layout
from ingest.stores.descriptions import KEPT, kept_names, kept_path
from ingest.stores.snapshot import SourceReader

CALLED = "description"
"""What complaints call the text in the form."""
_AROUND = 1
"""Lines shown before and after one that is wrong."""


class DescriptionForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the form sends. No path: what is saved lies where the service keeps it."""

    text: str = ""
    base: str = ""
    """Hash of the description that is edited."""
    action: Literal["check", "save"] = "check"


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a description, and the lines around it."""

    message: str
    hint: str
    line: int | None
    lines: list[tuple[int, str]]


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """A text that was looked at."""

    problem: Problem | None = None
    diff: list[DiffLine] = []
    changes: list[Change] = []


Form = Annotated[DescriptionForm, Body(media_type=RequestEncodingType.URL_ENCODED)]


@get("/sources/{name:str}/description", sync_to_thread=True)
def description_page(
    name: str,
    engine: Engine,
    viewer: Viewer,
    version: Annotated[str | None, QueryParameter(name="version", max_length=60)] = None,
) -> Template:
    """The description file in a form: as it is, an earlier one, or a first draft where there is none."""
    viewer.must_own()
    source = source_named(name, engine, viewer)
    now = _current(source, engine)
    text = now.text if now.origin != "none" else draft_description(source.catalog)
    if version is not None:
        text = _earlier(name, version, engine)
    return _page(source, engine, viewer, now, text)


@post("/sources/{name:str}/description", status_code=200, sync_to_thread=True)
def edit_description(name: str, data: Form, engine: Engine, viewer: Viewer, jobs: IngestJobs) -> Template | Redirect:
    """Check a description, or save it and begin the sync that applies it."""
    viewer.must_own()
    source = source_named(name, engine, viewer)
    text = data.text.replace("\r\n", "\n").removesuffix("\n") + "\n"  # a form sends lines ended by both
    if len(text) > MOST_CHARACTERS:
        raise InvalidRequest(f"A description may have {MOST_CHARACTERS:,} characters here.", hint="Shorten it.")
    now = _current(source, engine)
    checked = check_description(text, now.text, source)
    if checked.problem is not None:
        return _page(source, engine, viewer, now, text, checked=checked, status=400)
    if data.action == "check" or text == now.text:
        return _page(source, engine, viewer, now, text, checked=checked, base=data.base)
    try:
        layout = Layout(engine.settings.home)
        save_description(
            text, name, expected=data.base, store=engine.store, layout=layout, jobs=jobs, by=viewer.caller.key_id
        )
    except EditedMeanwhile as error:
        return _page(source, engine, viewer, now, text, checked=checked, conflict=error, status=error.status)
    return Redirect(f"/console/sources/{name}", status_code=303)


def check_description(text: str, current: str, source: SourceReader) -> Checked:
    """What is wrong with a description, or else what it would change."""
    try:
        described = parse_description(text, CALLED)
        apply_description(source.catalog, described)
    except DescriptionError as error:
        return Checked(problem=_problem(error, text))
    before: Description | None = None
    try:
        before = parse_description(current, CALLED)
    except DescriptionError:
        before = None  # what is there cannot be read: everything is new then
    return Checked(diff=unified(current, text), changes=changes_of(before, described, source))


def _problem(error: DescriptionError, text: str) -> Problem:
    lines = text.splitlines()
    near = range(max(1, error.line - _AROUND), min(len(lines), error.line + _AROUND) + 1) if error.line else ()
    shown = [(number, lines[number - 1][:200]) for number in near]
    return Problem(message=error.message, hint=error.hint, line=error.line, lines=shown)


def _current(source: SourceReader, engine: Engine) -> CurrentDescription:
    applied = source.segment.inputs.get("description", "")
    return current_description(source.entry, Layout(engine.settings.home), applied)


def _earlier(name: str, version: str, engine: Engine) -> str:
    try:
        return kept_path(Layout(engine.settings.home), name, f"{KEPT}{version}").read_text("utf-8")
    except (DescriptionError, OSError, UnicodeDecodeError) as error:
        raise InvalidRequest("There is no such version.", hint="Choose one of those listed.") from error


def _page(
    source: SourceReader, engine: Engine, viewer: Viewer, now: CurrentDescription, text: str, *,
    checked: Checked | None = None, conflict: EditedMeanwhile | None = None, base: str | None = None, status: int = 200,
) -> Template:  # fmt: skip
    context: dict[str, Any] = {"name": source.name, "now": now, "text": text, "checked": checked, "conflict": conflict}
    return page(
        "sources/description.html", viewer, active="sources", title=f"Description of {source.name}", status=status,
        base=base or now.hash, versions=kept_names(Layout(engine.settings.home), source.name), **context,
    )  # fmt: skip
