"""The way to models: MAIN PATH of a call.

    cache -> single flight -> for each model of the chain:
                                  breaker -> reservation -> attempts -> ledger -> output fits? -> one repair
                              the next model where one fails, is resting, over budget, or its output does not fit

Whatever happens, a caller gets a `Reply` whose output fits, or `NoReply`, within its deadline.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence

from app.llm.attempts import Attempts, Judged
from app.llm.bookkeeping import Books
from app.llm.breaker import Breakers
from app.llm.calls import Answered, Call, NoOutput, Target, prepared
from app.llm.config import LlmConfig
from app.llm.errors import OutOfTime
from app.llm.parts import Budgets, Ledger, Prices, Provider, ReplyCache, Stopped
from app.llm.single_flight import SingleFlight
from app.llm.structured import Misfit, fitting
from app.llm.values import Asking, Attempt, Outgoing, Reply, TaskName


class Gateway:
    """Asks models. Thread-safe; `close` ends its connections."""

    def __init__(
        self,
        config: LlmConfig,
        providers: Mapping[str, Provider],
        *,
        prices: Prices,
        budgets: Budgets,
        ledger: Ledger,
        cache: ReplyCache,
    ) -> None:
        self._config = config
        self._providers = providers
        self._cache = cache
        self._books = Books(prices, budgets, ledger)
        self._attempts = Attempts(providers, self._books, Breakers())
        self._flights = SingleFlight[Answered]()

    def has(self, task: TaskName) -> bool:
        """Whether a model is configured for a task."""
        return bool(self._config.chain(task))

    def complete(
        self,
        outgoing: Outgoing,
        asking: Asking,
        *,
        purpose: str = "",
        seed: int | None = None,
        stopped: Stopped = lambda: False,
        kept: list[Attempt],
        passed_over: int = 0,
    ) -> Reply:
        """The reply to a prompt; every attempt that is made for it is appended to `kept`. Raises `NoReply`.

        `passed_over`: models at the beginning of the chain whose earlier output was of no use.
        """
        call = prepared(
            self._config,
            outgoing,
            asking,
            purpose=purpose,
            seed=seed,
            stopped=stopped,
            kept=kept,
            passed_over=passed_over,
        )
        self._check(call)
        answered, shared = self._flights.run(
            call.key, lambda: self._cached(call) or self._asked(call), call.deadline, stopped
        )
        if shared:
            self._books.hit(call, answered, call.told("shared"))
        return call.reply(answered)

    def stream(
        self, outgoing: Outgoing, asking: Asking, *, stopped: Stopped = lambda: False, kept: list[Attempt]
    ) -> Iterator[str | Reply]:
        """Pieces of the output as they come, then the reply; a cached output comes as one piece.

        Once a piece was given, no other model is asked: output that does not fit is repaired for the reply alone, and
        a stream that breaks off raises `Unavailable`. Raises `NoReply`; closing the iterator ends the request.
        """
        call = prepared(self._config, outgoing, asking, purpose="", seed=None, stopped=stopped, kept=kept)
        self._check(call)
        answered = self._cached(call)
        if answered is not None:
            yield answered.completion.text
        else:
            answered = yield from self._streamed(call)
        yield call.reply(answered)

    def spared(self, attempts: Sequence[Attempt], asking: Asking) -> None:
        """Write down that attempts of an earlier answer need not be made for this one: nothing spent, so much saved."""
        self._books.spared(attempts, asking)

    def close(self) -> None:
        """End connections."""
        for provider in self._providers.values():
            provider.close()

    def _asked(self, call: Call) -> Answered:
        """What the first model of the chain says whose output fits."""
        failures: list[NoOutput] = []
        for place, target in enumerate(call.chain):
            until, about = call.until(place), "fallback" if place else ""
            try:
                judged = self._attempts.complete(call, target, until, about)
                return self._fitting(call, target, judged, until, about)
            except NoOutput as failure:
                failures.append(failure)
        raise call.without_reply(failures)

    def _streamed(self, call: Call) -> Generator[str, None, Answered]:
        """As `_asked`, with pieces on the way; after the first one the chain ends with the model that gave it."""
        failures: list[NoOutput] = []
        for place, target in enumerate(call.chain):
            until, about, told = call.until(place), "fallback" if place else "", False
            try:
                judged = yield from self._attempts.stream(call, target, until, about)
                told = bool(judged.completion.text)
                return self._fitting(call, target, judged, call.until(len(call.chain) - 1), about)
            except NoOutput as failure:
                failures.append(failure)
                if told:
                    break
        raise call.without_reply(failures)

    def _fitting(self, call: Call, target: Target, judged: Judged, until: float, about: str) -> Answered:
        """A model's output if it fits, or does after one repair; kept in the cache. Raises `NoOutput`."""
        if judged.output is None:
            judged = self._attempts.repaired(call, target, judged, until, about)
        if judged.output is None:
            raise NoOutput(target, "invalid")
        self._cache.put(call.key_at(target), judged.completion)
        return Answered(target, judged.completion, judged.output)

    def _cached(self, call: Call) -> Answered | None:
        """A completion of the same call by any model of the chain, the first one first."""
        for target in call.chain:
            completion = self._cache.get(call.key_at(target))
            if completion is None:
                continue
            try:
                answered = Answered(target, completion, fitting(completion, call.outgoing.schema))
            except Misfit:
                continue
            self._books.hit(call, answered, call.told())
            return answered
        return None

    def _check(self, call: Call) -> None:
        call.check_wanted()
        if call.out_of_time:
            raise OutOfTime("the deadline is too near to ask")
