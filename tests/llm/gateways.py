"""A gateway over endpoints on loopback, with books that are kept in lists."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from app.llm.config import LlmConfig, ProviderConfig, TaskConfig
from app.llm.errors import BudgetSpent
from app.llm.gateway import Gateway
from app.llm.opening import open_providers
from app.llm.values import Asking, Attempt, Completion, Message, Outgoing, Parameters, Reply, TokenCount
from app.values import Deadline

KEY = "sk-very-secret-0123456789"
SCHEMA = {
    "type": "object",
    "properties": {"route": {"enum": ["tables", "passages"]}},
    "required": ["route"],
    "additionalProperties": False,
}
GOOD = '{"route": "tables"}'


@dataclass
class Rates:
    """A dollar a token, so that cost and tokens are one figure."""

    unknown: set[str] = field(default_factory=set)

    def cost(self, provider: str, model: str, tokens: TokenCount) -> Decimal | None:
        return None if model in self.unknown else Decimal(tokens.input + tokens.output)

    def worst_case(self, provider: str, model: str, outgoing: Outgoing) -> Decimal | None:
        return None if model in self.unknown else Decimal(1000)


@dataclass
class Purse:
    """A budget in all; `left` None is no limit."""

    left: Decimal | None = None
    broken: bool = False
    spent: Decimal = Decimal(0)
    reserved: Decimal = Decimal(0)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reserve(self, outgoing: Outgoing, asking: Asking, worst_case: Decimal | None) -> _Part:
        if self.broken:
            raise OSError("disk full")
        amount = worst_case or Decimal(0)
        with self.lock:
            if self.left is not None and self.spent + self.reserved + amount > self.left:
                raise BudgetSpent("all spent", resets_at=1.0)
            self.reserved += amount
        return _Part(self, amount)


@dataclass
class _Part:
    purse: Purse
    amount: Decimal

    def settle(self, cost_usd: Decimal | None) -> None:
        with self.purse.lock:
            self.purse.reserved -= self.amount
            self.purse.spent += self.amount if cost_usd is None else cost_usd
            self.amount = Decimal(0)

    def release(self) -> None:
        with self.purse.lock:
            self.purse.reserved -= self.amount
            self.amount = Decimal(0)


@dataclass
class Rows:
    """A ledger."""

    rows: list[Attempt] = field(default_factory=list)
    broken: bool = False

    def append(self, attempt: Attempt) -> None:
        if self.broken:
            raise OSError("disk full")
        self.rows.append(attempt)


@dataclass
class Kept:
    """A cache."""

    found: dict[str, Completion] = field(default_factory=dict)

    def get(self, key: str) -> Completion | None:
        return self.found.get(key)

    def put(self, key: str, completion: Completion) -> None:
        self.found[key] = completion


@dataclass
class Setup:
    """A gateway and what it wrote."""

    gateway: Gateway
    rates: Rates
    purse: Purse
    ledger: Rows
    cache: Kept
    kept: list[Attempt] = field(default_factory=list)

    def ask(self, outgoing: Outgoing | None = None, *, asked: Asking | None = None, **how: Any) -> Reply:
        return self.gateway.complete(outgoing or routing(), asked or asking(), kept=self.kept, **how)

    def stream(self, outgoing: Outgoing | None = None, **how: Any) -> Any:
        return self.gateway.stream(outgoing or writing(), asking(), kept=self.kept, **how)

    @property
    def outcomes(self) -> list[tuple[str, str, str, str | None]]:
        """Model, outcome, purpose and error of each row."""
        return [(row.model, row.outcome, row.purpose, row.error) for row in self.ledger.rows]


def routing(text: str = "How many orders?", **parameters: Any) -> Outgoing:
    """A prompt with a schema."""
    return Outgoing(
        task="route",
        prompt="route@1",
        messages=(Message("system", "Route."), Message("user", text)),
        schema=SCHEMA,
        parameters=Parameters(**parameters),
    )


def writing(text: str = "Write.") -> Outgoing:
    """A prompt without a schema."""
    return Outgoing(
        task="write", prompt="write@1", messages=(Message("user", text),), schema=None, parameters=Parameters()
    )


def asking(seconds: float = 10.0, **about: Any) -> Asking:
    return Asking(**{"answer_id": "a1", "deadline": Deadline.after(seconds), "audience": "staff", **about})


@contextmanager
def gateway(*chain: str, task: TaskConfig | None = None, **urls: str) -> Iterator[Setup]:
    """`with gateway("a/small", "a/large", a=endpoint.url) as setup`."""
    providers = {name: ProviderConfig(base_url=url, api_key=KEY) for name, url in urls.items()}
    how = msgspec.structs.replace(task or TaskConfig(retries=0), models=chain)
    config = LlmConfig(providers=providers, tasks={"route": how, "write": how})
    rates, purse, ledger, cache = Rates(), Purse(), Rows(), Kept()
    opened = Gateway(config, open_providers(config), prices=rates, budgets=purse, ledger=ledger, cache=cache)
    try:
        yield Setup(opened, rates, purse, ledger, cache)
    finally:
        opened.close()
