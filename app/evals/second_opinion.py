"""A model's second opinion on answers out of documents: told beside the exact check, never instead of it.

It is asked by the prompt `judge`, of the task with that name: choose another model for it than for `write`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import msgspec

from app.evals.dataset import Case
from app.evals.metrics import Outcome
from app.values import Answer, Caller, Usage

if TYPE_CHECKING:
    from app.engine import Engine

PROMPT: Literal["judge"] = "judge"
Grade: TypeAlias = Literal["right", "partly", "wrong", "refused"]
GRADES: tuple[Grade, ...] = get_args(Grade)


class Opinion(msgspec.Struct, frozen=True, kw_only=True):
    """What a model thinks of one answer."""

    grade: Grade | None
    """None where there was no reply."""
    reason: str
    """The model's sentence, untrusted text; or the code of what went wrong."""
    model: str | None = None
    usage: Usage = Usage()


OpinionOf: TypeAlias = Callable[[Case, Answer], Opinion | None]
"""A second opinion; None for an answer of which none is asked."""


class Opinions(msgspec.Struct, frozen=True, kw_only=True):
    """The opinions of a run."""

    asked: int
    grades: dict[Grade, int]
    unanswered: int
    """How often there was no reply."""
    agreeing: int
    """How often model and exact check both say right, or neither does."""
    differing: tuple[str, ...]
    """Ids of the cases in which only one says right: for a person to read."""
    input_tokens: int
    output_tokens: int
    cost_usd: str
    """Of the replies whose price is known."""
    unpriced: int


class SecondOpinion:
    """Asks the configured model for `judge`. Raises `ConfigurationError` where there is none."""

    def __init__(self, engine: Engine) -> None:
        from app.errors import ConfigurationError

        models = engine.models
        if models is None or not models.gateway.has(PROMPT):
            hint = "Set ANSWERABLE_LLM_BASE_URL and ANSWERABLE_LLM_MODEL, or a model for `judge`; see docs/models.md."
            raise ConfigurationError("No language model is configured to judge answers.", hint=hint)
        self._engine, self._models = engine, models

    def __call__(self, case: Case, answer: Answer) -> Opinion | None:
        """The opinion on an answer that cites documents, of a case that says what a right answer holds."""
        from app.asking import question_from
        from app.llm.errors import NoReply

        reference = reference_of(case)
        if reference is None or answer.status not in ("answered", "partial") or not answer.citations:
            return None
        question = question_from(case.question, self._engine, Caller(role=case.role))
        consultation = self._models.consult(question, answer.id, answer.versions.manifest)
        try:
            reply = consultation.ask(PROMPT, inputs_of(case, reference, answer), sources=sources_of(answer))
        except NoReply as error:
            return Opinion(grade=None, reason=error.code, usage=consultation.usage())
        return Opinion(
            grade=reply.output["verdict"],
            reason=reply.output["reason"],
            model=consultation.model,
            usage=consultation.usage(),
        )


def reference_of(case: Case) -> str | None:
    """What a right answer says, in a line or more; None where it is not known in words."""
    if case.status != "answered" or not case.expect.contains:
        return None
    wanted = (entry if isinstance(entry, str) else " or ".join(entry) for entry in case.expect.contains)
    return "\n".join(("A right answer says, in these or other words:", *wanted))


def inputs_of(case: Case, reference: str, answer: Answer) -> dict[str, object]:
    """The prompt's inputs."""
    evidence = [{"title": each.title, "quote": each.quote} for each in answer.citations]
    return {"question": case.question, "reference": reference, "answer": answer.text, "evidence": evidence}


def sources_of(answer: Answer) -> list[str]:
    """The sources whose content the answer holds."""
    own = {answer.sql.source} if answer.sql is not None else set()
    return sorted(own | {citation.source for citation in answer.citations})


def gathered(opinions: Iterable[tuple[str, Outcome, Opinion]]) -> Opinions | None:
    """The opinions of a run by case id and outcome of the exact check; None where there are none."""
    found = list(opinions)
    if not found:
        return None
    given = [(name, outcome == "right", opinion) for name, outcome, opinion in found if opinion.grade is not None]
    differing = tuple(name for name, right, opinion in given if right != (opinion.grade == "right"))
    costs = [opinion.usage.cost_usd for _, _, opinion in found]
    return Opinions(
        asked=len(found),
        grades={grade: sum(opinion.grade == grade for _, _, opinion in given) for grade in GRADES},
        unanswered=len(found) - len(given),
        agreeing=len(given) - len(differing),
        differing=differing,
        input_tokens=sum(opinion.usage.input_tokens for _, _, opinion in found),
        output_tokens=sum(opinion.usage.output_tokens for _, _, opinion in found),
        cost_usd=f"{sum((Decimal(cost) for cost in costs if cost is not None), Decimal(0)):f}",
        unpriced=costs.count(None),
    )
