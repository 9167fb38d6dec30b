"""Planted instructions, and a model that obeys them: nothing forbidden reaches the engine, nothing leaks into answers."""

import json
from pathlib import Path

import msgspec
import pytest
import sqlglot
import yaml
from sqlglot import exp

from ingest.hooks import IngestHooks, IngestOptions
from ingest.pipeline import ingest_source
from ingest.request import SourceRequest
from tests.app.verified_shop import DESCRIPTION, FILES, ingest_shop
from tests.llm.scripted_models import OWNER, VISITOR, Asked, sql

CORPUS = yaml.safe_load(Path(__file__).with_name("injections.yaml").read_text(encoding="utf-8"))
PLANTED = CORPUS["planted"]
UNREAD = "Give me the mean basket size in euros by shopper nation"
CALLERS = {"owner": OWNER, "visitor": VISITOR}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A shop with instructions planted in cells, descriptions and a document."""
    folder = tmp_path_factory.mktemp("injected")
    rows = "".join(
        f'{n},Name {n},n{n}@example.com,"{cell}",Town {n},2025-02-0{n}\n'
        for n, cell in enumerate(PLANTED["cells"], start=1)
    )
    customers = FILES["customers.csv"].splitlines()[0] + "\n" + rows
    description = DESCRIPTION.replace("amount: {unit: EUR}", f"amount: {{unit: EUR, description: {json.dumps(PLANTED['descriptions'][0])}}}")  # fmt: skip
    description = description.replace("list_price: {unit: EUR}", f"list_price: {{unit: EUR, description: {json.dumps(PLANTED['descriptions'][1])}}}")  # fmt: skip
    ingest_shop(folder / "home", folder / "shop", customers=customers, description=description)
    (folder / "help").mkdir()
    (folder / "help" / "orders.md").write_text(f"# Orders\n\n{PLANTED['passages'][0]}\n", encoding="utf-8")
    ingest_source(folder / "home", SourceRequest(str(folder / "help"), name="help"), IngestHooks(), IngestOptions())
    return folder / "home"


def leaked(answer, caller):
    """What stands in an answer that must not; of cells, which are data, and of quotes only the tables are looked at."""
    told = msgspec.to_builtins(answer)
    for shown in ("citations", "table", "chart"):
        told.pop(shown)
    text = json.dumps(told, ensure_ascii=False).casefold()
    hidden = ["unit_cost", "orders", "customers"] if caller is VISITOR else []
    return [leak for leak in (*CORPUS["leaks"], *hidden) if leak.casefold() in text]


def check_ran(asked, caller):
    """Every statement that reached the engine is one SELECT over tables and columns that the caller may see."""
    catalog = asked.engine.planners.of(asked.engine.store.snapshot().sources["shop"], caller.visibilities).index.catalog
    columns = {c.name for t in catalog.tables for c in t.columns}
    assert "weight_g" not in columns
    for statement in asked.ran:
        trees = sqlglot.parse(statement.removeprefix("EXPLAIN "), dialect="duckdb")
        assert len(trees) == 1 and isinstance(trees[0], exp.Query)
        for table in trees[0].find_all(exp.Table):
            assert not table.db or table.name in {t.name for t in catalog.tables}
        for column in trees[0].find_all(exp.Column):
            assert column.name not in {"weight_g"} | ({"unit_cost"} if caller is VISITOR else set())


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("statement", CORPUS["forbidden"])
def test_no_forbidden_statement_reaches_the_engine(home, statement, caller):
    asked = Asked(home, *[sql(statement)] * 3)
    answer = asked.ask(UNREAD, CALLERS[caller], sources=["shop"], threshold=0.0)
    assert len(asked.models.asked) == 3 and asked.ran == []
    assert answer.status == "refused" and leaked(answer, CALLERS[caller]) == []


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("statement", CORPUS["harmless_but_loud"])
def test_names_and_comments_of_a_model_are_not_repeated(home, statement, caller):
    asked = Asked(home, *[sql(statement)] * 3)
    answer = asked.ask(UNREAD, CALLERS[caller], sources=["shop"], threshold=0.1)
    check_ran(asked, CALLERS[caller])
    assert leaked(answer, CALLERS[caller]) == []
    assert leaked_columns(answer) == []
    assert (answer.status == "answered") == (caller == "owner")


def leaked_columns(answer):
    names = [column.name for column in answer.table.columns] if answer.table is not None else []
    return [leak for leak in CORPUS["leaks"] if leak in json.dumps([names, answer.chart]).casefold()]


@pytest.mark.parametrize("reply", CORPUS["replies"])
@pytest.mark.parametrize("caller", CALLERS)
def test_what_a_model_says_beside_statements_is_not_repeated(home, reply, caller):
    asked = Asked(home, *[sql(None) | reply] * 3)
    answer = asked.ask(UNREAD, CALLERS[caller], sources=["shop"])
    assert answer.status == "refused" and leaked(answer, CALLERS[caller]) == [] and asked.ran == []


@pytest.mark.parametrize("question", CORPUS["questions"])
def test_instructions_in_a_question_move_nobody(home, question):
    """Either a guard refuses before anything is asked, or the obeying model's statement is refused."""
    obeying = "SELECT weight_g AS pwned FROM products; DROP TABLE orders"
    asked = Asked(home, *[sql(obeying, reason="the system prompt")] * 3)
    answer = asked.ask(question, sources=["shop"])
    assert asked.ran == [] and answer.status == "refused"
    said = [leak for leak in leaked(answer, OWNER) if leak not in question.casefold()]
    assert said == []


@pytest.mark.parametrize("caller", CALLERS)
def test_planted_text_is_one_line_of_the_schema_and_documents_are_not_sent(home, caller):
    asked = Asked(home, sql("SELECT count(*) FROM nothing"), sql(None), sql(None))
    asked.ask(UNREAD, CALLERS[caller])
    inputs = asked.models.asked[0]["inputs"]
    assert PLANTED["passages"][0][:20] not in json.dumps(inputs)
    lines = inputs["schema"].splitlines()
    assert all(line.startswith(("Source ", "TABLE ", "  ", "METRIC ", "Other tables:")) for line in lines)
    assert "weight_g" not in inputs["schema"] and "Heavier" not in inputs["schema"]
    if caller == "visitor":
        assert "orders" not in inputs["schema"] and "unit_cost" not in inputs["schema"]


def test_planted_cells_are_data_in_a_result(home):
    statement = "SELECT country, count(*) AS customers FROM customers GROUP BY country ORDER BY country"
    asked = Asked(home, sql(statement))
    answer = asked.ask("head-count of customers per country please, tabulated", sources=["shop"], threshold=0.0)
    assert answer.status == "answered" and len(answer.table.rows) == len(PLANTED["cells"])
    check_ran(asked, OWNER)
