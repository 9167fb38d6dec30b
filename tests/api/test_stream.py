"""Server-sent events: their order and numbers, the heartbeat, what is told on the way, and errors after the start."""

import asyncio
import json

import pytest

from app.api.events import Events, stream
from app.errors import RateLimited
from app.progress import Progress, Stopped
from app.values import Answer, Citation, Clarify, ColumnInfo, SqlView, TableView, Versions

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


def parsed(chunks):
    events = []
    for block in b"".join(chunks).decode().split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        if lines:
            number, name, data = lines
            assert number == f"id: {len(events) + 1}"
            events.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return events


async def collect(answered, **options):
    return [chunk async for chunk in stream(answered, **options)]


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
    assert [name for name, _ in parsed(Events().rest(back))] == ["plan", "delta", "clarify", "done"]


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


def test_a_reader_who_goes_stops_the_work():
    seen = []

    async def slow(progress):
        seen.append(progress)
        await asyncio.sleep(10)
        return ANSWER

    async def leave():
        events = stream(slow)
        assert b"accepted" in await anext(events)
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await events.aclose()

    asyncio.run(leave())
    assert seen[0].stopped()
    with pytest.raises(Stopped):
        seen[0].stage("plan")


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
