"""Deletes what no reader needs any more; runs under the ingest lock, after publishing."""

from __future__ import annotations

import shutil
import time
from itertools import pairwise

import msgspec

from ingest.errors import StoreError
from ingest.layout import Layout
from ingest.stores.manifest import current, published_names, read_manifest
from ingest.stores.segment import open_segment


def collect(layout: Layout, *, keep: int, grace_s: float) -> list[str]:
    """Delete manifests but the last `keep`, and segments that no manifest names; returns the segments' ids.

    A manifest stays until `grace_s` seconds after it was replaced, and its segments with it: readers may still hold it.
    """
    now = time.time()
    names = published_names(layout)
    for name, successor in pairwise(names):
        replaced = layout.manifest(successor).stat().st_mtime
        if name not in names[-keep:] and now - replaced > grace_s:
            layout.manifest(name).unlink()
    needed = _segments_named(layout)
    gone: list[str] = []
    for folder in sorted(layout.segments.iterdir()) if layout.segments.is_dir() else []:
        if folder.name not in needed and now - folder.stat().st_mtime > grace_s:
            shutil.rmtree(folder)
            gone.append(folder.name)
    return gone


def purge(layout: Layout, source: str) -> list[str]:
    """Delete, at once, every segment of the source that is not published, and the manifests that named them.

    Nothing of a removed source or document is left in the stores, and no rollback brings it back.
    """
    published = current(layout)
    served = {entry.segment for entry in published.sources} if published else set()
    gone = [
        folder.name
        for folder in (sorted(layout.segments.iterdir()) if layout.segments.is_dir() else [])
        if folder.name not in served and _source_of(layout, folder.name) in {source, None}
    ]
    for name in published_names(layout)[:-1]:
        try:
            named = {entry.segment for entry in read_manifest(layout, name).sources}
        except StoreError:
            named = set(gone)
        if named & set(gone):
            layout.manifest(name).unlink()
    for name in gone:
        shutil.rmtree(layout.segment(name))
    return gone


def clear_leftovers(layout: Layout) -> None:
    """Delete what an earlier run, ended by a crash, left half built; needs the ingest lock."""
    if layout.building.is_dir():
        shutil.rmtree(layout.building)
    for folder in (layout.store, layout.manifests):
        for path in folder.glob(".*.tmp"):
            path.unlink()


def _segments_named(layout: Layout) -> set[str]:
    needed: set[str] = set()
    for name in published_names(layout):
        try:
            needed |= {entry.segment for entry in read_manifest(layout, name).sources}
        except StoreError:
            continue  # an unreadable old manifest names nothing that could be served
    return needed


def _source_of(layout: Layout, segment: str) -> str | None:
    try:
        return open_segment(layout.segment(segment)).info.source
    except (StoreError, msgspec.DecodeError):
        return None
