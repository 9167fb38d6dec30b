"""Sites: pages that may show the widget, each with a publishable key and the origins that it may be used from."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Line = Annotated[str, msgspec.Meta(max_length=200)]


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """How a visitor reaches a person."""

    kind: Literal["none", "link", "mail", "webhook"] = "none"
    target: Line = ""
    """URL of the link, or the address that mail goes to; empty for the others."""
    personal_data: Literal["masked", "as_written"] = "masked"
    """What becomes of personal data in the conversation that is passed on."""


class SiteOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator may change of a site."""

    name: Line
    origins: tuple[str, ...]
    """Allowed origins, without a path; `normal_origin` of each."""
    sources: tuple[str, ...] | None = None
    """Names of the sources that its visitors may ask; None: all that are public."""
    title: Line = ""
    """Above the conversation; empty: the widget's own words in the visitor's language."""
    greeting: Annotated[str, msgspec.Meta(max_length=500)] = ""
    examples: tuple[Line, ...] = ()
    handover: Handover = Handover()


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A site as it is stored, without its secret. Times are seconds since the epoch."""

    id: str
    key: str
    options: SiteOptions
    created_at: float
    expires_at: float | None
    revoked_at: float | None

    def allows(self, origin: str) -> bool:
        """Whether pages of an origin may show the widget."""
        return origin in self.options.origins
