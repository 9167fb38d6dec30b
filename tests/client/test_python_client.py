"""The Python client, both forms of it, against the running service and against services that misbehave."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
import sys
import time
from itertools import pairwise

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import answerable
from answerable import (
    AsyncClient,
    BadRequest,
    BudgetExhausted,
    Client,
    Conflict,
    ConnectionFailed,
    DeltaEvent,
    DoneEvent,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    RateLimited,
    RestartedEvent,
    ServiceError,
    StatusEvent,
    TimedOut,
    UnexpectedResponse,
)
from answerable import errors as client_errors
from answerable import events as client_events
from answerable import values as client_values
from answerable.streaming import EventParser
from app import values
from app.api import wire
from app.llm import cost_report, costs
from tests.client.wires import cutting, failed, reply, replying
from tests.conftest import ROOT, new_key

WASH, ORDERS = "How do I wash a down jacket?", "How many orders were placed in 2025?"
BOTH = "How many returns were there in 2025, and how long do I have to send something back?"
CHART = "What was the net revenue per month in 2025?"


class Waited:
    """An `AsyncClient` whose methods are waited for, so that every test runs over both."""

    def __init__(self, *arguments, **options):
        self._runner = asyncio.Runner()
        try:
            self._client = self._runner.run(self._made(*arguments, **options))
        except ValueError:
            self._runner.close()
            raise

    async def _made(self, *arguments, **options):
        return AsyncClient(*arguments, **options)

    def __getattr__(self, name):
        return lambda *arguments, **options: self._runner.run(getattr(self._client, name)(*arguments, **options))

    def stream(self, *arguments, **options):
        return WaitedStream(self._runner, self._client.stream(*arguments, **options))

    def __enter__(self):
        return self

    def __exit__(self, *_raised):
        self._runner.run(self._client.close())
        self._runner.close()

    def __repr__(self):
        return repr(self._client).removeprefix("Async")


class WaitedStream:
    def __init__(self, runner, stream):
        self._runner, self._stream = runner, stream

    def __iter__(self):
        events = aiter(self._stream)
        while True:
            try:
                yield self._runner.run(self._next(events))
            except StopAsyncIteration:
                return

    async def _next(self, events):
        return await anext(events)

    def __getattr__(self, name):
        found = getattr(self._stream, name)
        return (lambda: self._runner.run(found())) if callable(found) else found

    def __enter__(self):
        return self

    def __exit__(self, *_raised):
        self._runner.run(self._stream.close())


@pytest.fixture(params=[Client, Waited], ids=["sync", "async"])
def made(request):
    """Makes a client of either form."""
    return request.param


@pytest.fixture
def client(made, service):
    with made(service) as client:
        yield client


def test_an_answer_has_text_citations_table_and_sql(client):
    washed, counted = client.ask(WASH), client.ask(ORDERS, sources=["shop"], max_rows=5)
    assert washed.answered and "30 °C" in washed.text
    assert washed.citations[0].document == "care/down-jacket.md"
    assert counted.sql.source == "shop" and counted.figures[0].text in counted.text
    assert list(counted.table.records()) == [{counted.table.columns[0].name: counted.table.rows[0][0]}]
    assert client.answer(counted.id).text == counted.text


def test_a_session_understands_what_follows(client):
    session = f"client-{time.monotonic_ns()}"
    first, second = client.ask(ORDERS, session=session), client.ask("and in 2024?", session=session)
    assert "2024" in second.understood_as
    assert first.table.rows != second.table.rows


def test_search_sources_and_sql(client):
    found = client.search("returns", sources=["help-centre"], limit=3, filters={"document": "policies/*"})
    assert 0 < len(found) <= 3 and all(each.document.startswith("policies/") for each in found)
    assert {source.name for source in client.sources()} == {"help-centre", "shop"}
    assert "orders" in [table.name for source in client.sources() for table in source.tables]
    assert not client.check_sql("DROP TABLE orders", source="shop").allowed
    assert client.check_sql("SELECT count(*) FROM orders").allowed


def test_verified_queries_are_added_listed_and_removed(client):
    question = "How many orders did we get in March 2025?"
    sql = "SELECT count(*) AS orders FROM orders WHERE year(order_date) = 2025 AND month(order_date) = 3"
    added = client.verify("shop", question, sql, note="by a test")
    try:
        assert added.id in [each.id for each in client.verified("shop")]
        assert client.ask(question).verified.id == added.id
        with pytest.raises(Conflict) as raised:
            client.verify("shop", question, sql)
        assert raised.value.code == "already_exists"
        assert client.verify("shop", question, sql, note="again", force=True).note == "again"
    finally:
        for each in client.verified("shop"):
            client.unverify(each.id)
    assert client.verified() == ()


def test_charts_and_costs(client):
    charted = client.ask(CHART)
    assert client.chart_svg(charted.id).startswith(b"<svg")
    with pytest.raises(NotFound):
        client.chart_svg(client.ask(WASH).id)
    assert client.cost(since="1d", by=["task"]).total.attempts == 0


def test_a_stream_tells_events_that_make_the_answer(client):
    with client.stream(BOTH) as stream:
        events = list(stream)
    assert isinstance(events[0], StatusEvent) and events[0].stage == "accepted"
    assert isinstance(events[-1], DoneEvent)
    assert "".join(each.text for each in events if isinstance(each, DeltaEvent)) == stream.text == stream.answer.text
    assert re.fullmatch("[0-9a-f]{32}", stream.id)
    assert client.stream(WASH).result().text == client.ask(WASH).text


def kinds(events):
    return [type(each).__name__ for each in events if not isinstance(each, StatusEvent)]


def test_a_stream_that_is_cut_anywhere_is_whole(made, service):
    with made(service) as client:
        expected = list(client.stream(BOTH))
    length = len(msgspec.json.encode([each.to_json().decode() for each in expected]))
    with cutting(service) as proxy:
        for cut in range(1, length + 1000, 331):
            proxy.cuts, before = [cut], proxy.connections
            with made(proxy.url) as client, client.stream(BOTH) as stream:
                events = list(stream)
            assert kinds(events) == kinds(expected), f"cut after {cut} bytes"
            assert stream.text == stream.answer.text == expected[-1].answer.text
            assert proxy.connections - before <= 2


def test_a_stream_that_is_cut_again_and_again_goes_on_while_something_new_comes(made, service):
    longest = len(httpx.post(f"{service}/v1/ask", json={"question": BOTH}, timeout=30).content)
    with cutting(service) as proxy, made(proxy.url, retries=1) as client:
        proxy.cuts = [700, *[longest + 1200] * 40]
        with client.stream(BOTH) as stream:
            events = list(stream)
        assert proxy.connections >= 3
        assert isinstance(events[-1], DoneEvent) and stream.text == stream.answer.text


def test_a_stream_that_never_gets_further_is_an_error(made, service):
    with cutting(service) as proxy, made(proxy.url, retries=2) as client:
        proxy.cuts = [700, *[450] * 20]
        with pytest.raises(ConnectionFailed):
            list(client.stream(ORDERS))
        assert proxy.connections <= 8


def test_a_stream_that_comes_back_to_another_process_begins_anew(made, service, sample_home, tmp_path, serve):
    for part in ("store", "cache"):
        (tmp_path / part).symlink_to(sample_home / part)
    with serve(tmp_path) as other, cutting(service, other) as proxy, made(proxy.url) as client:
        proxy.cuts = [2500]
        with client.stream(WASH) as stream:
            events = list(stream)
    at = next(number for number, each in enumerate(events) if isinstance(each, RestartedEvent))
    assert isinstance(events[-1], DoneEvent)
    after = [each.text for each in events[at:] if isinstance(each, DeltaEvent)]
    assert "".join(after) == stream.text == stream.answer.text


def test_a_stream_that_is_cancelled_is_ended_at_the_service(made, service):
    with made(service) as client, client.stream(WASH) as stream:
        next(iter(stream))
        stream.cancel()
        assert list(stream) == []
        with pytest.raises(ConnectionFailed):
            stream.result()
        assert httpx.delete(f"{service}/v1/ask/{stream.id}", timeout=10).status_code == 204, (
            "it is known, and was ended"
        )


@pytest.mark.parametrize(("question", "code"), [("", "question_empty"), ("x" * 5000, "question_too_long")])
def test_a_bad_question_is_told_in_the_service_s_words(client, question, code):
    for ask in (client.ask, lambda question: list(client.stream(question))):
        with pytest.raises(BadRequest) as raised:
            ask(question)
        error = raised.value
        assert (error.code, error.status) == (code, 400)
        assert error.message and error.hint and re.fullmatch("[0-9a-f]{32}", error.trace_id)
        assert error.message in str(error) and error.hint in str(error)


def test_an_unknown_source_and_an_odd_id_are_not_found(client):
    with pytest.raises(NotFound) as raised:
        client.ask(ORDERS, sources=["nowhere"])
    assert "help-centre" in raised.value.hint
    for odd in ("x", "../healthz", "a/b?c#d", "ä ö", "%2e%2e"):
        with pytest.raises(NotFound):
            client.answer(odd)


@pytest.mark.parametrize("identity", ["", ".", ".."])
def test_what_is_no_id_is_not_sent(client, identity):
    with pytest.raises(ValueError, match="no id"):
        client.answer(identity)


def test_one_text_is_no_list_of_sources(client):
    with pytest.raises(TypeError, match="'shop'"):
        client.ask(ORDERS, sources="shop")


@pytest.fixture(scope="module")
def guarded(sample_home, tmp_path_factory, serve):
    """A service that asks for keys: (address, owner's key, visitor's key)."""
    home = tmp_path_factory.mktemp("guarded")
    for part in ("store", "cache"):
        (home / part).symlink_to(sample_home / part)
    owner, visitor = (new_key(home, role) for role in ("owner", "visitor"))
    with serve(home, ANSWERABLE_REQUIRE_KEY="true") as base:
        yield base, owner, visitor


def test_a_key_lets_in_and_limits(made, guarded):
    base, owner, visitor = guarded
    with made(base, key=owner) as client:
        assert client.ask(ORDERS).answered and owner not in repr(client)
    with made(base, key=visitor) as client:
        assert "customers" not in [table.name for source in client.sources() for table in source.tables]
        with pytest.raises(NotPermitted):
            client.verified()
    for wrong in ("", "ak_nobody", "x" * 3000):
        with made(base, key=wrong) as client, pytest.raises(NotAuthenticated) as raised:
            client.ask(ORDERS)
        assert raised.value.status == 401 and (not wrong or wrong not in str(raised.value))


def test_address_and_key_come_from_the_environment(made, guarded, monkeypatch):
    monkeypatch.setenv("ANSWERABLE_URL", guarded[0] + "/")
    monkeypatch.setenv("ANSWERABLE_KEY", guarded[1] + "\n")
    with made() as client:
        assert client.ask(ORDERS).answered


@pytest.mark.parametrize("address", ["localhost:8000", "ftp://x", "http://", "file:///etc/passwd", "x"])
def test_an_address_that_is_none_is_refused(made, address):
    with pytest.raises(ValueError, match="not the address"):
        made(address)


@pytest.mark.parametrize("key", ["a b", "a\nb", "schlüssel"])
def test_a_key_that_is_none_is_refused_and_not_shown(made, key):
    with pytest.raises(ValueError, match="no key has") as raised:
        made("http://127.0.0.1:1", key=key)
    assert key not in str(raised.value)


def unused_address():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_a_service_that_is_down_is_a_failed_connection(made):
    address = unused_address()
    with made(address, retries=1) as client:
        for call in (lambda: client.ask(ORDERS, session="s"), client.sources, lambda: list(client.stream(ORDERS))):
            started = time.monotonic()
            with pytest.raises(ConnectionFailed) as raised:
                call()
            assert time.monotonic() - started < 5
            assert address in str(raised.value) and raised.value.status is None


def test_a_service_that_does_not_answer_times_out_once(made):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with made(address, timeout_s=0.3) as client:
            started = time.monotonic()
            with pytest.raises(TimedOut):
                client.ask(ORDERS)
            assert time.monotonic() - started < 5


ANSWER = {"id": "a", "status": "answered", "route": "none", "text": "Yes.", "of a newer version": [1]}


def test_a_limit_is_waited_for_and_the_call_sent_again(made):
    with (
        replying(failed(429, "rate_limited", Retry_After="1"), reply(200, ANSWER)) as server,
        made(server.url) as client,
    ):
        started = time.monotonic()
        assert client.ask("Yes?", session="s").text == "Yes."
        assert time.monotonic() - started >= 1
        assert len(server.seen) == 2


@pytest.mark.parametrize(("first", "kind", "times"), [
    (failed(429, "rate_limited", Retry_After="3600"), RateLimited, 1),
    (failed(429, "rate_limited", Retry_After="0"), RateLimited, 3),
    (failed(429, "rate_limited", Retry_After="soon"), RateLimited, 3),
    (failed(429, "budget_exhausted", Retry_After="1"), BudgetExhausted, 1),
    (failed(500, "internal_error"), ServiceError, 1),
    (failed(503, "store_unavailable"), ServiceError, 3),
    (failed(409, "already_exists"), Conflict, 1),
    (failed(418, "teapot"), BadRequest, 1),
])  # fmt: skip
def test_what_is_tried_again(made, first, kind, times):
    with replying(first) as server, made(server.url) as client:
        with pytest.raises(kind) as raised:
            client.search("x")
        assert len(server.seen) == times
        assert (raised.value.message, raised.value.hint, raised.value.trace_id) == ("It failed.", "Mend it.", "t1")


def test_a_question_in_a_session_is_asked_once(made):
    with replying(failed(503, "store_unavailable")) as server, made(server.url) as client:
        with pytest.raises(ServiceError):
            client.ask("Yes?", session="s")
        assert len(server.seen) == 1


@pytest.mark.parametrize("content", [b"<html>", b"", b"null", b"[]", b'{"id": 1}', b"\xff\xfe", b"{" * 100_000])
def test_what_is_not_of_the_service_is_named_so(made, content):
    with replying(reply(200, content)) as server, made(server.url) as client:
        with pytest.raises(UnexpectedResponse):
            client.ask("Yes?")
        with pytest.raises((UnexpectedResponse, ConnectionFailed)):
            client.stream("Yes?").result()
    with (
        replying(reply(400, content)) as server,
        made(server.url) as client,
        pytest.raises(UnexpectedResponse) as raised,
    ):
        client.ask("Yes?")
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize("identity", ["1", "x.1", "0" * 32, "0" * 32 + ".x", ""])
def test_an_event_without_a_proper_id_is_named_so(made, identity):
    body = f'id: {identity}\nevent: delta\ndata: {{"text": "x"}}\n\n'.encode()
    with replying(reply(200, body)) as server, made(server.url) as client, pytest.raises(UnexpectedResponse):
        list(client.stream("Yes?"))


def test_an_error_event_is_raised_as_its_kind(made):
    error = json.dumps({"error": {"code": "budget_exhausted", "message": "Spent.", "hint": "", "trace_id": "t"}})
    body = f"id: {'0' * 32}.1\nevent: error\ndata: {error}\n\n".encode()
    with replying(reply(200, body)) as server, made(server.url) as client:
        with pytest.raises(BudgetExhausted, match="Spent"):
            list(client.stream("Yes?"))
        assert len(server.seen) == 1


def test_events_of_a_newer_service_are_passed_over(made):
    stream = "0" * 32
    new = f'id: {stream}.1\nevent: hologram\ndata: {{"x": 1}}\n\n'
    done = f"id: {stream}.2\nevent: done\ndata: {json.dumps(ANSWER)}\n\n"
    with replying(reply(200, (": hello\n\n" + new + done).encode())) as server, made(server.url) as client:
        assert [type(each).__name__ for each in client.stream("Yes?")] == ["DoneEvent"]


def test_a_redirect_does_not_get_the_key(made):
    with replying(reply(200, ANSWER)) as elsewhere, replying(reply(307, b"", Location=elsewhere.url)) as server:
        with made(server.url, key="ak_secret") as client, pytest.raises(UnexpectedResponse):
            client.ask("Yes?")
        assert elsewhere.seen == []


def test_feedback_is_sent_as_the_service_takes_it(made):
    noted = {"answer": "a", "thumb": "down", "reasons": ["wrong"]}
    with replying(reply(201, noted)) as server, made(server.url, key="ak_1") as client:
        assert client.feedback("a", "down", reasons=["wrong"], comment="No.").reasons == ("wrong",)
    method, path, headers, body = server.seen[0]
    assert (method, path, headers["Authorization"]) == ("POST", "/v1/feedback", "Bearer ak_1")
    assert body == noted | {"comment": "No."}


SERVER_VALUES = {
    **{name: getattr(values, name) for name in ("Answer", "Citation", "Clarify", "Computed", "Figure", "Nearest", "Period", "Planning", "Refusal", "Usage", "Versions")},
    **{name: getattr(wire, name) for name in ("PlanEvent", "SearchResult", "StatusEvent", "TableSummary")},
    "Budget": cost_report.BudgetState, "Cost": cost_report.CostReport, "Finding": wire.FindingView, "Parameter": wire.ParameterView,
    "Schedule": wire.ScheduleView, "SearchResults": wire.SearchResponse, "Source": wire.SourceView, "Sources": wire.SourcesResponse,
    "Spend": costs.Spend, "Sql": values.SqlView, "SqlCheck": wire.SqlCheckResponse, "Table": values.TableView,
    "VerifiedBy": values.Verified, "VerifiedQueries": wire.VerifiedResponse, "VerifiedQuery": wire.VerifiedView, "Column": wire.ColumnView,
}  # fmt: skip


@pytest.mark.parametrize("name", SERVER_VALUES)
def test_the_client_s_values_have_the_service_s_fields(name):
    ours = getattr(client_events if name.endswith("Event") else client_values, name)
    assert set(ours.__struct_fields__) == set(SERVER_VALUES[name].__struct_fields__)


def test_every_value_is_compared():
    ours = {
        name
        for name, kind in vars(client_values).items()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    }
    assert ours - set(SERVER_VALUES) == {"Value", "Feedback"}, "Feedback is the answer to its endpoint"


def test_the_tree_of_errors_is_the_one_that_is_drawn():
    kinds = {
        name for name, kind in vars(client_errors).items() if isinstance(kind, type) and issubclass(kind, Exception)
    }
    assert kinds == set(re.findall(r"^[│ ├└─]*([A-Z]\w+)  ", client_errors.__doc__, re.MULTILINE))
    assert kinds <= set(answerable.__all__)


def test_it_is_imported_quickly_and_without_the_service():
    script = (
        "import sys, time; started = time.process_time(); import answerable; took = time.process_time() - started;"
        "heavy = {'app', 'ingest', 'connectors', 'litestar', 'openai', 'duckdb', 'numpy', 'pydantic'} & set(sys.modules);"
        "print(heavy or '', took)"
    )
    told = [subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split() for _ in range(3)]  # fmt: skip
    assert all(len(each) == 1 for each in told), told
    assert min(float(each[-1]) for each in told) < 0.2


SENT = (
    b": c\r\nid: 1\r\nevent: a\r\ndata: 1\r\ndata: 2\r\n\r\nid: 2\ndata:  x\n\n\rdata: \xc3\xa4\r\rdata\nevent: b\n\n"
)


@given(st.lists(st.integers(0, len(SENT)), max_size=20))
def test_events_are_the_same_wherever_they_are_cut(cuts):
    parser, found = EventParser(), []
    ends = [0, *sorted(cuts), len(SENT)]
    for start, end in pairwise(ends):
        found += parser.feed(SENT[start:end])
    assert [(each.id, each.name, each.data) for each in found] == [
        ("1", "a", b"1\n2"), ("2", "message", b" x"), ("2", "message", "ä".encode()), ("2", "b", b""),
    ]  # fmt: skip
