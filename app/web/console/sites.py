"""`/console/sites`: the sites that may show the widget, with the tag to paste; a secret is shown once."""

from __future__ import annotations

from hmac import compare_digest
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, QueryParameter
from litestar.response import Redirect, Template

from app.api.callers import Callers
from app.engine import Engine
from app.errors import InvalidRequest, NotFound
from app.ops.expiry import moment_of
from app.ops.site import Handover, Site, SiteOptions
from app.settings import Settings
from app.web.console.frame import Export, exported, page
from app.web.console.keys import known_sources, moment_text, one_line, site_state, source_names
from app.web.console.login import over_tls
from app.web.console.shown_once import sent_on, shown, to_show
from app.web.console.viewers import Viewer

LINE = 200
"""Characters of a line, as `app.ops.site` has it."""
GREETING = 500
MOST_LINES = 20
HANDOVERS = (
    ("none", "None"),
    ("link", "Open a link"),
    ("mail", "Send a mail"),
    ("webhook", "Tell the webhook"),
)


class SiteForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the form for a site sends; lists have one item a line."""

    name: str = ""
    origins: str = ""
    sources: list[str] | str = []
    title: str = ""
    greeting: str = ""
    examples: str = ""
    handover: str = "none"
    target: str = ""
    personal_data: str = "masked"
    expires: str = ""


class ListedSite(msgspec.Struct, frozen=True, kw_only=True):
    """A site as the export shows it. Times are ISO 8601, UTC."""

    id: str
    name: str
    key: str
    state: str
    origins: tuple[str, ...]
    sources: tuple[str, ...] | None
    title: str
    handover: str
    created_at: str
    expires_at: str


SiteBody = Annotated[SiteForm, Body(media_type=RequestEncodingType.URL_ENCODED)]


@get("/sites", sync_to_thread=True)
def sites_export(
    viewer: Viewer, callers: Callers, shape: Annotated[Export, QueryParameter(name="format")] = "html"
) -> Response[bytes] | Redirect:
    """The sites as a file; as a page they stand beside the keys."""
    viewer.must_own()
    if shape == "html":
        return Redirect("/console/keys#sites", status_code=303)
    return exported([_listed(site) for site in callers.sites.all()], shape, "sites")


@get("/sites/new", sync_to_thread=True)
def new_site(viewer: Viewer, engine: Engine) -> Template:
    """The form for a new site."""
    viewer.must_own()
    return _form(viewer, engine, SiteForm(), site=None)


@post("/sites", status_code=303, sync_to_thread=True)
def add_site(
    data: SiteBody, request: Request[Any, Any, Any], viewer: Viewer, engine: Engine, callers: Callers
) -> Template | Redirect:
    """Make a site and go to the page that shows its secret; or the form again with what is wrong."""
    viewer.must_own()
    try:
        site, secret = callers.sites.add(_options(data, engine), expires_at=moment_of(data.expires))
    except InvalidRequest as error:
        return _form(viewer, engine, data, site=None, problem=error)
    return sent_on(f"/console/sites/{site.id}", secret, secure=over_tls(request, engine.settings))


@get("/sites/{identity:str}", sync_to_thread=True)
def site_page(
    identity: str, request: Request[Any, Any, Any], viewer: Viewer, engine: Engine, callers: Callers
) -> Template:
    """One site: its tag, and its options to change; its secret just after it was made, and never again."""
    viewer.must_own()
    site, secret = _site(callers, identity), to_show(request)
    told = secret if secret and compare_digest(secret.encode(), callers.sites.secret(site.id).encode()) else ""
    tag = script_tag(site, request, engine.settings)
    template = _form(viewer, engine, _filled(site), site=site, tag=tag, secret=told)
    return shown(template, request.url.path, secure=over_tls(request, engine.settings)) if secret else template


@post("/sites/{identity:str}", status_code=200, sync_to_thread=True)
def change_site(
    identity: str, data: SiteBody, request: Request[Any, Any, Any], viewer: Viewer, engine: Engine, callers: Callers
) -> Template | Redirect:
    """Change a site's options, from the next request on."""
    viewer.must_own()
    site = _site(callers, identity)
    try:
        callers.sites.change(identity, _options(data, engine, site), expires_at=_end(data.expires, site))
    except InvalidRequest as error:
        tag = script_tag(site, request, engine.settings)
        return _form(viewer, engine, data, site=site, tag=tag, problem=error)
    return Redirect(f"/console/sites/{site.id}", status_code=303)


