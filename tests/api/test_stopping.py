"""A server that is stopped: what was asked is traced, what is being read is read to its end, and nothing is left over."""

from __future__ import annotations

import json
import signal
import sqlite3
import time

import httpx
import psutil
import pytest

from app.llm.scripted import scripted_server
from tests.api.widget_pages import linked_home
from tests.conftest import SAMPLE

MONTHS = "How many orders were placed in each month of 2025?"
WASH = "How do I wash a down jacket?"


@pytest.fixture
def home(sample_home, tmp_path):
    return linked_home(sample_home, tmp_path)


def process_of(base):
    """The server process behind a base URL."""
    port = base.rpartition(":")[2]
    return next(child for child in psutil.Process().children() if port in child.cmdline())


def logged(home, base):
    log = home / f"server-{base.rpartition(':')[2]}.log"
    return [json.loads(line)["event"] for line in log.read_text().splitlines() if line.startswith("{")]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 0)])
def test_what_was_asked_just_before_is_traced_and_no_process_is_left(home, serve, number, code):
    with serve(home, fresh=True) as base:
        server = process_of(base)
        answer = httpx.post(f"{base}/v1/ask", json={"question": MONTHS}, timeout=60).json()
        assert httpx.get(f"{base}/v1/answers/{answer['id']}/chart.svg", timeout=60).status_code == 200
        last = httpx.post(f"{base}/v1/ask", json={"question": WASH}, timeout=60).json()
        children = server.children(recursive=True)
        assert children, "the process that draws charts"
        server.send_signal(number)
        assert server.wait(timeout=30) == code
    assert psutil.wait_procs(children, timeout=10)[1] == []
    assert logged(home, base)[-2:] == [
        "Application shutdown complete.",
        f"Finished server process [{server.pid}]",
    ]
    with sqlite3.connect(home / "state.db") as state:
        kept = dict(state.execute("SELECT id, question FROM traces").fetchall())
    assert set(kept) == {answer["id"], last["id"]}
    assert kept[last["id"]] == WASH


def test_a_stream_that_is_being_read_is_told_to_its_end(home, serve):
    script = (SAMPLE / "llm-script.yaml").read_text(encoding="utf-8").replace("per_token_s: 0.01", "per_token_s: 0.02")
    (home / "script.yaml").write_text(script, encoding="utf-8")
    with scripted_server(home / "script.yaml") as model:
        config = {"providers": {"main": {"base_url": model.url}}, "model": "main/scripted", "cache": "off"}
        (home / "llm.json").write_text(json.dumps(config))
        with serve(home, fresh=True, ANSWERABLE_LLM_CONFIG=str(home / "llm.json")) as base:
            server, events = process_of(base), []
            body = {"question": WASH, "stream": True}
            with httpx.stream("POST", f"{base}/v1/ask", json=body, timeout=60) as reply:
                for line in reply.iter_lines():
                    if line.startswith("event: "):
                        events.append(line.removeprefix("event: "))
                        if events.count("delta") == 1 and events[-1] == "delta":
                            server.terminate()
            assert server.wait(timeout=30) == -signal.SIGTERM
    assert events[-1] == "done"
    assert events.count("delta") > 1, "it was stopped in the middle"


def test_what_the_first_trace_and_the_first_chart_need_is_opened_ahead(home, serve):
    def in_time(found):
        give_up = time.monotonic() + 30
        while not (seen := found()) and time.monotonic() < give_up:
            time.sleep(0.1)
        return seen

    with serve(home, fresh=True) as base:
        server = process_of(base)
        assert in_time(lambda: [region for region in server.memory_maps() if "/thinc/" in region.path]), "nobody asked"
        assert not [region for region in server.memory_maps() if "libtorch" in region.path]
        assert not server.children(), "charts take memory only while they are asked for"
        answer = httpx.post(f"{base}/v1/ask", json={"question": MONTHS}, timeout=60).json()
        ahead = in_time(server.children)
        assert "process.py" in ahead[0].cmdline()[-1], "nobody has asked for the picture"
        assert httpx.get(f"{base}/v1/answers/{answer['id']}/chart.svg", timeout=60).status_code == 200
        assert server.children() == ahead


def test_without_traces_nothing_is_opened_for_them(home, serve):
    with serve(home, fresh=True, ANSWERABLE_TRACE_RETENTION_DAYS="0") as base:
        server = process_of(base)
        time.sleep(4)
        assert not [region for region in server.memory_maps() if "/thinc/" in region.path]
