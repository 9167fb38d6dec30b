"""Description files that were edited in the service: each saving is a file of its own, the earlier ones stay.

    descriptions/<source>/20260301T140500-3f2a9c01d2e4.yaml

The manifest names the one in force as `kept:20260301T140500-3f2a9c01d2e4.yaml`, so that a sync that fails, a crash or a
rollback leaves the one that fits what is served. A file of the operator's own is never written.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

from ingest.errors import DescriptionError
from ingest.layout import Layout
from ingest.stores.durable import sync_folder, write_durably

KEPT = "kept:"
"""What the path of a kept description begins with, in a manifest."""
MOST_KEPT = 20
"""Kept descriptions of one source; older ones are deleted when another is saved."""
_NAME = re.compile(r"[0-9]{8}T[0-9]{12}-[0-9a-f]{12}\.yaml")


def content_hash(content: bytes) -> str:
    """SHA-256 (hex) of a description file; of nothing where there is none."""
    return hashlib.sha256(content).hexdigest()


def keep_description(layout: Layout, source: str, content: bytes, in_force: str | None) -> str:
    """Write a description that no manifest names yet; returns what a sync takes as its path.

    `in_force` is the path that the manifest has now: it is not deleted, however old.
    """
    folder = layout.descriptions(source)
    folder.mkdir(parents=True, exist_ok=True)
    sync_folder(layout.home)
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{content_hash(content)[:12]}.yaml"
    write_durably(folder / name, content, private=True)
    for old in kept_names(layout, source)[MOST_KEPT:]:
        if f"{KEPT}{old}" != in_force:
            (folder / old).unlink(missing_ok=True)
    return f"{KEPT}{name}"


def kept_path(layout: Layout, source: str, path: str) -> Path:
    """The file of a path as a manifest has it: a kept one, or the operator's own. Raises `DescriptionError`."""
    if not path.startswith(KEPT):
        return Path(path)
    name = path.removeprefix(KEPT)
    if not _NAME.fullmatch(name):
        raise DescriptionError(f"{path!r} is no kept description.", hint="Give the path of a file.")
    return layout.descriptions(source) / name


def forget_descriptions(layout: Layout, source: str) -> None:
    """Delete every kept description of a source that is removed."""
    shutil.rmtree(layout.descriptions(source), ignore_errors=True)


def kept_names(layout: Layout, source: str) -> list[str]:
    """Names of the kept descriptions of a source, the newest first."""
    folder = layout.descriptions(source)
    names = (each.name for each in folder.iterdir()) if folder.is_dir() else ()
    return sorted((name for name in names if _NAME.fullmatch(name)), reverse=True)
