"""What embeddings by an endpoint cost: reserved before each request, written to the ledger and settled after it.

    answerable ingest, a question -> embedder -> SpendingMeter -> budgets, ledger

The embedder of `ingest` knows no money: it asks the meter that it was opened with. A spent budget stops it as any
refusal of the endpoint does: an ingest ends and publishes nothing, a question is searched by its words alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from app.llm.alerts import Listener, open_alerts
from app.llm.asked_by import asked
from app.llm.bookkeeping import NONE, Books
from app.llm.budgets import open_budgets
from app.llm.config import LlmConfig, ProviderConfig
from app.llm.errors import BudgetSpent
from app.llm.exhausted import utc_text
from app.llm.ledger import open_ledger
from app.llm.loading import load_config
from app.llm.parts import Reservation
from app.llm.prices import open_prices
from app.llm.token_bound import texts_bound
from app.llm.token_counts import estimated_texts
from app.llm.values import Asking, Attempt, Outcome, TokenCount
from app.settings import Settings
from app.values import Deadline
from ingest.embedding.endpoint import location_parts
from ingest.embedding.errors import EndpointError, EndpointRefused
from ingest.embedding.metering import EmbeddingRequest

_SAID_NO = frozenset({"rate_limited", "not_authenticated", "unknown_model", "bad_request"})


class Embedding(msgspec.Struct, frozen=True, kw_only=True):
    """What budgets look at of a request."""

    task: Literal["embed"] = "embed"


class EmbeddingSpending:
    """Ledger and budgets of one process's embeddings. Thread-safe; `close` writes what waits."""

    def __init__(self, books: Books, closed_with: Sequence[Callable[[], None]]) -> None:
        self._books = books
        self._closed_with = closed_with

    def of_source(self, name: str) -> SpendingMeter:
        """The meter of an ingest: what it sends counts for the source."""
        return SpendingMeter(self._books, sources=(name,))

    def of_questions(self) -> SpendingMeter:
        """The meter of questions."""
        return SpendingMeter(self._books)

    def close(self) -> None:
        """Write what is still to be written, send what is still to be told."""
        for close in self._closed_with:
            close()


class SpendingMeter:
    """Lets requests pass that the budgets have room for."""

    def __init__(self, books: Books, sources: tuple[str, ...] = ()) -> None:
        self._books = books
        self._sources = sources

    def began(self, request: EmbeddingRequest) -> Embedded:
        """Reserve the most that a request can cost. Raises `EndpointRefused` where a budget has no room for it."""
        asker = asked()
        asking = Asking(
            answer_id=asker.answer_id,
            deadline=Deadline.after(request.timeout_s),
            audience="",
            key_id=asker.key_id,
            sources=self._sources,
        )
        most = TokenCount(input=texts_bound(request.texts))
        try:
            reservation = self._books.reserved(
                Embedding(), asking, lambda: self._books.cost(request.host, request.model, most)
            )
        except BudgetSpent as spent:
            raise _refusal(request, spent) from spent
        return Embedded(self._books, request, asking, reservation)


class Embedded:
    """One request under way: becomes one row of the ledger."""

    def __init__(self, books: Books, request: EmbeddingRequest, asking: Asking, reservation: Reservation) -> None:
        self._books = books
        self._request = request
        self._asking = asking
        self._reservation = reservation
        self._at = time.time()
        self._started = time.monotonic()

    def ended(self, tokens: int | None, error: EndpointError | None = None) -> None:
        """Write the request down and settle it, by the tokens that are reported or, where they may be charged, by
        an estimate.
        """
        counted = self._counted(tokens, error)
        attempt = Attempt(
            answer_id=self._asking.answer_id,
            at=self._at,
            task="embed",
            prompt="",
            provider=self._request.host,
            model=self._request.model,
            outcome=_outcome(error),
            tokens=counted,
            cost_usd=self._books.cost(self._request.host, self._request.model, counted),
            key_id=self._asking.key_id,
            sources=self._asking.sources,
            duration_s=time.monotonic() - self._started,
            purpose=f"retry {self._request.retry}" if self._request.retry else "",
            error=error.fault if error is not None else None,
        )
        self._books.closed(attempt, self._reservation)

    def _counted(self, tokens: int | None, error: EndpointError | None) -> TokenCount:
        if tokens is not None:
            return TokenCount(input=tokens)
        return estimated_texts(self._request.texts) if error is None or error.begun else NONE


def open_embedding_spending(
    settings: Settings,
    observe: Callable[[Attempt], None] = lambda _attempt: None,
    listener: Listener | None = None,
) -> EmbeddingSpending:
    """Ledger and budgets for the embedding endpoint that is set; told are `observe` of attempts, `listener` of alerts.

    Raises `ConfigurationError`.
    """
    config = load_config(settings)
    alerts = open_alerts(config, listener)
    budgets = open_budgets(settings, config, alerts)
    ledger = open_ledger(settings, alerts, observe)
    books = Books(open_prices(_with_endpoint(config, settings), alerts), budgets, ledger)
    return EmbeddingSpending(books, (budgets.close, ledger.close, alerts.close))


def _with_endpoint(config: LlmConfig, settings: Settings) -> LlmConfig:
    """The configuration with the embedding endpoint as a provider, by whose address prices are listed."""
    url, _ = location_parts(settings.embedding_model)
    providers = {**config.providers, urlsplit(url).netloc: ProviderConfig(base_url=url)}
    return msgspec.structs.replace(config, providers=providers)


def _outcome(error: EndpointError | None) -> Outcome:
    if error is None:
        return "ok"
    if error.fault == "malformed":
        return "invalid"
    return "refused" if error.fault in _SAID_NO else "failed"


def _refusal(request: EmbeddingRequest, spent: BudgetSpent) -> EndpointRefused:
    if spent.resets_at is None:
        hint = f"`answerable cost` shows the budgets, docs/cost.md how they and prices (`{request.host}/…`) are set."
    else:
        hint = f"Try again after {utc_text(spent.resets_at)}, or raise the budget."
    return EndpointRefused(f"Nothing was sent to {request.host} for embeddings. {spent.reason}", hint=hint)
