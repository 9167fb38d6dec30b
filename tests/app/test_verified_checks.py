"""Verified queries after the data changed, at the command line, and from earlier answers."""

import json
import logging

import pytest

from app.engine import Engine
from app.errors import InvalidRequest, NotFound
from app.ops.doctor import verified as doctor_check
from app.ops.traces import Traces
from app.settings import Settings
from app.values import Caller
from app.verified.checking import add_verified, current
from app.verified.listing import check_all, listed
from app.verified.proposals import from_lines, given, of_answer
from ingest.pipeline import remove_source
from tests.app.verified_shop import DESCRIPTION, FILES, OWNER, TODAY, VISITOR, Shop, ingest_shop

QUESTION = "How many orders from Germany?"
SQL = "SELECT count(*) FROM orders JOIN customers USING (customer_id) WHERE country = 'Germany'"
BY_CITY = FILES["customers.csv"].replace(",country,", ",land,")


@pytest.fixture
def shop(tmp_path):
    ingest_shop(tmp_path / "home", tmp_path / "shop")
    return Shop(tmp_path / "home")


def again(shop, **replaced):
    ingest_shop(shop.home, shop.home.parent / "shop", **replaced)


def test_new_rows_leave_it_as_it_is_and_new_values_can_be_asked(shop):
    query = shop.add(QUESTION, SQL)
    again(shop, customers=FILES["customers.csv"] + "7,Gi Rey,gi@example.com,Norway,Oslo,2025-03-02\n")
    assert shop.ask("How many orders from Norway?").table.rows == ((0,),)
    now = shop.engine.verified.store.find(query.id)
    assert (now.status, now.schema) == ("active", query.schema)
    assert now.segment != query.segment


def test_a_column_that_is_gone_makes_it_stale_with_the_reason_and_a_log_line(shop, caplog):
    query = shop.add(QUESTION, SQL)
    again(shop, customers=BY_CITY, description=DESCRIPTION.replace("country: {pii: none}", "land: {pii: none}"))
    with caplog.at_level(logging.WARNING, "answerable.verified"):
        answer = shop.ask(QUESTION)
    assert answer.verified is None
    assert f"verified query {query.id} of source shop is stale" in caplog.text
    now = shop.engine.verified.store.find(query.id)
    assert now.status == "stale"
    assert "customers.country is gone" in now.reason
    assert doctor_check(Settings(home=shop.home)).level == "warning"
    again(shop)
    assert shop.ask(QUESTION).verified is not None
    assert doctor_check(Settings(home=shop.home)).level == "ok"


def test_a_column_of_another_type_is_validated_and_run_again(shop):
    query = shop.add("How many orders over 20?", "SELECT count(*) FROM orders WHERE amount > 20")
    again(shop, orders=FILES["orders.csv"].replace(",10.5\n", ",10.555\n"))
    [now] = listed(shop.engine, OWNER)
    assert now.status == "active"
    assert now.schema["orders"]["amount"] != query.schema["orders"]["amount"]


def test_a_column_of_a_type_that_no_longer_fits_makes_it_stale(shop):
    shop.add("How many orders in 2025?", "SELECT count(*) FROM orders WHERE year(order_date) = 2025")
    undated = DESCRIPTION.replace("default_date: order_date, ", "")
    again(shop, orders=FILES["orders.csv"].replace(",2025-", ",soon 2025-"), description=undated)
    [now] = listed(shop.engine, OWNER)
    assert now.status == "stale"
    assert "orders.order_date was DATE and is VARCHAR" in now.reason


def test_a_column_that_was_hidden_makes_it_stale(shop):
    shop.add("The list price of tents?", "SELECT list_price FROM products WHERE category = 'tents'")
    again(shop, description=DESCRIPTION.replace("list_price: {unit: EUR}", "list_price: {hidden: true}"))
    assert [query.status for query in check_all(shop.engine)] == ["stale"]


def test_under_the_same_segment_nothing_is_checked_again(shop, monkeypatch):
    query = shop.add(QUESTION, SQL)
    monkeypatch.setattr(shop.engine.verified.store, "note_check", lambda *_: pytest.fail("written"))
    assert current(query, shop.engine, shop.engine.store.snapshot()) is query


