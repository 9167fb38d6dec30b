"""`/console/prompts`: prompts with their versions, labels, tests and use; a label is moved here as on the terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, QueryParameter
from litestar.response import Redirect, Template

from app.engine import Engine
from app.errors import ConfigurationError, InvalidRequest
from app.settings import Settings
from app.web.console.diff import unified
from app.web.console.frame import Export, exported, page
from app.web.console.keys import one_line
from app.web.console.viewers import Viewer

if TYPE_CHECKING:
    from app.llm.prompts import Prompt, Prompts
    from app.llm.prompts.use import PromptUse

USE_DAYS = 30
NOTE_CHARACTERS = 500

Which = Annotated[str, QueryParameter(max_length=100)]


class ListedPrompt(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt as the list and its export show it; use of the last 30 days."""

    name: str
    task: str
    description: str
    comes_from: str
    label_in_force: str
    version_in_force: str
    """Empty where it cannot be used."""
    file: str
    """The version that the files hold."""
    versions: int
    calls: int
    failed: int
    repairs: int
    cost_usd: str


class ListedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a prompt, with its labels and its use of the last 30 days."""

    version: str
    labels: tuple[str, ...]
    in_files: bool
    calls: int = 0
    cached: int = 0
    failed: int = 0
    repairs: int = 0
    p50_s: float | None = None
    p95_s: float | None = None
    cost_usd: str | None = None


class LabelForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the form for a label sends."""

    label: str = ""
    version: str = ""
    """A version's hash; empty: the label is removed."""
    note: str = ""


LabelBody = Annotated[LabelForm, Body(media_type=RequestEncodingType.URL_ENCODED)]


@get("/prompts", sync_to_thread=True)
def prompts_page(
    viewer: Viewer, engine: Engine, shape: Annotated[Export, QueryParameter(name="format")] = "html"
) -> Template | Response[bytes]:
    """Every prompt; for owners."""
    viewer.must_own()
    with _opened(engine.settings) as prompts:
        rows = [_listed(prompts, name, _uses(engine.settings, name)) for name in prompts.names]
    if shape != "html":
        return exported(rows, shape, "prompts")
    return page("prompts.html", viewer, active="prompts", title="Prompts", prompts=rows, days=USE_DAYS)


@get("/prompts/{name:str}", sync_to_thread=True)
def prompt_page(
    name: str,
    viewer: Viewer,
    engine: Engine,
    version: Which = "",
    before: Which = "",
    after: Which = "",
    shape: Annotated[Export, QueryParameter(name="format")] = "html",
) -> Template | Response[bytes]:
    """One prompt: its versions, the text of one, the difference between two, labels, tests and use."""
    from app.llm.prompts.trials.kept import kept_tests
    from app.llm.prompts.version import as_text

    viewer.must_own()
    with _opened(engine.settings) as prompts:
        held = prompts.of_file(name)
        versions = _versions(prompts, name, _uses(engine.settings, name))
        if shape != "html":
            return exported(versions, shape, f"prompt-{name}")
        shown = _found(prompts, name, version or "file")
        compared = (_found(prompts, name, before), _found(prompts, name, after)) if before and after else None
        context: dict[str, Any] = {
            "prompt": held.version,
            "listed": _listed(prompts, name, []),
            "versions": versions,
            "shown": shown.id,
            "text": as_text(shown.version),
            "compared": [each.id for each in compared] if compared else None,
            "difference": unified(*(as_text(each.version) for each in compared)) if compared else [],
            "labels": prompts.store.current(name),
            "history": tuple(reversed(prompts.store.history(name))),
            "cases": prompts.files.path(name, ".cases.jsonl") is not None,
        }
    tests = kept_tests(engine.settings.state_path, name)
    title = f"Prompt {name}"
    return page("prompt.html", viewer, active="prompts", title=title, tests=tests, days=USE_DAYS, **context)


@post("/prompts/{name:str}/label", status_code=303, sync_to_thread=True)
def move_label(name: str, data: LabelBody, viewer: Viewer, engine: Engine) -> Redirect:
    """Point a label at a version, or remove it; running servers follow with their next question."""
    viewer.must_own()
    note = one_line(data.note, "note", NOTE_CHARACTERS)
    if not note:
        raise InvalidRequest("The note is empty.", hint="Say why the label is moved: the history keeps it.")
    by = f"{viewer.key.name} ({viewer.key.id})" if viewer.key else "console"
    with _opened(engine.settings) as prompts:
        if data.version:
            _found(prompts, name, data.version)
        prompts.point(name, data.label.strip(), data.version or None, by=by, note=note)
    return Redirect(f"/console/prompts/{name}#labels", status_code=303)


@contextmanager
def _opened(settings: Settings) -> Iterator[Prompts]:
    """The prompts, whatever their labels point at: this page is where labels are put right."""
    from app.llm.loading import load_config
    from app.llm.prompts import labels_of
    from app.llm.prompts.files import Files
    from app.llm.prompts.held import Prompts
    from app.llm.prompts.labels import LabelStore

    prompts = Prompts(Files(settings.prompts), LabelStore(settings.state_path), labels_of(load_config(settings)))
    try:
        yield prompts
    finally:
        prompts.close()


def _found(prompts: Prompts, name: str, which: str) -> Prompt:
    """The version that is asked for; one that is not known or cannot be used is the request's mistake."""
    try:
        return prompts.find(name, which)
    except ConfigurationError as error:
        raise InvalidRequest(error.message, hint=error.hint) from error


def _uses(settings: Settings, name: str) -> list[PromptUse]:
    from app.llm.prompts.use import uses
    from app.llm.spending_store import SpendingUnavailable, open_spending

    store = open_spending(settings)
    try:
        return store.read(lambda connection: uses(connection, name, time.time() - USE_DAYS * 86_400))
    except SpendingUnavailable:
        return []  # the page on usage says so; labels must be movable all the same
    finally:
        store.close()


def _listed(prompts: Prompts, name: str, used: Sequence[PromptUse]) -> ListedPrompt:
    held = prompts.of_file(name)
    label = prompts.label_of(name)
    try:
        in_force = prompts.labelled(name, label).id
    except ConfigurationError:
        in_force = ""
    overridden = prompts.files.overridden(name)
    return ListedPrompt(
        name=name,
        task=held.task,
        description=held.version.description,
        comes_from="ANSWERABLE_PROMPTS" if overridden else "packaged",
        label_in_force=label,
        version_in_force=in_force,
        file=held.id,
        versions=len(set(prompts.store.ids(name)) | {held.id}),
        calls=sum(use.calls for use in used),
        failed=sum(use.failed for use in used),
        repairs=sum(use.repairs for use in used),
        cost_usd=_sum(used),
    )


def _versions(prompts: Prompts, name: str, used: Sequence[PromptUse]) -> list[ListedVersion]:
    """The files' version first, then the others, newest first."""
    of_file = prompts.of_file(name).id
    labels = prompts.store.current(name)
    by_version = {use.version: use for use in used}
    found = []
    for identity in dict.fromkeys((of_file, *reversed(prompts.store.ids(name)))):
        use = by_version.get(identity)
        fields = ListedVersion.__struct_fields__[3:]
        found.append(
            ListedVersion(
                version=identity,
                labels=tuple(label for label, target in labels.items() if target == identity),
                in_files=identity == of_file,
                **({field: getattr(use, field) for field in fields} if use else {}),
            )
        )
    return found


def _sum(used: Sequence[PromptUse]) -> str:
    from decimal import Decimal

    return f"{sum((Decimal(use.cost_usd) for use in used if use.cost_usd is not None), Decimal(0)):f}"
