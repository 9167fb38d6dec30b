from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from app.evals import DatasetError
from app.evals.text2sql import GoldDatabases, load_sql_cases, run_sql_cases, score


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    (tmp_path / "databases").mkdir()
    with duckdb.connect(str(tmp_path / "databases" / "zoo.duckdb")) as connection:
        connection.execute("CREATE TABLE animal AS SELECT * FROM (VALUES ('lynx', 3), ('owl', 5)) t(name, n)")
    zoo = {"db": "zoo", "difficulty": "easy", "ordered": False, "note": "ignored"}
    rows = [
        zoo | {"id": "1", "question": "How many?", "gold_sql": "SELECT count(*) FROM animal"},
        zoo | {"id": "2", "question": "Names by n", "gold_sql": "SELECT name FROM animal ORDER BY n", "ordered": True},
        zoo | {"id": "3", "question": "Total?", "gold_sql": "SELECT sum(n) FROM animal"},
    ]
    rows[1]["difficulty"] = "hard"
    (tmp_path / "zoo.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    return tmp_path


def test_right_wrong_and_refused_by_difficulty(bench: Path) -> None:
    databases = GoldDatabases(bench / "databases")
    answers = {"1": [(2,)], "2": [("owl",), ("lynx",)], "3": None}
    report = run_sql_cases(load_sql_cases(bench / "zoo.jsonl"), lambda asked: answers[asked.id], databases.rows)
    databases.close()
    assert [result.outcome for result in report.results] == ["right", "wrong", "refused"]
    assert (report.total.right, report.total.wrong, report.total.refused) == (1, 1, 1)
    assert {name: counts.cases for name, counts in report.difficulties.items()} == {"easy": 2, "hard": 1}


def test_score() -> None:
    assert score([(1,), (2,)], [(2,), (1,)], ordered=False) == "right"
    assert score([(1,), (2,)], [(2,), (1,)], ordered=True) == "wrong"
    assert score(None, [(1,)], ordered=False) == "refused"


def test_gold_errors_name_the_database(bench: Path) -> None:
    databases = GoldDatabases(bench / "databases")
    with pytest.raises(DatasetError, match="zoo"):
        databases.rows("zoo", "SELECT nothing FROM animal")
    with pytest.raises(DatasetError, match="farm"):
        databases.rows("farm", "SELECT 1")
    databases.close()


def test_gold_cannot_write(bench: Path) -> None:
    databases = GoldDatabases(bench / "databases")
    with pytest.raises(DatasetError, match="read-only"):
        databases.rows("zoo", "DROP TABLE animal")
    databases.close()


def test_a_wrong_line_is_named(bench: Path) -> None:
    path = bench / "broken.jsonl"
    path.write_text('{"id": "1"}\n', encoding="utf-8")
    with pytest.raises(DatasetError, match="line 1"):
        load_sql_cases(path)
    with pytest.raises(DatasetError, match="cannot be read"):
        load_sql_cases(bench / "missing.jsonl")