def test_several_threads_check_a_new_segment_at_once(shop):
    from concurrent.futures import ThreadPoolExecutor

    shop.add(QUESTION, SQL)
    again(shop, orders=FILES["orders.csv"] + "999,1,2025-12-30,2025-12-30 10:00:00,paid,2025,1.0\n")
    shop.ask("warm up?")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(shop.ask, [QUESTION] * 8))
    assert {answer.table.rows for answer in answers if answer.verified} == {((37,),)}
    assert all(answer.verified for answer in answers)


def test_without_its_source_it_is_stale_and_comes_back_with_it(shop):
    shop.add(QUESTION, SQL)
    remove_source(shop.home, "shop")
    [now] = listed(shop.engine, OWNER)
    assert (now.status, now.reason) == ("stale", "The source shop is not there.")
    assert [query.status for query in check_all(shop.engine, "shop")] == ["stale"]
    again(shop)
    assert shop.ask(QUESTION).verified is not None
    assert [query.status for query in check_all(shop.engine)] == ["active"]


def test_the_same_question_of_two_sources(shop):
    ingest_shop(shop.home, shop.home.parent / "second", name="archive")
    shop.add(QUESTION, SQL)
    other = shop.add(QUESTION, SQL.replace("count(*)", "count(*) + 1000"), source="archive")
    answer = shop.ask(QUESTION)
    assert (answer.status, answer.refusal.code) == ("refused", "not_understood")
    assert "archive, shop" in answer.text
    assert shop.ask(QUESTION, sources=["archive"]).verified.id == other.id
    limited = Caller(role="analyst", sources=("shop",))
    assert shop.ask(QUESTION, limited).sql.source == "shop"
    assert [query.source for query in listed(shop.engine, limited)] == ["shop"]
    with pytest.raises(NotFound):
        listed(shop.engine, limited, "archive")


def test_a_query_that_became_slow_fails_the_check(shop):
    chain = "".join(f" JOIN orders {n} ON {o}.order_id < {n}.order_id" for o, n in zip("abcdef", "bcdefg", strict=True))
    short = f"SELECT count(*) FROM orders a{chain} WHERE g.order_id < 5"
    query = shop.add("How many hands of seven orders?", short)
    from app.ops.state import VERIFIED, open_state

    with open_state(shop.home / "state.db").begin() as connection:
        connection.execute(VERIFIED.update().values(sql=short.replace("< 5", "< 500"), changed_at=query.changed_at + 1))
    hurried = Shop(shop.home, table_timeout_s=0.3)
    assert hurried.ask("How many hands of seven orders?").status == "partial"
    [now] = check_all(hurried.engine)
    assert now.status == "stale"
    assert "takes too long" in now.reason


class Traced:
    """Traces as `of_answer` reads them."""

    def __init__(self, **answers):
        self.traces = self
        self._answers = answers

    def find(self, identity):
        from app.ops.traces import Trace

        if identity not in self._answers:
            return None
        question, sql = self._answers[identity]
        kept = {"sql": sql and {"text": sql, "dialect": "duckdb", "source": "shop"}}
        return Trace(id=identity, created_at=0.0, key_id=None, question=question, answer=kept)


@pytest.mark.parametrize(
    ("identity", "error", "message"),
    [
        ("gone", NotFound, "no trace"),
        ("text", InvalidRequest, "not answered from tables"),
        ("name", InvalidRequest, "question of answer name was masked"),
        ("cell", InvalidRequest, "SQL of answer cell was masked"),
        ("held", InvalidRequest, "masked"),
    ],
)
def test_an_earlier_answer_that_cannot_be_repeated_says_why(identity, error, message):
    traced = Traced(
        text=("How?", None),
        name=("Orders of <PERSON_1>?", "SELECT 1"),
        cell=("Orders?", "SELECT * FROM customers WHERE email = '<EMAIL_ADDRESS_1>'"),
        held=("<WITHHELD>", "SELECT 1"),
    )
    with pytest.raises(error, match=message):
        of_answer(traced, identity)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "Line 2"),
        ('{"question": "a"}', "missing required field `sql`"),
        ('{"question": "a", "sql": 1}', "Expected `str`"),
        ('{"question": "a", "sql": "b", "quetsion": "c"}', "unknown field"),
        ("[]", "Expected `object`"),
        ('{"question": "a", "sql": "b"}', "names no source"),
    ],
)
def test_a_malformed_file_names_the_line_and_adds_nothing(tmp_path, line, message):
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"source": "shop", "question": "a", "sql": "b"}\n' + line + "\n")
    with pytest.raises(InvalidRequest, match=message):
        from_lines(path, source=None, note="", exact=False, force=False)


