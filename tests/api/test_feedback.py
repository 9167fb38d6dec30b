"""Feedback on answers: of their readers alone, replaced, masked, told, and gone with the answer's trace."""

import json
import sqlite3
import time
import urllib.error
import urllib.request

import pytest

from app.ops.feedback import FeedbackStore
from app.ops.traces import Traces
from app.values import Answer, Versions
from tests.app.hook_server import hook_server, until
from tests.conftest import new_key, run_cli


def call(url, content=None, key=None):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    body = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


@pytest.fixture(scope="module")
def served(serve, sample_home, tmp_path_factory):
    home = tmp_path_factory.mktemp("feedback-home")
    (home / "store").symlink_to(sample_home / "store")
    (home / "cache").symlink_to(sample_home / "cache")
    keys = [new_key(home, "visitor") for _ in range(2)]
    with hook_server() as hook, serve(home, ANSWERABLE_WEBHOOK_URL=hook.url) as base:
        _, answer = call(f"{base}/v1/ask", {"question": "How do I wash a down jacket?"}, keys[0])
        until(lambda: call(f"{base}/v1/answers/{answer['id']}", key=keys[0])[0] == 200, 90)
        yield base, home, keys, answer["id"], hook


def test_a_reader_rates_an_answer_and_changes_their_mind(served):
    base, home, (key, _), answer, hook = served
    rated = {"answer": answer, "thumb": "up", "reasons": []}
    assert call(f"{base}/v1/feedback", rated, key) == (201, rated)
    comment = "Ask ada@example.com <script>alert(1)</script>"
    worse = {"answer": answer, "thumb": "down", "reasons": ["wrong", "outdated", "wrong"], "comment": comment}
    assert call(f"{base}/v1/feedback", worse, key) == (
        201,
        {"answer": answer, "thumb": "down", "reasons": ["wrong", "outdated"]},
    )
    with sqlite3.connect(home / "state.db") as state:
        ((thumb, kept),) = state.execute("SELECT thumb, comment FROM feedback WHERE answer_id = ?", [answer]).fetchall()
    state.close()
    assert thumb == "down" and "ada@example.com" not in kept and "<EMAIL_ADDRESS_1>" in kept
    (event,) = until(lambda: [each for each in hook.events() if each["event"] == "feedback.negative"])
    assert event["content"]["answer"] == answer and "ada@example.com" not in json.dumps(event)
    shown = run_cli(home, "trace", answer).stdout
    assert "thumb down (wrong, outdated)" in shown and "ada@example.com" not in shown


def test_somebody_elses_answer_cannot_be_rated_or_told_from_none(served):
    base, _, (_, other), answer, _ = served
    first = call(f"{base}/v1/feedback", {"answer": answer, "thumb": "up"}, other)
    second = call(f"{base}/v1/feedback", {"answer": "0" * 32, "thumb": "up"}, other)
    for status, content in (first, second):
        content["error"].pop("trace_id")
        assert status == 404
    assert first == second


@pytest.mark.parametrize(
    "change", [{"thumb": "sideways"}, {"reasons": ["rude"]}, {"reasons": ["wrong"] * 8}, {"comment": "x" * 2001}, {"answer": "x" * 65}]
)  # fmt: skip
def test_what_does_not_fit_is_refused(served, change):
    base, _, (key, _), answer, _ = served
    status, content = call(f"{base}/v1/feedback", {"answer": answer, "thumb": "up"} | change, key)
    assert status == 400 and content["error"]["code"] == "invalid_request"


def test_a_refusal_is_told_by_the_service(served):
    base, _, (key, _), _, hook = served
    _, answer = call(f"{base}/v1/ask", {"question": "Who won the football world cup, ada@example.com?"}, key)
    assert answer["status"] == "refused"
    call(f"{base}/v1/answers/{answer['id']}", key=key)  # hurries the trace
    told = until(lambda: [each for each in hook.events() if each["content"].get("answer") == answer["id"]], 90)
    assert told[0]["event"] == "answer.refused" and told[0]["content"]["code"] == answer["refusal"]["code"]
    assert "ada@example.com" not in json.dumps(told)


def test_only_a_sites_visitor_asks_for_a_person(served):
    base, _, (key, _), _, _ = served
    status, content = call(f"{base}/v1/widget/handover", {"message": "hello"}, key)
    assert status == 403 and content["error"]["code"] == "not_permitted"


def store_with(tmp_path, mask=lambda texts: [f"masked {text}" for text in texts]):
    clock = iter(float(86_400 * day) for day in range(1, 100))
    return FeedbackStore(tmp_path / "state.db", mask, clock=lambda: next(clock))


def test_the_store_lists_filters_and_counts(tmp_path):
    store = store_with(tmp_path)
    store.rate("a", "k1", thumb="up")
    store.rate("a", "k2", thumb="down", reasons=["wrong", "other"], comment=" no ")
    store.rate("b", "k1", thumb="down", reasons=["wrong_source"])
    assert [each.thumb for each in store.of(["a", "c"])["a"]] == ["up", "down"] and "c" not in store.of(["c"])
    assert [each.answer_id for each in store.latest(thumb="down")] == ["b", "a"]
    assert [each.comment for each in store.latest(reason="wrong")] == ["masked no"]
    assert len(store.latest(1)) == 1 and len(store.latest(since=86_400 * 3)) == 1
    days = store.summary(0)
    assert [(day.day, day.up, day.down) for day in days] == [
        ("1970-01-02", 1, 0),
        ("1970-01-03", 0, 1),
        ("1970-01-04", 0, 1),
    ]
    assert days[1].reasons == {"wrong": 1, "other": 1} and store.summary(0, until=86_400 * 2)[0].up == 1
    assert store.of([str(n) for n in range(1200)] + ["b"]).keys() == {"b"}


def test_a_comment_that_cannot_be_examined_is_withheld(tmp_path):
    given = store_with(tmp_path, lambda texts: 1 / 0).rate("a", "k", thumb="down", comment="ada@example.com")
    assert given.comment == "<WITHHELD>"


def test_feedback_goes_with_the_trace(tmp_path):
    store = store_with(tmp_path, lambda texts: texts)
    traces = Traces(tmp_path / "state.db", lambda texts: texts, retention_days=30)
    for name in ("old", "new"):
        traces.record("q", Answer(id=name, status="answered", route="none", text="t", versions=Versions(manifest=None)))
    assert traces.flush()
    for name in ("old", "new"):
        store.rate(name, "k", thumb="up")
    with sqlite3.connect(tmp_path / "state.db") as state:
        state.execute("UPDATE traces SET created_at = ? WHERE id = 'old'", [time.time() - 31 * 86_400])
    state.close()
    assert traces.purge() == 1
    assert store.of(["old", "new"]).keys() == {"new"}
    traces.close()
