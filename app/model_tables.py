"""Table questions that the grammar is not sure of: asked of a model where one is configured.

The grammar goes first: where its plan is sure enough, no model is asked. Where it is not, and the question is one for
tables, the model's statement answers if its own confidence reaches the same threshold. Both confidences and the choice
stand in the answer's `planner`, also where neither was enough. Nothing the model says is repeated: its rows are worded
by the service, its questions back are checked, its reasons are not told.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from app.clarifying import AskedBack
from app.errors import AppError
from app.guards import Objection, objection
from app.llm.errors import NoReply
from app.passage_answers import PassageAnswer
from app.planning.coverage import coverage
from app.planning.llm_confidence import Evidence, confidence
from app.planning.llm_grounding import Grounds
from app.planning.llm_planner import COMPARED_ROWS, LEAST_TIME_S, RESERVE_S, Inquiry, ModelPlanner, Proposal
from app.planning.llm_statement import plain
from app.planning.schema_text import hidden_names, linked, names_any, ranked_tables
from app.planning.wording import words
from app.routing import SURE, asks_for_advice
from app.scrubbing import scrub_rows
from app.sentences import said
from app.sql_answers import outside_the_data, worded_rows
from app.table_answers import TableAnswer, TablePlan
from app.validation import validate
from app.values import Answer, Computed, Planning, Question, Route, Rows
from app.verbalising.sql_restatement import FURTHER, restated
from app.verbalising.templates import Worded

if TYPE_CHECKING:
    from app.answering import Draft
    from app.engine import Engine
    from app.llm.consulting import Consultation
    from app.planning.planner import Planner
    from app.verified.reading import SqlReading
    from ingest.stores.snapshot import Snapshot, SourceReader

_log = logging.getLogger("answerable.model_tables")

MOST_OPTIONS, MOST_TRIED = 3, 6
LONGEST_OPTION = 160
TOLD_TABLES = 5


class Modelled(msgspec.Struct, frozen=True):
    """What a model made of a question; all empty where none was asked, or its statement is not sure enough."""

    answer: Answer | None = None
    options: tuple[str, ...] = ()
    """Whole questions that may be meant, safe to show, not yet known to be answered."""
    objection: Objection | None = None

    def asked_back(self, answered: Callable[[str], bool]) -> AskedBack | None:
        """A question back with options that are answered, or with safe ones where only the model could answer them."""
        checked = tuple(option for option in self.options if answered(option))
        offered = checked if len(checked) > 1 else self.options
        if len(offered) < 2:
            return None
        return AskedBack(said("several_ways"), offered[:MOST_OPTIONS])


NOTHING = Modelled()


def ask_model(
    question: Question,
    text: str,
    plan: TablePlan,
    passages: PassageAnswer,
    route: Route,
    snapshot: Snapshot,
    engine: Engine,
    draft: Draft,
) -> Modelled:
    """What a model makes of `text`, which the grammar is not sure of. Raises only what a spent budget is to refuse."""
    consultation = draft.consultation
    if consultation is None or not worth_asking(text, plan, passages, route, question, consultation):
        return NOTHING
    source = next(s for s in draft.sources if s.name == plan.source)
    with draft.watch.stage("model"):
        found = propose(question, text, plan, source, snapshot, engine, consultation)
    draft.planning = found.planning
    if found.proposal is None:
        return NOTHING
    if found.proposal.outcome == "sql" and found.planning.confidence >= plan.threshold:
        draft.planning = msgspec.structs.replace(found.planning, by="model")
        return _answered(question, plan, found, source, draft)
    return _without_rows(text, plan, found.proposal, source)


def worth_asking(
    text: str, plan: TablePlan, passages: PassageAnswer, route: Route, question: Question, consultation: Consultation
) -> bool:
    """Whether the question is one for tables that the grammar leaves open, and there is time to ask."""
    if plan.planner is None or plan.planned is None or plan.planned.contradiction:
        return False
    if question.deadline.left() < LEAST_TIME_S + RESERVE_S or not consultation.may("plan_sql"):
        return False
    if route.name == "passages":
        return plan.planned.linked > 0 and passages.confidence < SURE and not asks_for_advice(text)
    return route.name == "none"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A proposal with how sure it is; no proposal where the model did not reply."""

    proposal: Proposal | None
    planning: Planning
    evidence: Evidence | None = None
    reading: Any = None
    """The `SqlReading` of a statement that ran."""
    beyond: Objection | None = None
    """The statement asks of a period in which the tables hold nothing."""


