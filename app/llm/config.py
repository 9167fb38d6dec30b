"""How models are configured: three settings are enough, a YAML file says the rest.

ANSWERABLE_LLM_BASE_URL, ANSWERABLE_LLM_API_KEY, ANSWERABLE_LLM_MODEL     one provider `main`, one model for all tasks
ANSWERABLE_LLM_CONFIG=llm.yaml                                            several providers, chains, budgets, prices

providers:
  main: {base_url: https://api.openai.com/v1, api_key: "${OPENAI_API_KEY}"}
  azure: {kind: azure, base_url: https://acme.openai.azure.com, api_key: "${AZURE_KEY}", api_version: 2024-10-21}
  local: {base_url: http://127.0.0.1:8080/v1}
tasks:
  plan_sql: {models: [main/gpt-5-mini, main/gpt-5, local/qwen3], samples: 3, deadline_s: 8}
  route: {models: []}                       # never ask a model for it
budgets:
  time_zone: Europe/Berlin
  limits: [{scope: all, period: day, usd: 5}, {scope: "key:*", period: month, usd: 20, soft: 0.8}]
prices:
  local/qwen3: {input: 0, output: 0}        # US dollars a million tokens
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from app.llm.values import TaskName

TASKS: tuple[TaskName, ...] = ("route", "rewrite", "split", "plan_sql", "write", "judge", "embed")
Seconds = Annotated[float, msgspec.Meta(gt=0, le=600)]


class ProviderConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One endpoint."""

    base_url: str
    api_key: str = ""
    """The key or `${NAME}` of the environment variable that holds it; empty for an endpoint that asks for none."""
    kind: Literal["openai", "azure"] = "openai"
    api_version: str | None = None
    """Azure's."""
    output: Literal["json_schema", "json_object", "text"] = "json_schema"
    """The strongest way in which the endpoint can be held to a schema; the output is validated whatever it says."""
    headers: Mapping[str, str] = {}
    """Further headers of each request, e.g. of a proxy in between."""
    connect_s: Seconds = 5.0
    insecure: bool = False
    """Whether a key may go to another machine over plain http: only inside a network of your own."""

    def __repr__(self) -> str:
        return f"ProviderConfig(base_url={self.base_url!r}, kind={self.kind!r}, output={self.output!r})"


class TaskConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one task is done."""

    models: tuple[str, ...] | None = None
    """`provider/model`, the first one first: the next where one fails, or where its output does not pass (a cascade).
    None: the default model. Empty: no model is asked.
    """
    deadline_s: Seconds = 15.0
    """Seconds that the task may take with all its attempts, within the question's own deadline."""
    temperature: float | None = None
    """Overrides the prompt's."""
    max_tokens: Annotated[int, msgspec.Meta(ge=1, le=100_000)] | None = None
    """Overrides the prompt's."""
    retries: Annotated[int, msgspec.Meta(ge=0, le=5)] = 2
    """Further attempts of the same request at the same model, where that is safe."""
    samples: Annotated[int, msgspec.Meta(ge=1, le=9)] = 1
    """Of `plan_sql`: statements asked for; more than one are run and put to the vote."""
    label: str = "production"
    """Which version of the task's prompts is used."""


class BudgetLimit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One limit."""

    scope: str = "all"
    """`all`, `key:ID`, `key:*` (each key its own), `source:NAME`, `source:*`, `task:NAME`, `task:*`."""
    period: Literal["day", "month"] = "month"
    usd: Decimal
    soft: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.8
    """Share of the limit at which one alert is given a period."""


class BudgetConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of what models may cost."""

    time_zone: str = "UTC"
    """In which days and months begin."""
    limits: tuple[BudgetLimit, ...] = ()
    when_spent: Literal["embedded", "refuse"] = "embedded"
    """Where no cheaper model is left in the chain: answer without a model, or HTTP 429 with the reset time."""
    unpriced: Literal["refuse", "allow"] = "refuse"
    """Whether a model without a known price may be asked where a limit applies: its cost cannot be reserved."""
    if_unavailable: Literal["closed", "open"] = "closed"
    """Whether models are asked while the store of budgets is down."""


class Price(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """US dollars a million tokens."""

    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None
    """None: as `input`."""


class LlmConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything about models."""

    providers: Mapping[str, ProviderConfig] = {}
    model: str = ""
    """`provider/model` of tasks that name none."""
    tasks: Mapping[TaskName, TaskConfig] = {}
    budgets: BudgetConfig = BudgetConfig()
    prices: Mapping[str, Price] = {}
    webhook: str = ""
    """Where alerts are sent: URL, or `${NAME}`."""
    webhook_secret: str = ""
    """Alerts are signed with it (HMAC-SHA256), if it is set: the secret, or `${NAME}`."""
    cache: str = "memory"
    """`off`, `memory`, or a Redis URL."""
    cache_ttl_s: Annotated[float, msgspec.Meta(ge=0)] = 3600.0

    def __repr__(self) -> str:
        return f"LlmConfig(providers={list(self.providers)!r}, model={self.model!r}, tasks={self.tasks!r})"

    @property
    def configured(self) -> bool:
        """Whether any model may be asked for anything."""
        return bool(self.providers) and (bool(self.model) or any(task.models for task in self.tasks.values()))

    def task(self, name: TaskName) -> TaskConfig:
        """How a task is done; the defaults for one that is not mentioned."""
        return self.tasks.get(name, TaskConfig())

    def chain(self, name: TaskName) -> tuple[tuple[str, str], ...]:
        """(provider, model) of a task, the first one first; empty where no model is asked."""
        models = self.task(name).models
        named = models if models is not None else ((self.model,) if self.model else ())
        return tuple((each.partition("/")[0], each.partition("/")[2]) for each in named)
