"""`GET /ask?site=pk_…`: the conversation of the widget as a form, for readers without scripts.

Questions are sent by POST, so that they stand in no address and no log. Who the visitor is and which conversation this
is stands in a signed field of the form, for an hour; nothing is stored in the browser.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import secrets
import time
from functools import partial
from typing import Annotated, Any

import msgspec
from litestar import Request, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, QueryParameter
from litestar.response import Template

from app.api.answering import Answering
from app.api.callers import Callers
from app.api.feedback import rater_of
from app.api.handover import given_to
from app.asking import question_from
from app.engine import Engine
from app.errors import AppError, NotFound
from app.ops.handover import HandoverRequest, Handovers, Turn
from app.ops.secrets_kept import kept_secret
from app.ops.site import Site
from app.sentences import reader_language
from app.settings import Settings
from app.values import Answer
from app.web.plain import (
    headers_of,
    notice_of,
    plain_error,
    plain_page,
    site_of,
    source_link,
    visitor_of,
    with_headers,
    with_markers,
    words_of,
)

_log = logging.getLogger("answerable.pages")

FORM_TTL_S = 3600
ROWS_SHOWN = 50
_NO_SITE = "There is no such site."


class AskForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the form sends."""

    q: str = ""
    form: Annotated[str, msgspec.Meta(max_length=2000)] = ""


class HandoverForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the form that asks for a person sends."""

    form: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    question: Annotated[str, msgspec.Meta(max_length=100_000)] = ""
    answer: Annotated[str, msgspec.Meta(max_length=64)] = ""
    message: Annotated[str, msgspec.Meta(max_length=4000)] = ""
    contact: Annotated[str, msgspec.Meta(max_length=200)] = ""


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and where the conversation stands."""

    site: Site
    visitor: str
    session: str
    expired: bool = False


AskBody = Annotated[AskForm, Body(media_type=RequestEncodingType.URL_ENCODED)]
HandoverBody = Annotated[HandoverForm, Body(media_type=RequestEncodingType.URL_ENCODED)]
_COMMON: dict[str, Any] = {"include_in_schema": False, "exception_handlers": {Exception: plain_error}}


@get("/ask", **_COMMON)
async def ask_form(
    request: Request[Any, Any, Any],
    callers: Callers,
    settings: Settings,
    site: Annotated[str, QueryParameter(max_length=200)] = "",
    q: Annotated[str, QueryParameter(max_length=4000)] = "",
) -> Template:
    """The form."""
    await asyncio.to_thread(callers.limits.check_address, request)
    found = await asyncio.to_thread(site_of, site, callers)
    if found is None:
        raise NotFound(_NO_SITE, hint="The address needs `?site=` with the site's key.")
    return await asyncio.to_thread(_page, request, settings, begun(found), question=q)


@post("/ask", status_code=200, **_COMMON)
async def ask_plainly(
    data: AskBody,
    request: Request[Any, Any, Any],
    callers: Callers,
    settings: Settings,
    engine: Engine,
    answering: Answering,
) -> Template:
    """The answer, with a form for the next question."""
    await asyncio.to_thread(callers.limits.check_address, request)
    conversation = await asyncio.to_thread(read_form, data.form, callers, settings)
    if conversation.expired:
        notice = words_of(request).again
        return await asyncio.to_thread(_page, request, settings, conversation, question=data.q, notice=notice)
    asker = visitor_of(conversation.site, conversation.visitor)
    try:
        await asyncio.to_thread(callers.limits.check_visitor, rater_of(asker))
        question = question_from(
            data.q.strip(),
            engine,
            asker.caller,
            session=conversation.session,
            preferred=reader_language(words_of(request).language),
        )
        found = await answering.answer(question)
    except AppError as error:
        page = partial(_page, question=data.q, notice=notice_of(request, error), status=error.status)
        return with_headers(await asyncio.to_thread(page, request, settings, conversation), headers_of(error))
    picture = await asyncio.to_thread(_picture, engine, found)
    return await asyncio.to_thread(
        _page, request, settings, conversation, asked=question.text, found=found, picture=picture
    )


