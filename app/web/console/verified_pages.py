"""`/console/verified`: approved question -> SQL pairs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, QueryParameter
from litestar.response import Redirect, Template

from app.api.answering import Answering
from app.api.verified import verified_view
from app.asking import visible_sources
from app.engine import Engine
from app.errors import AppError
from app.values import Deadline
from app.verified.checking import Proposal, add_verified, checked, noted
from app.verified.listing import found, listed
from app.verified.store import QuestionVerified
from app.web.console.diff import unified
from app.web.console.frame import exported, page
from app.web.console.sources.pages import Answered, Shape
from app.web.console.viewers import Viewer
from app.web.console.wording import highlighted

HERE = "/console/verified"


class VerifiedForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the form sends."""

    source: str = ""
    question: str = ""
    sql: str = ""
    note: str = ""
    exact: bool = False
    force: bool = False


Form = Annotated[VerifiedForm, Body(media_type=RequestEncodingType.URL_ENCODED)]
Given = Annotated[str, QueryParameter(max_length=20_000)]


@get("/verified")
async def verified_page(
    engine: Engine, viewer: Viewer, answering: Answering, source: Given = "", question: Given = "", sql: Given = "",
    only: Annotated[str, QueryParameter(name="of", max_length=64)] = "", shape: Shape = "html",
) -> Answered:  # fmt: skip
    """The verified queries of the viewer's sources, and a form that adds one."""
    if shape != "html":
        queries = await answering.run(lambda: listed(engine, viewer.caller, only or None), _deadline(engine))
        return exported([verified_view(query) for query in queries], shape, "verified")
    form = VerifiedForm(source=source, question=question, sql=sql)
    return await _page(engine, viewer, answering, form, only=only)


@post("/verified", status_code=200)
async def add_pair(data: Form, engine: Engine, viewer: Viewer, answering: Answering) -> Template | Redirect:
    """Validate a pair, run it once and keep it; where the question is verified already, show the difference first."""
    proposal = Proposal(
        source=data.source, question=data.question.strip(), sql=data.sql.replace("\r\n", "\n").strip(), note=data.note,
        exact=data.exact, force=data.force,
    )  # fmt: skip
    today = datetime.now().astimezone().date()
    try:
        query = await answering.run(
            lambda: add_verified(proposal, engine, viewer.caller, today, added_by=viewer.caller.key_id),
            _deadline(engine),
        )
    except AppError as error:
        return await _page(engine, viewer, answering, data, problem=error)
    return Redirect(f"{HERE}#pair-{query.id}", status_code=303)


@post("/verified/{identity:str}/remove", status_code=303, sync_to_thread=True)
def remove_pair(identity: str, engine: Engine, viewer: Viewer) -> Redirect:
    """Forget a pair."""
    engine.verified.store.remove(found(identity, engine, viewer.caller).id)
    return Redirect(HERE, status_code=303)


@post("/verified/{identity:str}/check", status_code=303)
async def check_pair(identity: str, engine: Engine, viewer: Viewer, answering: Answering) -> Redirect:
    """Validate and run a pair again, whatever changed."""

    def check() -> None:
        query = found(identity, engine, viewer.caller)
        snapshot = engine.store.snapshot()
        reader = snapshot.sources.get(query.source)
        if reader is not None:
            noted(query, checked(query, engine, snapshot, reader), engine)

    await answering.run(check, _deadline(engine))
    return Redirect(f"{HERE}#pair-{identity}", status_code=303)


async def _page(
    engine: Engine, viewer: Viewer, answering: Answering, form: VerifiedForm, *, only: str = "",
    problem: AppError | None = None,
) -> Template:  # fmt: skip
    queries = await answering.run(lambda: listed(engine, viewer.caller, only or None), _deadline(engine))
    context: dict[str, Any] = {"form": form, "problem": problem, "only": only, "known": None, "diff": []}
    if isinstance(problem, QuestionVerified):
        context |= {"known": problem.known, "diff": unified(problem.known.sql, form.sql)}
    names = [source.name for source in visible_sources(engine.store.snapshot(), viewer.caller) if source.catalog.tables]
    pairs = [(verified_view(query), highlighted(query.sql, "duckdb")) for query in queries]
    return page(
        "verified.html", viewer, active="verified", title="Verified queries", pairs=pairs, sources=names,
        status=problem.status if problem else 200, **context,
    )  # fmt: skip


def _deadline(engine: Engine) -> Deadline:
    return Deadline.after(engine.settings.deadline_s)
