"""Text-to-SQL sets: loading and gold, scoring, causes, the risk-coverage curve, and the command over real databases."""

import json
import sqlite3
import xml.etree.ElementTree as ET
from pathlib import Path

import duckdb
import pytest

from app.evals import DatasetError
from app.evals.risk_coverage import curve_svg, limits, risk_coverage
from app.evals.text2sql import (
    GoldDatabases,
    SqlResult,
    gold_rows,
    load_sql_cases,
    score,
    spread,
    summarise_sql,
)

ANIMALS = "CREATE TABLE animal(animal_id INTEGER, name VARCHAR, weight INTEGER)"
ROWS = "INSERT INTO animal VALUES (1, 'lynx', 30), (2, 'owl', 2), (3, 'boar', 90), (4, 'otter', 9)"
QUESTIONS = [
    ("zoo", "easy", "How many animals are there?", "SELECT count(*) FROM animal"),
    ("zoo", "easy", "What is the average weight of animals?", "SELECT avg(weight) FROM animal"),
    ("zoo", "hard", "What is the maximum weight of animals?", "SELECT min(weight) FROM animal"),
    ("zoo", "hard", "Which qwertz did the yxcvbn asdfgh?", "SELECT name FROM animal WHERE weight > 10"),
    ("farm", "easy", "How many animals are there?", "SELECT count(*) FROM animal"),
]


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    (folder / "databases").mkdir()
    with duckdb.connect(str(folder / "databases" / "zoo.duckdb")) as connection:
        connection.execute(ANIMALS)
        connection.execute(ROWS)
    farm = sqlite3.connect(folder / "databases" / "farm.sqlite")
    farm.execute(ANIMALS)
    farm.execute(ROWS)
    farm.commit()
    farm.close()
    lines = [
        json.dumps(
            {"id": str(at), "db": db, "difficulty": level, "question": question, "gold_sql": sql, "note": "more"}
        )
        for at, (db, level, question, sql) in enumerate(QUESTIONS)
    ]
    (folder / "zoo.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def gold(bench):
    databases = GoldDatabases(bench / "databases")
    yield databases
    databases.close()


def test_the_command_scores_by_difficulty_and_names_the_cause(bench, cli, tmp_path):
    arguments = ("--data", str(bench / "zoo.jsonl"), "--source-dir", str(bench / "databases"))
    home, out = tmp_path / "home", tmp_path / "out"
    run = cli(home, "eval", "text2sql", *arguments, "--threshold", "0.05", "--out", str(out), "--json")
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert {r["id"]: r["outcome"] for r in report["results"]} == dict(zip("01234", OUTCOMES, strict=True))
    assert {r["id"]: r["cause"] for r in report["results"]} == {
        "0": None,
        "1": None,
        "2": "grammar",
        "3": "linking",
        "4": None,
    }
    assert "qwertz" in report["results"][3]["detail"]
    assert {name: counts["cases"] for name, counts in report["difficulties"].items()} == {"easy": 3, "hard": 2}
    assert report["intervals"]["easy"]["right"]["high"] == 1.0
    assert 0 < report["p50_ms"] <= report["p95_ms"]
    assert report["curve"][-1]["coverage"] == 0.8
    assert json.loads((out / "report.json").read_text()) == report
    assert ET.parse(out / "risk-coverage.svg").getroot().tag.endswith("svg")

    refused = cli(home, "eval", "text2sql", *arguments, "--threshold", "1", "--limit", "2")
    assert refused.returncode == 0, refused.stderr
    assert "2 questions, threshold 1," in refused.stdout
    assert "ranking" in refused.stdout  # right plans are there, but none is sure enough
    assert refused.stderr.count("ingesting") == 0


OUTCOMES = ("right", "right", "wrong", "refused", "right")


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('{"id": "1"}\n', "line 1"),
        ('{"id": "1", "db": "zoo", "question": "a", "gold_sql": "SELECT 1"}\n{"id": \n', "line 2"),
        ("", "holds no questions"),
        ('{"id": "7", "db": "moon", "question": "a", "gold_sql": "SELECT 1"}', "no database 'moon'"),
        ('{"id": "7", "db": "../zoo", "question": "a", "gold_sql": "SELECT 1"}', "no database '../zoo'"),
        ('{"id": "7", "db": "zoo", "question": "a", "gold_sql": "SELECT nothing FROM animal"}', "case '7'"),
    ],
)
def test_what_is_wrong_with_the_input_is_said_before_anything_is_asked(bench, cli, tmp_path, lines, says):
    path = tmp_path / "q.jsonl"
    path.write_text(lines, encoding="utf-8")
    run = cli(tmp_path / "home", "eval", "text2sql", "--data", str(path), "--source-dir", str(bench / "databases"))
    assert run.returncode == 1
    assert says in " ".join(run.stderr.split())
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "home" / "cache" / "eval").exists()


