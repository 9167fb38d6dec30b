"""The grammar, a model, and the service's choice between them, on the same questions: right, wrong, cost and time.

Each case is asked of the grammar alone, and of the model alone, whatever the grammar says; what the service would
choose follows from the two: the grammar's answer where it is sure, else the model's where that is.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from app.evals.metrics import Outcome, Tally, percentile, tally
from app.evals.risk_coverage import CurvePoint, Limit, limits, risk_coverage
from app.evals.sql_runner import MOST_ROWS, asked, outcome_of
from app.evals.text2sql import RowsOf, SqlCase, score
from app.settings import Settings
from app.stopwatch import Stopwatch
from app.values import Caller, Usage
from ingest.request import slug

if TYPE_CHECKING:
    from app.engine import Engine
    from app.model_tables import Found

By: TypeAlias = Literal["grammar", "model", "neither"]
PLANNERS = ("grammar", "model", "both")


class PlannerCase(msgspec.Struct, frozen=True, kw_only=True):
    """One case by each planner."""

    id: str
    db: str
    question: str
    difficulty: str
    grammar: Outcome
    model: Outcome
    both: Outcome
    by: By
    """Which planner's answer the service gives."""
    model_confidence: float | None
    """None where the model gave no statement that ran."""
    unrestrained: Outcome
    """The model's outcome if the threshold were 0."""
    said: str
    """What came of asking the model: `sql`, `clarify`, `unanswerable`, `failed`, `no_reply`."""
    facts: dict[str, float]
    """What the model's confidence is made of; empty where nothing ran."""
    grammar_ms: float
    model_ms: float
    calls: int
    """Attempts at providers and hits of the cache."""
    cached: int
    input_tokens: int
    output_tokens: int
    cost_usd: str | None
    """None where a price is not known."""
    gold_sql: str
    sql: str | None


class PlannerReport(msgspec.Struct, frozen=True, kw_only=True):
    """Counts by planner, what the model took, and how its risk grows with coverage."""

    model: str
    threshold: float
    planners: dict[str, Tally]
    decisions: dict[str, int]
    """How many questions the service answers by the grammar, by the model, or not."""
    grammar_p50_ms: float
    grammar_p95_ms: float
    model_p50_ms: float
    model_p95_ms: float
    calls: int
    cached: int
    input_tokens: int
    output_tokens: int
    cost_usd: str
    """Of the cases whose cost is known."""
    cost_per_question_usd: str | None
    unpriced: int
    """Cases with a call whose price is not known."""
    curve: tuple[CurvePoint, ...]
    """Of the model alone."""
    limits: tuple[Limit, ...]
    results: tuple[PlannerCase, ...]


