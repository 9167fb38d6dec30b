"""`/console/keys`: the keys and sites, making and revoking keys. A token is shown once, after it was made."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
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
from app.ops.keys import Key
from app.ops.usage import last_questions
from app.values import Role
from app.web.console.frame import Export, exported, page
from app.web.console.login import over_tls
from app.web.console.shown_once import sent_on, shown, to_show
from app.web.console.viewers import Viewer

ROLES = (
    ("visitor", "asks what is public; never sees the console. For a server of yours that asks on behalf of readers."),
    (
        "analyst",
        "asks all sources of the key, internal ones too, and opens the console's pages for asking and looking.",
    ),
    ("owner", "may do everything; limited to sources, an owner changes those only, and these pages stay closed."),
)
"""What each role is for."""
SOON_S = 14 * 86_400.0
NAME_CHARACTERS = 100


class KeyForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the form for a key sends."""

    role: str = ""
    name: str = ""
    sources: list[str] | str = []
    """None chosen: all. A form with one chosen box sends a text."""
    expires: str = ""
    """The last day, UTC; empty: never."""


class ListedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as the page and its export show it. Times are ISO 8601, UTC."""

    id: str
    name: str
    role: Role
    sources: str
    """Names, or `all`."""
    state: str
    created_at: str
    expires_at: str
    last_question_at: str
    """Of the questions whose traces are kept."""


KeyBody = Annotated[KeyForm, Body(media_type=RequestEncodingType.URL_ENCODED)]


@get("/keys", sync_to_thread=True)
def keys_page(
    viewer: Viewer, engine: Engine, callers: Callers, shape: Annotated[Export, QueryParameter(name="format")] = "html"
) -> Template | Response[bytes]:
    """The keys and the sites; for owners."""
    viewer.must_own()
    asked = last_questions(engine.settings.state_path)
    keys = [listed(key, asked) for key in reversed(callers.keys.all())]
    if shape != "html":
        return exported(keys, shape, "keys")
    return _page(viewer, engine, callers, keys=keys, asked=asked)


@post("/keys", status_code=303, sync_to_thread=True)
def add_key(
    data: KeyBody, request: Request[Any, Any, Any], viewer: Viewer, engine: Engine, callers: Callers
) -> Template | Redirect:
    """Make a key and go to the page that shows its token; or the form again with what is wrong."""
    viewer.must_own()
    try:
        key, token = _made(data, engine, callers)
    except InvalidRequest as error:
        return _page(viewer, engine, callers, form=data, problem=error)
    return sent_on(f"/console/keys/{key.id}", token, secure=over_tls(request, engine.settings))


@get("/keys/{identity:str}", sync_to_thread=True)
def key_page(
    identity: str, request: Request[Any, Any, Any], viewer: Viewer, engine: Engine, callers: Callers
) -> Template:
    """One key; its token just after it was made, and never again."""
    viewer.must_own()
    key, token = _key(callers, identity), to_show(request)
    found = callers.keys.find(token)
    told: dict[str, Any] = {"key": key, "token": token if found is not None and found.id == key.id else ""}
    state = state_of(key.revoked_at, key.expires_at)
    template = page("key_made.html", viewer, active="keys", title=f"The key {key.name}", state=state, **told)
    return shown(template, request.url.path, secure=over_tls(request, engine.settings)) if token else template


@get("/keys/{identity:str}/revoke", sync_to_thread=True)
def confirm_revoke(identity: str, viewer: Viewer, callers: Callers) -> Template:
    """Ask before a key is revoked."""
    viewer.must_own()
    key = _key(callers, identity)
    own = viewer.key is not None and viewer.key.id == key.id
    last = not any(other.valid and other.role == "owner" and other.id != key.id for other in callers.keys.all())
    context: dict[str, Any] = {"key": key, "own": own, "last_owner": last and key.role == "owner"}
    return page("key_revoke.html", viewer, active="keys", title=f"Revoke the key {key.name}?", **context)


@post("/keys/{identity:str}/revoke", status_code=303, sync_to_thread=True)
def revoke_key(identity: str, viewer: Viewer, callers: Callers) -> Redirect:
    """End a key, and sessions with it, from the next request on."""
    viewer.must_own()
    callers.keys.revoke(identity)
    return Redirect("/console/keys", status_code=303)


def _page(
    viewer: Viewer,
    engine: Engine,
    callers: Callers,
    *,
    form: KeyForm | None = None,
    problem: InvalidRequest | None = None,
    keys: Sequence[ListedKey] | None = None,
    asked: dict[str, float] | None = None,
) -> Template:
    """Keys and sites, and the form for a key as it was typed."""
    asked = last_questions(engine.settings.state_path) if asked is None else asked
    shown_keys = [listed(key, asked) for key in reversed(callers.keys.all())] if keys is None else keys
    sites = [(site, site_state(site), moment_text(asked.get(site.id))) for site in reversed(callers.sites.all())]
    return page(
        "keys.html",
        viewer,
        active="keys",
        title="Keys and sites",
        status=200 if problem is None else problem.status,
        keys=shown_keys,
        sites=sites,
        roles=ROLES,
        sources=source_names(engine),
        own=viewer.key.id if viewer.key else "",
        today=datetime.now(UTC).date().isoformat(),
        form=form or KeyForm(),
        problem=problem,
    )


def _made(form: KeyForm, engine: Engine, callers: Callers) -> tuple[Key, str]:
    roles = [role for role, _ in ROLES]
    if form.role not in roles:
        raise InvalidRequest(f"There is no role {form.role[:40]!r}.", hint=f"It may be {', '.join(roles)}.")
    name = one_line(form.name, "name", NAME_CHARACTERS)
    limited = known_sources(form.sources, engine)
    role = msgspec.convert(form.role, Role)
    return callers.keys.add(role, name=name, sources=limited, expires_at=moment_of(form.expires))


def _key(callers: Callers, identity: str) -> Key:
    found = next((key for key in callers.keys.all() if key.id == identity), None)
    if found is None:
        raise NotFound("There is no such key.", hint="The list of keys shows them.")
    return found


def listed(key: Key, asked: dict[str, float]) -> ListedKey:
    """A key for the list."""
    return ListedKey(
        id=key.id,
        name=key.name,
        role=key.role,
        sources="all" if key.sources is None else ", ".join(key.sources),
        state=state_of(key.revoked_at, key.expires_at),
        created_at=moment_text(key.created_at),
        expires_at=moment_text(key.expires_at),
        last_question_at=moment_text(asked.get(key.id)),
    )


def site_state(site: Any) -> str:
    """The state of a site's key."""
    return state_of(site.revoked_at, site.expires_at)


