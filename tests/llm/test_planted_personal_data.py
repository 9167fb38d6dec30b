"""Planted personal data never reaches a provider, a log, a trace or a cache.

The sample is invented for the tests (`fixtures/make_planted.py`). What share of the values of a public set would be
sent is measured by `python -m bench.model_privacy`; with `ANSWERABLE_BENCH_DATA` that set runs here too, against the
figures in docs/privacy.md.
"""

import json
import logging
import os
import re
from collections import defaultdict
from datetime import date
from itertools import zip_longest
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.answer_cache import AnswerCache
from app.answering import Draft
from app.asking import question_from
from app.llm.cache import ByteStore, MemoryStore, RedisStore, Replies, cache_key
from app.llm.models import Models
from app.llm.privacy import Privacy, restore
from app.llm.values import Attempt, Completion, Message, Outgoing, Parameters, Reply, TokenCount
from app.settings import Settings
from app.stopwatch import Stopwatch
from app.values import Answer, Caller, Versions
from tests.llm.models_parts import EngineWithModels, configured
from tests.llm.privacy_parts import shop_store

PLANTED = Path(__file__).with_name("fixtures") / "planted.jsonl"
REDIS = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/9")
BENCH = os.environ.get("ANSWERABLE_BENCH_DATA")
PARTS = ("name", "lower", "upper", "given", "family")


class RecordingStore:
    """A store that remembers every byte that was ever put into it."""

    def __init__(self, inner: ByteStore) -> None:
        self.inner, self.seen, self.keys = inner, b"", set[str]()

    def get(self, key: str) -> bytes | None:
        return self.inner.get(key)

    def put(self, key: str, value: bytes) -> None:
        self.seen += key.encode() + value
        self.keys.add(key)
        self.inner.put(key, value)


class RecordingGateway:
    """Answers every call by repeating what it was sent; keeps that, and uses the cache as a gateway does."""

    def __init__(self, store: ByteStore) -> None:
        self.received: list[str] = []
        self.cache = Replies(store)

    def has(self, task: str) -> bool:
        return True

    def complete(self, outgoing: Outgoing, asking: Any, *, seed: Any, kept: Any, **_others: Any) -> Reply:
        text = "\n".join(message.content for message in outgoing.messages)
        key = cache_key(outgoing, asking, "main/small", seed=seed)
        completion = self.cache.get(key)
        if completion is None:
            self.received.append(text)
            completion = Completion(text=text, model="small", tokens=TokenCount(input=len(text)))
            self.cache.put(key, completion)
        attempt = Attempt(
            answer_id=asking.answer_id, at=0.0, task=outgoing.task, prompt=outgoing.prompt, provider="main",
            model="small", outcome="ok", tokens=completion.tokens, cost_usd=None,
        )  # fmt: skip
        kept.append(attempt)
        return Reply(
            output={"text": completion.text},
            prompt=outgoing.prompt,
            provider="main",
            model="small",
            attempts=(attempt,),
        )

    def close(self) -> None:
        pass


class JsonPrompts:
    """A prompt that sends its inputs as JSON."""

    id, task, clear_inputs = "write@1", "write", frozenset({"instructions"})

    def get(self, name: str) -> Any:
        return self

    def render(self, inputs: Any) -> Outgoing:
        content = json.dumps(inputs.values, ensure_ascii=False, default=str)
        messages = (Message("system", "Write."), Message("user", content))
        return Outgoing(task="write", prompt=self.id, messages=messages, schema=None, parameters=Parameters())


def planted() -> list[dict[str, Any]]:
    return [json.loads(line) for line in PLANTED.read_text(encoding="utf-8").splitlines()]


def values_of(rows: list[dict[str, Any]]) -> set[str]:
    """Planted values, names also word by word, and streets without what follows them."""
    found = {value for row in rows for value in row["planted"].values()}
    found |= {word for row in rows for key in PARTS if key in row["planted"] for word in row["planted"][key].split()}
    return found | {row["planted"]["address"].split(",")[0] for row in rows if "address" in row["planted"]}


def left_in(text: str, values: set[str]) -> list[str]:
    """Values that stand in a text as whole words, in any case."""
    return [v for v in values if re.search(rf"(?<!\w){re.escape(v)}(?!\w)", text, re.IGNORECASE)]


def calls() -> list[dict[str, Any]]:
    """The inputs of one call each: a question, passages, rows and samples of a schema."""
    by_place = defaultdict(list)
    for row in planted():
        by_place[row["place"]].append(row["text"])
    places = (by_place[place] for place in ("question", "passage", "row", "schema"))
    return [
        {
            "instructions": f"Answer from the evidence. This is call {number}.",
            "question": question or "How many?",
            "passages": [{"n": 1, "title": "Notes", "text": passage}] if passage else [],
            "rows": [[row, 12.5, 3], ["paid", None, 4]] if row else [],
            "schema": {"customers": {"columns": [{"name": "contact", "sample": sample or ""}]}},
        }
        for number, (question, passage, row, sample) in enumerate(zip_longest(*places))
    ]


