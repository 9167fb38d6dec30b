"""Snapshots: one consistent, cheap view; a new manifest is picked up, a damaged segment is survived and named."""

from __future__ import annotations

import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ingest.layout import Layout
from ingest.stores.manifest import publish
from ingest.stores.snapshot import Store
from tests.ingest.built_segments import Given, publish_source

BOTH = ("public", "internal")


def texts(store: Store, name: str) -> list[str | None]:
    passages = store.snapshot().sources[name].passages
    assert passages is not None
    return [passage.text for passage in passages.get(range(passages.count), BOTH)]


def test_an_empty_home_has_no_sources(tmp_path: Path) -> None:
    snapshot = Store(tmp_path / "not there yet").snapshot()
    assert (snapshot.id, snapshot.manifest, dict(snapshot.sources)) == (None, None, {})


def test_a_new_manifest_is_seen_and_an_old_snapshot_stays_readable(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.snapshot().id is None
    publish_source(tmp_path, "docs", Given("a.md", "one"))
    old = store.snapshot()
    publish_source(tmp_path, "docs", Given("a.md", "two"))
    assert (old.id, store.snapshot().id) == ("00000001", "00000002")
    assert texts(store, "docs") == ["two"]
    held = old.sources["docs"].passages
    assert held is not None and [passage.text for passage in held.get([0], BOTH)] == ["one"]


def test_a_snapshot_survives_the_deletion_of_its_files_while_it_is_in_use(tmp_path: Path) -> None:
    publish_source(tmp_path, "docs", Given("a.md", "one"))
    passages = Store(tmp_path).snapshot().sources["docs"].passages
    assert passages is not None
    found = passages.search_lexical("one", 1, ["internal"])
    assert passages.get([ordinal for ordinal, _ in found], BOTH)
    shutil.rmtree(tmp_path / "store")
    assert passages.search_lexical("one", 1, ["internal"]) == found == [(0, pytest.approx(found[0][1]))]
    assert [passage.text for passage in passages.get([0], BOTH)] == ["one"]


def test_unchanged_sources_keep_their_reader(tmp_path: Path) -> None:
    store = Store(tmp_path)
    publish_source(tmp_path, "docs", Given("a.md", "one"))
    held = store.snapshot().sources["docs"]
    publish_source(tmp_path, "more", Given("b.md", "two"))
    assert store.snapshot().sources["docs"] is held
    assert set(store.snapshot().sources) == {"docs", "more"}


def test_a_damaged_segment_leaves_the_last_good_one_and_an_alert(tmp_path: Path) -> None:
    store = Store(tmp_path)
    publish_source(tmp_path, "other", Given("b.md", "other"))
    publish_source(tmp_path, "docs", Given("a.md", "one"))
    assert texts(store, "docs") == ["one"]
    damaged = publish_source(tmp_path, "docs", Given("a.md", "two")).source("docs")
    assert damaged is not None
    (Layout(tmp_path).segment(damaged.segment) / "vectors.npy").write_bytes(b"")
    assert texts(store, "docs") == ["one"]
    assert texts(store, "other") == ["other"]
    assert len(store.alerts) == 1
    assert "Source docs" in store.alerts[0] and "vectors.npy" in store.alerts[0]
    fresh = Store(tmp_path)
    assert set(fresh.snapshot().sources) == {"other"}
    assert len(fresh.alerts) == 1
    publish_source(tmp_path, "docs", Given("a.md", "three"))
    assert texts(store, "docs") == ["three"]
    assert store.alerts == ()


def test_verifying_finds_a_changed_byte(tmp_path: Path) -> None:
    entry = publish_source(tmp_path, "docs", Given("a.md", "one")).source("docs")
    assert entry is not None
    path = Layout(tmp_path).segment(entry.segment) / "vectors.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\x55")
    assert set(Store(tmp_path).snapshot().sources) == {"docs"}
    verifying = Store(tmp_path, verify=True)
    assert set(verifying.snapshot().sources) == set()
    assert "differs from its checksum" in verifying.alerts[0]


@pytest.mark.parametrize("content", ["", "00000077\n", "../../etc/passwd", "\x00"])
def test_a_damaged_current_leaves_the_last_snapshot(tmp_path: Path, content: str) -> None:
    store = Store(tmp_path)
    publish_source(tmp_path, "docs", Given("a.md", "one"))
    held = store.snapshot()
    Layout(tmp_path).current.write_text(content)
    assert store.snapshot() is held
    assert len(store.alerts) == 1
    assert Store(tmp_path).snapshot().manifest is None


def test_a_snapshot_costs_a_stat(tmp_path: Path) -> None:
    publish_source(tmp_path, "docs", Given("a.md", "one"))
    store = Store(tmp_path)
    store.snapshot()
    times = []
    for _ in range(2000):
        start = time.perf_counter()
        store.snapshot()
        times.append(time.perf_counter() - start)
    assert sorted(times)[1000] < 50e-6


def test_readers_see_whole_manifests_while_others_are_published(tmp_path: Path) -> None:
    manifest = publish_source(tmp_path, "docs", Given("a.md", "one"))
    sources = {entry.name: entry for entry in manifest.sources}
    store, stop = Store(tmp_path), threading.Event()

    def read(_: int) -> list[str]:
        seen: list[str] = []
        while not stop.is_set():
            snapshot = store.snapshot()
            assert snapshot.sources["docs"].passages is not None
            seen.append(snapshot.id or "")
        return seen

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read, number) for number in range(3)]
        for _ in range(30):
            publish(Layout(tmp_path), sources)
        stop.set()
        for reader in readers:
            seen = reader.result()
            assert seen == sorted(seen)
    assert store.snapshot().id == "00000031"
    assert store.alerts == ()
