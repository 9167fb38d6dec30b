"""Models that say what a test has them say, asked through the same door as real ones, and an engine that counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from app.answer import answer
from app.asking import question_from
from app.engine import Engine
from app.execution.executors import Executors
from app.llm.config import LlmConfig, TaskConfig
from app.llm.errors import NoReply
from app.llm.values import Attempt, Reply, TokenCount
from app.scrubbing import TokenMap
from app.settings import Settings
from app.values import Answer, Caller, Usage
from tests.app.verified_shop import TODAY

OWNER, VISITOR = Caller(role="owner"), Caller(role="visitor")
Said = Mapping[str, Any] | NoReply | Callable[[Mapping[str, Any]], Mapping[str, Any]]


def sql(text: str | None, **fields: Any) -> dict[str, Any]:
    """A reply that holds a statement."""
    return {"reasoning": "r", "outcome": "sql", "sql": text, "clarify": None, "reason": None} | fields


def clarify(*options: str, question: str = "What do you mean?") -> dict[str, Any]:
    return sql(None, outcome="clarify", clarify={"question": question, "options": list(options)})


def unanswerable(reason: str = "not there") -> dict[str, Any]:
    return sql(None, outcome="unanswerable", reason=reason)


class ScriptedConsultation:
    """What one answer says to models: each reply of the script once, in order."""

    def __init__(self, models: ScriptedModels, stopped: Callable[[], bool]) -> None:
        self._models = models
        self._stopped = stopped
        self.tokens = TokenMap()
        for kind, value in models.masked:
            self.tokens.token(kind, value)
        self.attempts: list[Attempt] = []
        self.prompts: dict[str, str] = {}
        self.model: str | None = None

    def may(self, task: str) -> bool:
        return task == "plan_sql" and not self._stopped()

    def ask(
        self,
        prompt: str,
        inputs: Mapping[str, Any],
        *,
        sources: Sequence[str],
        purpose: str = "",
        seed: int | None = None,
        passed_over: int = 0,
    ) -> Reply:
        call = {"inputs": dict(inputs), "sources": list(sources), "purpose": purpose, "seed": seed}
        self._models.asked.append(call | {"passed_over": passed_over})
        said = self._models.next()
        if isinstance(said, NoReply):
            raise said
        output = said(inputs) if callable(said) else said
        tokens = TokenCount(input=100, output=10)
        attempt = Attempt(
            answer_id="a", at=0.0, task="plan_sql", prompt="plan_sql@test", provider="main", model="scripted",
            outcome="ok", tokens=tokens, cost_usd=None, purpose=purpose,
        )  # fmt: skip
        self.attempts.append(attempt)
        self.prompts[prompt], self.model = "plan_sql@test", "main/scripted"
        return Reply(output=output, prompt="plan_sql@test", provider="main", model="scripted", attempts=(attempt,))

    def usage(self) -> Usage:
        made = len(self.attempts)
        return Usage(input_tokens=100 * made, output_tokens=10 * made, cost_usd=None if made else "0")


class ScriptedModels:
    """`Models` of a script; the script's last reply is not repeated: asking once too often fails the test."""

    def __init__(
        self, *said: Said, samples: int = 1, masked: Sequence[tuple[str, str]] = (), config: Any = None
    ) -> None:
        task = TaskConfig(samples=samples, temperature=0.7 if samples > 1 else None)
        self.config = config or LlmConfig(model="main/scripted", tasks={"plan_sql": task})
        self.said = list(said)
        self.masked = masked
        self.asked: list[dict[str, Any]] = []

    def next(self) -> Said:
        assert self.said, "the model was asked more often than the script says"
        return self.said.pop(0)

    def consult(self, question: Any, answer_id: str, manifest: Any, *, stopped: Any = lambda: False) -> Any:
        return ScriptedConsultation(self, stopped)

    def close(self) -> None:
        pass


class CountingExecutors(Executors):
    """Both executors, with every statement that reached the engine."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.ran: list[str] = []

    def run(self, query: Any, snapshot: Any, deadline: Any) -> Any:
        self.ran.append(query.executable)
        return super().run(query, snapshot, deadline)

    def explain(self, query: Any, snapshot: Any, deadline: Any) -> None:
        self.ran.append(f"EXPLAIN {query.executable}")
        super().explain(query, snapshot, deadline)


class ScriptedEngine(Engine):
    """An engine whose models are scripted and whose table engine counts."""

    def __init__(self, home: Path, models: ScriptedModels, **settings: Any) -> None:
        super().__init__(Settings(home=home, trace_retention_days=0, llm_base_url="http://scripted", **settings))
        self.scripted = models
        held = self.settings
        self.counting = CountingExecutors(held.table_memory_limit, held.table_threads, held.table_timeout_s)

    @property
    def models(self) -> Any:
        return self.scripted if self.settings.llm_base_url else None

    @property
    def tables(self) -> Any:
        return self.counting

    def close(self) -> None:
        super().close()
        self.counting.close()


class Asked:
    """A home's shop, asked with what a model would say."""

    def __init__(
        self, home: Path, *said: Said, samples: int = 1, masked: Any = (), config: Any = None, **settings: Any
    ) -> None:
        self.models = ScriptedModels(*said, samples=samples, masked=masked, config=config)
        self.engine = ScriptedEngine(home, self.models, **settings)

    def ask(self, text: str, caller: Caller = OWNER, **fields: Any) -> Answer:
        fields.setdefault("today", TODAY)
        return answer(question_from(text, self.engine, caller, **fields), self.engine)

    @property
    def ran(self) -> list[str]:
        return self.engine.counting.ran
