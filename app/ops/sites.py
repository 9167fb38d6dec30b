"""The stored sites, each with a publishable key and a secret."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import sqlalchemy as sa

from app.errors import InvalidRequest, NotFound
from app.ops.site import Handover, Site, SiteOptions
from app.ops.state import SITES, held_state

ORIGIN_HINT = "An origin is scheme, host and port, such as https://help.example.com or http://localhost:3000."


class SiteStore:
    """The sites of one state file. A key reads `pk_<id>_<random>`."""

    def __init__(self, state: Path) -> None:
        self._engine = held_state(state)

    def add(
        self, options: SiteOptions, *, expires_at: float | None = None, identity: str | None = None
    ) -> tuple[Site, str]:
        """A new site and its secret, which cannot be shown again. Raises `InvalidRequest`.

        `identity` is the id of a site that the service makes for itself: no other site's id is a word.
        """
        identity = identity or secrets.token_hex(4)
        site = Site(
            id=identity,
            key=f"pk_{identity}_{secrets.token_urlsafe(12)}",
            options=_checked(options),
            created_at=time.time(),
            expires_at=expires_at,
            revoked_at=None,
        )
        secret = secrets.token_urlsafe(32)
        row = msgspec.structs.asdict(site) | {"secret": secret, "content": _encoded(site.options)}
        del row["options"]
        try:
            with self._engine.begin() as connection:
                connection.execute(sa.insert(SITES).values(row))
        except sa.exc.IntegrityError as error:
            raise InvalidRequest(f"There is a site {identity!r} already.", hint="Change that one.") from error
        return site, secret

    def all(self) -> list[Site]:
        """Every site, revoked ones too, oldest first."""
        with self._engine.connect() as connection:
            return [_site(row) for row in connection.execute(sa.select(SITES).order_by(SITES.c.created_at))]

    def find(self, key: str) -> Site | None:
        """The site of a publishable key; None if it is not known, has expired or was revoked."""
        return self._valid(SITES.c.key == key)

    def by_id(self, identity: str) -> Site | None:
        """The same by the site's id."""
        return self._valid(SITES.c.id == identity)

    def any_allows(self, origin: str) -> bool:
        """Whether pages of an origin may show the widget of some site that is valid now."""
        return any(_is_valid(site) and site.allows(origin) for site in self.all())

    def secret(self, identity: str) -> str:
        """The secret of a site; raises `NotFound`."""
        with self._engine.connect() as connection:
            found = connection.execute(sa.select(SITES.c.secret).where(SITES.c.id == identity)).scalar()
        if found is None:
            raise _unknown(identity)
        return str(found)

    def change(
        self, identity: str, options: SiteOptions, *, expires_at: float | msgspec.UnsetType | None = msgspec.UNSET
    ) -> Site:
        """Give a site other options, and another end if one is given, from the next request on; None: no end.

        Raises `InvalidRequest` or `NotFound`.
        """
        ends = {} if expires_at is msgspec.UNSET else {"expires_at": expires_at}
        return self._update(identity, content=_encoded(_checked(options)), **ends)

    def revoke(self, identity: str) -> Site:
        """End a site's key, and with it every ticket, from the next request on; raises `NotFound`."""
        return self._update(identity, revoked_at=time.time())

    def _update(self, identity: str, **values: Any) -> Site:
        with self._engine.begin() as connection:
            connection.execute(sa.update(SITES).where(SITES.c.id == identity).values(**values))
        found = next((site for site in self.all() if site.id == identity), None)
        if found is None:
            raise _unknown(identity)
        return found

    def _valid(self, condition: sa.ColumnElement[bool]) -> Site | None:
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(SITES).where(condition)).first()
        site = _site(row) if row is not None else None
        return site if site is not None and _is_valid(site) else None


def normal_origin(text: str) -> str:
    """An origin as browsers send it: `https://help.example.com`; raises `InvalidRequest` for anything else."""
    try:
        parts = urlsplit(text.strip())
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    rest = parts.path.strip("/") or parts.query or parts.fragment or parts.username
    if parts.scheme not in ("http", "https") or not host or rest or "*" in host:
        raise InvalidRequest(f"{text!r} is not an origin.", hint=ORIGIN_HINT)
    shown = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{shown}" + (f":{port}" if port not in (None, usual) else "")


def _is_valid(site: Site) -> bool:
    return site.revoked_at is None and (site.expires_at is None or site.expires_at > time.time())


def _checked(options: SiteOptions) -> SiteOptions:
    if not options.name.strip():
        raise InvalidRequest("The site has no name.", hint="Name it, so that you know it again in lists.")
    if not options.origins:
        raise InvalidRequest("The site has no origin, so no page could use its key.", hint=ORIGIN_HINT)
    if not _usable(options.handover):
        hint = "Give the link's https URL, or the mail address; the webhook is the one in ANSWERABLE_WEBHOOK_URL."
        raise InvalidRequest(f"A hand-over by {options.handover.kind} cannot go to that target.", hint=hint)
    origins = tuple(dict.fromkeys(normal_origin(origin) for origin in options.origins))
    return msgspec.structs.replace(options, origins=origins)


def _usable(handover: Handover) -> bool:
    target = handover.target
    if any(not character.isprintable() for character in target):
        return False
    if handover.kind == "link":
        return urlsplit(target).scheme in ("http", "https") and bool(urlsplit(target).hostname)
    if handover.kind == "mail":
        name, at, host = target.partition("@")
        return bool(name and at and "." in host) and not any(character in target for character in ' <>,;"')
    return not target


def _encoded(options: SiteOptions) -> str:
    return msgspec.json.encode(options).decode()


def _unknown(identity: str) -> NotFound:
    return NotFound(f"There is no site {identity!r}.", hint="`answerable keys site list` shows the sites.")


def _site(row: sa.Row[Any]) -> Site:
    return Site(
        id=row.id,
        key=row.key,
        options=msgspec.json.decode(row.content, type=SiteOptions),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