def state_of(revoked_at: float | None, expires_at: float | None) -> str:
    """`valid`, `expires soon`, `expired` or `revoked`."""
    left = None if expires_at is None else expires_at - time.time()
    if revoked_at is not None:
        return "revoked"
    if left is None or left > SOON_S:
        return "valid"
    return "expires soon" if left > 0 else "expired"


def moment_text(seconds: float | None) -> str:
    """A moment as ISO 8601, UTC; empty for none."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%MZ")


def source_names(engine: Engine) -> list[str]:
    """The sources that are ingested."""
    return sorted(engine.store.snapshot().sources)


def known_sources(chosen: Sequence[str] | str, engine: Engine, kept: Sequence[str] = ()) -> tuple[str, ...] | None:
    """The sources chosen; None where none is. `kept`: names that may stay, though no such source is ingested now.

    Raises `InvalidRequest`.
    """
    known = [*source_names(engine), *kept]
    names = [chosen] if isinstance(chosen, str) else chosen
    for name in names:
        if name not in known:
            raise InvalidRequest(f"There is no source {name[:80]!r}.", hint=f"There are {', '.join(known)}.")
    return tuple(dict.fromkeys(names)) or None


def one_line(text: str, what: str, most: int) -> str:
    """The text without space around it; raises `InvalidRequest` for one that is too long or has control characters."""
    shown = text.strip()
    if len(shown) > most or not shown.isprintable():
        raise InvalidRequest(f"The {what} is no line of up to {most} characters.", hint="Shorten it.")
    return shown
