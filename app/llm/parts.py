"""The parts that a gateway is put together from, as interfaces: each has one implementation or more beside it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from decimal import Decimal
from typing import Protocol

from app.llm.values import Asking, Attempt, Completion, Outgoing, TaskName, TokenCount

Stopped = Callable[[], bool]
"""Whether whoever asked has gone: looked at before each attempt and, by providers, while they wait."""


class Provider(Protocol):
    """One endpoint that speaks the OpenAI protocol (`providers.py`)."""

    @property
    def name(self) -> str:
        """As in the configuration."""

    def complete(
        self, model: str, outgoing: Outgoing, *, timeout_s: float, stopped: Stopped = lambda: False
    ) -> Completion:
        """One completion. Raises `ProviderFault`, and `Cancelled` soon after `stopped` says so."""

    def stream(
        self,
        model: str,
        outgoing: Outgoing,
        *,
        timeout_s: float,
        first_s: float | None = None,
        stopped: Stopped = lambda: False,
    ) -> Generator[str | Completion, None, None]:
        """Pieces of text as they come, the first within `first_s` seconds, then the whole as a `Completion`.

        Raises `ProviderFault`, which may hold what came before, and `Cancelled`; closing the generator ends the
        request.
        """

    def close(self) -> None:
        """Close its connections."""


class Prices(Protocol):
    """What tokens cost (`prices.py`)."""

    def cost(self, provider: str, model: str, tokens: TokenCount) -> Decimal | None:
        """US dollars; None, and an alert the first time, where no price is known."""

    def worst_case(self, provider: str, model: str, outgoing: Outgoing) -> Decimal | None:
        """The most that an attempt can cost: all of the input, counted from above, and `max_tokens` of output."""


class Ledger(Protocol):
    """The append-only record of attempts (`ledger.py`)."""

    def append(self, attempt: Attempt) -> None:
        """Write one row; it is on disk when this returns."""


class Reservation(Protocol):
    """An amount set aside in every budget that an attempt counts towards."""

    def settle(self, cost_usd: Decimal | None) -> None:
        """Replace the amount by what it cost; None (no price known) keeps the whole amount."""

    def release(self) -> None:
        """Give the amount back: nothing was spent. Safe to call after `settle`, which it does not undo."""


class OfTask(Protocol):
    """What budgets look at of a call: an `Outgoing`, or a request for embeddings."""

    @property
    def task(self) -> TaskName:
        """Which task it is made for."""


class Budgets(Protocol):
    """Limits by key, source, task and in all, a day and a month (`budgets.py`)."""

    def reserve(self, call: OfTask, asking: Asking, worst_case: Decimal | None) -> Reservation:
        """Set an attempt's worst case aside. Raises `BudgetSpent` where one limit would be passed."""


class ReplyCache(Protocol):
    """Completions by everything that matters (`cache.py`)."""

    def get(self, key: str) -> Completion | None:
        """The completion kept under a key, if it is not too old."""

    def put(self, key: str, completion: Completion) -> None:
        """Keep a completion. Never raises: a cache that is down costs money, not answers."""
