"""What only its maker may see, and only once: a new key's token, a new site's secret.

The page that makes it sends the browser on to another, so that loading that one again makes nothing. What is to be
shown travels in a cookie of that one address and of a minute, which the page that shows it ends. The service keeps
nothing of it.
"""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.datastructures import Cookie
from litestar.response import Redirect, Template

COOKIE = "answerable_once"
LASTS_S = 60


def sent_on(path: str, secret: str, *, secure: bool) -> Redirect:
    """The way to the page at a path of the console that shows the secret."""
    return Redirect(path, status_code=303, cookies=[_cookie(path, secret, secure=secure)])


def to_show(request: Request[Any, Any, Any]) -> str:
    """The secret that this page is to show; empty if there is none, or it was shown already."""
    return request.cookies.get(COOKIE, "")


def shown(template: Template, path: str, *, secure: bool) -> Template:
    """The page, after which the secret is gone."""
    template.cookies = [*template.cookies, _cookie(path, "", secure=secure)]
    return template


def _cookie(path: str, value: str, *, secure: bool) -> Cookie:
    lasts_s = LASTS_S if value else 0
    return Cookie(key=COOKIE, value=value, path=path, max_age=lasts_s, secure=secure, httponly=True, samesite="strict")
