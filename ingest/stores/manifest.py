"""The manifest: which segment each source is served from. Publishing one is a single atomic step.

    store/CURRENT -> "00000012"     replaced by rename, after
    store/manifests/00000012.json   was written and synced

A crash at any moment leaves the old `CURRENT` whole. Rolling back publishes an older manifest's sources again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import msgspec

from ingest.errors import ManifestCorrupt, NothingToRollBackTo
from ingest.layout import Layout
from ingest.stores.catalog import Sending, Visibility
from ingest.stores.durable import sync_folder, write_durably


class SourceEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A configured source with the segment that it is served from."""

    name: str
    location: str
    kind: str
    options: dict[str, str] = {}
    segment: str
    visibility: Visibility = "internal"
    description_path: str | None = None
    synced_at: str
    """When the source was last read, UTC, ISO 8601."""
    documents: int = 0
    passages: int = 0
    tables: int = 0
    rows: int = 0
    holds_password: bool = False
    """The location holds a password itself; manifests that name it can be read by their owner only."""
    every_s: int | None = None
    """Seconds between scheduled syncs; None: only by hand."""
    models: Sending = "allowed"
    """Whether its content may be sent to a language model; the description file may forbid it too."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """All sources as of one moment. `id` counts up: `00000012`."""

    id: str
    created_at: str
    sources: tuple[SourceEntry, ...]
    previous: str | None = None

    def source(self, name: str) -> SourceEntry | None:
        """The entry of that source."""
        return next((entry for entry in self.sources if entry.name == name), None)


class _Sealed(msgspec.Struct, frozen=True):
    sha256: str
    manifest: msgspec.Raw


def current(layout: Layout) -> Manifest | None:
    """The published manifest; None if nothing was published yet. Raises `ManifestCorrupt`."""
    try:
        name = layout.current.read_text("utf-8").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestCorrupt(f"{layout.current} cannot be read: {error}.", hint=_REPAIR) from error
    return read_manifest(layout, name)


def read_manifest(layout: Layout, name: str) -> Manifest:
    """The manifest of that name. Raises `ManifestCorrupt` if it is missing or differs from its checksum."""
    path = layout.manifest(name)
    try:
        sealed = msgspec.json.decode(path.read_bytes(), type=_Sealed)
        if hashlib.sha256(bytes(sealed.manifest)).hexdigest() == sealed.sha256:
            return msgspec.json.decode(sealed.manifest, type=Manifest)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise ManifestCorrupt(f"Manifest {path} cannot be read: {error}.", hint=_REPAIR) from error
    raise ManifestCorrupt(f"Manifest {path} differs from its checksum.", hint=_REPAIR)


def publish(
    layout: Layout,
    sources: Mapping[str, SourceEntry],
    *,
    before_switch: Callable[[], None] = lambda: None,
) -> Manifest:
    """Make `sources` what readers see, in one atomic step; needs the ingest lock.

    `before_switch` is called when the new manifest is on the disk and not yet current.
    """
    before = current(layout)
    number = int(before.id) + 1 if before else 1
    manifest = Manifest(
        id=f"{number:08d}",
        created_at=datetime.now(UTC).isoformat(timespec="microseconds"),
        sources=tuple(sources[name] for name in sorted(sources)),
        previous=before.id if before else None,
    )
    layout.manifests.mkdir(parents=True, exist_ok=True)
    sync_folder(layout.store)
    body = msgspec.json.encode(manifest)
    sealed = _Sealed(hashlib.sha256(body).hexdigest(), msgspec.Raw(body))
    private = any(entry.holds_password for entry in manifest.sources)
    write_durably(layout.manifest(manifest.id), msgspec.json.encode(sealed), private=private)
    before_switch()
    write_durably(layout.current, manifest.id.encode() + b"\n")
    return manifest


def published_names(layout: Layout) -> list[str]:
    """Names of the manifests on disk up to the current one, oldest first."""
    now = current(layout)
    if now is None or not layout.manifests.is_dir():
        return []
    names = (path.stem for path in layout.manifests.glob("[0-9]*.json"))
    return sorted(name for name in names if name <= now.id)


def rollback(layout: Layout, to: str | None = None) -> Manifest:
    """Publish an older manifest's sources again: `to`, or the one before the current; needs the ingest lock.

    Raises `NothingToRollBackTo` if it is gone or one of its segments was collected.
    """
    names = published_names(layout)
    earlier = names[:-1]
    name = to or (earlier[-1] if earlier else None)
    listed = f"Manifests to go back to: {', '.join(earlier)}." if earlier else "There is only the current one."
    if name is None or name not in earlier:
        raise NothingToRollBackTo(f"There is no manifest {to or 'before the current one'}.", hint=listed)
    target = read_manifest(layout, name)
    gone = [entry.name for entry in target.sources if not layout.segment(entry.segment).is_dir()]
    if gone:
        raise NothingToRollBackTo(f"Manifest {name} needs collected segments of {', '.join(gone)}.", hint=listed)
    return publish(layout, {entry.name: entry for entry in target.sources})


_REPAIR = "Write the name of an earlier manifest in store/manifests into store/CURRENT, or add the sources again."
