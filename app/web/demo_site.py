"""`GET /demo`: a help centre made from the public documents of the store, with the widget, under a strict policy.

The widget gets a site of its own, made when the demo is first opened. Where only the request could tell under which
origin the service is reached, and nothing checks that, the pages come without the widget: set `ANSWERABLE_PUBLIC_URL`.
"""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from litestar import Request, get
from litestar.response import Template

from app.api.callers import Callers
from app.engine import Engine
from app.errors import AppError, NotFound
from app.ops.site import Site, SiteOptions
from app.settings import Settings
from app.web.demo_articles import articles, categories, questions, rendered
from app.web.plain import DEMO, demo_is_on, own_origin, plain_error

_log = logging.getLogger("answerable.pages")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS = {"Content-Security-Policy": POLICY, "Cache-Control": "private, no-store", "Referrer-Policy": "same-origin"}
NAME = "Help centre"
GREETING = "Ask about anything in this help centre. Every answer says where it comes from."
_MOST_ORIGINS = 20
_COMMON: dict[str, Any] = {"include_in_schema": False, "exception_handlers": {Exception: plain_error}}


@get("/demo", sync_to_thread=True, **_COMMON)
def demo_home(request: Request[Any, Any, Any], engine: Engine, callers: Callers, settings: Settings) -> Template:
    """The start page: the widget and the categories."""
    _check_on(settings)
    callers.limits.check_address(request)
    site = demo_site(request, engine, callers, settings)
    return _page("demo/home.html", site, title=NAME, categories=categories(engine), total=len(articles(engine)))


@get("/demo/{page:path}", sync_to_thread=True, **_COMMON)
def demo_article(
    page: str, request: Request[Any, Any, Any], engine: Engine, callers: Callers, settings: Settings
) -> Template:
    """An article."""
    _check_on(settings)
    callers.limits.check_address(request)
    source, _, path = page.removeprefix("/").partition("/")
    title, content, shortened = rendered(engine, source, path)
    listed = articles(engine)
    category = next((each.category for each in listed if each.source == source and each.path == path), "")
    beside = [each for each in listed if each.source == source and each.category == category]
    site = demo_site(request, engine, callers, settings)
    return _page(
        "demo/article.html",
        site,
        title=title,
        content=content,
        shortened=shortened,
        category=category,
        beside=beside[:12],
        here=path,
    )


def demo_site(request: Request[Any, Any, Any], engine: Engine, callers: Callers, settings: Settings) -> Site | None:
    """The demo's site for this service's own origin, made or changed if need be; None if it must not be."""
    origin = own_origin(request, settings)
    made = next((site for site in callers.sites.all() if site.id == DEMO), None)
    try:
        if made is None:
            return _added(origin, engine, callers) if origin is not None else None
        found = callers.sites.by_id(made.id)  # None if it was revoked: then it stays so
        if found is None or origin is None or found.allows(origin):
            return found if origin is not None else None
        known = found.options.origins[1 - _MOST_ORIGINS :]  # the oldest goes: nobody can fill the list up for others
        options = msgspec.structs.replace(found.options, origins=(*known, origin))
        return callers.sites.change(found.id, options)
    except AppError as error:
        _log.warning("the demo has no widget: %s", error.message)
        return None


def _added(origin: str, engine: Engine, callers: Callers) -> Site:
    options = SiteOptions(name=DEMO, origins=(origin,), greeting=GREETING, examples=questions(engine))
    site, _secret = callers.sites.add(options, identity=DEMO)
    return site


def _check_on(settings: Settings) -> None:
    if not demo_is_on(settings):
        raise NotFound("There is nothing at this path.", hint="ANSWERABLE_DEMO=on serves the demo here.")


def _page(template: str, site: Site | None, **context: Any) -> Template:
    return Template(template, context={"site": site, "name": NAME, **context}, headers=HEADERS)
