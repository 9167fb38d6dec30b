"""The main path of the service: a question becomes an answer.

    guard -> plan tables | search passages -> route -> answer tables | answer passages | both -> clarify or refuse

Every stage is timed, every refusal says what was understood and where to look, and nothing outlives the deadline.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from app import answering
from app.clarifying import missing_subject, what_is_missing
from app.errors import DeadlineExceeded
from app.guards import Objection, objection
from app.languages import other_language
from app.meanings import nearest_names
from app.missing_values import unknown_value
from app.passage_answers import PassageAnswer, answer_passages
from app.routing import choose
from app.spelling import did_you_mean
from app.splitting import leans_on_another, parts, spellings
from app.stopwatch import Stopwatch
from app.table_answers import TableAnswer, TablePlan, answer_tables, plan_tables
from app.values import Answer, Clarify, Question, Route, RouteName

if TYPE_CHECKING:
    from app.engine import Engine
    from ingest.stores.snapshot import Snapshot, SourceReader


LEAST_LEFT_S = 1.0
"""Seconds that must be left to look for names by their meaning."""


def answer(question: Question, engine: Engine) -> Answer:
    """The answer to a question. Never raises for what a question can cause; raises `AppError` for a broken store."""
    watch, snapshot = Stopwatch(), engine.store.snapshot()
    sources = _asked_sources(question, snapshot)
    draft = answering.Draft(uuid.uuid4().hex, question, snapshot, sources, watch)
    with watch.stage("guard"):
        refused = objection(question.text)
    if refused is not None:
        return draft.refused(refused)
    if not sources:
        return draft.refused(
            Objection("no_sources", "There is nothing to ask yet. Add a source: answerable ingest add PATH.")
        )
    try:
        pieces = parts(question.text)
        compound = _compound(question, pieces, snapshot, engine, draft) if len(pieces) > 1 else None
        return compound or _single(question, question.text, snapshot, engine, draft, whole=len(pieces) == 1)
    except DeadlineExceeded as error:
        return draft.partial(error)


def _asked_sources(question: Question, snapshot: Snapshot) -> list[SourceReader]:
    """The sources that are asked and that the caller may know of, by name."""
    from app.asking import visible_sources

    return [
        s for s in visible_sources(snapshot, question.caller) if question.sources is None or s.name in question.sources
    ]


def _single(
    question: Question, text: str, snapshot: Snapshot, engine: Engine, draft: answering.Draft, *, whole: bool
) -> Answer:
    """The answer to a question read as one. Unless it is `whole`, an "it" in it forbids the tables to answer."""
    plan, passages = _look(question, text, snapshot, engine, draft)
    if what_is_missing(question):
        clarify = missing_subject(question, passages.passages, [s.catalog for s in draft.sources])
        if clarify is not None:
            return draft.clarify(clarify)
    if not whole and leans_on_another(text):
        plan = TablePlan(None, None, None, None, plan.threshold)
    route = choose(text, plan, passages, engine.settings.passage_threshold)
    if route.name == "tables":
        if plan.clarify is not None:
            return draft.clarify(plan.clarify, confidence=plan.confidence)
        found = answer_tables(question, plan, snapshot, engine, draft.watch)
        if found.objection is None:
            sure = msgspec.structs.replace(route, confidence=found.confidence)
            return draft.answered(sure, tables=(plan, found))
        if passages.confidence < engine.settings.passage_threshold:
            return draft.refused(found.objection, passages)
        route = Route(name="passages", confidence=passages.confidence, reason="the tables hold nothing")
    if route.name == "passages":
        return draft.answered(route, passages=passages)
    if plan.planned is not None and plan.planner is not None and plan.planned.uncovered:
        asked_back = did_you_mean(text, plan.planned, plan.planner, plan.threshold, question.today)
        if asked_back is not None:
            return draft.clarify(asked_back)
        explained = _unknown_words(question, text, plan, engine, draft)
        if isinstance(explained, Clarify):
            return draft.clarify(explained)
        if explained is not None:
            return draft.refused(explained, passages)
    return draft.refused(answering.not_understood(text, plan, passages), passages)


def _unknown_words(
    question: Question, text: str, plan: TablePlan, engine: Engine, draft: answering.Draft
) -> Objection | Clarify | None:
    """What to say of words that fit nothing: a value that no row holds, or a name that means nearly the same."""
    assert plan.planned is not None and plan.planner is not None
    if other_language(text) is not None:
        return None
    missing = unknown_value(text, plan.planned, plan.planner, plan.threshold, question.today)
    embedded = engine.model_is_ready or any(source.passages is not None for source in draft.sources)
    if missing is not None or not embedded or question.deadline.left() < LEAST_LEFT_S:
        return missing
    return nearest_names(text, plan.planned, plan.planner, engine.embedder, plan.threshold, question.today)


def _look(
    question: Question, text: str, snapshot: Snapshot, engine: Engine, draft: answering.Draft
) -> tuple[TablePlan, PassageAnswer]:
    plan = plan_tables(question, text, snapshot, engine, draft.sources, draft.watch)
    passages = answer_passages(question, text, snapshot, engine, [s.name for s in draft.sources], draft.watch)
    return plan, passages


def _compound(
    question: Question, pieces: Sequence[str], snapshot: Snapshot, engine: Engine, draft: answering.Draft
) -> Answer | None:
    """Answers each part on its own; None when a part has no answer, or the question is better read whole."""
    tables: tuple[TablePlan, TableAnswer] | None = None
    routes: list[Route] = []
    texts: list[PassageAnswer] = []
    for at, piece in enumerate(pieces):
        plan, passages = _look(question, piece, snapshot, engine, draft)
        if at and leans_on_another(piece):
            plan = _spelled_out(question, pieces[at - 1], piece, snapshot, engine, draft)
        route = choose(piece, plan, passages, engine.settings.passage_threshold)
        if route.name == "none" or (route.name == "tables" and tables is not None):
            return None
        if route.name == "tables":
            found = answer_tables(question, plan, snapshot, engine, draft.watch)
            if found.objection is not None:
                return None
            tables, route = (plan, found), msgspec.structs.replace(route, confidence=found.confidence)
        else:
            texts.append(passages)
        routes.append(route)
    name: RouteName = "both" if tables is not None and texts else "tables" if tables is not None else "passages"
    confidence = min(route.confidence for route in routes)
    combined = Route(name=name, confidence=confidence, reason="a question of several parts")
    return draft.answered_parts(combined, [route.name for route in routes], tables, texts)


def _spelled_out(
    question: Question, before: str, piece: str, snapshot: Snapshot, engine: Engine, draft: answering.Draft
) -> TablePlan:
    """The plan of a part whose "it" is replaced by what the part before spoke of; no plan if nothing fits."""
    for spelled in spellings(before, piece):
        plan = plan_tables(question, spelled, snapshot, engine, draft.sources, draft.watch)
        if plan.sure and plan.candidate is not None and plan.candidate.plan.aggregated:
            return plan
    return TablePlan(None, None, None, None, engine.settings.planner_threshold)
