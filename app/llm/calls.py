"""One call of the gateway while it is made: what is asked, of whom, until when, and what was tried."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from app.llm.cache import cache_key
from app.llm.config import LlmConfig
from app.llm.errors import BudgetSpent, Cancelled, NoReply, NotConfigured, OutOfTime, Unavailable, Unusable
from app.llm.parts import Stopped
from app.llm.retrying import LEAST_LEFT_S
from app.llm.values import Asking, Attempt, Completion, Outgoing, Reply
from app.values import Deadline

FIRST_SHARE = 0.6
"""Of the time left, what a model gets while others of the chain could still be asked."""


class Target(NamedTuple):
    """A model at a provider."""

    provider: str
    model: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}"


class Answered(NamedTuple):
    """A completion whose output fits."""

    target: Target
    completion: Completion
    output: Mapping[str, Any]


class NoOutput(Exception):
    """One model of a chain gave nothing usable; `code` is stable: a fault's, `invalid`, `budget` or `resting`."""

    def __init__(self, target: Target, code: str, budget: BudgetSpent | None = None) -> None:
        super().__init__(f"{target}: {code}")
        self.code = code
        self.budget = budget


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call; used by one thread, but for its key."""

    outgoing: Outgoing
    asking: Asking
    chain: tuple[Target, ...]
    deadline: Deadline
    """The task's or the question's, whichever comes first."""
    retries: int
    purpose: str
    stopped: Stopped
    kept: list[Attempt]
    made: list[Attempt] = field(default_factory=list)

    @property
    def key(self) -> str:
        """The same for calls that may share a reply."""
        return cache_key(self.outgoing, self.asking, self.chain)

    def key_at(self, target: Target) -> str:
        """The name of this call's completion by one model."""
        return cache_key(self.outgoing, self.asking, [target])

    def until(self, place: int) -> float:
        """The moment (monotonic clock) by which the model at a place of the chain must have answered.

        It leaves time for those after it.
        """
        share = 1.0 if place == len(self.chain) - 1 else FIRST_SHARE
        return time.monotonic() + self.deadline.left() * share

    @property
    def out_of_time(self) -> bool:
        """Whether it is too late to ask."""
        return self.deadline.left() < LEAST_LEFT_S

    def check_wanted(self) -> None:
        """Raise `Cancelled` if whoever asked has gone."""
        if self.stopped():
            raise Cancelled("whoever asked has gone")

    def told(self, *about: str) -> str:
        """A purpose for the ledger: the caller's own and what kind of attempt this is."""
        return ", ".join(part for part in (self.purpose, *about) if part)

    def keep(self, attempt: Attempt) -> None:
        """Remember an attempt, for the reply and for the caller."""
        self.made.append(attempt)
        self.kept.append(attempt)

    def reply(self, answered: Answered) -> Reply:
        """What the caller gets."""
        return Reply(
            output=answered.output,
            prompt=self.outgoing.prompt,
            provider=answered.target.provider,
            model=answered.target.model,
            attempts=tuple(self.made),
        )

    def without_reply(self, failures: list[NoOutput]) -> NoReply:
        """Why there is no reply, after all models that could be asked failed."""
        reasons = "; ".join(map(str, failures)) or "nothing was asked"
        spent = next((each.budget for each in reversed(failures) if each.budget is not None), None)
        if spent is not None and all(each.budget is not None for each in failures):
            return spent
        if self.out_of_time:
            return OutOfTime(f"the deadline passed ({reasons})")
        if any(each.code == "invalid" for each in failures):
            return Unusable(f"no model gave output that fits ({reasons})")
        return Unavailable(f"no model answered ({reasons})")


SAMPLE_TEMPERATURE = 0.7
"""Of the samples of a vote, where neither prompt nor task has one: at 0 they would all be alike."""


def prepared(
    config: LlmConfig,
    outgoing: Outgoing,
    asking: Asking,
    *,
    purpose: str,
    seed: int | None,
    stopped: Stopped,
    kept: list[Attempt],
    passed_over: int = 0,
) -> Call:
    """A call with what the configuration says of its task, without so many of its first models.

    One is always left. Raises `NotConfigured`.
    """
    task = config.task(outgoing.task)
    chain = tuple(Target(*each) for each in config.chain(outgoing.task))
    chain = chain[min(passed_over, len(chain) - 1) :] if chain else ()
    if not chain:
        raise NotConfigured(f"no model is configured for {outgoing.task}")
    given = {"temperature": task.temperature, "max_tokens": task.max_tokens, "seed": seed}
    changed = {name: value for name, value in given.items() if value is not None}
    if seed is not None and task.temperature is None and not outgoing.parameters.temperature:
        changed["temperature"] = SAMPLE_TEMPERATURE
    parameters = msgspec.structs.replace(outgoing.parameters, **changed)
    return Call(
        outgoing=msgspec.structs.replace(outgoing, parameters=parameters),
        asking=asking,
        chain=chain,
        deadline=Deadline(min(asking.deadline.at, time.monotonic() + task.deadline_s)),
        retries=task.retries,
        purpose=purpose,
        stopped=stopped,
        kept=kept,
    )
