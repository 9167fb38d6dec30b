"""Traces: masked, written behind the answer's back, bounded, deleted in time."""

import sqlite3
import threading
import time

import msgspec

from app.ops.traces import Traces
from app.values import Answer, Citation, ColumnInfo, SqlView, TableView, Versions
from app.verbalising.charts import VOCABULARY, chart_of
from app.verbalising.outputs import Output

SECRET = "ada@example.org"


def mask(texts):
    return [text.replace(SECRET, "<EMAIL_ADDRESS_1>") for text in texts]


def an_answer(identity="a1"):
    return Answer(
        id=identity,
        status="answered",
        route="both",
        text=f"Write to {SECRET} [1].",
        citations=(
            Citation(n=1, source="s", document="d.md", title=f"For {SECRET}", url=None, start=0, end=9, quote=SECRET),
        ),
        table=TableView(
            columns=(ColumnInfo("mail", "text"), ColumnInfo("n", "integer")), rows=((SECRET, 3),), truncated=False
        ),
        sql=SqlView(text=f"SELECT * FROM t WHERE mail = '{SECRET}'", dialect="duckdb", source="s"),
        confidence=0.5,
        timing_ms={"embed": 1.5},
        versions=Versions(manifest="00000001"),
    )


def test_nothing_unmasked_reaches_the_file(tmp_path):
    traces = Traces(tmp_path / "state.db", mask, retention_days=30)
    traces.record(f"Who is {SECRET}?", an_answer(), key_id="k1")
    assert traces.flush()
    found = traces.find("a1")
    traces.close()
    assert found is not None
    assert (found.question, found.key_id) == ("Who is <EMAIL_ADDRESS_1>?", "k1")
    assert found.answer["table"]["rows"] == [["<EMAIL_ADDRESS_1>", 3]]
    assert found.answer["citations"][0]["quote"] == "<EMAIL_ADDRESS_1>"
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert SECRET.encode() not in stored
    assert b"<EMAIL_ADDRESS_1>" in stored


def test_text_that_cannot_be_masked_is_withheld(tmp_path):
    def broken(texts):
        raise RuntimeError(texts[0])

    traces = Traces(tmp_path / "state.db", broken, retention_days=30)
    traces.record(f"Who is {SECRET}?", an_answer())
    found = traces.find("a1")
    traces.close()
    assert found is not None
    assert found.question == "<WITHHELD>"
    assert found.answer["text"] == "<WITHHELD>"
    assert found.answer["status"] == "answered"


def test_recording_returns_at_once_and_finding_waits_for_the_writer(tmp_path):
    release = threading.Event()

    def slow(texts):
        release.wait(10)
        return texts

    traces = Traces(tmp_path / "state.db", slow, retention_days=30)
    started = time.perf_counter()
    traces.record("q", an_answer())
    assert time.perf_counter() - started < 0.5
    assert traces.find("a1", wait_s=0.05) is None
    release.set()
    assert traces.find("a1") is not None
    traces.close()


def test_a_full_queue_drops_and_counts(tmp_path):
    release = threading.Event()

    def slow(texts):
        release.wait(10)
        return texts

    traces = Traces(tmp_path / "state.db", slow, retention_days=30, capacity=2)
    for number in range(10):
        traces.record("q", an_answer(f"a{number}"))
    assert traces.dropped >= 7
    release.set()
    traces.close()
    assert len(traces.latest()) == 10 - traces.dropped


def test_old_traces_are_deleted(tmp_path):
    traces = Traces(tmp_path / "state.db", mask, retention_days=7)
    traces.record("old", an_answer("old"))
    traces.record("new", an_answer("new"))
    traces.flush()
    with sqlite3.connect(tmp_path / "state.db") as connection:
        connection.execute("UPDATE traces SET created_at = created_at - 8 * 86400 WHERE id = 'old'")
    connection.close()
    assert traces.purge() == 1
    assert [trace.id for trace in traces.latest()] == ["new"]
    traces.close()


def test_without_retention_nothing_is_kept(tmp_path):
    traces = Traces(tmp_path / "state.db", mask, retention_days=0)
    traces.record("q", an_answer())
    traces.close()
    assert not (tmp_path / "state.db").exists()


def test_the_state_file_is_for_its_owner_only(tmp_path):
    traces = Traces(tmp_path / "state.db", mask, retention_days=1)
    traces.record("q", an_answer())
    traces.close()
    assert (tmp_path / "state.db").stat().st_mode & 0o077 == 0


def test_a_trace_keeps_the_first_rows_of_a_long_table(tmp_path):
    answer = an_answer()
    rows = tuple((f"row {number}", number) for number in range(500))
    long = msgspec.structs.replace(answer, table=TableView(columns=answer.table.columns, rows=rows, truncated=False))
    traces = Traces(tmp_path / "state.db", mask, retention_days=1)
    traces.record("q", long)
    table = traces.find("a1").answer["table"]
    traces.close()
    assert table == {"columns": table["columns"], "rows": [list(row) for row in rows[:20]], "truncated": True}


def a_chart():
    person = f"Ada <{SECRET}>"
    outputs = [
        Output(name="name", title=f"name {SECRET}", role="category"),
        Output(name="source", title="number of orders", role="measure"),
    ]
    rows = [(person, 3), ("bar", 2), ("c0", 1)]
    return chart_of(outputs, rows, truncated=False, ordered=True)


def test_a_chart_is_kept_with_every_text_of_the_answer_masked(tmp_path):
    seen = []

    def noted(texts):
        seen.extend(texts)
        return mask(texts)

    traces = Traces(tmp_path / "state.db", noted, retention_days=1)
    traces.record("q", msgspec.structs.replace(an_answer(), chart=a_chart()))
    found = traces.find("a1").answer["chart"]
    traces.close()
    assert SECRET.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert [point["c0"] for point in found["data"]["values"]] == ["Ada <<EMAIL_ADDRESS_1>>", "bar", "c0"]
    assert "<EMAIL_ADDRESS_1>" in found["title"]
    assert found["config"] == msgspec.to_builtins(a_chart()["config"])
    assert not VOCABULARY & set(seen)


def test_a_chart_that_cannot_be_masked_is_not_kept(tmp_path):
    def broken(texts):
        raise RuntimeError

    traces = Traces(tmp_path / "state.db", broken, retention_days=1)
    traces.record("q", msgspec.structs.replace(an_answer(), chart=a_chart()))
    found = traces.find("a1").answer
    traces.close()
    assert found["chart"] is None
    assert (found["text"], found["sql"]["text"]) == ("<WITHHELD>", "<WITHHELD>")


def test_the_writer_lets_questions_go_first_but_hurries_when_somebody_waits(tmp_path):
    masked = []

    def noted(texts):
        masked.append(time.monotonic())
        return texts

    traces = Traces(tmp_path / "state.db", noted, retention_days=1)
    for number in range(5):
        traces.record("q", an_answer(f"a{number}"))
        time.sleep(0.05)
    assert not masked
    started = time.monotonic()
    assert traces.find("a4") is not None
    assert time.monotonic() - started < 0.9
    traces.close()
    assert len(masked) == 5