@post("/ask/handover", status_code=200, sync_to_thread=True, **_COMMON)
def ask_for_person(
    data: HandoverBody,
    request: Request[Any, Any, Any],
    callers: Callers,
    settings: Settings,
    engine: Engine,
    handovers: Handovers,
) -> Template:
    """Pass the question and its answer on to a person."""
    callers.limits.check_address(request)
    conversation = read_form(data.form, callers, settings)
    if conversation.expired:
        return _page(request, settings, conversation, question=data.question, notice=words_of(request).again)
    asker = visitor_of(conversation.site, conversation.visitor)
    turns = [Turn(question=data.question[:4000], answer=data.answer)] if data.answer else []
    wanted = HandoverRequest(conversation=turns, message=data.message, contact=data.contact.strip() or None)
    taken = handovers.request(wanted, conversation.site, rater_of(asker), given_to(asker, engine))
    return _page(request, settings, conversation, notice=f"{words_of(request).passed_on} {taken.reference}")


def begun(site: Site) -> Conversation:
    """A new visitor's new conversation."""
    return Conversation(site=site, visitor=f"plain-{secrets.token_hex(8)}", session=secrets.token_hex(8))


def signed(conversation: Conversation, settings: Settings) -> str:
    """The form's field."""
    import jwt

    content = {
        "site": conversation.site.key,
        "visitor": conversation.visitor,
        "session": conversation.session,
        "exp": int(time.time()) + FORM_TTL_S,
    }
    return jwt.encode(content, kept_secret(settings.state_path, "plain_ask"), "HS256")


def read_form(field: str, callers: Callers, settings: Settings) -> Conversation:
    """The conversation of a form; where it was open for too long, a new one. Raises `NotFound` for a forged field."""
    import jwt

    secret = kept_secret(settings.state_path, "plain_ask")
    wanted: dict[str, Any] = {"require": ["exp", "site", "visitor", "session"], "verify_exp": False}
    try:
        content = jwt.decode(field, secret, ["HS256"], options=wanted)  # type: ignore[arg-type]
    except jwt.InvalidTokenError as error:
        raise NotFound(_NO_SITE, hint="Open the page again.") from error
    site = site_of(str(content["site"]), callers)
    if site is None:
        raise NotFound(_NO_SITE, hint="Its key was revoked or has expired.")
    if float(content["exp"]) < time.time():
        return msgspec.structs.replace(begun(site), expired=True)
    return Conversation(site=site, visitor=str(content["visitor"]), session=str(content["session"]))


def _page(
    request: Request[Any, Any, Any],
    settings: Settings,
    conversation: Conversation,
    *,
    question: str = "",
    notice: str = "",
    asked: str = "",
    found: Answer | None = None,
    picture: str | None = None,
    status: int = 200,
) -> Template:
    site = conversation.site
    cited = {each.n: source_link(each, site) for each in found.citations} if found is not None else {}
    links = {number: link for number, link in cited.items() if link is not None}
    nearest = found.refusal.nearest if found is not None and found.refusal is not None else ()
    return plain_page(
        request,
        "ask.html",
        status=status,
        site=site,
        heading=site.options.title or words_of(request).title,
        form=signed(conversation, settings),
        question=question,
        notice=notice,
        asked=asked,
        answer=found,
        pieces=with_markers(found.text, links) if found is not None else [],
        links=links,
        nearest=[(each, source_link(each, site)) for each in nearest],
        rows=found.table.rows[:ROWS_SHOWN] if found is not None and found.table is not None else (),
        picture=picture,
        handover=site.options.handover.kind,
    )


def _picture(engine: Engine, found: Answer) -> str | None:
    """The chart as a `data:` address: in an <img> nothing of it is run or loaded."""
    if found.chart is None:
        return None
    try:
        svg = engine.charts.svg(found.chart)
    except AppError as error:
        _log.warning("a chart was left out: %s", error.code)
        return None
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
