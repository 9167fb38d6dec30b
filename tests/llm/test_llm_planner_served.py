"""Planning with a model over HTTP: the gateway, the prompt, privacy and the scripted server together."""

import json

import duckdb
import pytest

from app.answer import answer
from app.asking import question_from
from app.engine import Engine
from app.llm.scripted import scripted_server
from app.settings import Settings
from tests.app.verified_shop import TODAY, ingest_shop
from tests.llm.scripted_models import OWNER, clarify, sql, unanswerable

UNREAD = "Give me the mean basket size in euros by shopper nation"
MEAN = "SELECT country, avg(amount) AS average_amount FROM orders JOIN customers USING (customer_id) GROUP BY country"
QUESTIONS = [
    {"id": "0", "db": "zoo", "question": "How many animals are there?", "gold_sql": "SELECT count(*) FROM animal"},
    {
        "id": "1",
        "db": "zoo",
        "question": "Give the label of whichever creature has most weight",
        "gold_sql": "SELECT 'boar'",
    },
]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    ingest_shop(folder / "home", folder / "shop")
    return folder / "home"


@pytest.fixture
def asked(home, tmp_path):
    """`asked(rules, question)` is the answer of an engine that asks a scripted server, with what the server received."""
    (tmp_path / "store").symlink_to(home / "store")

    def ask(rules, text, **fields):
        with scripted_server(rules) as server:
            engine = Engine(
                Settings(
                    home=tmp_path, trace_retention_days=0, llm_base_url=server.url, llm_model="m", llm_api_key="sk"
                )
            )
            engine.detector.detect(["warm up"])  # seconds the first time, which are not the question's
            try:
                found = answer(question_from(text, engine, OWNER, today=TODAY, **fields), engine)
            finally:
                engine.close()
            return found, [json.dumps(each.body) for each in server.received if each.schema == "plan_sql"]

    return ask


def test_a_statement_answers(asked):
    found, received = asked([{"reply": {"json": sql(MEAN)}}], UNREAD)
    assert (found.status, found.planner.by) == ("answered", "model") and len(found.table.rows) == 5
    assert len(received) == 1 and "TABLE orders" in received[0]
    assert found.usage.input_tokens > 0 and "plan_sql" in found.versions.prompts


def test_personal_data_of_a_question_leaves_as_a_token_and_is_run_as_the_value(asked):
    statement = sql("SELECT country FROM customers WHERE email = '<EMAIL_ADDRESS_1>'")
    found, received = asked([{"reply": {"json": statement}}], "nation of whoever writes from bo@example.com")
    assert found.table.rows == (("France",),)
    assert "bo@example.com" not in "".join(received) and "<EMAIL_ADDRESS_1>" in received[0].replace("\\u003c", "<").replace("\\u003e", ">")  # fmt: skip


def test_a_refused_statement_is_corrected(asked):
    rules = [{"sequence": [{"json": sql("DROP TABLE orders")}, {"json": sql(MEAN)}]}]
    found, received = asked(rules, UNREAD, threshold=0.5)
    assert found.status == "answered" and found.planner.repairs == 1
    assert len(received) == 2 and "Only SELECT may run" in received[1]


@pytest.mark.parametrize(
    "reply",
    [
        {"json": unanswerable("because")},
        {"json": clarify("evil", "wicked")},
        {"json": {"outcome": "sql"}},
        {"text": "Sure! SELECT 1"},
        {"error": {"status": 401}},
        {"drop": True},
        {"malformed": True},
    ],
)
def test_whatever_comes_back_the_question_is_answered_without_the_model(asked, reply):
    found, _ = asked([{"reply": reply}], UNREAD)
    assert found.status == "refused" and found.refusal.code in ("not_understood", "not_in_data")
    assert "because" not in found.text and "evil" not in found.text


def test_the_command_compares_planners(cli, tmp_path):
    with duckdb.connect(str(tmp_path / "zoo.duckdb")) as connection:
        connection.execute("CREATE TABLE animal(animal_id INTEGER, name VARCHAR, weight INTEGER)")
        connection.execute("INSERT INTO animal VALUES (1, 'lynx', 30), (2, 'owl', 2), (3, 'boar', 90)")
    (tmp_path / "q.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in QUESTIONS))
    rules = [
        {
            "match": {"contains": "creature"},
            "reply": {"json": sql("SELECT name FROM animal ORDER BY weight DESC LIMIT 1")},
        },
        {"reply": {"json": sql("SELECT max(weight) FROM animal")}},
    ]
    options = (
        "--data",
        str(tmp_path / "q.jsonl"),
        "--source-dir",
        str(tmp_path),
        "--planner",
        "llm",
        "--threshold",
        "0.2",
    )
    with scripted_server(rules) as server:
        env = {"ANSWERABLE_LLM_BASE_URL": server.url, "ANSWERABLE_LLM_MODEL": "m"}
        run = cli(tmp_path / "home", "eval", "text2sql", *options, "--out", str(tmp_path / "out"), **env)
        assert run.returncode == 0, run.stderr
        totals = server.tokens
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["decisions"] == {"grammar": 1, "model": 1, "neither": 0}
    assert report["planners"]["both"]["right"] == 2 and report["planners"]["model"]["right"] == 1
    assert report["calls"] == 2 and report["input_tokens"] == sum(each.input for each in totals.values())
    assert "answered by: grammar 1, model 1, neither 0" in run.stdout


def test_a_second_repair_is_asked_of_the_next_model_of_the_chain(tmp_path_factory, home):
    folder = tmp_path_factory.mktemp("cascade")
    rules = [
        {"match": {"schema": "plan_sql", "model": "strong"}, "reply": {"json": sql(MEAN)}},
        {"match": {"schema": "plan_sql"}, "reply": {"json": sql("SELECT nation FROM customers")}},
    ]
    with scripted_server(rules) as server:
        models = folder / "llm.yaml"
        models.write_text(
            f"providers: {{a: {{base_url: '{server.url}'}}}}\ntasks: {{plan_sql: {{models: [a/weak, a/strong]}}}}\n"
        )
        engine = Engine(Settings(home=home, trace_retention_days=0, llm_config=models))
        engine.detector.detect(["warm up"])
        try:
            found = answer(question_from(UNREAD, engine, OWNER, today=TODAY, threshold=0.3), engine)
        finally:
            engine.close()
    assert [each.model for each in server.received] == ["weak", "weak", "strong"]
    assert found.status == "answered" and found.planner.repairs == 2 and found.versions.model == "a/strong"
