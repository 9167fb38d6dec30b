from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.evals import DatasetError, load

GOOD: dict[str, Any] = {
    "id": "d1", "question": "How long?", "sources": None, "category": "documents", "route": "passages",
    "status": "answered",
    "expect": {"document": ["a.md", "b.md"], "contains": ["60 days", ["x", "y"]]},
}  # fmt: skip


def write(path: Path, *rows: Any) -> Path:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
    return path


def test_loads_in_the_order_of_the_file_and_skips_blank_lines(tmp_path: Path) -> None:
    cases = load(write(tmp_path / "q.jsonl", GOOD, "", GOOD | {"id": "d2", "today": "2026-06-30", "sources": ["shop"]}))
    assert [case.id for case in cases] == ["d1", "d2"]
    assert cases[0].expect.documents == ("a.md", "b.md")
    assert cases[0].expect.contains == ("60 days", ("x", "y"))
    assert str(cases[1].today) == "2026-06-30"


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        ("{", "truncated"),
        (GOOD | {"category": "poems"}, "poems"),
        (GOOD | {"statis": "answered"}, "statis"),
        (GOOD | {"expect": {"docment": "a.md"}}, "docment"),
        (GOOD, "taken by an earlier line"),
        (GOOD | {"id": "d2", "question": " "}, "question is empty"),
        (GOOD | {"id": "d2", "expect": {}}, "must expect"),
        (GOOD | {"id": "d2", "expect": {"sql": "SELECT 1", "rows": [[1]]}}, "not both"),
        (GOOD | {"id": "d2", "expect": {"never": ["("]}}, "regular expression"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, bad: Any, named: str) -> None:
    path = write(tmp_path / "q.jsonl", GOOD, "", bad)
    with pytest.raises(DatasetError, match="line 3") as raised:
        load(path)
    assert named in raised.value.message
    assert raised.value.hint


def test_files_without_questions(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no file"):
        load(tmp_path / "missing.jsonl")
    with pytest.raises(DatasetError, match="no questions"):
        load(write(tmp_path / "empty.jsonl", "", ""))
    (tmp_path / "latin.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match="cannot be read"):
        load(tmp_path / "latin.jsonl")