@pytest.fixture
def run(shop, monkeypatch):
    """`run(*arguments)` is the `verify` command in this process: (exit code, output), errors raised."""
    from typer.testing import CliRunner

    from app.commands.verify import app

    monkeypatch.setenv("ANSWERABLE_HOME", str(shop.home))

    def run(*arguments):
        done = CliRunner().invoke(app, arguments)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.output

    return run


def test_the_command_line_adds_lists_shows_checks_and_removes(shop, run):
    added = json.loads(run("add", "shop", QUESTION, SQL, "--note", "by Ada", "--json")[1])
    assert [parameter["text"] for parameter in added["parameters"]] == ["Germany"]
    shown = run("show", added["id"])[1]
    assert "may vary: “Germany” (value of customers.country)" in shown
    assert "note: by Ada" in shown
    assert run("check")[0] == 0
    again(shop, customers=BY_CITY, description=DESCRIPTION.replace("country: {pii: none}", "land: {pii: none}"))
    code, checked = run("check", "shop", "--json")
    assert (code, [query["status"] for query in json.loads(checked)]) == (1, ["stale"])
    assert "stale: The SQL is no longer allowed" in run("list")[1]
    assert run("remove", added["id"])[0] == 0
    with pytest.raises(NotFound, match="no verified query"):
        run("remove", added["id"])
    assert "There are no verified queries" in run("list", "shop")[1]
    with pytest.raises(NotFound, match="no source named 'shopp'"):
        run("list", "shopp")
    with pytest.raises(InvalidRequest, match="SOURCE, QUESTION and SQL are needed"):
        run("add", "shop", "How many?")


def test_of_a_file_what_can_be_added_is(shop, run):
    pairs = shop.home.parent / "pairs.jsonl"
    lines = [
        {"question": "How many customers?", "sql": "SELECT count(*) FROM customers"},
        {"question": "How many staff?", "sql": "SELECT count(*) FROM staff"},
    ]
    pairs.write_text("\n\n".join(map(json.dumps, lines)))
    code, output = run("add", "shop", "--file", str(pairs))
    assert code == 1
    assert "line 3: There is no table 'staff' in this source." in output
    assert "1 added, 1 refused." in output


def test_an_answer_given_before_is_approved_by_its_id(shop):
    engine = Engine(Settings(home=shop.home))
    engine.traces = Traces(shop.home / "state.db", lambda texts: texts, retention_days=1)
    asked = shop.ask("How many orders are cancelled?")
    assert (asked.verified, asked.status) == (None, "answered")
    engine.traces.record("How many orders are cancelled?", asked)
    proposal = given(engine, None, None, None, asked.id, note="", exact=False, force=False)
    add_verified(proposal, engine, OWNER, TODAY)
    engine.close()
    assert shop.ask("How many orders are unpaid?").verified.question == "How many orders are cancelled?"
    assert shop.rows("How many orders are unpaid?") == ((36,),)
    for wrong in (("shop", "How many?", None), ("archive", None, None)):
        with pytest.raises(InvalidRequest):
            given(engine, *wrong, asked.id, note="", exact=False, force=False)


def test_the_command_is_there_and_an_answer_says_that_it_is_verified(shop, cli):
    added = cli(shop.home, "verify", "add", "shop", QUESTION, SQL)
    assert added.returncode == 0, added.stderr
    told = cli(shop.home, "ask", "How many orders from France?", ANSWERABLE_TRACE_RETENTION_DAYS="0")
    assert "Verified: How many orders from Germany?" in told.stdout


@pytest.mark.parametrize("threshold", [1.5, -0.1, float("nan")])
def test_a_threshold_out_of_range_is_an_error(shop, threshold):
    with pytest.raises(InvalidRequest, match="it may be 0 to 1"):
        shop.ask("How many orders are cancelled?", threshold=threshold)


def test_a_threshold_decides_whether_the_tables_answer(shop):
    question = "What is the list price of tents?"
    sure = shop.ask(question)
    assert sure.status == "answered"
    assert shop.ask(question, threshold=1.0).status == "refused"
    assert shop.ask(question, threshold=sure.confidence - 0.01).status == "answered"
    strict = Shop(shop.home, planner_threshold=1.0)
    assert strict.ask(question).status == "refused"
    assert strict.ask(question, threshold=0.0).status == "answered"
    assert strict.ask(question, VISITOR, threshold=0.0).status == "refused"
    assert shop.ask(question, VISITOR, threshold=1.0).status == "refused"