@get("/sites/{identity:str}/revoke", sync_to_thread=True)
def confirm_revoke_site(identity: str, viewer: Viewer, callers: Callers) -> Template:
    """Ask before a site is revoked."""
    viewer.must_own()
    site = _site(callers, identity)
    return page("site_revoke.html", viewer, active="keys", title=f"Revoke the site {site.options.name}?", site=site)


@post("/sites/{identity:str}/revoke", status_code=303, sync_to_thread=True)
def revoke_site(identity: str, viewer: Viewer, callers: Callers) -> Redirect:
    """End a site's key and its visitors' tickets from the next request on."""
    viewer.must_own()
    callers.sites.revoke(identity)
    return Redirect("/console/keys#sites", status_code=303)


def script_tag(site: Site, request: Request[Any, Any, Any], settings: Settings) -> str:
    """What the site's pages hold to show the widget."""
    base = settings.public_url.rstrip("/") or str(request.base_url).rstrip("/")
    return f'<script async src="{base}/widget.js" data-site="{site.key}"></script>'


def _end(day: str, site: Site) -> float | None:
    """When a site ends by its form; a day that was not touched changes nothing, though it may be over."""
    return site.expires_at if day.strip() == _day(site) else moment_of(day)


def _day(site: Site) -> str:
    return moment_text(site.expires_at)[:10]


def _options(form: SiteForm, engine: Engine, site: Site | None = None) -> SiteOptions:
    kept = (site.options.sources or ()) if site is not None else ()
    kinds = [kind for kind, _ in HANDOVERS]
    if form.handover not in kinds or form.personal_data not in ("masked", "as_written"):
        raise InvalidRequest("This hand-over is not known.", hint=f"It may be {', '.join(kinds)}.")
    target = one_line(form.target, "target of the hand-over", LINE) if form.handover in ("link", "mail") else ""
    handover = msgspec.convert(
        {"kind": form.handover, "target": target, "personal_data": form.personal_data}, type=Handover
    )
    greeting = " ".join(form.greeting.split())
    return SiteOptions(
        name=one_line(form.name, "name", LINE),
        origins=_lines(form.origins, "origin"),
        sources=known_sources(form.sources, engine, kept),
        title=one_line(form.title, "title", LINE),
        greeting=one_line(greeting, "greeting", GREETING),
        examples=_lines(form.examples, "example question"),
        handover=handover,
    )


def _lines(text: str, what: str) -> tuple[str, ...]:
    lines = [one_line(line, what, LINE) for line in text.splitlines() if line.strip()]
    if len(lines) > MOST_LINES:
        raise InvalidRequest(f"There may be {MOST_LINES} lines for each {what}.", hint="Leave some out.")
    return tuple(dict.fromkeys(lines))


def _filled(site: Site) -> SiteForm:
    options = site.options
    return SiteForm(
        name=options.name,
        origins="\n".join(options.origins),
        sources=list(options.sources or ()),
        title=options.title,
        greeting=options.greeting,
        examples="\n".join(options.examples),
        handover=options.handover.kind,
        target=options.handover.target,
        personal_data=options.handover.personal_data,
        expires=_day(site),
    )


def _form(
    viewer: Viewer,
    engine: Engine,
    form: SiteForm,
    *,
    site: Site | None,
    tag: str = "",
    secret: str = "",
    problem: InvalidRequest | None = None,
) -> Template:
    # A source that is gone stays in the list: without its tick the site would be open to all that is public.
    kept = (site.options.sources or ()) if site is not None else ()
    return page(
        "site.html",
        viewer,
        active="keys",
        title="A new site" if site is None else f"The site {site.options.name}",
        status=200 if problem is None else problem.status,
        form=form,
        site=site,
        state="" if site is None else site_state(site),
        tag=tag,
        secret=secret,
        problem=problem,
        sources=sorted({*source_names(engine), *kept}),
        handovers=HANDOVERS,
    )


def _site(callers: Callers, identity: str) -> Site:
    found = next((site for site in callers.sites.all() if site.id == identity), None)
    if found is None:
        raise NotFound("There is no such site.", hint="The list of sites shows them.")
    return found


def _listed(site: Site) -> ListedSite:
    return ListedSite(
        id=site.id,
        name=site.options.name,
        key=site.key,
        state=site_state(site),
        origins=site.options.origins,
        sources=site.options.sources,
        title=site.options.title,
        handover=site.options.handover.kind,
        created_at=moment_text(site.created_at),
        expires_at=moment_text(site.expires_at),
    )
