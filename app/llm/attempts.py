"""Attempts at one model: breaker, reservation, the request, and whether its output fits; again where that is safe."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Mapping
from contextlib import closing
from typing import Any, NamedTuple

import msgspec

from app.llm.bookkeeping import Books, Entry
from app.llm.breaker import Breaker, Breakers
from app.llm.calls import Call, NoOutput, Target
from app.llm.errors import BudgetSpent, Cancelled, ProviderFault, Unavailable
from app.llm.parts import Provider
from app.llm.retrying import LEAST_LEFT_S, slept, wait_s
from app.llm.structured import Misfit, fitting, repairing
from app.llm.values import Completion, Outgoing

_log = logging.getLogger("answerable.llm")

_LASTING = frozenset({"not_authenticated", "unknown_model"})
_OF_THE_REQUEST = frozenset({"bad_request", "content_filter", "context_too_long"})
LEAST_FAIR_S = 1.0
"""Seconds that an attempt must have had for its timeout to speak against the model."""


class Judged(NamedTuple):
    """A completion with its output, or with what keeps it from fitting."""

    completion: Completion
    output: Mapping[str, Any] | None
    problem: str = ""


class Attempts:
    """Makes attempts. Thread-safe."""

    def __init__(self, providers: Mapping[str, Provider], books: Books, breakers: Breakers) -> None:
        self._providers = providers
        self._books = books
        self._breakers = breakers

    def complete(self, call: Call, target: Target, until: float, about: str) -> Judged:
        """One completion by a model, tried again where that is safe. Raises `NoOutput` and `Cancelled`."""
        retry = 0
        while True:
            purpose = call.told(about, f"retry {retry}" if retry else "")
            try:
                return self._completed(call, target, call.outgoing, until, purpose)
            except ProviderFault as fault:
                retry += 1
                _pause(call, target, fault, retry, until)

    def repaired(self, call: Call, target: Target, judged: Judged, until: float, about: str) -> Judged:
        """One more message that tells the model what does not fit. Raises `NoOutput` and `Cancelled`."""
        messages = repairing(call.outgoing.messages, judged.completion.text, judged.problem)
        outgoing = msgspec.structs.replace(call.outgoing, messages=messages)
        try:
            return self._completed(call, target, outgoing, until, call.told(about, "repair"))
        except ProviderFault as fault:
            raise NoOutput(target, fault.code) from None

    def stream(self, call: Call, target: Target, until: float, about: str) -> Generator[str, None, Judged]:
        """Pieces as they come; tried again only before the first. Raises `NoOutput`, `Cancelled`, `Unavailable`."""
        retry = 0
        while True:
            purpose = call.told(about, f"retry {retry}" if retry else "")
            try:
                return (yield from self._streamed(call, target, until, purpose))
            except ProviderFault as fault:
                if fault.cut:
                    raise Unavailable(f"{target}: the stream broke off ({fault.code})") from None
                retry += 1
                _pause(call, target, fault, retry, until)

    def _completed(self, call: Call, target: Target, outgoing: Outgoing, until: float, purpose: str) -> Judged:
        breaker, entry, timeout_s = self._opened(call, target, outgoing, until, purpose)
        try:
            provider = self._providers[target.provider]
            completion = provider.complete(target.model, outgoing, timeout_s=timeout_s, stopped=call.stopped)
        except ProviderFault as fault:
            _failed(fault, breaker, entry, target, timeout_s)
            raise
        except Cancelled:
            breaker.undecided()
            entry.broke_off("cancelled", "", "cancelled")
            raise
        except BaseException:
            breaker.undecided()
            entry.broke_off("failed", "", "internal")
            raise
        breaker.succeeded()
        return _judged(completion, outgoing, entry)

    def _streamed(self, call: Call, target: Target, until: float, purpose: str) -> Generator[str, None, Judged]:
        breaker, entry, first_s = self._opened(call, target, call.outgoing, until, purpose)
        timeout_s = max(first_s, call.deadline.left())
        provider = self._providers[target.provider]
        told: list[str] = []
        try:
            stream = provider.stream(
                target.model, call.outgoing, timeout_s=timeout_s, first_s=first_s, stopped=call.stopped
            )
            with closing(stream) as pieces:
                for piece in pieces:
                    if isinstance(piece, Completion):
                        break
                    entry.first_token()
                    told.append(piece)
                    call.check_wanted()
                    yield piece
                else:
                    raise ProviderFault("cut", again=False, begun=True, cut="".join(told))
        except ProviderFault as fault:
            _failed(fault, breaker, entry, target, first_s)
            raise
        except (Cancelled, GeneratorExit):
            breaker.undecided()
            entry.broke_off("cancelled", "".join(told), "cancelled")
            raise
        except BaseException:
            breaker.undecided()
            entry.broke_off("failed", "".join(told), "internal")
            raise
        breaker.succeeded()
        return _judged(piece, call.outgoing, entry)

    def _opened(
        self, call: Call, target: Target, outgoing: Outgoing, until: float, purpose: str
    ) -> tuple[Breaker, Entry, float]:
        """What an attempt needs, with the seconds it may take. Raises `NoOutput` where it must not be made."""
        call.check_wanted()
        timeout_s = until - time.monotonic()
        if timeout_s < LEAST_LEFT_S:
            raise NoOutput(target, "timeout")
        breaker = self._breakers.of(*target)
        if not breaker.allows():
            raise NoOutput(target, "resting")
        try:
            return breaker, self._books.opened(call, target, outgoing, purpose), timeout_s
        except BudgetSpent as spent:
            breaker.undecided()
            raise NoOutput(target, "budget", spent) from None
        except BaseException:
            breaker.undecided()
            raise


def _judged(completion: Completion, outgoing: Outgoing, entry: Entry) -> Judged:
    if completion.finish == "content_filter":
        entry.completed("refused", completion)
        raise ProviderFault("content_filter", again=False, begun=True, cut=completion.text)
    try:
        judged = Judged(completion, fitting(completion, outgoing.schema))
    except Misfit as misfit:
        judged = Judged(completion, None, misfit.problem)
    entry.completed("invalid" if judged.output is None else "ok", completion)
    return judged


def _failed(fault: ProviderFault, breaker: Breaker, entry: Entry, target: Target, timeout_s: float) -> None:
    """Write a fault down, in the ledger, in the breaker, and in the log where somebody must do something."""
    if fault.code in _OF_THE_REQUEST or (fault.code == "timeout" and timeout_s < LEAST_FAIR_S):
        breaker.undecided()
    else:
        breaker.failed(lasting=fault.code in _LASTING)
    entry.failed(fault)
    _log.log(logging.WARNING if fault.code in _LASTING else logging.INFO, "%s: %s", target, fault.code)


def _pause(call: Call, target: Target, fault: ProviderFault, retry: int, until: float) -> None:
    """Wait before the `retry`-th retry. Raises `NoOutput` where there is none, `Cancelled` if whoever asked goes."""
    left_s = until - time.monotonic()
    wait = wait_s(retry, fault.retry_after_s, left_s) if fault.again and retry <= call.retries else None
    if wait is None:
        raise NoOutput(target, fault.code) from None
    if not slept(wait, call.stopped):
        raise Cancelled("whoever asked has gone")
