"""Publishing, rolling back and collecting: readers see one whole manifest, and nothing that is needed is deleted."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ingest.errors import IngestBusy, ManifestCorrupt, NothingToRollBackTo
from ingest.layout import Layout
from ingest.stores.collect import clear_leftovers, collect, purge
from ingest.stores.locking import ingest_lock
from ingest.stores.manifest import Manifest, SourceEntry, current, publish, rollback
from ingest.stores.segment import seal


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    (tmp_path / "store").mkdir()
    return Layout(tmp_path)


def entry(layout: Layout, name: str, content: str) -> SourceEntry:
    building = layout.building / name
    building.mkdir(parents=True)
    (building / "catalog.json").write_text(content)
    segment = seal(building, layout.segments, name, builders={}, inputs={}, counts={}, tables={})
    return SourceEntry(name=name, location=f"/{name}", kind="files", segment=segment.info.id, synced_at="2026-01-01")


def publish_versions(layout: Layout, *contents: str) -> list[Manifest]:
    return [publish(layout, {"docs": entry(layout, "docs", content)}) for content in contents]


def segments(layout: Layout) -> set[str]:
    return {path.name for path in layout.segments.iterdir()}


def grow_old(layout: Layout) -> None:
    past = time.time() - 3600
    for path in (*layout.segments.iterdir(), *layout.manifests.iterdir()):
        os.utime(path, (past, past))


def test_nothing_published_is_none(layout: Layout) -> None:
    assert current(layout) is None


def test_the_last_published_manifest_is_current(layout: Layout) -> None:
    first, second = publish_versions(layout, "one", "two")
    assert current(layout) == second
    assert (first.id, second.id, second.previous) == ("00000001", "00000002", "00000001")


def test_a_crash_before_the_switch_leaves_the_old_manifest(layout: Layout) -> None:
    (first,) = publish_versions(layout, "one")

    def crash() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish(layout, {}, before_switch=crash)
    assert current(layout) == first
    again = publish(layout, {entry.name: entry for entry in first.sources})
    assert (again.id, current(layout)) == ("00000002", again)


def test_a_damaged_manifest_is_named(layout: Layout) -> None:
    (first,) = publish_versions(layout, "one")
    path = layout.manifest(first.id)
    path.write_bytes(path.read_bytes().replace(b"internal", b"public  "))
    with pytest.raises(ManifestCorrupt, match="checksum"):
        current(layout)
    path.unlink()
    with pytest.raises(ManifestCorrupt, match="cannot be read"):
        current(layout)


def test_rolling_back_publishes_the_earlier_sources_again(layout: Layout) -> None:
    first, _, third = publish_versions(layout, "one", "two", "three")
    back = rollback(layout, first.id)
    assert back.sources == first.sources
    assert int(back.id) == int(third.id) + 1
    assert current(layout) == back
    assert rollback(layout).sources == third.sources


def test_there_is_nothing_before_the_first(layout: Layout) -> None:
    publish_versions(layout, "one")
    with pytest.raises(NothingToRollBackTo):
        rollback(layout)
    with pytest.raises(NothingToRollBackTo):
        rollback(layout, "00000009")


def test_what_readers_may_still_hold_is_not_collected(layout: Layout) -> None:
    publish_versions(layout, *"abcde")
    assert collect(layout, keep=1, grace_s=600) == []
    assert len(segments(layout)) == 5


def test_only_the_last_manifests_and_their_segments_stay(layout: Layout) -> None:
    versions = publish_versions(layout, *"abcde")
    grow_old(layout)
    assert len(collect(layout, keep=3, grace_s=600)) == 2
    assert segments(layout) == {version.sources[0].segment for version in versions[-3:]}
    assert rollback(layout, versions[2].id).sources == versions[2].sources
    with pytest.raises(NothingToRollBackTo):
        rollback(layout, versions[1].id)


def test_purging_leaves_no_earlier_version_of_that_source(layout: Layout) -> None:
    other = entry(layout, "other", "x")
    old = publish(layout, {"docs": entry(layout, "docs", "secret"), "other": other})
    new = publish(layout, {"other": other})
    assert purge(layout, "docs") == [old.source("docs").segment]
    assert segments(layout) == {other.segment}
    assert current(layout) == new
    with pytest.raises(NothingToRollBackTo):
        rollback(layout)


def test_leftovers_of_a_crash_are_cleared(layout: Layout) -> None:
    publish_versions(layout, "one")
    (layout.building / "half").mkdir()
    (layout.store / ".CURRENT.1.tmp").write_text("")
    clear_leftovers(layout)
    assert not layout.building.exists()
    assert not list(layout.store.glob(".*.tmp"))
    assert current(layout) is not None


def test_a_second_ingest_is_told_who_is_busy(layout: Layout) -> None:
    busy = pytest.raises(IngestBusy, match=f"process {os.getpid()}")
    with ingest_lock(layout.lock), busy, ingest_lock(layout.lock):
        pass
    with ingest_lock(layout.lock):
        pass