def propose(
    question: Question,
    text: str,
    plan: TablePlan,
    source: SourceReader,
    snapshot: Snapshot,
    engine: Engine,
    consultation: Consultation,
) -> Found:
    """The model's proposal, judged; raises only what a spent budget is to refuse."""
    assert plan.planner is not None
    grammar = plan.confidence if plan.candidate is not None else None
    inquiry = Inquiry(
        text=text,
        today=question.today,
        caller=question.caller,
        deadline=question.deadline,
        max_rows=question.max_rows,
        source=source,
        planner=plan.planner,
        snapshot=snapshot,
        samples=_samples(engine),
        schema_tokens=engine.settings.llm_schema_tokens,
    )
    try:
        proposal = ModelPlanner(inquiry, engine, consultation).propose()
    except NoReply as error:
        _log.info("no statement from a model: %s", error.code)
        return Found(proposal=None, planning=Planning(by=None, confidence=0.0, grammar=grammar, outcome="no_reply"))
    return _judged(proposal, inquiry, plan, grammar, engine)


def _judged(proposal: Proposal, inquiry: Inquiry, plan: TablePlan, grammar: float | None, engine: Engine) -> Found:
    planning = Planning(
        by=None,
        confidence=0.0,
        grammar=grammar,
        outcome=proposal.outcome,
        samples=proposal.asked,
        agreement=round(proposal.agreeing / proposal.asked, 4),
        repairs=proposal.repairs,
    )
    if proposal.stated is None or proposal.rows is None:
        return Found(proposal=proposal, planning=planning)
    from app.verified.reading import read_sql

    catalog = inquiry.planner.index.catalog
    reading = read_sql(proposal.stated.sql, catalog)
    evidence = Evidence(
        asked=proposal.asked,
        agreeing=proposal.agreeing,
        repairs=proposal.repairs,
        coverage=coverage(inquiry.text, reading, inquiry.planner, inquiry.today),
        as_grammar=_same_as_grammar(proposal.rows, plan, inquiry, engine),
        empty=is_empty(proposal.rows.rows),
    )
    sure = round(confidence(evidence), 4)
    planning = msgspec.structs.replace(
        planning, confidence=sure, model=sure, coverage=evidence.coverage, same_as_grammar=evidence.as_grammar
    )
    beyond = _beyond(reading) if catalog.dialect == "duckdb" else None
    return Found(proposal=proposal, planning=planning, evidence=evidence, reading=reading, beyond=beyond)


def _samples(engine: Engine) -> int:
    """Statements to ask for; one where the temperature is set to 0, as all would be the same."""
    task = engine.models.config.task("plan_sql") if engine.models is not None else None
    return 1 if task is None or task.temperature == 0 else task.samples


def _same_as_grammar(rows: Rows, plan: TablePlan, inquiry: Inquiry, engine: Engine) -> bool | None:
    """Whether the grammar's best plan, not sure enough by itself, gives the same rows; None if it gives none."""
    from app.evals.row_comparison import same_rows
    from app.execution.tables import database_name

    candidate = plan.candidate
    if candidate is None:
        return None
    most = max(inquiry.max_rows, COMPARED_ROWS)
    database = database_name(inquiry.source.name)
    try:
        query = validate(candidate.sql, inquiry.planner.index.catalog, database=database, max_rows=most)
        own = engine.tables.run(query, inquiry.snapshot, inquiry.deadline)
    except AppError:
        return None
    width = len(candidate.plan.select)
    return same_rows([row[:width] for row in own.rows], rows.rows)


def is_empty(rows: Sequence[Sequence[Any]]) -> bool:
    """Whether a result says nothing: no row, or one of nulls and zeros."""
    return not rows or (len(rows) == 1 and not any(rows[0]))


