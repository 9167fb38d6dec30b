"""What a caller asks to be ingested, and how it relates to the sources that are there."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from connectors.errors import SourceNotFound
from connectors.registry import kind_of_url
from ingest.errors import SourceExists, UnknownSource
from ingest.stores.catalog import Sending, Visibility
from ingest.stores.descriptions import KEPT
from ingest.stores.manifest import Manifest, SourceEntry

_BARE_HOST = re.compile(r"^https?://(?:www\.)?([^/@:?#\[\]]+)(?::\d+)?/?$", re.IGNORECASE)
_PASSWORD = re.compile(r"(?<=://)([^/@\s:]*):(?!\$\{\w+\}@).*@", re.DOTALL)
"""A password in a URL, up to the last `@`; one that is named by an environment variable is none."""
INGEST_OPTIONS = frozenset({"scrub"})
"""Options of any source of documents: `scrub=true` removes people's details before anything is stored."""


@dataclass(frozen=True, slots=True)
class SourceRequest:
    """A source to be added, or to be read again."""

    location: str
    """Path or URL."""
    name: str | None = None
    """None: made from the location's last part."""
    kind: str | None = None
    """Kind of connector; None: told from the location."""
    options: Mapping[str, str] = field(default_factory=dict)
    public: bool | None = None
    """Whether visitors may see its documents; None: as before, internal for a new source."""
    description_path: str | None = None
    """Description file; None: as before, else `describe.yaml` in the folder."""
    every_s: int | None = None
    """Seconds between scheduled syncs; None: as before, else none."""
    models: Sending | None = None
    """Whether its content may be sent to a language model; None: as before, allowed for a new source."""

    @property
    def visibility(self) -> Visibility:
        """What documents are unless the description file says otherwise."""
        return "public" if self.public else "internal"


def resolve(request: SourceRequest, manifest: Manifest | None) -> SourceRequest:
    """The request with its name and location settled; what it leaves open is as the known source has it.

    Raises `SourceExists` if the name belongs to another location, `SourceNotFound` if no location is given.
    """
    if not request.location.strip():
        raise SourceNotFound("No path was given.", hint="Give a folder or file; `.` is the working directory.")
    location = absolute_location(request.location)
    entries = manifest.sources if manifest else ()
    same_place = next((entry for entry in entries if entry.location == location), None)
    name = slug(request.name) if request.name else (same_place.name if same_place else slug_of_location(location))
    entry = next((entry for entry in entries if entry.name == name), None)
    if entry is not None and entry.location != location:
        raise SourceExists(
            f"A source named {name!r} exists already; it reads {shown_location(entry.location)}.",
            hint="Choose another name with --name, or remove that source first.",
        )
    settled = replace(request, location=location, name=name, description_path=_absolute(request.description_path))
    return _with_known(settled, entry) if entry else settled


def request_of(entry: SourceEntry) -> SourceRequest:
    """The request that reads a known source again."""
    return _with_known(SourceRequest(entry.location, name=entry.name), entry)


def connector_options(options: Mapping[str, str]) -> dict[str, str]:
    """The options without those that ingest itself takes."""
    return {name: value for name, value in options.items() if name not in INGEST_OPTIONS}


def known_entry(manifest: Manifest | None, name: str) -> SourceEntry:
    """The entry of a source. Raises `UnknownSource`, naming the known ones."""
    entry = manifest.source(name) if manifest else None
    if entry is None:
        raise UnknownSource(name, [each.name for each in manifest.sources] if manifest else [])
    return entry


def slug(text: str) -> str:
    """A name of lower-case ASCII letters, digits, `-` and `_`: `Returns & Refunds` is `returns-refunds`."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_]+", "-", plain).strip("-_")[:64] or "source"


def slug_of_location(location: str) -> str:
    """A name from the last part of a path or URL, without its suffix; a URL without a path is named by its host."""
    if host := _BARE_HOST.match(location):
        return slug(host.group(1))
    if "://" in location:
        bare = shown_location(location).partition("://")[2].rpartition("@")[2]
        parts = [part for part in re.split(r"[/?#]+", bare) if part]
        return slug(parts[-1].rpartition(".")[0] or parts[-1]) if parts else "source"
    path = Path(location)
    return slug(path.name if path.is_dir() else path.stem)


def absolute_location(location: str) -> str:
    """The location as it means the same from every working directory."""
    return location if "://" in location else str(Path(location).expanduser().absolute().resolve())


def holds_password(location: str) -> bool:
    """Whether the location holds a password itself, rather than the name of a variable."""
    return _PASSWORD.search(location) is not None


def shown_location(location: str) -> str:
    """The location for people: without a password; of a database's, without parameters too."""
    shown = _PASSWORD.sub(r"\1:***@", location)
    return shown.partition("?")[0] if kind_of_url(location) == "sql_database" else shown


def _with_known(request: SourceRequest, entry: SourceEntry) -> SourceRequest:
    return replace(
        request,
        kind=request.kind or entry.kind,
        options=dict(request.options) or entry.options,
        public=entry.visibility == "public" if request.public is None else request.public,
        description_path=request.description_path or entry.description_path,
        every_s=entry.every_s if request.every_s is None else request.every_s,
        models=request.models or entry.models,
    )


def _absolute(path: str | None) -> str | None:
    if not path or path.startswith(KEPT):
        return path
    return str(Path(path).expanduser().absolute())
