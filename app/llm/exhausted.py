"""From a spent budget to HTTP 429, where `budgets.when_spent` is `refuse`.

The one place for it: whoever catches a `NoReply` and could go on without a model calls `raise_if_refused` first.
"""

from __future__ import annotations

from datetime import UTC, datetime

from app.errors import BudgetExhausted
from app.llm.config import BudgetConfig
from app.llm.errors import BudgetSpent, NoReply


def raise_if_refused(error: NoReply, budgets: BudgetConfig) -> None:
    """Raise `BudgetExhausted` for a spent budget if questions are to be refused then; otherwise do nothing."""
    if isinstance(error, BudgetSpent) and budgets.when_spent == "refuse":
        raise exhausted(error) from error


def exhausted(error: BudgetSpent) -> BudgetExhausted:
    """What the caller is told: that the budget is spent and until when, not whose it is or how large."""
    if error.resets_at is None:
        hint = "Ask whoever runs this service."
    else:
        hint = f"Ask again after {utc_text(error.resets_at)}."
    return BudgetExhausted("The budget for language models is spent.", hint=hint, resets_at=error.resets_at)


def utc_text(at: float) -> str:
    """A moment (seconds since the epoch) for people, to the second."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
