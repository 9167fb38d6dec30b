"""Searching traces: filters, pages, counts, and whose answers are found."""

import time

import msgspec
import pytest
import sqlalchemy as sa

from app.errors import InvalidRequest
from app.ops.feedback import FeedbackStore
from app.ops.state import TRACES, open_state
from app.ops.trace_search import Reader, TraceFilter, TraceSearch
from app.ops.traces import Traces
from app.values import Answer, Citation, Refusal, Span, Usage, Versions

EVERYTHING = Reader(everything=True)


def an_answer(identity, text="Yes.", **more):
    fields = {"status": "answered", "route": "passages", "confidence": 0.9, **more}
    return Answer(id=identity, text=text, versions=Versions(manifest="1"), **fields)


def cites(source):
    place = {"document": "a.md", "title": None, "url": None, "start": 0, "end": 1, "quote": "q"}
    return (Citation(n=1, source=source, **place),)


@pytest.fixture
def state(tmp_path):
    """A state file with traces of three callers."""
    path = tmp_path / "state.db"
    traces = Traces(path, lambda texts: texts, retention_days=30)
    told = (
        ("How long is 100% of the warranty?", an_answer("a1", citations=cites("help")), "k1", None),
        ("surf_boards?", an_answer("a2", "No \\ idea.", status="refused", route="none", confidence=0.0), "k2", None),
        ("Which PARKA is warm?", an_answer("a3", "The “Ember”.", confidence=0.4), "s1", "v1"),
        ("who asked?", an_answer("a4", status="clarify", route="none", confidence=0.2), "s1", "v2"),
        ("no key", an_answer("a5", citations=cites("it's"), usage=Usage(cost_usd=None)), None, None),
    )
    for question, answer, key, visitor in told:
        traces.record(question, answer, key_id=key, visitor=visitor, spans=[Span("plan", 0.0, 1.0)])
    traces.close()
    feedback = FeedbackStore(path, lambda texts: texts)
    feedback.rate("a1", "k1", thumb="up")
    feedback.rate("a1", "k2", thumb="down", reasons=["wrong"])
    feedback.rate("a3", "s1:v1", thumb="down")
    return path


def ids(state, reader=EVERYTHING, **wanted):
    found, _ = TraceSearch(state).page(TraceFilter(**wanted), reader)
    assert sum(TraceSearch(state).counts(TraceFilter(**wanted), reader).values()) == len(found)
    return {each.id for each in found}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, {"a1", "a2", "a3", "a4", "a5"}),
        ({"text": "WARRANTY"}, {"a1"}),
        ({"text": "100%"}, {"a1"}),
        ({"text": "0%o"}, set()),
        ({"text": "surf_b"}, {"a2"}),
        ({"text": "sur_"}, set()),
        ({"text": "No \\ idea"}, {"a2"}),
        ({"text": "“Ember”"}, {"a3"}),
        ({"text": "' OR 1=1 --"}, set()),
        ({"text": "citations"}, set()),
        ({"status": "clarify"}, {"a4"}),
        ({"route": "none"}, {"a2", "a4"}),
        ({"thumb": "up"}, {"a1"}),
        ({"thumb": "down"}, {"a1", "a3"}),
        ({"thumb": "none"}, {"a2", "a4", "a5"}),
        ({"least_confidence": 0.4, "most_confidence": 0.4}, {"a3"}),
        ({"most_confidence": 0.0}, {"a2"}),
        ({"source": "it's"}, {"a5"}),
        ({"source": "he"}, set()),
        ({"key": "s1"}, {"a3", "a4"}),
        ({"key": "s1", "thumb": "down", "text": "parka"}, {"a3"}),
        ({"since": time.time() + 3600}, set()),
        ({"until": 1.0}, set()),
        ({"since": 1.0, "until": time.time() + 3600}, {"a1", "a2", "a3", "a4", "a5"}),
    ],
)
def test_filters(state, wanted, found):
    assert ids(state, **wanted) == found


