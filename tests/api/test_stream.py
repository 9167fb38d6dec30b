"""Server-sent events: their order, the heartbeat, and errors after the response began."""

import asyncio
import json

from app.api.events import pieces, stream
from app.errors import RateLimited
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
            assert len(lines) == 2
            events.append((lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))))
    return events


async def collect(coroutine, **options):
    return [chunk async for chunk in stream(coroutine, **options)]


def test_pieces_come_in_order_and_done_has_the_whole():
    async def answered():
        return ANSWER

    events = parsed(asyncio.run(collect(answered())))
    assert [name for name, _ in events] == ["status", "plan", "sql", "rows", "citation", "delta", "done"]
    assert events[-1][1]["text"] == events[-2][1]["text"] == "two\nlines"
    assert events[-1][1]["table"]["rows"] == [[1]]


def test_a_question_back_has_its_event():
    back = Answer(
        id="a",
        status="clarify",
        route="none",
        text="Which?",
        clarify=Clarify(question="Which?", options=("A", "B")),
        versions=Versions(manifest=None),
    )
    assert [name for name, _ in parsed(pieces(back))] == ["plan", "delta", "clarify", "done"]


def test_a_heartbeat_is_sent_while_nothing_is_known():
    async def slow():
        await asyncio.sleep(0.2)
        return ANSWER

    chunks = asyncio.run(collect(slow(), heartbeat_s=0.05))
    assert chunks.count(b": heartbeat\n\n") >= 2
    assert chunks[-1].startswith(b"event: done")


def test_an_error_after_the_start_is_an_event_in_the_error_shape():
    async def refused():
        raise RateLimited("full", hint="later")

    events = parsed(asyncio.run(collect(refused())))
    assert [name for name, _ in events] == ["status", "error"]
    assert events[1][1]["error"]["code"] == "rate_limited"


def test_an_unexpected_error_tells_nothing_of_its_inside():
    async def broken():
        raise ValueError("secret value")

    chunks = asyncio.run(collect(broken()))
    assert b"secret" not in b"".join(chunks)
    assert parsed(chunks)[1][1]["error"]["code"] == "internal_error"
