"""What every connector owes to ingest, over every format, as a folder and as a single file."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from connector_samples import SAMPLES, fingerprints, path_of, read, unchanged

from connectors.base import Connector, Document, Problem, TableBatch, Unchanged
from connectors.registry import open_connector

BAD = {".md": b"", ".html": b"<html></html>", ".txt": b"\x00\x01\x02" * 50}


@pytest.fixture(params=list(SAMPLES))
def suffix(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def folder(tmp_path: Path, suffix: str) -> Path:
    """Three good files of the format and a bad one among them."""
    root = tmp_path / "source"
    for name in ("a", "sub/b", "z"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        SAMPLES[suffix]((root / name).with_suffix(suffix), name[-1])
    (root / f"m-bad{suffix}").write_bytes(BAD.get(suffix, b"\x00\x01nonsense\x00" * 100))
    return root


@pytest.fixture(params=["folder", "file"])
def location(request: pytest.FixtureRequest, folder: Path, suffix: str) -> Path:
    return folder if request.param == "folder" else folder / f"a{suffix}"


def test_is_a_connector_that_passes_its_check(location: Path) -> None:
    connector = open_connector(str(location))
    assert isinstance(connector, Connector)
    assert connector.location == str(location)
    connector.check()


def test_discover_names_what_read_yields_in_the_same_order(location: Path) -> None:
    connector = open_connector(str(location))
    found = [item for item in connector.discover() if "m-bad" not in item.path]
    items = [item for item in connector.read({}) if not isinstance(item, Problem)]
    assert [item.path for item in found] == list(dict.fromkeys(map(path_of, items)))
    kinds = {path_of(item): "document" if isinstance(item, Document) else "table" for item in items}
    assert {item.path: item.kind for item in found} == kinds


def test_order_and_fingerprints_are_stable(location: Path) -> None:
    first, second = fingerprints(read(location)), fingerprints(read(location))
    assert list(first.items()) == list(second.items())
    assert len(first) == len(set(first.values())), "items share a fingerprint"


def test_known_fingerprints_yield_only_unchanged(location: Path) -> None:
    known = fingerprints(read(location))
    again = [item for item in read(location, known) if not isinstance(item, Problem)]
    assert all(isinstance(item, Unchanged) for item in again)
    assert unchanged(again) == list(known)


def test_one_changed_file_yields_only_its_items(folder: Path, suffix: str) -> None:
    known = fingerprints(read(folder))
    SAMPLES[suffix](folder / f"sub/b{suffix}", "changed")
    items = read(folder, known)
    yielded = {path_of(item) for item in items if isinstance(item, Document | TableBatch)}
    assert yielded
    assert all(path.startswith(f"sub/b{suffix}") for path in yielded)
    assert set(unchanged(items)) == {path for path in known if not path.startswith(f"sub/b{suffix}")}


def test_deleted_file_is_no_longer_named(folder: Path, suffix: str) -> None:
    known = fingerprints(read(folder))
    (folder / f"z{suffix}").unlink()
    assert unchanged(read(folder, known)) == [path for path in known if not path.startswith(f"z{suffix}")]


def test_bad_item_is_a_problem_and_does_not_stop_the_others(folder: Path, suffix: str) -> None:
    items = read(folder)
    skipped = [item for item in items if isinstance(item, Problem) and item.severity == "skipped"]
    assert [item.path for item in skipped] == [f"m-bad{suffix}"]
    assert skipped[0].message.strip().endswith((".", ")"))
    assert {path.partition(".")[0] for path in fingerprints(items)} == {"a", "sub/b", "z"}


def test_items_keep_their_promises(location: Path) -> None:
    items = [item for item in read(location) if not isinstance(item, Problem)]
    order = [path_of(item) for item in items]
    assert order == [path for path in dict.fromkeys(order) for _ in range(order.count(path))], "batches interleave"
    for item in items:
        if isinstance(item, Document):
            assert item.text.strip()
            assert item.modified is not None and item.modified.utcoffset().total_seconds() == 0
        else:
            _assert_sound_batch(item)


def _assert_sound_batch(batch: TableBatch) -> None:
    names = [column.name for column in batch.schema.columns]
    assert names == batch.rows.schema.names
    assert all(name.strip() for name in names)
    assert len({name.casefold() for name in names}) == len(names)
    if not batch.schema.typed:
        assert set(batch.rows.schema.types) == {pa.string()}
