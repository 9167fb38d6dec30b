"""Server-sent events: their order and numbers, the heartbeat, what is told on the way, and errors after the start;
streams that are left, resumed, ended and forgotten.
"""

import asyncio
import gc
import json
import re
import sys
import weakref

import pytest

from app.api.events import Events
from app.api.streams import AnswerStream, Streams
from app.api.wire import AskRequest
from app.errors import RateLimited
from app.progress import Progress, Stopped
from app.values import Answer, Caller, Citation, Clarify, ColumnInfo, SqlView, TableView, Versions

ME, SOMEBODY = Caller(key_id="me"), Caller(key_id="somebody")
ASKED = AskRequest(question="What?")

CITATION = Citation(n=1, source="s", document="d.md", title=None, url=None, start=0, end=1, quote="q")
ANSWER = Answer(
    id="a",
    status="answered",
    route="both",
    text="two\nlines",
    citations=(CITATION,),
    table=TableView(columns=(ColumnInfo("n", "integer"),), rows=((1,),), truncated=False),
    sql=SqlView(text="SELECT 1", dialect="duckdb", source="s"),
    versions=Versions(manifest=None),
)


def parsed(chunks, after=0):
    events = []
    for block in b"".join(chunks).decode().split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        if lines:
            number, name, data = lines
            assert re.fullmatch(rf"id: [0-9a-f]+\.{after + len(events) + 1}", number)
            events.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return events


async def collect(answered, **options):
    return [chunk async for chunk in Streams(5, **options).begin(answered, ME, ASKED)]


def told_by(*told, answer=ANSWER, after=0.0):
    """Answers after a thread has told things, as the answering thread does."""

    async def answered(progress):
        await asyncio.to_thread(lambda: [progress.tell(name, content) for name, content in told])
        await asyncio.sleep(after)
        return answer

    return answered


def test_pieces_come_in_order_and_done_has_the_whole():
    events = parsed(asyncio.run(collect(told_by())))
    assert [name for name, _ in events] == ["status", "plan", "sql", "rows", "citation", "delta", "done"]
    assert events[-1][1]["text"] == events[-2][1]["text"] == "two\nlines"
    assert events[-1][1]["table"]["rows"] == [[1]]


def test_what_was_told_on_the_way_is_not_told_again():
    told = [("status", "plan"), ("status", "guard"), ("status", "plan"), ("plan", ANSWER), ("sql", ANSWER.sql),
            ("citation", CITATION), ("delta", "two")]  # fmt: skip
    events = parsed(asyncio.run(collect(told_by(*told))))
    names = [name for name, _ in events]
    assert names == ["status", "status", "plan", "sql", "citation", "delta", "rows", "delta", "done"]
    assert [content["stage"] for name, content in events if name == "status"] == ["accepted", "planning"]
    assert "".join(content["text"] for name, content in events if name == "delta") == events[-1][1]["text"]


def test_a_text_that_takes_back_what_was_told_is_an_error_and_no_answer():
    events = parsed(asyncio.run(collect(told_by(("delta", "three")))))
    assert events[-1][0] == "error"


def test_a_question_back_has_its_event():
    back = Answer(
        id="a",
        status="clarify",
        route="none",
        text="Which?",
        clarify=Clarify(question="Which?", options=("A", "B")),
        versions=Versions(manifest=None),
    )
    assert [name for name, _ in parsed(Events("f0").rest(back))] == ["plan", "delta", "clarify", "done"]


def test_a_heartbeat_is_sent_while_nothing_is_known():
    chunks = asyncio.run(collect(told_by(after=0.2), heartbeat_s=0.05))
    assert chunks.count(b": heartbeat\n\n") >= 2
    assert b"event: done" in chunks[-1]


def test_an_error_after_the_start_is_an_event_in_the_error_shape():
    async def refused(_progress):
        raise RateLimited("full", hint="later")

    events = parsed(asyncio.run(collect(refused)))
    assert [name for name, _ in events] == ["status", "error"]
    assert events[1][1]["error"]["code"] == "rate_limited"


