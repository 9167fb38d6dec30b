"""JSON and JSON Lines as tables."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from connector_samples import columns, problems, read_table, write_text


def test_scalars_keep_their_types(tmp_path: Path) -> None:
    records = [
        {"i": 1, "f": 1, "b": True, "s": "x", "d": "2024-02-29", "t": "2024-01-02T03:04:05", "z": "01234"},
        {"i": None, "f": 2.5, "b": False, "s": None, "d": "2024-01-01", "t": "2024-01-02", "z": "1"},
    ]
    rows = read_table(write_text(tmp_path / "a.json", json.dumps(records)))
    assert rows[0] == {
        "i": 1, "f": 1.0, "b": True, "s": "x", "d": dt.date(2024, 2, 29), "t": dt.datetime(2024, 1, 2, 3, 4, 5),
        "z": "01234",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([1, "a"], ["1", "a"]),
        ([True, 1], ["true", "1"]),
        ([1.5, "2024-01-01"], ["1.5", "2024-01-01"]),
        (["2024-01-01", "2024-02-30"], ["2024-01-01", "2024-02-30"]),
        ([2**63, 1], [str(2**63), "1"]),
        ([2**60 + 1, 0.5], [str(2**60 + 1), "0.5"]),
        ([[1, 2], None], ["[1, 2]", None]),
        (["2024-01-01T01:00:00Z", "2024-01-01T01:00:00"], ["2024-01-01T01:00:00Z", "2024-01-01T01:00:00"]),
    ],
)
def test_mixed_values_become_text_and_lose_nothing(tmp_path: Path, values: list[object], texts: list[str]) -> None:
    rows = read_table(write_text(tmp_path / "a.jsonl", "".join(json.dumps({"v": value}) + "\n" for value in values)))
    assert [row["v"] for row in rows] == texts


def test_moments_with_a_zone_become_utc(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.jsonl", '{"t": "2024-01-01T01:00:00.25Z"}\n{"t": "2024-01-01T01:00:00+02:00"}\n')
    assert [row["t"] for row in read_table(path)] == [
        dt.datetime(2024, 1, 1, 1, 0, 0, 250000), dt.datetime(2023, 12, 31, 23),
    ]  # fmt: skip


def test_objects_are_taken_apart_one_level(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.json", '[{"id": 1, "at": {"city": "Rome", "geo": {"x": 1}}, "at_city": "own"}]')
    assert read_table(path) == [{"id": 1, "at_city": "Rome", "at_geo": '{"x": 1}', "at_city_2": "own"}]


def test_names_that_only_late_records_have(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.jsonl", '{"a": 1}\n' * 5 + '{"a": 2, "late": "x"}\n')
    assert columns(path) == ("a", "late")
    assert read_table(path)[-1] == {"a": 2, "late": "x"}


def test_one_array_inside_an_object(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.json", '{"count": 1, "tags": ["x"], "items": [{"id": 7}]}')
    assert read_table(path) == [{"id": 7}]


def test_records_longer_than_a_piece_of_the_stream(tmp_path: Path) -> None:
    records = [{"id": number, "text": f"{number} " + 'long text, with \\ and " ' * 30_000} for number in range(5)]
    for name, content in (("a.json", json.dumps(records)), ("b.jsonl", "\n".join(map(json.dumps, records)))):
        assert read_table(write_text(tmp_path / name, content)) == records


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.json", "", "empty_file"),
        ("a.json", '{"a": 1}', "not_tabular"),
        ("a.json", "[1, 2]", "not_tabular"),
        ("a.json", "[]", "not_tabular"),
        ("a.json", '"text"', "not_tabular"),
        ("a.json", '{"a": [{"x": 1}], "b": [{"y": 1}]}', "not_tabular"),
        ("a.json", '[{"a": 1},', "corrupt_file"),
        ("a.json", '[{"a": 1} {"a": 2}]', "corrupt_file"),
        ("a.jsonl", '{"a": 1}\n{"a": \n', "corrupt_file"),
        ("a.json", "[" * 100_000, "corrupt_file"),
        ("a.json", b"\x00\x01\x02" * 100, "not_text"),
    ],
)
def test_what_is_no_table(tmp_path: Path, name: str, content: str, code: str) -> None:
    found = problems(write_text(tmp_path / name, content))
    assert list(found) == [code]
    assert found[code].severity == "skipped"


def test_fault_names_its_line(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.jsonl", '{"a": 1}\n' * 3 + '{"a" 1}\n')
    assert "line 4" in problems(path)["corrupt_file"].message


def test_numbers_too_long_and_half_characters_do_not_lose_the_file(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.json", '[{"n": 1, "t": "\\ud83d!"}, {"n": ' + "9" * 5000 + ', "t": "x"}]')
    first, second = read_table(path)
    assert (first["n"], second["n"]) == ("1", "9" * 5000)
    assert (first["t"], second["t"]) == ("?!", "x")
