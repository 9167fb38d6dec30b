"""OpenAI's clients always send a key, so people without one write `unused` or `sk-no-key`."""

from __future__ import annotations

from typing import Any, cast

from litestar import Request
from litestar.di import Provide
from litestar.types import Scope

from app.api.callers import Asker, Callers
from app.settings import Settings

OURS = ("ak_", "wt_", "pk_")
"""How the keys of this service begin: one of them is never taken for a placeholder, whether it is known or not."""


def openai_asker(request: Request[Any, Any, Any], callers: Callers, settings: Settings) -> Asker:
    """The asker of a request; where no key is needed, what cannot be a key of ours is as if it were not there."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    placeholder = scheme.casefold() == "bearer" and not token.strip().startswith(OURS)
    if placeholder and not settings.needs_key:
        request = _without_key(request)
    return callers.asker(request)


def _without_key(request: Request[Any, Any, Any]) -> Request[Any, Any, Any]:
    """The request as if it had shown no key."""
    headers = [(name, value) for name, value in request.scope["headers"] if name != b"authorization"]
    return Request(cast("Scope", {**request.scope, "headers": headers, "state": {}}))


ASKER = {"asker": Provide(openai_asker, sync_to_thread=True)}
"""The dependency of these endpoints, in place of the others'."""