def test_an_unexpected_error_tells_nothing_of_its_inside():
    async def broken(_progress):
        raise ValueError("secret value")

    chunks = asyncio.run(collect(broken))
    assert b"secret" not in b"".join(chunks)
    assert parsed(chunks)[1][1]["error"]["code"] == "internal_error"


@pytest.fixture
def begun(monkeypatch):
    """References to the streams that are begun; while it is used no cycle of references is collected."""
    found = []
    init = AnswerStream.__init__

    def noted(self, *given):
        init(self, *given)
        found.append(weakref.ref(self))

    monkeypatch.setattr(AnswerStream, "__init__", noted)
    gc.disable()
    yield found
    gc.enable()


def test_streams_that_are_kept_hold_what_was_told_and_nothing_else(begun):
    async def read_many():
        streams = Streams(5, most_kept=20)
        before = sys.getrefcount(ANSWER)
        for _ in range(50):
            async for _piece in streams.begin(told_by(), ME, ASKED):
                pass
        await asyncio.sleep(0.01)
        assert sys.getrefcount(ANSWER) == before
        assert sum(each() is not None for each in begun) == 20, "the others went as soon as they were not kept"

    asyncio.run(read_many())
    assert len(begun) == 50


def test_streams_that_are_dropped_leave_nothing(begun):
    async def drop_many():
        streams = Streams(0.05)
        held = [Held() for _ in range(300)]
        for number, each in enumerate(held):
            events = streams.begin(each, ME, ASKED)
            if number % 3 == 1:
                await take(events, 1)
                await events.aclose()
            elif number % 3 == 2:
                await take(events, 1)
                await leave(events)
        del events
        # those that nobody began to read wait for a first reader for a second
        give_up = asyncio.get_running_loop().time() + 20
        while any(each() is not None for each in begun) and asyncio.get_running_loop().time() < give_up:
            await asyncio.sleep(0.02)
        assert not streams._running and not streams._finished
        assert all(each.progress.stopped() for each in held)
        assert not [each for each in begun if each() is not None]
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(drop_many())
    assert len(begun) == 300


class Held:
    """An answer in the making that goes on when it is let go."""

    def __init__(self, *told):
        self.progress = None
        self.told = told
        self.go_on = asyncio.Event()

    async def __call__(self, progress):
        self.progress = progress
        for name, content in self.told:
            progress.tell(name, content)
        await self.go_on.wait()
        return ANSWER


async def take(events, number):
    """The next events, after which the work has begun."""
    taken = [await anext(events) for _ in range(number)]
    await asyncio.sleep(0)
    return taken


async def leave(events):
    """Go as a reader whose connection ends while nothing comes."""
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


def last_id(chunks):
    return re.findall(rb"id: (\S+)", chunks[-1])[0].decode()


def stream_of(chunks):
    return last_id(chunks).partition(".")[0]


def test_a_reader_who_goes_and_stays_away_stops_the_work():
    async def scenario():
        for resume_s in (0, 0.05):
            answered, streams = Held(), Streams(resume_s)
            events = streams.begin(answered, ME, ASKED)
            last = last_id(await take(events, 1))
            await leave(events)
            if resume_s:
                assert not answered.progress.stopped()
                await asyncio.sleep(0.1)
            assert answered.progress.stopped()
            with pytest.raises(Stopped):
                answered.progress.stage("plan")
            assert streams.resumed(last, ME, ASKED) is None

    asyncio.run(scenario())


def test_a_reader_who_comes_back_misses_nothing_and_is_told_nothing_twice():
    async def scenario():
        answered, streams = Held(("status", "plan"), ("delta", "two"), ("delta", "\nli")), Streams(1)
        events = streams.begin(answered, ME, ASKED)
        first = await take(events, 3)
        await events.aclose()
        rest = streams.resumed(last_id(first), ME, ASKED)
        answered.go_on.set()
        second = [chunk async for chunk in rest]
        told = parsed(first) + parsed(second, after=3)
        assert "".join(content["text"] for name, content in told if name == "delta") == told[-1][1]["text"]
        assert [name for name, _ in told].count("done") == 1
        assert [chunk async for chunk in streams.resumed(last_id(first), ME, ASKED)] == second
        assert [chunk async for chunk in streams.resumed(last_id(second), ME, ASKED)] == []

    asyncio.run(scenario())


