"""Streams over real sockets, with a model that writes slowly: cut and resumed, left, ended, read by two, of other keys."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from app.llm.scripted import scripted_server
from tests.conftest import SAMPLE, new_key

WASH = "How do I wash a down jacket?"
RESUME_S = 1.5


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The sample's scripted model; a sentence of it takes a third of a second."""
    script = (SAMPLE / "llm-script.yaml").read_text(encoding="utf-8").replace("per_token_s: 0.01", "per_token_s: 0.02")
    path = tmp_path_factory.mktemp("script") / "script.yaml"
    path.write_text(script, encoding="utf-8")
    with scripted_server(path) as server:
        yield server


@pytest.fixture(scope="module")
def home(sample_home, tmp_path_factory):
    folder = tmp_path_factory.mktemp("streamed-home")
    for part in ("store", "cache"):
        (folder / part).symlink_to(sample_home / part)
    return folder


@pytest.fixture(scope="module")
def keys(home):
    return [new_key(home, role) for role in ("owner", "owner", "visitor")]


@pytest.fixture(scope="module")
def base(model, home, keys, serve):
    config = {"providers": {"main": {"base_url": model.url}}, "model": "main/scripted", "cache": "off"}
    (home / "llm.json").write_text(json.dumps(config))
    env = {"ANSWERABLE_LLM_CONFIG": str(home / "llm.json"), "ANSWERABLE_THREADS": "2"}
    env |= {"ANSWERABLE_STREAM_RESUME_S": str(RESUME_S), "ANSWERABLE_REQUIRE_KEY": "true"}
    with serve(home, **env) as url:
        httpx.post(f"{url}/v1/ask", json={"question": WASH}, headers=bearer(keys[0]), timeout=60)
        yield url


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


class Reading:
    """A stream that is being read, event by event."""

    def __init__(self, base: str, key: str, last: str | None = None, question: str = WASH) -> None:
        headers = bearer(key) | ({"Last-Event-ID": last} if last is not None else {})
        body = {"question": question, "stream": True}
        self._client = httpx.Client(timeout=30)
        request = self._client.build_request("POST", f"{base}/v1/ask", json=body, headers=headers)
        self.reply = self._client.send(request, stream=True)
        self._text = self.reply.iter_text()
        self._seen = ""
        self.ids: list[str] = []

    def __iter__(self) -> Iterator[tuple[str, dict]]:
        while True:
            while "\n\n" in self._seen:
                block, self._seen = self._seen.split("\n\n", 1)
                found = re.fullmatch(r"id: (\S+)\nevent: (\w+)\ndata: (.*)", block)
                if found is not None:
                    self.ids.append(found[1])
                    yield found[2], json.loads(found[3])
            piece = next(self._text, None)
            if piece is None:
                return
            self._seen += piece

    def until(self, name: str) -> list[tuple[str, dict]]:
        events = []
        for event in self:
            events.append(event)
            if event[0] == name:
                return events
        raise AssertionError(f"no {name} in {events}")

    @property
    def stream(self) -> str:
        return self.ids[-1].partition(".")[0]

    def close(self) -> None:
        self.reply.close()
        self._client.close()


def read(base, key, last=None, question=WASH):
    with closing(Reading(base, key, last, question)) as reading:
        return list(reading), reading.ids


def text_of(events):
    return "".join(content["text"] for name, content in events if name == "delta")


def numbers(ids):
    return [int(each.partition(".")[2]) for each in ids]


def settle(model, before, *, within_s=5.0):
    """How the model's requests since then ended."""
    give_up = time.monotonic() + within_s
    while time.monotonic() < give_up and not (model.received[before:] and model.settled(0.1)):
        time.sleep(0.02)
    return [each.outcome for each in model.received[before:] if each.schema == "write"]


def test_the_headers_keep_proxies_and_caches_from_holding_events_back(base, keys):
    with closing(Reading(base, keys[0], question="How many orders were placed in 2025?")) as reading:
        assert reading.reply.headers["x-accel-buffering"] == "no"
        assert reading.reply.headers["cache-control"] == "no-store"
        assert reading.reply.headers["content-type"].startswith("text/event-stream")
        events = list(reading)
    assert numbers(reading.ids) == list(range(1, len(events) + 1))
    assert re.fullmatch(r"[0-9a-f]{32}\.1", reading.ids[0])


def test_a_stream_cut_in_the_middle_goes_on_where_it_was(base, keys, model):
    before = len(model.received)
    with closing(Reading(base, keys[0])) as reading:
        first = reading.until("delta")
    assert "done" not in [name for name, _ in first]
    second, ids = read(base, keys[0], reading.ids[-1])
    assert numbers(reading.ids + ids) == list(range(1, len(first + second) + 1))
    assert {each.partition(".")[0] for each in reading.ids + ids} == {reading.stream}
    assert second[-1][0] == "done"
    assert text_of(first + second) == second[-1][1]["text"]
    assert settle(model, before) == ["completed"], "the model was asked once"


def test_a_stream_cut_at_every_event_is_still_whole(base, keys):
    last, events, ids = None, [], []
    while not events or events[-1][0] != "done":
        with closing(Reading(base, keys[0], last)) as reading:
            events.append(next(iter(reading)))
        last = reading.ids[-1]
        ids.append(last)
    assert numbers(ids) == list(range(1, len(events) + 1))
    assert text_of(events) == events[-1][1]["text"]
    assert read(base, keys[0], last) == ([], []), "all was told"


