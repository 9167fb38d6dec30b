"""`POST /v1/widget/session`: a ticket for a visitor of a site, given to pages of its origins."""

from __future__ import annotations

import time
from typing import Any

from litestar import Request, post
from litestar.openapi import ResponseSpec

from app.api.callers import Callers
from app.api.cross_origin import request_origin
from app.api.wire import ErrorResponse, HandoverView, WidgetSession, WidgetSessionRequest, WidgetSite
from app.errors import NotAuthenticated, NotPermitted
from app.ops.site import Site
from app.settings import Settings

_ERRORS = {
    400: "The request's shape or values are wrong.",
    401: "The site or the identity token is not valid.",
    403: "The page's origin is not one of the site's.",
    429: "Too many requests from this address.",
}


@post(
    "/v1/widget/session",
    status_code=200,
    tags=["widget"],
    sync_to_thread=True,
    responses={
        code: ResponseSpec(ErrorResponse, generate_examples=False, description=said) for code, said in _ERRORS.items()
    },
)
def widget_session(
    data: WidgetSessionRequest, request: Request[Any, Any, Any], callers: Callers, settings: Settings
) -> WidgetSession:
    """Let a visitor in, anew or as the one whom an earlier ticket or the site's server names."""
    callers.limits.check_address(request)
    site = callers.sites.find(data.site)
    if site is None:
        hint = "`answerable keys site list` shows the sites and their keys."
        raise NotAuthenticated("The site is not known or was revoked.", code="site_not_known", hint=hint)
    origin = request_origin(request.scope)
    if origin is None or not site.allows(origin):
        hint = f"The operator allows it: `answerable keys site change {site.id} --origin …`."
        raise NotPermitted("This site's key is not for pages of this origin.", code="origin_not_allowed", hint=hint)
    secret = callers.sites.secret(site.id) if data.identity is not None else ""
    token, ticket = callers.tickets.issue(site, origin, renew=data.renew, identity=data.identity, secret=secret)
    return WidgetSession(
        ticket=token,
        expires_in_s=max(1, ticket.exp - int(time.time())),
        site=site_view(site),
        question_max_chars=settings.question_max_chars,
    )


def site_view(site: Site) -> WidgetSite:
    """What pages of a site may know of it."""
    options = site.options
    target = options.handover.target if options.handover.kind == "link" else ""
    return WidgetSite(
        name=options.name,
        title=options.title,
        greeting=options.greeting,
        examples=list(options.examples),
        handover=HandoverView(kind=options.handover.kind, target=target),
    )
