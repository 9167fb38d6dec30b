"""`/console/login` and `/console/logout`: in and out by key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from litestar import Request, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, QueryParameter
from litestar.response import Redirect, Template

from app.api.limits import Limits
from app.errors import AppError, NotAuthenticated, RateLimited
from app.settings import Settings
from app.web.console.frame import HEADERS
from app.web.console.viewers import Viewers

START = "/console"


class LoginForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the form sends."""

    key: str = ""
    next: str = START


LoginBody = Annotated[LoginForm, Body(media_type=RequestEncodingType.URL_ENCODED)]


@get("/login", sync_to_thread=False)
def login_page(back: Annotated[str, QueryParameter(name="next", max_length=500)] = START) -> Template:
    """The form that asks for a key."""
    return _form(back, problem="")


@post("/login", status_code=303, sync_to_thread=True)
def log_in(
    data: LoginBody, request: Request[Any, Any, Any], viewers: Viewers, limits: Limits, settings: Settings
) -> Redirect | Template:
    """Check the key and begin a session; keys that are not known are counted against the address, and they alone."""
    try:
        try:
            cookie = viewers.log_in(data.key, secure=over_tls(request, settings))
        except NotAuthenticated:
            limits.count_guess(request)
            raise
    except AppError as error:
        return _refused(data.next, error)
    return Redirect(_own_page(data.next), status_code=303, cookies=[cookie])


@post("/logout", status_code=303, sync_to_thread=False)
def log_out(request: Request[Any, Any, Any], viewers: Viewers, settings: Settings) -> Redirect:
    """End the session."""
    cookie = viewers.log_out(secure=over_tls(request, settings))
    return Redirect("/console/login", status_code=303, cookies=[cookie])


def over_tls(request: Request[Any, Any, Any], settings: Settings) -> bool:
    """Whether the browser speaks https, though a proxy that does not say so may stand between."""
    return request.url.scheme == "https" or settings.public_url.startswith("https://")


def _refused(next_page: str, error: AppError) -> Template:
    later = {"Retry-After": str(error.retry_after_s)} if isinstance(error, RateLimited) else {}
    return _form(next_page, problem=f"{error.message} {error.hint}".strip(), status=error.status, headers=later)


def _form(next_page: str, *, problem: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Template:
    context = {"next": _own_page(next_page), "problem": problem, "title": "Log in"}
    return Template("console/login.html", context=context, status_code=status, headers={**HEADERS, **(headers or {})})


def _own_page(path: str) -> str:
    """The path if it is one of the console's; never an address elsewhere."""
    own = path == START or path.startswith((f"{START}/", f"{START}?"))
    return path if own and path.isprintable() and "\\" not in path and "//" not in path else START