class PlannerRunner:
    """Asks cases over one home's stores. `threshold`: least probability to answer at, None for the setting's."""

    def __init__(self, engine: Engine, *, threshold: float | None = None) -> None:
        import copy

        settings = msgspec.structs.replace(engine.settings, max_rows=MOST_ROWS)
        if threshold is not None:
            settings = msgspec.structs.replace(settings, planner_threshold=threshold)
        self.threshold = settings.planner_threshold
        self._engine = engine
        engine.settings = settings
        self._alone = copy.copy(engine)  # the same open parts without a model
        self._alone.settings = without_models(settings)

    def run(
        self, cases: Sequence[SqlCase], gold: Sequence[RowsOf], on_case: Callable[[SqlCase], None] = lambda _: None
    ) -> PlannerReport:
        """The report over the cases; `gold` holds their rows."""
        results = tuple(self._results(cases, gold, on_case))
        return summarise_planners(results, model=_model_of(self._engine), threshold=self.threshold)

    def _results(
        self, cases: Sequence[SqlCase], gold: Sequence[RowsOf], on_case: Callable[[SqlCase], None]
    ) -> Iterator[PlannerCase]:
        for case, rows in zip(cases, gold, strict=True):
            on_case(case)
            yield self._case(case, rows)

    def _case(self, case: SqlCase, gold: RowsOf) -> PlannerCase:
        by_grammar, grammar_ms = asked(case, self._alone)
        failed = by_grammar.status in ("partial", "failed")
        grammar: Outcome = "failed" if failed else outcome_of(case, by_grammar, gold)
        started = time.perf_counter()
        found, usage, calls, cached = self._proposed(case)
        model_ms = (time.perf_counter() - started) * 1000
        proposal = found.proposal
        rows = proposal.rows.rows if proposal is not None and proposal.rows is not None else None
        unrestrained = score(rows, gold, ordered=case.ordered)
        sure = rows is not None and found.planning.confidence >= self.threshold
        model: Outcome = unrestrained if sure else "refused"
        by: By = "grammar" if by_grammar.status == "answered" else "model" if sure else "neither"
        return PlannerCase(
            id=case.id,
            db=case.db,
            question=case.question,
            difficulty=case.difficulty,
            grammar=grammar,
            model=model,
            both=grammar if by != "model" else model,
            by=by,
            model_confidence=found.planning.model,
            unrestrained=unrestrained,
            said=found.planning.outcome or "no_reply",
            facts=_facts(found),
            grammar_ms=round(grammar_ms, 2),
            model_ms=round(model_ms, 2),
            calls=calls,
            cached=cached,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cost_usd=usage.cost_usd,
            gold_sql=case.gold_sql,
            sql=proposal.stated.sql if proposal is not None and proposal.stated is not None else None,
        )

    def _proposed(self, case: SqlCase) -> tuple[Found, Usage, int, int]:
        """The model's proposal with what it took: usage, calls, and how many of them the cache answered."""
        from app.asking import question_from
        from app.model_tables import propose
        from app.table_answers import plan_tables

        engine = self._engine
        assert engine.models is not None
        snapshot = engine.store.snapshot()
        source = snapshot.sources[slug(case.db)]
        caller = Caller(sees_personal_data=True)
        question = question_from(case.question, engine, caller, sources=[source.name], max_rows=MOST_ROWS)
        plan = plan_tables(question, case.question, snapshot, engine, [source], Stopwatch())
        consultation = engine.models.consult(question, uuid.uuid4().hex, snapshot.id)
        found = propose(question, case.question, plan, source, snapshot, engine, consultation)
        attempts = consultation.attempts
        return found, consultation.usage(), len(attempts), sum(each.outcome == "cached" for each in attempts)


def without_models(settings: Settings) -> Settings:
    """The settings with no language model."""
    return msgspec.structs.replace(settings, llm_base_url="", llm_config=None)


def summarise_planners(results: Sequence[PlannerCase], *, model: str, threshold: float) -> PlannerReport:
    """Count the results. `threshold`: the least probability at which a question was answered."""
    curve = risk_coverage([(r.model_confidence, r.unrestrained) for r in results])
    costs = [Decimal(r.cost_usd) for r in results if r.cost_usd is not None]
    spent = sum(costs, Decimal(0))
    grammar_ms, model_ms = [r.grammar_ms for r in results], [r.model_ms for r in results]
    return PlannerReport(
        model=model,
        threshold=threshold,
        planners={name: tally(getattr(r, name) for r in results) for name in PLANNERS},
        decisions={by: sum(r.by == by for r in results) for by in ("grammar", "model", "neither")},
        grammar_p50_ms=round(percentile(grammar_ms, 0.5), 1),
        grammar_p95_ms=round(percentile(grammar_ms, 0.95), 1),
        model_p50_ms=round(percentile(model_ms, 0.5), 1),
        model_p95_ms=round(percentile(model_ms, 0.95), 1),
        calls=sum(r.calls for r in results),
        cached=sum(r.cached for r in results),
        input_tokens=sum(r.input_tokens for r in results),
        output_tokens=sum(r.output_tokens for r in results),
        cost_usd=f"{spent:f}",
        cost_per_question_usd=str(round(spent / len(costs), 6)) if costs else None,
        unpriced=len(results) - len(costs),
        curve=curve,
        limits=limits(curve),
        results=tuple(results),
    )


def _facts(found: Found) -> dict[str, float]:
    from app.planning.llm_confidence import facts

    return facts(found.evidence) if found.evidence is not None else {}


def _model_of(engine: Engine) -> str:
    chain = engine.models.config.chain("plan_sql") if engine.models is not None else ()
    return ", ".join(f"{provider}/{model}" for provider, model in chain)
