"""A session's part in an answer: a question that leans on what went before becomes a whole one; what came is kept.

options offered -> choice | fragment -> merged plan | rewritten search | asked as it is
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from app.answering import Draft
from app.clarifying import AskedBack
from app.followups import passages as documents
from app.followups import tables
from app.followups.choosing import choice, is_bare
from app.followups.context import Context, PassageTurn, TableTurn, session_id
from app.followups.fragment import Fragment, fragment_of
from app.followups.rewriting import may_lean, rewritten_question
from app.guards import Objection
from app.passage_answers import answer_passages
from app.sentences import said
from app.splitting import leans_on_another, spellings
from app.table_answers import TablePlan, answer_tables, plan_tables, threshold_of
from app.values import Answer, Question, Route

if TYPE_CHECKING:
    from app.engine import Engine
    from app.planning.planner import Candidate, Planner
    from ingest.stores.snapshot import Snapshot


SHORT = 2
"""Words up to which "which products?" after an answer from tables asks nothing of documents."""


class Ask(Protocol):
    """Answers a text as if there were no session."""

    def __call__(self, text: str, /) -> Answer:
        """The answer to `text` read as one question."""


class Alone(Protocol):
    """Answers the question itself as if there were no session."""

    def __call__(self, *, tables: bool = True) -> Answer:
        """The answer; `tables` says whether tables may give it."""


class Conversation:
    """One question in its session; without a session it does nothing."""

    def __init__(
        self,
        question: Question,
        snapshot: Snapshot,
        engine: Engine,
        draft: Draft,
        ask: Ask,
        alone: Alone,
    ) -> None:
        self._question = question
        self._snapshot = snapshot
        self._engine = engine
        self._draft = draft
        self._ask = ask
        self.alone = alone
        """Answers the question as if there were no session."""
        self._id = session_id(question.caller, question.session) if question.session else None
        context = engine.sessions.recall(self._id) if self._id is not None else None
        own = context is not None and context.belongs_to(question.caller)
        self._context = context if own else None
        self._turn: TableTurn | None = None
        self._asked = question.text
        self._offered: tuple[TableTurn, ...] = ()

    def continued(self) -> Answer | None:
        """The answer to a question that leans on the session; None for one that is asked as it is."""
        if self._context is None:
            return self._unanswerable(fragment_of(self._question.text))
        with self._draft.watch.stage("context"):
            chosen = choice(self._question.text, self._context.options) if self._context.options else None
        if chosen is not None:
            return self._chosen(chosen, self._context)
        fragment = fragment_of(self._question.text)
        ways = [self._of_tables, self._of_passages]
        if self._context.latest == "passages":
            ways.reverse()
        for way in ways:
            found = way(fragment, self._context)
            if found is not None:
                return found
        return self._spelled_out(self._context) or self._unanswerable(fragment)

    def in_full(self, found: Answer) -> Answer:
        """The answer to what a model takes a follow-up to mean, where the follow-up itself has none."""
        context = self._context
        if context is None or found.status != "refused" or found.refusal is None:
            return found
        fragment = fragment_of(self._question.text)
        if found.refusal.code not in ("not_understood", "not_in_data") or not may_lean(fragment, self._question.text):
            return found
        whole = rewritten_question(self._question.text, fragment, context, self._draft)
        if whole is None:
            return found
        answer = self._ask(whole)
        if answer.status not in ("answered", "clarify"):
            return found
        self._asked, self._turn = whole, None
        return msgspec.structs.replace(answer, understood_as=whole)

    def _unanswerable(self, fragment: Fragment) -> Answer | None:
        """A refusal of a question that cannot be whole and fits nothing before; None for one that may stand alone."""
        before = self._context is not None and self._context.latest is not None
        if is_bare(self._question.text):
            return self._draft.refused(Objection("not_understood", said("no_choice")))
        if fragment.asks and not fragment.command:
            return self._pointing(fragment) if before else None
        if fragment.points and not fragment.led:
            return self.alone(tables=False) if before else None
        leaning = self._id is not None and (fragment.relates or fragment.every is not None)
        leaning = leaning or (before and documents.is_bare(fragment))
        if not (fragment.led or leaning) or (not before and self._names_its_subject()):
            return None
        if fragment.about and not fragment.relates:
            return self.alone(tables=False)
        return self._draft.refused(Objection("not_understood", said("unfit_followup" if before else "no_context")))

    def _pointing(self, fragment: Fragment) -> Answer | None:
        """What documents say to a question that points at something before, or is too short to be whole."""
        context = self._context
        short = len(fragment.text.split()) <= SHORT and context is not None and context.latest == "tables"
        if not fragment.points and not short:
            return None
        found = self.alone(tables=not fragment.points)
        if found.status == "clarify" or (short and found.route == "passages"):
            return self._draft.refused(Objection("not_understood", said("unfit_followup")))
        return found

    def _names_its_subject(self) -> bool:
        """Whether a plan of the question alone is sure, and is of a table or metric that the question names."""
        question, draft = self._question, self._draft
        plan = plan_tables(question, question.text, self._snapshot, self._engine, draft.sources, draft.watch)
        named = plan.candidate is not None and any(e.kind in ("table", "metric") for e in plan.candidate.elements)
        return plan.sure and named

    def keep(self, answer: Answer) -> None:
        """Remember what later questions may lean on."""
        if self._id is None:
            return
        before = self._context or Context(role=self._question.caller.role, sources=self._question.caller.sources)
        changed = self._after(before, answer)
        if changed is not self._context:
            self._engine.sessions.keep(self._id, changed)

    # -- a choice among options ----------------------------------------------------

    def _chosen(self, option: str, context: Context) -> Answer:
        self._asked = option
        turn = next((each for each in context.chosen if each.question == option), None)
        planner = self._planner(turn) if turn is not None else None
        if turn is not None and planner is not None:
            candidate = tables.candidate_of(turn, planner)
            found = self._run(turn, candidate, planner) if candidate is not None else None
            if found is not None:
                return found
        return msgspec.structs.replace(self._ask(option), understood_as=option)

    # -- tables --------------------------------------------------------------------

    def _planner(self, turn: TableTurn) -> Planner | None:
        """The planner of a turn's source, if the caller may ask it now and the turn's plan still stands in it."""
        source = next((s for s in self._draft.sources if s.name == turn.source), None)
        if source is None:
            return None
        planner = self._engine.planners.of(source, self._question.caller.visibilities)
        return planner if tables.stands(turn.plan, planner) else None

    def _of_tables(self, fragment: Fragment, context: Context) -> Answer | None:
        if context.tables is None:
            return None
        turn, today = context.tables, self._question.today
        with self._draft.watch.stage("context"):
            planner = self._planner(turn)
            leans = planner is not None and tables.leans(fragment, turn, planner, today)
            if planner is None or leans is False:
                return None
            found = tables.continued(fragment, turn, planner, today)
        if found is None or found.candidate.confidence < self._threshold(turn.source):
            return None
        kept = context.latest == "tables" and not fragment.asks
        if leans is None and not kept and (alone := self.alone()).status == "answered":
            return alone
        if found.other is not None and found.other.question != found.turn.question:
            return self._asked_back((found.turn, found.other), found.candidate.confidence)
        return self._run(found.turn, found.candidate, planner)

    def _threshold(self, source: str) -> float:
        reader = next(s for s in self._draft.sources if s.name == source)
        return threshold_of(self._question, reader, self._engine.settings)

    def _asked_back(self, turns: Sequence[TableTurn], confidence: float) -> Answer:
        self._offered = tuple(turns)
        options = tuple(turn.question for turn in turns)
        return self._draft.clarify(AskedBack(said("two_ways"), options), confidence=confidence)

    def _run(self, turn: TableTurn, candidate: Candidate, planner: Planner) -> Answer | None:
        """The answer of a merged plan; None where it has none."""
        threshold = self._threshold(turn.source)
        plan = TablePlan(turn.source, candidate, tables.planned(candidate), planner, threshold)
        found = answer_tables(self._question, plan, self._snapshot, self._engine, self._draft.watch)
        if found.objection is not None:
            self._turn = turn
            refused = self._draft.refused(found.objection)
            return msgspec.structs.replace(refused, understood_as=turn.question)
        self._turn = turn
        route = Route(name="tables", confidence=found.confidence, reason="a follow-up of a table answer")
        answered = self._draft.answered(route, tables=(plan, found))
        return msgspec.structs.replace(answered, understood_as=turn.question)

    def _spelled_out(self, context: Context) -> Answer | None:
        """A table question whose "it" is what the question before spoke of."""
        text, turn = self._question.text, context.tables if context.latest == "tables" else context.passages
        fragment = fragment_of(text)
        if turn is None or not (fragment.asks and fragment.points and leans_on_another(text)):
            return None
        for spelled in spellings(turn.question, text):
            plan = plan_tables(
                self._question, spelled, self._snapshot, self._engine, self._draft.sources, self._draft.watch
            )
            read = plan.candidate.elements if plan.candidate is not None and plan.sure else ()
            aggregated = plan.candidate is not None and plan.candidate.plan.aggregated
            if aggregated and any(e.kind == "value" and e.text.casefold() not in text.casefold() for e in read):
                self._asked = spelled
                return msgspec.structs.replace(self._ask(spelled), understood_as=spelled)
        return None

    # -- documents -----------------------------------------------------------------

    def _of_passages(self, fragment: Fragment, context: Context) -> Answer | None:
        if context.passages is None or not documents.leans(fragment):
            return None
        if context.latest == "tables" and documents.points_at_several(fragment):
            return None
        names = [s.name for s in self._draft.sources]
        threshold = self._engine.settings.passage_threshold
        for text, whole in documents.rewritten(fragment, context.passages):
            found = answer_passages(self._question, text, self._snapshot, self._engine, names, self._draft.watch)
            pasted = not whole and (
                found.confidence < documents.PASTED or not documents.is_answered(fragment, text, found)
            )
            if found.confidence >= threshold and not pasted:
                self._asked = documents.root(fragment, text, context.passages)
                route = Route(name="passages", confidence=found.confidence, reason="a follow-up of a document answer")
                answered = self._draft.answered(route, passages=found)
                understood = documents.understood(fragment, text, context.passages)
                return msgspec.structs.replace(answered, understood_as=understood)
        return None

    # -- what is kept --------------------------------------------------------------

    def _after(self, before: Context, answer: Answer) -> Context:
        options = answer.clarify.options if answer.status == "clarify" and answer.clarify is not None else ()
        changed = msgspec.structs.replace(before, options=options, chosen=self._offered if options else ())
        if answer.status != "answered":
            return changed
        table, passage = self._table_turn(answer), self._passage_turn(answer)
        if table is None and answer.sql is not None:
            # no plan stands behind these rows: what follows must not be merged into an older one
            changed = msgspec.structs.replace(changed, latest="tables", tables=None)
        latest = "tables" if table is not None else "passages" if passage is not None else changed.latest
        return msgspec.structs.replace(
            changed,
            latest=latest,
            tables=table or changed.tables,
            passages=passage or changed.passages,
            question=answer.understood_as or self._asked,
        )

    def _table_turn(self, answer: Answer) -> TableTurn | None:
        if self._turn is not None and answer.route == "tables":
            return self._turn
        told = self._draft.tables
        if told is None or told[0].source is None or told[1].plan is None or answer.sql is None:
            return None
        return TableTurn(source=told[0].source, question=self._asked, plan=told[1].plan, confidence=told[1].confidence)

    def _passage_turn(self, answer: Answer) -> PassageTurn | None:
        if not answer.citations:
            return None
        cited = answer.citations[0]
        found = [p for told in self._draft.passages for p in told.passages]
        heading = next(
            (p.heading for p in found if p.document == cited.document and p.start <= cited.start < p.end), ""
        )
        return PassageTurn(
            source=cited.source, document=cited.document, title=cited.title, heading=heading, question=self._asked
        )
