"""What every page of the console shares: the frame, the guard against forged requests, errors as pages, exports."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, cast
from urllib.parse import quote, urlsplit

import msgspec
from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.response import Redirect, Template

from app.api.errors import describe, error_response
from app.errors import NotAuthenticated, NotPermitted
from app.spreadsheet import cell
from app.web.console.viewers import Viewer

Export: TypeAlias = Literal["html", "json", "csv"]
"""`?format=` of a page with an export."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {"Content-Security-Policy": POLICY, "Cache-Control": "private, no-store", "Referrer-Policy": "same-origin"}
NAVIGATION = (
    ("ask", "/console", "Ask", False),
    ("answers", "/console/answers", "Answers", False),
    ("unanswered", "/console/unanswered", "Unanswered", True),
    ("sources", "/console/sources", "Sources", False),
    ("verified", "/console/verified", "Verified queries", False),
    ("prompts", "/console/prompts", "Prompts", True),
    ("keys", "/console/keys", "Keys and sites", True),
    ("usage", "/console/usage", "Usage and cost", True),
)
"""Name, path, label, and whether the page is for owners only."""


def page(template: str, viewer: Viewer, *, active: str, title: str, status: int = 200, **context: Any) -> Template:
    """A page in the frame. `template` is a file of `templates/console/`, which extends `base.html`."""
    links = [link for link in NAVIGATION if viewer.owns or not link[3]]
    shared = {"viewer": viewer, "active": active, "title": title, "links": links}
    return Template(f"console/{template}", context=shared | context, status_code=status, headers=HEADERS)


def part(template: str, **context: Any) -> Template:
    """A piece of a page, for htmx to put into it."""
    return Template(f"console/{template}", context=context, headers=HEADERS)


def exported(rows: Sequence[msgspec.Struct], shape: Export, name: str) -> Response[bytes]:
    """Rows as a file for download, JSON or CSV."""
    plain = [msgspec.to_builtins(row) for row in rows]
    content = msgspec.json.format(msgspec.json.encode(plain), indent=2) if shape == "json" else as_csv(plain).encode()
    kind = "application/json" if shape == "json" else "text/csv; charset=utf-8"
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}.{shape}"'}
    return Response(content, headers=headers, media_type=kind)


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with the same keys as CSV; nested values as JSON, no cell that a spreadsheet takes for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    if rows:
        writer.writerow(rows[0].keys())
    writer.writerows([_cell(value) for value in row.values()] for row in rows)
    return out.getvalue()


def same_origin(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """Guard: what changes something must come from a page of the console itself; raises `NotPermitted`."""
    if cast("Request[Any, Any, Any]", connection).method in ("GET", "HEAD"):
        return
    site = connection.headers.get("sec-fetch-site")
    origin = connection.headers.get("origin", "")
    same = urlsplit(origin).netloc == connection.headers.get("host") if origin else False
    if site not in (None, "same-origin") or not same:
        raise NotPermitted("This request did not come from the console.", hint="Open the page again.")


def wants_events(request: Request[Any, Any, Any]) -> bool:
    """Whether a script of the console asks for server-sent events in place of a page."""
    return "text/event-stream" in request.headers.get("accept", "")


def error_page(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """An exception as a page, or, where nobody is logged in, the way to the login; for scripts in the API's shape."""
    if wants_events(request):
        return error_response(request, error)
    htmx = request.headers.get("hx-request") == "true"
    if isinstance(error, NotAuthenticated) and request.url.path != "/console/login":
        back = request.url.path if request.method == "GET" and not htmx else "/console"
        login = f"/console/login?next={quote(back)}"
        return Response(b"", headers={"HX-Redirect": login}) if htmx else Redirect(login, status_code=303)
    status, body = describe(error)
    return Template(
        "console/error.html", context={"error": body, "title": "Error"}, status_code=status, headers=HEADERS
    )


def _cell(value: Any) -> Any:
    if isinstance(value, Mapping | list | tuple):
        value = msgspec.json.encode(value).decode()
    return cell(value)