def served(home: Path, store: ByteStore) -> tuple[EngineWithModels, RecordingGateway]:
    """An engine whose models repeat what they are sent."""
    engine = EngineWithModels(Settings(home=home, answer_cache_s=60), configured())
    gateway = RecordingGateway(store)
    engine.given = Models(configured(), gateway, JsonPrompts(), Privacy(engine))  # type: ignore[arg-type]
    return engine, gateway


def ask(engine: EngineWithModels, inputs: dict[str, Any], caller: Caller, cache: AnswerCache) -> Answer:
    """One question as the service answers it: asked, restored for the caller, kept, traced."""
    question = question_from(inputs["question"], engine, caller, today=date(2026, 3, 1))
    snapshot = engine.store.snapshot()
    draft = Draft(f"answer-{hash(inputs['question'])}", question, snapshot, (), Stopwatch())
    draft.consultation = engine.models.consult(question, draft.identity, snapshot.id)
    reply = draft.consultation.ask("write", inputs, sources=["shop"])
    text = restore(reply.output["text"], draft.consultation.tokens, caller, question.text)
    plain = Answer(
        id=draft.identity, status="answered", route="both", text=text, versions=Versions(manifest=snapshot.id)
    )
    told = draft.told(plain)
    cache.keep("answer", told, draft, engine.masked)
    engine.traces.record(question.text, told)
    return told


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    shop_store(folder)
    return folder


def everywhere(
    home: Path, store: RecordingStore, caplog: pytest.LogCaptureFixture, caller: Caller, *, every: int = 1
) -> dict[str, str]:
    """Planted inputs asked, and where something might have been left: place -> its text."""
    engine, gateway = served(home, store)
    with caplog.at_level(logging.DEBUG):
        answers = [ask(engine, inputs, caller, AnswerCache(store)) for inputs in calls()[::every]]
    assert engine.traces.flush(wait_s=60)
    traces = "\n".join(msgspec.json.encode(trace).decode() for trace in engine.traces.latest(1000))
    engine.close()
    assert len(gateway.received) == len(answers)
    files = b"".join(path.read_bytes() for path in home.glob("state.db*")).decode("utf-8", "replace")
    return {
        "provider": "\n".join(gateway.received), "log": caplog.text, "traces": traces, "state": files,
        "cache": store.seen.decode("utf-8", "replace"), "answers": "\n".join(each.text for each in answers),
    }  # fmt: skip


def test_nothing_planted_reaches_a_provider_a_log_a_trace_or_the_memory(home, caplog):
    values = values_of(planted())
    found = everywhere(home, RecordingStore(MemoryStore(60)), caplog, Caller(sees_personal_data=True))
    assert len(left_in(found.pop("answers"), values)) > len(values) * 0.9, "those who may see it all, do"
    assert {place: left_in(text, values) for place, text in found.items()} == {place: [] for place in found}


def test_a_visitor_is_told_no_value_but_of_the_own_question(home, caplog):
    rows = planted()
    found = everywhere(home, RecordingStore(MemoryStore(60)), caplog, Caller(role="visitor"), every=3)
    asked = " ".join(row["text"] for row in rows if row["place"] == "question")
    others = {v for v in values_of([r for r in rows if r["place"] != "question"]) if not left_in(asked, {v})}
    assert len(others) > 90 and left_in(found["answers"], others) == []


@pytest.mark.service
def test_nothing_planted_reaches_redis(home, caplog):
    from redis import Redis

    redis = RedisStore(REDIS, 60)
    store = RecordingStore(redis)
    found = everywhere(home, store, caplog, Caller(sees_personal_data=True), every=3)
    with Redis.from_url(REDIS) as client:
        kept = b"\n".join(client.get(key) or b"" for key in store.keys).decode("utf-8", "replace")
        assert client.delete(*store.keys) == len(store.keys) >= len(calls()[::3])
    redis.close()
    assert len(kept) > 5_000 and left_in(found["cache"] + kept, values_of(planted())) == []


@pytest.mark.skipif(not BENCH, reason="ANSWERABLE_BENCH_DATA is not set")
def test_what_the_public_set_would_leak_is_what_is_documented():
    from bench.model_privacy import NoSources, leaks
    from ingest.pii import open_detector

    found = leaks(Privacy(NoSources(open_detector())), Path(str(BENCH)) / "pii" / "presidio.jsonl")
    allowed = {"PERSON": 0.015, "STREET_ADDRESS": 0.01}
    assert {kind for kind, shares in found.items() if shares["whole"] > allowed.get(kind, 0.0)} == set()
