"""Streams over real HTTP while a model writes: only checked text, told as it comes, and never taken back."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
import uvicorn
from litestar import Litestar
from litestar.di import Provide

from app.api.answering import Answering
from app.api.ask import ask
from app.api.callers import Asker
from app.api.errors import error_response
from app.api.streams import Streams
from app.ops.metrics import Metrics
from app.values import Caller
from tests.app.hire_pages import ingest_hire
from tests.llm.scripted_writer import ScriptedEngine, says

pytestmark = pytest.mark.filterwarnings("ignore::litestar.exceptions.LitestarDeprecationWarning")
QUESTION = "What does a kayak cost?"
GOOD, BAD = ("A kayak costs €11 an hour.", "a kayak €11"), ("A kayak costs €99 an hour.", "a kayak €11")
SECOND = ("A rowing boat costs €14 an hour.", "a kayak €11")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("streamed")
    ingest_hire(folder / "home", folder)
    return folder / "home"


@contextmanager
def served(engine: ScriptedEngine) -> Iterator[str]:
    """The endpoint over an engine, on a port of its own."""
    answering, streams = Answering(engine, Metrics()), Streams(resume_s=0.5)
    app = Litestar(
        route_handlers=[ask],
        dependencies={
            "engine": Provide(lambda: engine, sync_to_thread=False),
            "asker": Provide(lambda: Asker(caller=Caller()), sync_to_thread=False),
            "answering": Provide(lambda: answering, sync_to_thread=False),
            "streams": Provide(lambda: streams, sync_to_thread=False),
        },
        exception_handlers={Exception: error_response},
        openapi_config=None,
        logging_config=None,
    )
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        answering.close()


@pytest.fixture(scope="module")
def engine(home):
    made = ScriptedEngine(home)
    yield made
    made.close()


@pytest.fixture(scope="module")
def base(engine):
    with served(engine) as url:
        yield url


def events_of(base: str, question: str = QUESTION) -> list[tuple[str, dict]]:
    """The events of a stream; their ids count from 1."""
    found: list[tuple[str, dict]] = []
    with httpx.stream("POST", base + "/v1/ask", json={"question": question, "stream": True}, timeout=30) as reply:
        assert reply.status_code == 200
        body = reply.read().decode()
    for number, name, data in re.findall(r"id: [0-9a-f]{32}\.(\d+)\nevent: (\w+)\ndata: (.*)\n\n", body):
        assert int(number) == len(found) + 1
        found.append((name, json.loads(data)))
    return found


def text_of(events: list[tuple[str, dict]]) -> str:
    return "".join(content["text"] for name, content in events if name == "delta")


@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_each_sentence_is_told_when_it_passed_the_check(base, engine, piece):
    engine.script({"write": says(GOOD, BAD, SECOND)}, piece=piece)
    events = events_of(base)
    names = [name for name, _ in events]
    assert names[0] == "status" and names[-1] == "done"
    assert names[names.index("plan") :] == ["plan", "citation", "delta", "delta", "done"]
    assert (
        text_of(events)
        == events[-1][1]["text"]
        == "A kayak costs €11 an hour. [1] A rowing boat costs €14 an hour. [1]"
    )
    assert [content["stage"] for name, content in events if name == "status"][-1] == "writing"


def test_a_sentence_is_told_before_the_next_one_is_written(base, engine):
    models = engine.script({"write": says(GOOD, SECOND)}, piece=1)
    models.hold = threading.Event()
    with httpx.stream("POST", base + "/v1/ask", json={"question": QUESTION, "stream": True}, timeout=30) as reply:
        seen = ""
        for chunk in reply.iter_text():
            seen += chunk
            if "event: delta" in seen:
                break
        assert "event: done" not in seen
        assert not models.hold.is_set()
        models.hold.set()


@pytest.mark.parametrize("question", [
    QUESTION, "How many hires are there per boat?", "What does a kayak cost, and how do I bring a boat back?",
    "What does a kayak cost, and who is the chief executive?", "Who is the chief executive?", "DROP TABLE hires;",
    "What does a kayak cost, and how many hires are there?", "What does a fishing permit for the lake cost?",
])  # fmt: skip
@pytest.mark.parametrize("script", [None, says(GOOD, SECOND), says(GOOD, BAD, sufficient=False), says(BAD)])
def test_the_deltas_are_the_text_whatever_happens(base, engine, question, script):
    engine.scripted = None
    before = events_of(base, question)[-1][1]
    if script is not None:
        engine.script({"write": script})
    events = events_of(base, question)
    done = events[-1][1]
    assert text_of(events) == done["text"]
    assert "€99" not in done["text"]
    assert done["status"] == before["status"]
    assert {f"[{c['n']}]" for c in done["citations"]} == set(re.findall(r"\[\d+\]", done["text"]))
    cited = [content for name, content in events if name == "citation"]
    assert cited == done["citations"]
    if script is None and done["table"] is None:
        assert done["text"] == before["text"]


@pytest.mark.parametrize("cut_at", [0, 5, 60, 95, 110, 140, 160])
def test_a_stream_cut_in_the_middle_goes_on_with_the_embedded_answer(base, engine, cut_at):
    engine.scripted = None
    before = events_of(base)[-1][1]
    engine.script({"write": says(GOOD, SECOND)}, cut_at=cut_at)
    events = events_of(base)
    done = events[-1][1]
    assert text_of(events) == done["text"]
    plain = re.sub(r" ?\[\d+\]", "", before["text"])
    assert re.sub(r" ?\[\d+\]", "", done["text"]).endswith(plain)
    told = done["text"].removesuffix(done["text"][-len(before["text"]) :])
    assert "€11 an hour" in told if told else done["text"] == before["text"]


def test_a_table_that_is_half_told_is_told_whole_afterwards(base, engine):
    question = "How many hires are there per boat?"

    def first_row(inputs):
        row, column = inputs["table"]["rows"][0], inputs["table"]["columns"][1]
        text = f"The {row['cells'][0]} has {row['cells'][1]} hires."
        return {
            "sentences": [{"text": text, "passages": [], "cells": [{"row": 0, "column": column}]}],
            "sufficient": True,
        }

    engine.script({"write": first_row})
    events = events_of(base, question)
    names, done = [name for name, _ in events if name != "status"], events[-1][1]
    assert names == ["plan", "sql", "rows", "delta", "delta", "done"]
    first, rest = done["text"].split("\n\n")
    assert first == f"The {done['table']['rows'][0][0]} has 20 hires."
    assert rest.startswith("Number of hires")
    assert text_of(events) == done["text"]
    assert all(figure["text"] in done["text"] for figure in done["figures"])


def test_garbage_that_streams_leaves_the_embedded_answer(base, engine):
    engine.scripted = None
    before = events_of(base)[-1][1]
    for output in ({"sentences": [{"text": ["x"]}], "sufficient": True}, {"other": "}" * 50}, {}):
        engine.script({"write": output}, piece=3)
        assert events_of(base)[-1][1]["text"] == before["text"]


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_who_goes_stops_the_model(base, engine, stream):
    models = engine.script({"write": says(GOOD, SECOND)}, piece=1)
    models.hold = threading.Event()
    if stream:
        with httpx.stream("POST", base + "/v1/ask", json={"question": QUESTION, "stream": True}, timeout=30) as reply:
            for chunk in reply.iter_text():
                if "event: delta" in chunk:
                    break
        assert models.last.saw_stop.wait(5)
        return

    def slow(inputs):
        consultation = models.last
        while not consultation._stopped():
            time.sleep(0.02)
        consultation.saw_stop.set()
        return {"sentences": [], "sufficient": False}

    models.outputs = {"write": slow}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(base + "/v1/ask", json={"question": QUESTION}, timeout=1.0)
    assert models.last.saw_stop.wait(5)


def test_at_the_deadline_what_was_told_stays(home):
    engine = ScriptedEngine(home, deadline_s=2.0)
    models = engine.script({"write": says(GOOD, SECOND)}, piece=1)
    models.hold = threading.Event()
    with served(engine) as base:
        engine.scripted = None
        events_of(base)
        engine.scripted = models
        events = events_of(base)
        done = events[-1][1]
        assert text_of(events) == done["text"]
        assert done["text"].startswith("A kayak costs €11 an hour. [1]\n\n")
        assert done["status"] == "partial"
        assert models.last.saw_stop.wait(5)
    engine.close()