def test_only_ones_own_answers_are_found(state):
    assert ids(state, Reader(everything=False, key_id="k1")) == {"a1"}
    assert ids(state, Reader(everything=False, key_id="k1"), key="k2") == set()
    assert ids(state, Reader(everything=False, key_id="s1")) == set(), "a site's visitors have answers of their own"
    assert ids(state, Reader(everything=False, key_id=None)) == set(), "without a key nobody is the same as anybody"
    assert TraceSearch(state).keys(Reader(everything=False, key_id="k1")) == ["k1"]
    assert TraceSearch(state).keys(EVERYTHING) == ["k1", "k2", "s1"]


def test_what_a_line_of_the_list_tells(state):
    by_id = {each.id: each for each in TraceSearch(state).page(TraceFilter(), EVERYTHING)[0]}
    assert (by_id["a1"].thumbs_up, by_id["a1"].thumbs_down) == (1, 1)
    assert by_id["a1"].sources == ("help",) and by_id["a1"].cost_usd == "0"
    assert by_id["a5"].cost_usd is None, "an unknown price is not nothing"
    assert by_id["a3"].visitor == "v1" and by_id["a3"].text == "The “Ember”."


def test_pages_hold_each_answer_once_though_times_are_equal(state):
    with open_state(state).begin() as connection:
        row = dict(connection.execute(sa.select(TRACES).where(TRACES.c.id == "a1")).one()._mapping)
        more = [row | {"id": f"b{n:02}", "created_at": 1_700_000_000.123} for n in range(20)]
        connection.execute(sa.insert(TRACES), more)
    search, seen, before = TraceSearch(state), [], None
    while True:
        found, before = search.page(TraceFilter(), EVERYTHING, before=before, limit=3)
        seen += [each.id for each in found]
        if before is None:
            break
    assert sorted(seen) == sorted(["a1", "a2", "a3", "a4", "a5", *(f"b{n:02}" for n in range(20))])
    assert seen[5:] == [f"b{n:02}" for n in reversed(range(20))], "newest first, then by id"


@pytest.mark.parametrize(
    "cursor", ["", "x", "1_", "1_a'b", "nan_a", "1e999_a", "9" * 400 + "_a", "1_" + "a" * 65, "١_a"]
)
def test_a_cursor_that_is_none_is_refused(state, cursor):
    with pytest.raises(InvalidRequest):
        TraceSearch(state).page(TraceFilter(), EVERYTHING, before=cursor)


def test_questions_without_a_good_answer(state):
    def found(below):
        rows = TraceSearch(state).without_answer(since=None, until=None, unsure_below=below, limit=10)
        return {trace.id for trace, _ in rows}

    assert found(0.5) == {"a1", "a2", "a3", "a4"}
    assert found(1.0) == {"a1", "a2", "a3", "a4", "a5"}


def test_the_refusal_comes_with_its_question(tmp_path):
    traces = Traces(tmp_path / "state.db", lambda texts: texts, retention_days=30)
    refusal = Refusal(code="not_in_data", reason="Nothing.")
    traces.record("q", an_answer("a1", status="refused", refusal=refusal))
    traces.close()
    ((trace, kept),) = TraceSearch(tmp_path / "state.db").without_answer(
        since=None, until=None, unsure_below=0.5, limit=10
    )
    assert trace.id == "a1" and kept["code"] == "not_in_data"


def test_traces_of_older_versions_are_found(state):
    with open_state(state).begin() as connection:
        answer = msgspec.json.encode({"id": "old", "text": "Old."}).decode()
        old = {"visitor": None, "spans": None, "sources": None, "timing_ms": "{}", "versions": "{}", "answer": answer}
        about = {"id": "old", "created_at": 1.5, "question": "old?", "status": "failed", "route": "none"}
        connection.execute(sa.insert(TRACES).values(old | about | {"key_id": None, "confidence": 0.0}))
    (found,) = TraceSearch(state).page(TraceFilter(status="failed"), EVERYTHING)[0]
    assert found.sources == () and found.total_ms is None and found.cost_usd is None
    assert ids(state, status="failed", source="help") == set()
