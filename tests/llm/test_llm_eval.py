"""`answerable eval text2sql --planner llm`: the grammar, a model and the choice between them on the same questions."""

import json
from io import StringIO

import duckdb
import pytest

from app.evals.planners import PlannerRunner, summarise_planners
from app.evals.sql_runner import ingest_missing
from app.evals.text2sql import SqlCase
from app.llm import errors
from tests.llm.scripted_models import ScriptedEngine, ScriptedModels, clarify, sql, unanswerable

HEAVIEST = "Give the heftiest creature's label"
CASES = [
    SqlCase(id="0", db="zoo", question="How many animals are there?", gold_sql="SELECT count(*) FROM animal"),
    SqlCase(id="1", db="zoo", question=HEAVIEST, gold_sql="SELECT name FROM animal ORDER BY weight DESC LIMIT 1"),
    SqlCase(id="2", db="zoo", question=HEAVIEST, gold_sql="SELECT name FROM animal ORDER BY weight DESC LIMIT 1"),
    SqlCase(id="3", db="zoo", question=HEAVIEST, gold_sql="SELECT 'none'"),
    SqlCase(id="4", db="zoo", question=HEAVIEST, gold_sql="SELECT 'none'"),
]
GOLD = [[(4,)], [("boar",)], [("boar",)], [("none",)], [("none",)]]
RIGHT = "SELECT name FROM animal ORDER BY weight DESC LIMIT 1"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zoo")
    with duckdb.connect(str(folder / "zoo.duckdb")) as connection:
        connection.execute("CREATE TABLE animal(animal_id INTEGER, name VARCHAR, weight INTEGER)")
        connection.execute("INSERT INTO animal VALUES (1, 'lynx', 30), (2, 'owl', 2), (3, 'boar', 90), (4, 'otter', 9)")
    ingest_missing(folder / "home", {"zoo": folder / "zoo.duckdb"})
    return folder / "home"


def report_of(home, *said, threshold=0.2):
    engine = ScriptedEngine(home, ScriptedModels(*said))
    return PlannerRunner(engine, threshold=threshold).run(CASES, GOLD)


def test_each_planner_is_scored_and_the_choice_between_them(home):
    report = report_of(
        home, sql("SELECT max(weight) FROM animal"), sql(RIGHT), clarify("a", "b"), errors.Unavailable("gone"), unanswerable()
    )  # fmt: skip
    by_id = {each.id: each for each in report.results}
    assert (by_id["0"].grammar, by_id["0"].model, by_id["0"].both, by_id["0"].by) == (
        "right",
        "wrong",
        "right",
        "grammar",
    )
    assert (by_id["1"].grammar, by_id["1"].model, by_id["1"].both, by_id["1"].by) == (
        "refused",
        "right",
        "right",
        "model",
    )
    assert [by_id[n].said for n in "01234"] == ["sql", "sql", "clarify", "no_reply", "unanswerable"]
    assert {by_id[n].both for n in "234"} == {"refused"} and {by_id[n].by for n in "234"} == {"neither"}
    assert (report.planners["grammar"].right, report.planners["model"].right, report.planners["both"].right) == (
        1,
        1,
        2,
    )
    assert report.decisions == {"grammar": 1, "model": 1, "neither": 3}
    assert (report.calls, report.input_tokens, report.output_tokens, report.unpriced) == (4, 400, 40, 4)
    assert report.model == "main/scripted" and 0 < report.model_p50_ms <= report.model_p95_ms
    assert by_id["1"].facts["prior"] == 1.0 and by_id["2"].facts == {}
    assert by_id["1"].sql == RIGHT and by_id["3"].sql is None
    assert report.curve[-1].coverage == pytest.approx(0.4)


def test_a_threshold_decides_what_the_model_answers(home):
    report = report_of(home, *[sql(RIGHT)] * 5, threshold=0.99)
    assert report.planners["model"].refused == 5 and report.planners["both"].refused == 5
    assert [each.unrestrained for each in report.results] == ["wrong", "right", "right", "wrong", "wrong"]


def test_costs_are_added_where_they_are_known(home):
    import msgspec

    result = report_of(home, *[unanswerable()] * 5).results[0]
    priced = [msgspec.structs.replace(result, cost_usd=cost) for cost in ("0.5", "0.25", None)]
    report = summarise_planners(priced, model="m", threshold=0.6)
    assert (report.cost_usd, report.cost_per_question_usd, report.unpriced) == ("0.75", "0.375000", 1)


def test_the_report_is_printed_and_is_json(home, capsys):
    import msgspec

    from app.commands.evaluate_text2sql import _print

    report = report_of(home, *[sql(RIGHT)] * 5)
    _print(report, None)
    shown = StringIO(capsys.readouterr().out).getvalue()
    assert "answered by: grammar 1, model 4, neither 0" in shown
    assert "5 calls (0 cached), 500 tokens in, 50 out" in shown
    assert json.loads(msgspec.json.encode(report))["planners"]["model"]["cases"] == 5


def test_without_a_model_it_is_said_before_anything_is_ingested(cli, tmp_path):
    (tmp_path / "q.jsonl").write_text('{"id": "1", "db": "zoo", "question": "a", "gold_sql": "SELECT 1"}\n')
    arguments = ("--data", str(tmp_path / "q.jsonl"), "--source-dir", str(tmp_path), "--planner", "llm")
    run = cli(tmp_path / "home", "eval", "text2sql", *arguments)
    assert run.returncode == 1
    shown = " ".join(run.stderr.split())
    assert (
        "No language model is configured to plan" in shown
        and "ANSWERABLE_LLM_BASE_URL" in shown
        and "Traceback" not in run.stderr
    )
    assert not (tmp_path / "home" / "cache" / "eval").exists()