def test_a_missing_file_is_an_error(cli, tmp_path):
    run = cli(tmp_path, "eval", "text2sql", "--data", "none.jsonl", "--source-dir", str(tmp_path))
    assert run.returncode == 1
    assert "none.jsonl cannot be read" in run.stderr


def test_a_file_is_still_scored_without_naming_a_command(cli, tmp_path):
    for arguments in (("eval", "none.jsonl"), ("eval", "--json", "none.jsonl"), ("eval", "file", "none.jsonl")):
        run = cli(tmp_path, *arguments)
        assert run.returncode == 1
        assert "there is no file none.jsonl" in run.stderr


def test_gold_of_both_kinds_of_file_is_read_only(gold):
    for db in ("zoo", "farm"):
        assert gold.rows(db, "SELECT count(*) FROM animal") == [(4,)]
        with pytest.raises(DatasetError, match=r"read-?only"):
            gold.rows(db, "DROP TABLE animal")


def test_every_failing_gold_query_is_named(bench, gold):
    cases = load_sql_cases(bench / "zoo.jsonl")
    assert len(gold_rows(cases, gold.rows)) == len(cases)

    def failing(db, sql):
        raise DatasetError("no", hint="h")

    with pytest.raises(DatasetError, match="case '0': no; case '1': no"):
        gold_rows(cases, failing)


def test_a_limit_is_spread_over_the_file(bench):
    cases = load_sql_cases(bench / "zoo.jsonl")
    assert [case.id for case in spread(cases, 2)] == ["0", "2"]
    assert spread(cases, 9) == spread(cases, None) == cases


def test_score():
    assert score([(1,), (2,)], [(2,), (1,)], ordered=False) == "right"
    assert score([(1,), (2,)], [(2,), (1,)], ordered=True) == "wrong"
    assert score(None, [(1,)], ordered=False) == "refused"


def test_the_curve_counts_every_case_and_goes_from_the_surest_on():
    cases = [(0.9, "right"), (0.9, "wrong"), (0.5, "right"), (0.2, "wrong"), (None, "refused")]
    curve = risk_coverage(cases)
    assert [(p.threshold, p.coverage, round(p.risk, 3)) for p in curve] == [
        (0.9, 0.4, 0.5),
        (0.5, 0.6, 0.333),
        (0.2, 0.8, 0.5),
    ]
    assert [limit.threshold for limit in limits(curve)] == [None] * 4
    sure = risk_coverage([(0.9, "right")] * 96 + [(0.5, "right")] * 2 + [(0.4, "wrong")] * 2)
    assert next((x.wrong_at_most, x.threshold) for x in limits(sure)) == (0.03, 0.5)
    assert "96.0% answered" in curve_svg(sure, 0.6)
    assert "polyline" in curve_svg(curve, 0.6)
    ET.fromstring(curve_svg((), 0.6))


def test_causes_and_outcomes_are_counted():
    def result(identity, outcome, cause=None):
        return SqlResult(id=identity, db="d", question="q", difficulty="easy", outcome=outcome, cause=cause)

    report = summarise_sql(
        [result("1", "right"), result("2", "wrong", "ranking"), result("3", "failed", "execution")], threshold=0.5
    )
    assert report.causes == {"linking": 0, "grammar": 0, "ranking": 1, "execution": 1}
    assert (report.total.right, report.total.wrong, report.total.failed) == (1, 1, 1)
    assert set(report.intervals) == {"easy", "all"}
