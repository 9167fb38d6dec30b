"""What the ledger says of one answer: each attempt at a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from app.llm.money import shown
from app.llm.spending_store import SpendingUnavailable, open_spending
from app.ops.state import SPENDING

if TYPE_CHECKING:
    from app.settings import Settings

MOST = 200
"""Attempts of one answer that are read."""


class ModelCall(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at a model, or one hit of the cache."""

    at: float
    """When it began; seconds since the epoch."""
    duration_s: float
    first_token_s: float | None
    task: str
    purpose: str
    prompt: str
    """name@hash"""
    provider: str
    model: str
    outcome: str
    error: str | None
    input_tokens: int
    output_tokens: int
    cached_input_tokens: int
    estimated: bool
    cost_usd: str | None
    """Null: no price is known."""


def model_calls(settings: Settings, answer_id: str) -> tuple[ModelCall, ...] | None:
    """The attempts made for an answer in the order in which they began; None if the ledger cannot be read."""
    query = sa.select(SPENDING).where(SPENDING.c.answer_id == answer_id).order_by(SPENDING.c.at, SPENDING.c.id)
    store = open_spending(settings)
    try:
        return store.read(lambda connection: tuple(map(_call, connection.execute(query.limit(MOST)))))
    except SpendingUnavailable:
        return None
    finally:
        store.close()


def _call(row: sa.Row[tuple[object, ...]]) -> ModelCall:
    return ModelCall(
        at=row.at,
        duration_s=row.duration_s,
        first_token_s=row.first_token_s,
        task=row.task,
        purpose=row.purpose,
        prompt=row.prompt,
        provider=row.provider,
        model=row.model,
        outcome=row.outcome,
        error=row.error,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cached_input_tokens=row.cached_input_tokens,
        estimated=bool(row.estimated),
        cost_usd=None if row.cost_nano is None else shown(row.cost_nano),
    )