def test_a_stream_that_has_ended_can_be_read_again_from_anywhere(base, keys):
    events, ids = read(base, keys[0])
    again, _ = read(base, keys[0], f"{ids[0].partition('.')[0]}.0")
    assert again == events
    assert read(base, keys[0], ids[2])[0] == events[3:]


@pytest.mark.parametrize("reader", [1, 2])
def test_another_key_begins_anew(base, keys, reader):
    with closing(Reading(base, keys[0])) as reading:
        reading.until("delta")
        _, ids = read(base, keys[reader], reading.ids[-1])
        assert ids[0].partition(".")[0] != reading.stream and numbers(ids)[0] == 1
        gone = httpx.delete(f"{base}/v1/ask/{reading.stream}", headers=bearer(keys[reader]), timeout=10)
        assert (gone.status_code, gone.json()["error"]["code"]) == (404, "not_found")
        assert [name for name, _ in reading][-1] == "done", "the other key has not ended it"


@pytest.mark.parametrize("last", ["0" * 32 + ".3", "nonsense", "-1", "9" * 5000, "../../etc/passwd", "\xff.1"])
def test_an_unknown_id_begins_anew(base, keys, last):
    headers = bearer(keys[0]) | {"Last-Event-ID": last.encode("latin-1")}
    body = {"question": "How many orders were placed in 2025?", "stream": True}
    reply = httpx.post(f"{base}/v1/ask", json=body, headers=headers, timeout=30)
    assert reply.status_code == 200
    assert re.match(r"id: [0-9a-f]{32}\.1\nevent: status", reply.text) and "event: done" in reply.text


def test_two_readers_of_one_stream_get_the_same(base, keys):
    heard = {}
    with closing(Reading(base, keys[0])) as reading:
        heard["one"] = reading.until("status")
        other = threading.Thread(target=lambda: heard.update(other=read(base, keys[0], f"{reading.stream}.0")[0]))
        other.start()
        heard["one"] += list(reading)
        other.join(30)
    assert heard["one"] == heard["other"]
    assert heard["one"][-1][0] == "done"


def test_a_stream_that_is_ended_stops_the_model_and_is_not_begun_anew(base, keys, model):
    before = len(model.received)
    with closing(Reading(base, keys[0])) as reading:
        reading.until("delta")
        assert httpx.delete(f"{base}/v1/ask/{reading.stream}", headers=bearer(keys[0]), timeout=10).status_code == 204
        rest = list(reading)
    assert [name for name, _ in rest] == ["error"]
    assert rest[0][1]["error"]["code"] == "answer_stopped"
    assert settle(model, before) == ["cut"]
    again, _ = read(base, keys[0], reading.ids[0])
    assert again[-1][0] == "error"
    time.sleep(0.3)
    assert settle(model, before) == ["cut"], "nothing more was asked of the model"


@pytest.mark.parametrize("stream", ["0" * 32, "x", "%00", "a" * 3000])
def test_a_stream_that_is_not_there_cannot_be_ended(base, keys, stream):
    gone = httpx.delete(f"{base}/v1/ask/{stream}", headers=bearer(keys[0]), timeout=10)
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "not_found")
    assert httpx.delete(f"{base}/v1/ask/{stream}", timeout=10).status_code == 401


def test_a_reader_who_stays_away_stops_the_model_after_a_while(base, keys, model):
    before = len(model.received)
    model_was_asked = time.monotonic()
    with closing(Reading(base, keys[0])) as reading:
        reading.until("delta")
    left = time.monotonic()
    assert settle(model, before) == ["cut"]
    assert time.monotonic() - left > RESUME_S * 0.8, "it could have been resumed until then"
    assert time.monotonic() - model_was_asked < 20
    events, ids = read(base, keys[0], reading.ids[-1])
    assert ids[0].partition(".")[0] != reading.stream and events[-1][0] == "done"


def test_the_first_event_waits_for_no_other_question(base, keys):
    """Two threads answer, and both are busy with a model that writes for seconds."""
    busy = [Reading(base, keys[0]) for _ in range(4)]
    try:
        busy[0].until("delta")
        started = time.monotonic()
        with closing(Reading(base, keys[0])) as reading:
            assert next(iter(reading))[1]["stage"] == "accepted"
            waited = time.monotonic() - started
        assert waited < 1.0, "100 ms on a quiet machine: bench/streaming.py"
        assert all("done" not in each._seen for each in busy[:2])
    finally:
        for each in busy:
            httpx.delete(
                f"{base}/v1/ask/{each.ids[-1].partition('.')[0]}" if each.ids else base, headers=bearer(keys[0])
            )
            each.close()


def test_a_request_for_a_whole_answer_is_no_stream(base, keys):
    reply = httpx.post(
        f"{base}/v1/ask", json={"question": "How many orders were placed in 2025?"},
        headers=bearer(keys[0]) | {"Last-Event-ID": "0" * 32 + ".1"}, timeout=30,
    )  # fmt: skip
    assert reply.headers["content-type"] == "application/json" and reply.json()["status"] == "answered"
