"""One answer's dealings with models: the only door through which a stage asks.

    consultation.ask("plan_sql", {"question": …, "schema": …}, sources=["shop"]) -> Reply, or raises NoReply

It scrubs the inputs with one token map for the whole answer, renders the prompt, asks the gateway, and keeps what the
answer must tell: usage, prompts, model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from app.llm.config import BudgetConfig
from app.llm.errors import BudgetSpent, NotConfigured
from app.llm.exhausted import raise_if_refused
from app.llm.money import nano, shown
from app.llm.values import Asking, Attempt, Reply
from app.scrubbing import TokenMap
from app.values import Usage

if TYPE_CHECKING:
    from app.llm.gateway import Gateway
    from app.llm.privacy import Privacy
    from app.llm.prompts import Prompts
    from app.llm.values import TaskName


NO_BUDGETS = BudgetConfig()


class Consultation:
    """One answer's dealings with models. Used by one thread."""

    def __init__(
        self,
        asking: Asking,
        gateway: Gateway,
        prompts: Prompts,
        privacy: Privacy,
        *,
        budgets: BudgetConfig = NO_BUDGETS,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._asking = asking
        self._budgets = budgets
        self._gateway = gateway
        self._prompts = prompts
        self._privacy = privacy
        self._stopped = stopped
        self.tokens = TokenMap()
        """Stands between what models saw and the values; stays in the process."""
        self.attempts: list[Attempt] = []
        """Every attempt made for this answer, for its usage and its trace."""
        self.prompts: dict[str, str] = {}
        """Name of each prompt that was used -> its version."""
        self.model: str | None = None
        """`provider/model` that gave the last reply."""

    def may(self, task: TaskName) -> bool:
        """Whether a model is configured for a task, and time is left to ask it."""
        return self._gateway.has(task) and self._asking.deadline.left() > 0 and not self._stopped()

    def ask(
        self,
        prompt: str,
        inputs: Mapping[str, Any],
        *,
        sources: Sequence[str],
        purpose: str = "",
        seed: int | None = None,
        passed_over: int = 0,
    ) -> Reply:
        """The reply to a prompt with the sources whose content is in the inputs. Raises `NoReply`, and
        `BudgetExhausted` where questions are refused once the budget is spent.

        `purpose` is told to the ledger; equal calls that must not share a reply (samples of a vote) differ in `seed`.
        `passed_over`: models at the beginning of the task's chain that are not asked again (a cascade).
        """
        outgoing, asking = self._prepared(prompt, inputs, sources)
        try:
            reply = self._gateway.complete(
                outgoing,
                asking,
                purpose=purpose,
                seed=seed,
                stopped=self._stopped,
                kept=self.attempts,
                passed_over=passed_over,
            )
        except BudgetSpent as error:
            raise_if_refused(error, self._budgets)
            raise
        finally:
            self.prompts[prompt] = outgoing.prompt
        self.model = f"{reply.provider}/{reply.model}"
        return reply

    def stream(self, prompt: str, inputs: Mapping[str, Any], *, sources: Sequence[str]) -> Iterator[str | Reply]:
        """Pieces of the output as they come, then the `Reply`; a cached output comes as one piece.

        The pieces of an output that had to be repaired are not those of the reply, which alone is valid.

        Raises `NoReply`, also after pieces; what was said until then is not taken back by it.
        """
        outgoing, asking = self._prepared(prompt, inputs, sources)
        self.prompts[prompt] = outgoing.prompt
        try:
            for piece in self._gateway.stream(outgoing, asking, stopped=self._stopped, kept=self.attempts):
                if isinstance(piece, Reply):
                    self.model = f"{piece.provider}/{piece.model}"
                yield piece
        except BudgetSpent as error:
            raise_if_refused(error, self._budgets)
            raise

    def spared(self, attempts: Sequence[Attempt]) -> None:
        """Write down that an answer kept from before made these attempts unnecessary."""
        if attempts:
            self._gateway.spared(attempts, self._asking)

    def usage(self) -> Usage:
        """Tokens and cost of all attempts; the cost is None if that of one is not known."""
        costs = [attempt.cost_usd for attempt in self.attempts]
        known = sum((cost for cost in costs if cost is not None), Decimal(0))
        return Usage(
            input_tokens=sum(attempt.tokens.input for attempt in self.attempts if attempt.outcome != "cached"),
            output_tokens=sum(attempt.tokens.output for attempt in self.attempts if attempt.outcome != "cached"),
            cost_usd=None if None in costs else shown(nano(known)),
        )

    def _prepared(self, prompt: str, inputs: Mapping[str, Any], sources: Sequence[str]) -> tuple[Any, Asking]:
        import msgspec

        found = self._prompts.get(prompt)
        if not self._gateway.has(found.task):
            raise NotConfigured(f"No model is configured for {found.task}.")
        scrubbed = self._privacy.scrubbed(inputs, found.clear_inputs, self.tokens, sources=sources)
        return found.render(scrubbed), msgspec.structs.replace(self._asking, sources=tuple(sources))