def test_two_readers_get_the_same_and_the_work_goes_on_while_one_is_there():
    async def scenario():
        answered, streams = Held(("delta", "two")), Streams(0)
        one = streams.begin(answered, ME, ASKED)
        first = await take(one, 2)
        other = streams.resumed(stream_of(first) + ".0", ME, ASKED)
        assert await take(other, 2) == first
        await leave(one)
        assert not answered.progress.stopped()
        answered.go_on.set()
        rest = [chunk async for chunk in other]
        assert b"event: done" in rest[-1]

    asyncio.run(scenario())


@pytest.mark.parametrize("last", ["", ".", "1", "1.1", "x" * 32 + ".1", "0" * 32 + ".1", "a" * 10_000, "{id}.-1",
                                  "{id}", "{id}.", "{id}.1.1", "{id}.99", "{id}.1e1", "{id}.٣", "{ID}.1", "{id}.1\0"])  # fmt: skip
def test_an_id_that_is_none_begins_anew(last):
    async def scenario():
        answered, streams = Held(), Streams(5)
        identity = stream_of(await take(streams.begin(answered, ME, ASKED), 1))
        given = last.replace("{id}", identity).replace("{ID}", identity.upper() + "X")
        assert streams.resumed(given, ME, ASKED) is None
        assert streams.resumed(f" {identity}.1 ", ME, ASKED) is not None
        streams.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "other", [SOMEBODY, Caller(), Caller(key_id="me", visitor="v"), Caller(key_id="me", role="visitor")]
)
def test_a_stream_is_its_callers(other):
    async def scenario():
        answered, streams = Held(), Streams(5)
        last = last_id(await take(streams.begin(answered, ME, ASKED), 1))
        assert streams.resumed(last, other, ASKED) is None
        assert streams.resumed(last, ME, AskRequest(question="Another?")) is None
        assert not streams.stop(stream_of([b"id: " + last.encode()]), other)
        assert not answered.progress.stopped()
        streams.close()
        assert answered.progress.stopped()

    asyncio.run(scenario())


def test_a_stream_that_is_ended_tells_its_readers_so_and_is_not_begun_anew():
    async def scenario():
        answered, streams = Held(), Streams(5)
        events = streams.begin(answered, ME, ASKED)
        first = await take(events, 1)
        assert streams.stop(stream_of(first), ME)
        assert answered.progress.stopped()
        rest = [chunk async for chunk in events]
        assert parsed(rest, after=1)[0][1]["error"]["code"] == "answer_stopped"
        assert [chunk async for chunk in streams.resumed(last_id(first), ME, ASKED)] == rest
        assert streams.stop(stream_of(first), ME)
        assert not streams.stop("0" * 32, ME)

    asyncio.run(scenario())


def test_finished_streams_are_forgotten_by_age_number_and_size():
    async def finished(streams):
        return last_id([chunk async for chunk in streams.begin(told_by(), ME, ASKED)])

    async def scenario():
        aged, few, small = Streams(5, kept_s=0.05), Streams(5, most_kept=2), Streams(5, most_bytes=10)
        last = await finished(aged)
        assert aged.resumed(last, ME, ASKED) is not None
        await asyncio.sleep(0.1)
        assert aged.resumed(last, ME, ASKED) is None
        ids = [await finished(few) for _ in range(3)]
        assert [few.resumed(each, ME, ASKED) is not None for each in ids] == [False, True, True]
        assert small.resumed(await finished(small), ME, ASKED) is None

    asyncio.run(scenario())


def test_nothing_is_told_after_a_stop():
    heard = []
    progress = Progress(lambda name, content: heard.append((name, content)))
    progress.tell("delta", "a")
    progress.stop()
    progress.tell("delta", "b")
    assert (heard, progress.text) == ([("delta", "a")], "a")


def test_an_answer_goes_on_from_what_was_told():
    progress = Progress(lambda _name, _content: None)
    progress.tell("delta", "two")
    assert progress.continued(ANSWER) is ANSWER
    progress.tell("delta", " things")
    assert progress.continued(ANSWER).text == "two things\n\ntwo\nlines"
