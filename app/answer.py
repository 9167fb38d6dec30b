"""The main path of the service: a question becomes an answer.

    guard -> verified query, or
    plan tables | search passages -> route -> answer tables | answer passages | both -> clarify or refuse

Every stage is timed, every refusal says what was understood and where to look, and nothing outlives the deadline.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from app import answering
from app.answer_cache import answer_key
from app.clarifying import AskedBack, missing_subject, two_tables, what_is_missing
from app.compound import answer_parts, says
from app.errors import DeadlineExceeded
from app.evidence import look
from app.followups.compound import in_full
from app.followups.conversation import Conversation
from app.followups.fragment import points_back
from app.guards import Objection, objection
from app.languages import other_language
from app.llm.asked_by import asked_by
from app.meanings import which_is_meant
from app.missing_values import unknown_value
from app.model_routing import route_with_model
from app.model_splitting import split_with_model
from app.model_tables import NOTHING, Modelled, ask_model
from app.nearest_names import nearest_names
from app.passage_answers import PassageAnswer
from app.planning.schema_index import visible
from app.progress import Progress, Stopped
from app.routing import choose
from app.rule_answers import rule_answer
from app.sentences import said
from app.spelling import did_you_mean
from app.splitting import conjuncts, leans_on_another, parts
from app.stopwatch import Stopwatch
from app.table_answers import TablePlan, answer_tables, plan_tables
from app.values import Answer, Question, Route, RouteName
from app.verified.suggesting import suggestions
from app.verified_answers import verified_answer
from app.writing import written

if TYPE_CHECKING:
    from app.engine import Engine
    from ingest.stores.snapshot import Snapshot, SourceReader


UNANSWERED = ("not_in_data", "not_understood")
"""Codes of refusals after which the question may be read otherwise; the others say what is wrong with it."""
LEAST_TIME_S = 1.0
"""Seconds that must be left to see whether an option would be answered, or to look for names by their meaning."""


def answer(question: Question, engine: Engine, progress: Progress | None = None) -> Answer:
    """The answer to a question. Never raises for what a question can cause; raises `AppError` for a broken store.

    `progress` hears of it while it is made, and may stop it.
    """
    progress = progress or Progress()
    watch, snapshot = Stopwatch(progress.stage, progress.spans.append), engine.store.snapshot()
    sources = _asked_sources(question, snapshot)
    draft = answering.Draft(uuid.uuid4().hex, question, snapshot, sources, watch)
    try:
        with asked_by(question.caller.key_id, draft.identity):
            found = _answered(question, snapshot, engine, draft, progress)
    except DeadlineExceeded as error:
        found = draft.partial(said("time_up", detail=f"{error.message} {error.hint}".strip()))
    except Stopped:
        found = draft.partial(said("not_waited"))
    return draft.told(progress.continued(found))


def _answered(
    question: Question, snapshot: Snapshot, engine: Engine, draft: answering.Draft, progress: Progress
) -> Answer:
    with draft.watch.stage("guard"):
        refused = objection(question.text)
    if refused is not None:
        return draft.refused(refused)
    if not draft.sources:
        return draft.refused(Objection("no_sources", said("no_sources")))
    if engine.models is not None:
        draft.consultation = engine.models.consult(question, draft.identity, snapshot.id, stopped=progress.stopped)
    key = answer_key(question, snapshot, engine)
    kept = engine.answers.find(key, draft) if key is not None else None
    if kept is not None:
        return kept
    talk = Conversation(
        question,
        snapshot,
        engine,
        draft,
        ask=lambda text: _single(msgspec.structs.replace(question, text=text), text, snapshot, engine, draft),
        alone=lambda *, tables=True: _on_its_own(question, snapshot, engine, draft, tables=tables),
    )
    found = verified_answer(question, snapshot, engine, draft) or talk.continued() or talk.alone()
    found = talk.in_full(found)
    found = written(question, found, draft, engine, progress)
    talk.keep(found)
    if key is not None:
        engine.answers.keep(key, draft.told(found), draft, engine.masked)
    return found


def _on_its_own(
    question: Question, snapshot: Snapshot, engine: Engine, draft: answering.Draft, *, tables: bool = True
) -> Answer:
    """The answer to a question that leans on none before it, from tables too unless they are ruled out.

    Where it is refused, or a part of it is not answered, a model may say of what questions it consists.
    """
    found = _as_it_reads(question, snapshot, engine, draft, tables=tables)
    made = draft.made.get(found.text)
    left_open = found.status == "answered" and made is not None and made.left_open
    left_open = left_open or (found.route == "passages" and not says(found, question.text))
    unsure = found.status == "refused" and found.refusal is not None and found.refusal.code in UNANSWERED
    if not (left_open or unsure) or not tables or question.deadline.left() < LEAST_TIME_S:
        return found
    pieces = split_with_model(question.text, draft)
    joined = answer_parts(question, pieces, snapshot, engine, draft) if pieces is not None else None
    return joined.answer if joined is not None and (not joined.missing or (joined.clear and unsure)) else found


def _as_it_reads(
    question: Question, snapshot: Snapshot, engine: Engine, draft: answering.Draft, *, tables: bool = True
) -> Answer:
    """The answer to a question and to the parts that its words tell."""
    ruled = rule_answer(question, snapshot, engine, draft) if tables else None
    if ruled is not None:
        return ruled
    pieces = parts(question.text)
    joined = answer_parts(question, pieces, snapshot, engine, draft) if len(pieces) > 1 else None
    if joined is not None and not joined.missing:
        return joined.answer
    leaning = len(pieces) > 1 and leans_on_another(question.text)
    tables = tables and not leaning and not points_back(question.text)
    found = _single(question, question.text, snapshot, engine, draft, tables=tables)
    if joined is not None and (joined.clear or found.status == "answered"):
        whole = found.status == "answered" and (found.sql is not None or all(says(found, p) for p in joined.missing))
        return found if whole else joined.answer
    if len(pieces) > 1 and found.status == "refused":
        clarify = _one_at_a_time(question, pieces, snapshot, engine, draft)
        return found if clarify is None else draft.clarify(clarify)
    return found if len(pieces) > 1 else _of_two_things(question, found, snapshot, engine, draft)


def _of_two_things(
    question: Question, found: Answer, snapshot: Snapshot, engine: Engine, draft: answering.Draft
) -> Answer:
    """The answer to "what is A and B?": of both apart where documents answer each, and one reading tells only one."""
    pieces = conjuncts(question.text)
    if len(pieces) == 1 or found.sql is not None or all(says(found, piece) for piece in pieces):
        return found
    joined = answer_parts(question, pieces, snapshot, engine, draft)
    apart = joined is not None and not joined.missing and joined.answer.sql is None
    return joined.answer if joined is not None and apart else found


def _one_at_a_time(
    question: Question, pieces: Sequence[str], snapshot: Snapshot, engine: Engine, draft: answering.Draft
) -> AskedBack | None:
    """Offers the parts of a compound question as whole questions, if each of them is answered."""
    if any(map(leans_on_another, pieces)):
        return None
    whole = [pieces[0]]
    for piece in pieces[1:]:
        before = plan_tables(question, whole[-1], snapshot, engine, draft.sources, draft.watch)
        spelled = None
        if before.planner is not None and before.source is not None:
            spelled = in_full(whole[-1], piece, before.source, before.planner, question.today)
        whole.append(spelled or piece)
    if not all(map(_Answers(question, snapshot, engine, draft), whole)):
        return None
    return AskedBack(said("one_at_a_time"), tuple(whole))


def _asked_sources(question: Question, snapshot: Snapshot) -> list[SourceReader]:
    """The sources that are asked and that the caller may know of, by name."""
    from app.asking import visible_sources

    return [
        s for s in visible_sources(snapshot, question.caller) if question.sources is None or s.name in question.sources
    ]


def _single(
    question: Question,
    text: str,
    snapshot: Snapshot,
    engine: Engine,
    draft: answering.Draft,
    *,
    tables: bool = True,
    offered: bool = False,
) -> Answer:
    """The answer to a question read as one, from tables too unless they are ruled out.

    A question that is to be `offered` in answer to another is not answered with a question back.
    """
    plan, passages = look(question, text, snapshot, engine, draft)
    answers = _Answers(question, snapshot, engine, draft)
    if what_is_missing(question) and not offered:
        seen = [visible(source.catalog, question.caller.visibilities) for source in draft.sources]
        clarify = missing_subject(question, passages.passages, seen, answers)
        if clarify is not None:
            return draft.clarify(clarify)
    if not tables:
        plan = TablePlan(None, None, None, None, plan.threshold)
    route = choose(text, plan, passages, engine.settings.passage_threshold)
    unmet: Objection | None = None
    if route.name == "tables":
        asked_back = None if offered else _which_is_meant(question, text, plan, answers, close=True)
        if asked_back is not None:
            return draft.clarify(asked_back, confidence=plan.confidence)
        found = answer_tables(question, plan, snapshot, engine, draft.watch)
        if found.objection is None:
            sure = msgspec.structs.replace(route, confidence=found.confidence)
            return draft.answered(sure, tables=(plan, found))
        unmet, readable = found.objection, passages.confidence >= engine.settings.passage_threshold
        name: RouteName = "passages" if readable else "none"
        route = Route(name=name, confidence=passages.confidence, reason="the tables hold nothing")
    unsure = unmet is None or unmet.code == "not_understood"
    if unsure and route.name == "none" and tables and not offered:
        draft.routed = route_with_model(question, text, draft, plan, passages)
    asked = unsure and draft.routed in (None, "tables", "both")
    modelled = ask_model(question, text, plan, passages, route, snapshot, engine, draft) if asked else NOTHING
    if modelled.answer is not None:
        return modelled.answer
    if route.name == "passages":
        return draft.answered(route, passages=passages)
    if unmet is not None:
        return draft.refused(unmet, passages)
    return _unanswered(question, text, plan, passages, modelled, engine, draft, None if offered else answers)


def _unanswered(
    question: Question,
    text: str,
    plan: TablePlan,
    passages: PassageAnswer,
    modelled: Modelled,
    engine: Engine,
    draft: answering.Draft,
    answers: _Answers | None,
) -> Answer:
    """A question back, or a refusal that says what fits nothing; only the latter without a way to try `answers`."""
    if answers is not None:
        asked_back = _asked_back(question, text, plan, answers) or modelled.asked_back(answers)
        if asked_back is not None:
            return draft.clarify(asked_back)
        explained = _unknown_words(question, text, plan, engine, draft)
        if isinstance(explained, AskedBack) and all(map(answers, explained.options)):
            return draft.clarify(explained)
        if isinstance(explained, Objection):
            return draft.refused(explained, passages)
    near = () if answers is None else suggestions(question, draft.sources, engine)
    return draft.refused(modelled.objection or answering.not_understood(text, plan, passages), passages, near)


def _unknown_words(
    question: Question, text: str, plan: TablePlan, engine: Engine, draft: answering.Draft
) -> Objection | AskedBack | None:
    """What to say of words that fit nothing: a value that no row holds, or a name that means nearly the same."""
    if plan.planned is None or plan.planner is None or not plan.planned.uncovered or other_language(text) is not None:
        return None
    missing = unknown_value(text, plan.planned, plan.planner, plan.threshold, question.today)
    embedded = engine.model_is_ready or any(source.passages is not None for source in draft.sources)
    if missing is not None or not embedded or question.deadline.left() < LEAST_TIME_S:
        return missing
    return nearest_names(text, plan.planned, plan.planner, engine.embedder, plan.threshold, question.today)


def _asked_back(question: Question, text: str, plan: TablePlan, answers: _Answers) -> AskedBack | None:
    """A question back about a misspelt word, or about one that may mean two columns."""
    if plan.planned is None or plan.planner is None:
        return None
    if plan.planned.uncovered and not plan.planned.candidates:
        clarify = did_you_mean(text, plan.planned, plan.planner, plan.threshold, question.today)
        return clarify if clarify is not None and all(map(answers, clarify.options)) else None
    return _which_is_meant(question, text, plan, answers, close=False)


def _which_is_meant(
    question: Question, text: str, plan: TablePlan, answers: _Answers, *, close: bool
) -> AskedBack | None:
    assert plan.planned is not None and plan.planner is not None
    clarify = two_tables(text, plan.planned.candidates) if close else None
    if clarify is None:
        clarify = which_is_meant(text, plan.planned, plan.planner, plan.threshold, question.today, close=close)
    return clarify if clarify is not None and all(map(answers, clarify.options)) else None


class _Answers:
    """Whether a question, asked in place of another, is answered: what a question back may offer."""

    def __init__(self, question: Question, snapshot: Snapshot, engine: Engine, draft: answering.Draft) -> None:
        self._question, self._snapshot, self._engine, self._draft = question, snapshot, engine, draft
        self._known: dict[str, bool] = {}

    def __call__(self, option: str) -> bool:
        """Ask it and see. The documents are read only where the tables do not answer."""
        if self._question.deadline.left() < LEAST_TIME_S:
            return False
        if option not in self._known:
            self._known[option] = self._of_tables(option) or self._asked(option)
        return self._known[option]

    def _of_tables(self, option: str) -> bool:
        """Whether the tables answer it surely: it is answered then, by them or in their stead by documents."""
        asked, draft = msgspec.structs.replace(self._question, text=option), self._draft
        plan = plan_tables(asked, option, self._snapshot, self._engine, draft.sources, draft.watch)
        if not plan.sure:
            return False
        return answer_tables(asked, plan, self._snapshot, self._engine, draft.watch).objection is None

    def _asked(self, option: str) -> bool:
        asked, draft = msgspec.structs.replace(self._question, text=option), self._draft
        scratch = answering.Draft(draft.identity, asked, self._snapshot, draft.sources, draft.watch)
        return _single(asked, option, self._snapshot, self._engine, scratch, offered=True).status == "answered"
