"""The service with a scripted model: served over HTTP in this process, or asked in it, with every statement counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import yaml

from app.answer import answer
from app.asking import question_from
from app.engine import Engine
from app.execution.executors import Executors
from app.llm.scripted import scripted_server
from app.ops.keys import KeyStore
from app.settings import Settings
from app.values import Answer, Caller

Serve = Callable[..., AbstractContextManager[str]]
"""The fixture `serve`."""
MODEL = "scripted"
KEY = "sk-hostile-0123456789"
DEADLINE_S = 60.0
"""Of one task: tests run beside others on slow machines."""


def llm_file(folder: Path, url: str, **more: Any) -> Path:
    """A configuration of models with one endpoint."""
    config = {
        "providers": {"main": {"base_url": url, "api_key": KEY}},
        "model": f"main/{MODEL}",
        "tasks": {task: {"deadline_s": DEADLINE_S} for task in ("route", "rewrite", "split", "plan_sql", "write")},
        "prices": {f"main/{MODEL}": {"input": 1, "output": 2}},
    } | more
    path = folder / "llm.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


class Counted(Executors):
    """Both executors, with every statement that reached the engine."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.table_memory_limit, settings.table_threads, settings.table_timeout_s)
        self.ran: list[str] = []

    def run(self, query: Any, snapshot: Any, deadline: Any) -> Any:
        self.ran.append(query.executable)
        return super().run(query, snapshot, deadline)

    def explain(self, query: Any, snapshot: Any, deadline: Any) -> None:
        self.ran.append(query.executable)
        super().explain(query, snapshot, deadline)


class CountedEngine(Engine):
    """An engine whose table engine counts."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.counted = Counted(settings)

    @property
    def tables(self) -> Counted:
        return self.counted

    def close(self) -> None:
        super().close()
        self.counted.close()


@contextmanager
def asked_in_process(
    home: Path, rules: Mapping[str, Any] | Sequence[Any], *, cache: str = "off", **settings: Any
) -> Iterator[Hostile]:
    """An engine over a home that asks a scripted model over real HTTP."""
    with scripted_server(rules) as server:
        file = llm_file(home, server.url, cache=cache)
        settings = {"trace_retention_days": 1, "deadline_s": DEADLINE_S} | settings
        engine = CountedEngine(Settings(home=home, llm_config=file, **settings))
        try:
            yield Hostile(engine, server)
        finally:
            engine.close()


class Hostile:
    """Questions to an engine, and what its model received."""

    def __init__(self, engine: CountedEngine, server: Any) -> None:
        self.engine = engine
        self.server = server

    def ask(self, text: str, caller: Caller, **fields: Any) -> Answer:
        return answer(question_from(text, self.engine, caller, **fields), self.engine)

    @property
    def ran(self) -> list[str]:
        return self.engine.counted.ran

    def sent(self) -> str:
        """Everything that the model received, headers too."""
        return "\n".join(msgspec.json.encode(each.shown()).decode() for each in self.server.received)

    def traces(self) -> str:
        """The traces of all answers so far."""
        assert self.engine.traces.flush(wait_s=60)
        return "\n".join(msgspec.json.encode(trace).decode() for trace in self.engine.traces.latest(1000))


@contextmanager
def served(serve: Serve, home: Path, url: str, *, cache: str = "memory", **env: str) -> Iterator[Served]:
    """The service as a process of its own, asked with a key of each role; its models are at `url`."""
    file = llm_file(home, url, cache=cache)
    keys = {role: KeyStore(home / "state.db").add(role, name=role)[1] for role in ("owner", "analyst", "visitor")}
    env = {"ANSWERABLE_REQUIRE_KEY": "true", "ANSWERABLE_LLM_CONFIG": str(file), "ANSWERABLE_LOG_LEVEL": "debug"} | env
    with serve(home, ANSWERABLE_DEADLINE_S=f"{DEADLINE_S:g}", ANSWERABLE_SCHEDULER="off", **env) as base:
        yield Served(base, keys)


class Served:
    """Questions to a service over HTTP."""

    def __init__(self, base: str, keys: Mapping[str, str]) -> None:
        self.base = base
        self.keys = keys

    def ask(self, question: str, role: str = "owner", **body: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.keys[role]}"}
        return httpx.post(f"{self.base}/v1/ask", json={"question": question, **body}, headers=headers, timeout=120)
