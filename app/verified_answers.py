"""Questions that a verified query answers: match -> check -> validate -> execute -> scrub -> word."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from app.errors import ExecutionFailed, SourceUnavailable
from app.guards import Objection
from app.scrubbing import scrub_rows
from app.sentences import said
from app.sql_answers import outside_the_data, worded_rows
from app.table_answers import TablePlan, threshold_of, unavailable
from app.validation import Rejected, validate
from app.values import Answer, Planning, Question, Route, Verified

if TYPE_CHECKING:
    from app.answering import Draft
    from app.engine import Engine
    from app.verified.matching import Match
    from app.verified.values import VerifiedQuery
    from ingest.stores.snapshot import Snapshot, SourceReader

_log = logging.getLogger("answerable.verified")

CONFIDENCE = 0.99
"""A person approved the statement; what is left is that the question was worded the same and meant otherwise."""


def verified_answer(question: Question, snapshot: Snapshot, engine: Engine, draft: Draft) -> Answer | None:
    """The answer of the one verified query that asks this, or None. Raises `DeadlineExceeded`."""
    with draft.watch.stage("verified"):
        found = dict(_matches(question, snapshot, engine, draft))
    if not found:
        return None
    if len(found) > 1:
        return draft.refused(Objection("not_understood", said("several_verified", names=tuple(sorted(found)))))
    source, match = next(iter(found.items()))
    try:
        return _answered(question, match, snapshot.sources[source], snapshot, engine, draft)
    except SourceUnavailable as error:
        return draft.refused(unavailable(error))
    except (Rejected, ExecutionFailed) as error:
        _log.warning("verified query %s could not be used: %s", match.query.id, error.code)
        return None


def _matches(question: Question, snapshot: Snapshot, engine: Engine, draft: Draft) -> Iterator[tuple[str, Match]]:
    """For each asked source with one: the match of its verified queries."""
    queries = engine.verified.all()
    if not queries:
        return
    from app.verified.held import may_match, words_of

    words = words_of(question.text)
    for source in draft.sources:
        if source.tables_path is None or threshold_of(question, source, engine.settings) > CONFIDENCE:
            continue
        near = [query for query in queries if query.source == source.name and may_match(query, words)]
        match = _best([*_of_source(question, near, source, snapshot, engine)]) if near else None
        if match is not None:
            yield source.name, match


def _of_source(
    question: Question, near: list[VerifiedQuery], source: SourceReader, snapshot: Snapshot, engine: Engine
) -> Iterator[Match]:
    from app.verified.checking import current
    from app.verified.matching import matched
    from app.verified.spans import read_question

    visibilities = question.caller.visibilities
    planner = engine.planners.of(source, visibilities)
    asked = read_question(question.text, planner.index, source.values, question.today)
    for query in near:
        checked = current(query, engine, snapshot, question.deadline)
        if checked.status == "stale":
            continue
        template = engine.verified.template(checked, source, planner, visibilities)
        match = matched(template, asked, source.values) if template is not None else None
        if match is not None:
            yield match


def _best(matches: list[Match]) -> Match | None:
    """The match with the verified values themselves, else the only one; None where two differ."""
    exact = [match for match in matches if not match.changed]
    chosen = exact or matches
    return chosen[0] if len({match.sql for match in chosen}) == 1 else None


def _answered(
    question: Question, match: Match, source: SourceReader, snapshot: Snapshot, engine: Engine, draft: Draft
) -> Answer:
    from app.execution.tables import database_name
    from app.verified.reading import read_sql

    watch = draft.watch
    catalog = engine.planners.of(source, question.caller.visibilities).index.catalog
    with watch.stage("validate"):
        query = validate(match.sql, catalog, database=database_name(source.name), max_rows=question.max_rows)
        reading = read_sql(match.sql, catalog)
    beyond = outside_the_data(match.periods, reading) if catalog.dialect == "duckdb" else None
    if beyond is not None:
        return draft.refused(beyond)
    with watch.stage("execute"):
        rows = engine.tables.run(query, snapshot, question.deadline)
    with watch.stage("scrub"):
        scrubbed, _tokens = scrub_rows(query, rows, sees_personal_data=question.caller.sees_personal_data)
    if len(scrubbed.rows) == 1 and all(cell is None for cell in scrubbed.rows[0]):
        return draft.refused(Objection("not_in_data", said("no_rows")))
    with watch.stage("word"):
        found = worded_rows(scrubbed, query, reading, source.name, CONFIDENCE)
        found = msgspec.structs.replace(found, planning=Planning(by="verified", confidence=CONFIDENCE))
    plan = TablePlan(source.name, None, None, None, threshold_of(question, source, engine.settings))
    route = Route(name="tables", confidence=CONFIDENCE, reason="a verified query")
    answer = draft.answered(route, tables=(plan, found))
    asked = match.shown if question.caller.role == "visitor" else match.query.question
    return msgspec.structs.replace(answer, verified=Verified(id=match.query.id, question=asked))
