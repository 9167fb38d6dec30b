"""The whole service over HTTP with a scripted model behind it: homes, many askers at once, what the ledger says."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import uvicorn
import yaml
from litestar import Litestar
from litestar.di import Provide

from app.api.answering import Answering
from app.api.ask import ask as api_ask
from app.api.callers import Asker
from app.api.errors import error_response
from app.api.streams import Streams
from app.engine import Engine
from app.llm.config import LlmConfig
from app.llm.models import Models
from app.llm.opening import open_models
from app.ops.metrics import Metrics
from app.settings import Settings
from app.values import Caller

SECRET = "sk-joined-0123456789abcdef"
MODEL = "m"

CLIENT = httpx.Client(limits=httpx.Limits(max_connections=None, max_keepalive_connections=0))
"""Of all askers: making one takes as long as many an answer."""

WRITES = {
    "match": {
        "schema": "write",
        "user": r'"id": "(?P<id>p1)", "title": [^\n]*?"text": "(?:#[^\n"]*?\\n+)?(?P<said>[^"\\.!?]{12,200}[.!?]).*Answer in this language',
    },
    "reply": {"json": {"sentences": [{"text": "${said}", "passages": ["${id}"], "cells": []}], "sufficient": True}},
}
"""A rule: the model repeats the first sentence of the first passage that it is shown."""
SILENT = {
    "match": {"schema": "write"},
    "reply": {"json": {"sentences": [], "sufficient": False}},
}
"""A rule: the model has nothing to say of the evidence."""


class Told(msgspec.Struct, frozen=True):
    """What one asker got."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    seconds: float
    first_event_s: float = 0.0
    first_text_s: float | None = None
    text: str = ""
    """All deltas of a stream."""

    @property
    def by_model(self) -> bool:
        """Whether a model took part in the answer."""
        return bool(self.body["versions"]["model"])


def home_beside(sample_home: Path, folder: Path) -> Path:
    """A home with the sample's stores and nothing else of it: no ledger, no traces, no log."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("store", "cache"):
        (folder / name).symlink_to(sample_home / name)
    return folder


def settings_of(base_url: str, **more: Any) -> dict[str, Any]:
    """One model for every task, with a price and without a cache, unless `more` says otherwise."""
    provider = {"base_url": base_url, "api_key": SECRET}
    config = {"providers": {"main": provider}, "model": f"main/{MODEL}", "cache": "off"}
    return config | {"prices": {f"main/{MODEL}": {"input": 1, "output": 4}}} | more


def configured(folder: Path, base_url: str, **more: Any) -> dict[str, str]:
    """The environment of a service whose models are at an address; `more` is of the configuration file."""
    path = folder / "llm.yaml"
    path.write_text(yaml.safe_dump(settings_of(base_url, **more)))
    return {"ANSWERABLE_LLM_CONFIG": str(path), "ANSWERABLE_SCHEDULER": "off"}


class ModelledEngine(Engine):
    """An engine whose models can be exchanged: everything else stays warm from one test to the next."""

    def __init__(self, home: Path, **settings: Any) -> None:
        super().__init__(Settings(home=home, **settings))
        self.given: Models | None = None

    @property
    def models(self) -> Models | None:
        return self.given

    @contextmanager
    def asking(self, base_url: str, **more: Any) -> Iterator[None]:
        """Let answers ask models at an address."""
        config = msgspec.convert(settings_of(base_url, **more), LlmConfig, strict=False)
        self.given = open_models(self.settings, self, config=config)
        try:
            yield
        finally:
            self.given.close()
            self.given = None


@contextmanager
def served(engine: Engine) -> Iterator[str]:
    """Base URL of the endpoint that answers questions over an engine, on a port of its own."""
    answering, streams = Answering(engine, Metrics()), Streams(resume_s=0.2)
    app = Litestar(
        route_handlers=[api_ask],
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
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, timeout_graceful_shutdown=5))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        answering.close()


def ask(base: str, question: str, *, timeout_s: float = 90.0, **fields: Any) -> Told:
    """One question and its whole answer."""
    started = time.monotonic()
    reply = CLIENT.post(f"{base}/v1/ask", json={"question": question} | fields, timeout=timeout_s)
    return Told(reply.status_code, reply.json(), dict(reply.headers), time.monotonic() - started)


def stream(base: str, question: str, *, timeout_s: float = 90.0) -> Told:
    """One question and its answer as events."""
    started = time.monotonic()
    first_event = first_text = None
    text, body = "", {}
    request = {"question": question, "stream": True}
    with CLIENT.stream("POST", f"{base}/v1/ask", json=request, timeout=timeout_s) as reply:
        for name, content in events(reply):
            since = time.monotonic() - started
            first_event = first_event or since
            if name == "delta":
                first_text = first_text or since
                text += content["text"]
            body = content if name in ("done", "error") else body
        headers = dict(reply.headers)
    return Told(reply.status_code, body, headers, time.monotonic() - started, first_event or 0.0, first_text, text)


def events(reply: httpx.Response) -> Iterator[tuple[str, Any]]:
    """Name and content of each event, as they come."""
    name = ""
    for line in reply.iter_lines():
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            yield name, json.loads(line[6:])


def ask_all(bases: Sequence[str], questions: Sequence[str], asking: Any = ask, **fields: Any) -> list[Told]:
    """All questions at once, each of an asker of its own, to the servers in turn; in the order of the questions."""
    start = threading.Barrier(len(questions))

    def one(number: int) -> Told:
        start.wait(30)
        return asking(bases[number % len(bases)], questions[number], **fields)

    with ThreadPoolExecutor(len(questions)) as askers:
        return list(askers.map(one, range(len(questions))))


def rows(home: Path, query: str = "SELECT * FROM spending ORDER BY id") -> list[dict[str, Any]]:
    """Rows of the state file; of the ledger, if nothing else is asked for."""
    with closing(sqlite3.connect(home / "state.db")) as connection:
        connection.row_factory = sqlite3.Row
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'spending'").fetchone() is None:
            return []
        return [dict(row) for row in connection.execute(query)]


def p95(seconds: Sequence[float]) -> float:
    """The nearest rank: of twenty, the nineteenth."""
    ranked = sorted(seconds)
    return ranked[-(-95 * len(ranked) // 100) - 1]


def holding(folder: Path, secret: str) -> list[str]:
    """Files under a home, but its configuration, in which a text stands."""
    files = [path for path in folder.rglob("*") if path.is_file() and "store" not in path.parts]
    own = [path for path in files if "cache" not in path.parts and path.name != "llm.yaml"]
    return [path.name for path in own if secret.encode() in path.read_bytes()]


def plain(text: str) -> str:
    """A text without its marks of citations."""
    return re.sub(r" ?\[\d+\]", "", text)
