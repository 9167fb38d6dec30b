"""Sealing a segment and opening it again: what was sealed is what is read, or an error says which file differs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingest.errors import SegmentCorrupt, SegmentTooNew
from ingest.stores.segment import Segment, open_segment, seal

EMPTY = {"builders": {}, "inputs": {}, "counts": {}, "tables": {}}


def sealed(tmp_path: Path, content: str = "text", source: str = "docs") -> Segment:
    building = tmp_path / "building" / "one"
    (building / "lexical").mkdir(parents=True)
    (building / "catalog.json").write_text(content)
    (building / "lexical" / "meta.json").write_text("{}")
    return seal(building, tmp_path / "segments", source, **EMPTY)


def test_a_sealed_segment_opens_with_all_its_files(tmp_path: Path) -> None:
    segment = sealed(tmp_path)
    opened = open_segment(segment.path, verify=True)
    assert opened.info == segment.info
    assert segment.path == tmp_path / "segments" / segment.info.id
    assert set(opened.info.files) == {"catalog.json", "lexical/meta.json"}
    assert opened.file("lexical") == segment.path / "lexical"
    assert opened.file("tables.duckdb") is None
    assert not (tmp_path / "building" / "one").exists()


def test_the_name_follows_from_content_and_source(tmp_path: Path) -> None:
    first = sealed(tmp_path)
    assert sealed(tmp_path).info.id == first.info.id
    assert sealed(tmp_path, content="Text").info.id != first.info.id
    assert sealed(tmp_path, source="other").info.id != first.info.id


@pytest.mark.parametrize("damage", ["longer", "gone"])
def test_a_damaged_size_is_always_noticed(tmp_path: Path, damage: str) -> None:
    file = sealed(tmp_path).path / "catalog.json"
    if damage == "longer":
        file.write_text("text and more")
    else:
        file.unlink()
    with pytest.raises(SegmentCorrupt, match=r"catalog\.json"):
        open_segment(file.parent)


def test_a_changed_byte_is_noticed_by_verifying(tmp_path: Path) -> None:
    file = sealed(tmp_path).path / "lexical" / "meta.json"
    file.write_text("[]")
    open_segment(file.parents[1])
    with pytest.raises(SegmentCorrupt, match=r"meta\.json differs from its checksum"):
        open_segment(file.parents[1], verify=True)


def test_segment_json_that_was_edited_is_noticed(tmp_path: Path) -> None:
    path = sealed(tmp_path).path
    info = json.loads((path / "segment.json").read_text())
    del info["files"]["catalog.json"]
    (path / "segment.json").write_text(json.dumps(info))
    with pytest.raises(SegmentCorrupt, match="does not describe this segment"):
        open_segment(path)
    (path / "segment.json").write_text("{")
    with pytest.raises(SegmentCorrupt, match="is damaged"):
        open_segment(path)


def test_a_later_format_is_not_guessed_at(tmp_path: Path) -> None:
    path = sealed(tmp_path).path
    info = json.loads((path / "segment.json").read_text())
    (path / "segment.json").write_text(json.dumps(info | {"format": 99}))
    with pytest.raises(SegmentTooNew, match="format 99"):
        open_segment(path)