def _beyond(reading: SqlReading) -> Objection | None:
    from app.verified.date_bounds import date_constraints

    periods = [(c.column, c.start, c.end) for c in date_constraints(reading)[0] if c.column is not None]
    return outside_the_data(periods, reading)


# -- what is told ----------------------------------------------------------------------


def _answered(question: Question, plan: TablePlan, found: Found, source: SourceReader, draft: Draft) -> Modelled:
    """The answer of a statement that is sure enough, in the service's words."""
    assert found.proposal is not None and found.proposal.stated is not None and found.proposal.rows is not None
    if found.beyond is not None:
        return Modelled(objection=found.beyond)
    query, rows = found.proposal.stated.query, _at_most(found.proposal.rows, question.max_rows)
    with draft.watch.stage("scrub"):
        scrubbed, _tokens = scrub_rows(query, rows, sees_personal_data=question.caller.sees_personal_data)
    if len(scrubbed.rows) == 1 and all(cell is None for cell in scrubbed.rows[0]):
        return Modelled(objection=Objection("not_in_data", said("no_rows")))
    with draft.watch.stage("word"):
        told = _worded(found, query.tables, worded_rows(scrubbed, query, found.reading, source.name, 0.0))
    stub = TablePlan(source.name, None, None, None, plan.threshold)
    route = Route(name="tables", confidence=found.planning.confidence, reason="a model's statement is sure enough")
    return Modelled(draft.answered(route, tables=(stub, told)))


def _worded(found: Found, tables: Sequence[str], told: TableAnswer) -> TableAnswer:
    from app.verified.outputs import outputs_of

    assert told.sql is not None
    computed = restated(found.reading, outputs_of(found.reading), told.sql.source, tables)
    return msgspec.structs.replace(
        told,
        worded=_with_what_was_computed(told.worded, computed),
        computed=computed,
        confidence=found.planning.confidence,
        planning=msgspec.structs.replace(found.planning, by="model"),
    )


def _with_what_was_computed(worded: Worded | None, computed: Computed) -> Worded | None:
    """The words with what narrows the rows, if anything does: nobody chose these conditions but the model."""
    narrowed = computed.conditions or computed.period is not None or computed.text.endswith(FURTHER)
    if worded is None or not narrowed:
        return worded
    return Worded(f"{worded.text} Computed: {computed.text[:1].lower()}{computed.text[1:]}.", worded.figures)


def _at_most(rows: Rows, count: int) -> Rows:
    """The rows that were asked for: more may have been fetched to compare results."""
    return Rows(columns=rows.columns, rows=rows.rows[:count], truncated=rows.truncated or len(rows.rows) > count)


def _without_rows(text: str, plan: TablePlan, proposal: Proposal, source: SourceReader) -> Modelled:
    assert plan.planner is not None
    if proposal.outcome == "clarify":
        return Modelled(options=safe_options(proposal.options, text, plan.planner, source))
    if proposal.outcome == "unanswerable":
        return Modelled(objection=not_in_these_tables(plan.planner))
    return Modelled(objection=proposal.objection)


def not_in_these_tables(planner: Planner) -> Objection:
    """That the tables do not tell it, with what they do hold: never the model's reason, which nobody checked."""
    catalog = planner.index.catalog
    nearest = [words(t.name) for t in ranked_tables(catalog, planner.graph, linked(()))[:TOLD_TABLES]]
    more = ("…",) if len(catalog.tables) > TOLD_TABLES else ()
    return Objection("not_in_data", said("not_in_tables", tables=(*nearest, *more)))


def safe_options(options: Sequence[str], text: str, planner: Planner, source: SourceReader) -> tuple[str, ...]:
    """Those of a model's options that are questions about what the caller may see, in words that are theirs or the
    schema's: anything else that it wrote is not shown.
    """
    grounds, hidden = Grounds(text, planner), hidden_names(source.catalog, planner.index.catalog)
    found: dict[str, str] = {}
    for option in map(plain, options[:MOST_TRIED]):
        fits = 0 < len(option) <= LONGEST_OPTION and option.casefold() != plain(text).casefold()
        if fits and objection(option) is None and not names_any(option, hidden) and grounds.sentence(option):
            found.setdefault(option.casefold(), option)
    return tuple(found.values())
