"""What an attempt costs: reserved before it is made, written down and settled after it.

No attempt is made whose reservation cannot be written. One that was made and cannot be written down is logged as an
error, and its reservation stays as it is: the budget then counts the most that it can have cost.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from app.llm.calls import Answered, Call, Target
from app.llm.errors import BudgetSpent, ProviderFault
from app.llm.parts import Budgets, Ledger, OfTask, Prices, Reservation
from app.llm.token_counts import estimated
from app.llm.values import Asking, Attempt, Completion, Outcome, Outgoing, TokenCount

_log = logging.getLogger("answerable.llm")

NONE = TokenCount()
_SAID_NO = frozenset(
    {"rate_limited", "not_authenticated", "unknown_model", "bad_request", "content_filter", "context_too_long"}
)


class Entry:
    """An attempt under way; `close` is called once."""

    def __init__(
        self, books: Books, call: Call, target: Target, outgoing: Outgoing, purpose: str, reservation: Reservation
    ) -> None:
        self._books = books
        self._call = call
        self._target = target
        self._outgoing = outgoing
        self._purpose = purpose
        self._reservation = reservation
        self._at = time.time()
        self._started = time.monotonic()
        self._first_token_s: float | None = None

    def first_token(self) -> None:
        """Note when the first piece of a stream came."""
        if self._first_token_s is None:
            self._first_token_s = time.monotonic() - self._started

    def completed(self, outcome: Outcome, completion: Completion) -> None:
        """The provider answered; what it says it took counts, whether its output fits or not."""
        errors = {"invalid": "invalid", "refused": "content_filter"}
        self.close(outcome, completion.tokens, error=errors.get(outcome))

    def failed(self, fault: ProviderFault) -> None:
        """The provider did not answer, or not to the end."""
        outcome: Outcome = "cut" if fault.cut else "refused" if fault.code in _SAID_NO else "failed"
        self.close(outcome, self._begun(fault.cut) if fault.begun else NONE, error=fault.code)

    def broke_off(self, outcome: Outcome, text: str, error: str) -> None:
        """We ended it, after some text came or none."""
        self.close(outcome, self._begun(text), error=error)

    def close(self, outcome: Outcome, tokens: TokenCount, *, error: str | None) -> None:
        """Write the attempt down, then settle what was reserved for it."""
        cost = self._books.cost(*self._target, tokens)
        attempt = Attempt(
            answer_id=self._call.asking.answer_id,
            at=self._at,
            task=self._outgoing.task,
            prompt=self._outgoing.prompt,
            provider=self._target.provider,
            model=self._target.model,
            outcome=outcome,
            tokens=tokens,
            cost_usd=cost,
            key_id=self._call.asking.key_id,
            sources=self._call.asking.sources,
            duration_s=time.monotonic() - self._started,
            first_token_s=self._first_token_s,
            purpose=self._purpose,
            error=error,
        )
        self._call.keep(attempt)
        self._books.closed(attempt, self._reservation)

    def _begun(self, text: str) -> TokenCount:
        return estimated(self._outgoing.messages, text)


class Books:
    """Prices, budgets and ledger as one."""

    def __init__(self, prices: Prices, budgets: Budgets, ledger: Ledger) -> None:
        self.prices = prices
        self._budgets = budgets
        self._ledger = ledger

    def opened(self, call: Call, target: Target, outgoing: Outgoing, purpose: str) -> Entry:
        """An entry with the most that the attempt can cost reserved. Raises `BudgetSpent`."""
        reservation = self.reserved(outgoing, call.asking, lambda: self.prices.worst_case(*target, outgoing))
        return Entry(self, call, target, outgoing, purpose, reservation)

    def reserved(self, call: OfTask, asking: Asking, worst_case: Callable[[], Decimal | None]) -> Reservation:
        """The most that an attempt can cost, set aside. Raises `BudgetSpent`, also where that cannot be done."""
        try:
            return self._budgets.reserve(call, asking, worst_case())
        except BudgetSpent:
            raise
        except Exception as failure:
            _log.error("nothing could be reserved; no model is asked", exc_info=failure)
            raise BudgetSpent("nothing could be reserved: the store of budgets does not work") from failure

    def cost(self, provider: str, model: str, tokens: TokenCount) -> Decimal | None:
        """US dollars of an attempt; 0 of one that took nothing, whatever its model costs."""
        return self.prices.cost(provider, model, tokens) if tokens.input or tokens.output else Decimal(0)

    def closed(self, attempt: Attempt, reservation: Reservation) -> None:
        """Write an attempt down, then settle what was reserved for it. Never raises."""
        if not self.written(attempt):
            return
        try:
            if attempt.tokens.input or attempt.tokens.output:
                reservation.settle(attempt.cost_usd)
            else:
                reservation.release()
        except Exception as failure:  # noqa: BLE001 - whatever store: the reply is there, and the amount stays reserved
            _log.error("a reservation could not be settled; it stays as it is", exc_info=failure)

    def hit(self, call: Call, answered: Answered, purpose: str) -> None:
        """Write down a reply that cost nothing, and what it saved."""
        tokens = answered.completion.tokens
        attempt = Attempt(
            answer_id=call.asking.answer_id,
            at=time.time(),
            task=call.outgoing.task,
            prompt=call.outgoing.prompt,
            provider=answered.target.provider,
            model=answered.target.model,
            outcome="cached",
            tokens=tokens,
            cost_usd=Decimal(0),
            saved_usd=self.prices.cost(*answered.target, tokens),
            key_id=call.asking.key_id,
            sources=call.asking.sources,
            purpose=purpose,
        )
        call.keep(attempt)
        self.written(attempt)

    def spared(self, attempts: Sequence[Attempt], asking: Asking) -> None:
        """Write down attempts that an answer kept from before made unnecessary, with what they took then."""
        for each in attempts:
            if not (each.tokens.input or each.tokens.output):
                continue
            saved = each.saved_usd if each.outcome == "cached" else each.cost_usd
            spared = msgspec.structs.replace(
                each, answer_id=asking.answer_id, at=time.time(), outcome="cached", cost_usd=Decimal(0),
                saved_usd=saved, key_id=asking.key_id, purpose="answer kept", error=None, duration_s=0.0,
                first_token_s=None,
            )  # fmt: skip
            self.written(spared)

    def written(self, attempt: Attempt) -> bool:
        """Whether an attempt could be written down; if not, that is logged as an error."""
        try:
            self._ledger.append(attempt)
        except Exception as failure:  # noqa: BLE001 - whatever store: the call was made, its reply is not thrown away
            asked = f"{attempt.provider}/{attempt.model}"
            _log.error("an attempt at %s could not be written to the ledger", asked, exc_info=failure)
            return False
        return True
