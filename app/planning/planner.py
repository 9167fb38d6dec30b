"""The embedded planner's main path: question -> readings -> drafts -> plans, ranked, with what was not understood."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

import msgspec

from app.planning.binding import Bound, bind
from app.planning.compile import CannotCompile, compile_plan
from app.planning.draft import Draft
from app.planning.elements import Element
from app.planning.features import features_of
from app.planning.grammar import read
from app.planning.joins import JoinGraph
from app.planning.linking import ValueLookup, link
from app.planning.plan import ColumnRef, Plan, Predicate, Related
from app.planning.popularity import with_what_is_counted
from app.planning.ranker import among, ranker
from app.planning.resolve import Contradictory, Unresolvable, resolve
from app.planning.schema_index import SchemaIndex
from app.planning.segmentation import segment
from ingest.stores.catalog import Catalog, Visibility

_FULL_NAME = re.compile(r"\bfull names?\b", re.IGNORECASE)
READINGS = 24
BINDINGS = 6
SIBLING = 0.75
"""Trust left for each condition on rows that only share a parent with the rows asked for."""
CANDIDATES = 8
"""Plans compiled and ranked."""
REMEMBERED = 32
"""Questions whose plans are kept, at some 50 kB each: as many as one answer may come to try."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A complete plan of the question: every content word is accounted for."""

    plan: Plan
    sql: str
    confidence: float
    elements: tuple[Element, ...]
    refs: tuple[tuple[str, ColumnRef], ...] = ()
    """Mentions and the columns they were taken to mean."""
    features: dict[str, float] = {}
    """What speaks for and against it; see `app.planning.features`."""


class _Proposal(NamedTuple):
    """A plan as first guessed at, with what it came from; features are computed only for the few that are ranked."""

    plan: Plan
    draft: Draft
    bound: Bound
    elements: tuple[Element, ...]
    guess: float
    handicap: float
    behind: float


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """What planning found: candidates best first, and the words that the best reading could not account for."""

    candidates: tuple[Candidate, ...]
    uncovered: tuple[str, ...] = ()
    linked: int = 0
    """How many spans of the best reading were linked to tables, columns, values or metrics."""
    contradiction: str = ""
    """Why no row can meet the conditions of the best reading; there are no candidates then."""


class Planner:
    """Plans questions over one catalog for one audience. Built once, then immutable."""

    def __init__(self, catalog: Catalog, values: ValueLookup | None, visibilities: Sequence[Visibility]) -> None:
        self.index = SchemaIndex(catalog, visibilities)
        self.graph = JoinGraph(self.index.catalog)
        self.values = values
        self._remembered = lru_cache(maxsize=REMEMBERED)(self._planned)

    def plan(self, question: str, today: date) -> Planned:
        """Candidates for a question, relative dates counted from `today`.

        The last plans are remembered: what is offered in a question back is planned to be offered, and to be tried.
        """
        return self._remembered(question, today)

    def _planned(self, question: str, today: date) -> Planned:
        tokens, elements = link(self._spelled_out(question), self.index, self.values, today)
        readings = segment(tokens, elements)
        top = readings[0][0] if readings else 0.0
        proposals: dict[Plan, _Proposal] = {}
        least = Planned(candidates=(), uncovered=tuple(token.text for token in tokens))
        for weight, reading in readings[:READINGS]:
            compact = tuple(e for e in reading if not _mere_filler(e))
            draft = read(compact)
            if draft.uncovered:
                least = min(least, _uncovered(draft, compact), key=lambda p: len(p.uncovered))
                continue
            least = Planned(candidates=(), linked=_linked(compact))
            counted = with_what_is_counted(draft, self.index, self.graph)
            if counted is None:
                continue
            reason = self._propose(counted, compact, (weight - top) / max(1.0, len(tokens)), proposals)
            if reason and not proposals:
                return msgspec.structs.replace(least, contradiction=reason)
        return msgspec.structs.replace(least, candidates=self._compiled(question, proposals))

    def _spelled_out(self, question: str) -> str:
        """The question with "full name" as first and last name where the tables know only those."""
        if ("full", "name") in self.index.columns or ("first", "name") not in self.index.columns:
            return question
        return _FULL_NAME.sub("first name and last name", question)

    def _propose(
        self, draft: Draft, elements: tuple[Element, ...], handicap: float, proposals: dict[Plan, _Proposal]
    ) -> str:
        """Add the draft's plans to `proposals`, each with its best confidence.

        Returns why the conditions exclude each other where that is all that the best binding comes to, else "".
        """
        bounds = bind(draft, self.index, self.graph)
        for bound in bounds[:BINDINGS]:
            behind = bounds[0].score - bound.score
            confidence = _confidence(draft, bound, bounds[0], handicap)
            try:
                plan = resolve(draft, bound, self.index, self.graph)
            except Contradictory as error:
                if bound is bounds[0] and error.decisive:
                    return str(error)
                continue
            except Unresolvable:
                continue
            confidence *= SIBLING ** sum(_sibling(plan.base, p, self.graph) for p in plan.where)
            if plan not in proposals or proposals[plan].guess < confidence:
                proposals[plan] = _Proposal(plan, draft, bound, elements, confidence, handicap, behind)
        return ""

    def _compiled(self, question: str, proposals: dict[Plan, _Proposal]) -> tuple[Candidate, ...]:
        """The proposals that compile, the likeliest first."""
        compiled: list[Candidate] = []
        for proposal in sorted(proposals.values(), key=lambda p: -p.guess):
            try:
                sql = compile_plan(proposal.plan, self.index, self.graph)
            except CannotCompile:
                continue
            compiled.append(self._candidate(question, proposal, sql))
            if len(compiled) == CANDIDATES:
                break
        return ranked(compiled)

    def _candidate(self, question: str, proposal: _Proposal, sql: str) -> Candidate:
        """The proposal with its features; its confidence is still the first guess."""
        p = proposal
        found = features_of(question, p.elements, p.draft, p.bound, p.plan, self.index, self.graph)
        found |= {"first_guess": p.guess, "handicap": p.handicap, "behind": p.behind}
        return Candidate(
            plan=p.plan,
            sql=sql,
            confidence=p.guess,
            elements=p.elements,
            refs=_meanings(p.draft, p.bound),
            features=found,
        )


def ranked(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Candidates, given by first guess, with the ranker's confidence and in its order."""
    relative = among([candidate.confidence for candidate in candidates])
    found = []
    for candidate, features in zip(candidates, relative, strict=True):
        complete = candidate.features | features
        found.append(msgspec.structs.replace(candidate, features=complete, confidence=ranker().probability(complete)))
    return tuple(sorted(found, key=lambda c: -c.confidence))


def _linked(elements: Sequence[Element]) -> int:
    return sum(e.kind in ("table", "column", "value", "metric") for e in elements)


def _uncovered(draft: Draft, elements: Sequence[Element]) -> Planned:
    return Planned(candidates=(), uncovered=tuple(e.text for e in draft.uncovered), linked=_linked(elements))


def _mere_filler(element: Element) -> bool:
    return element.kind == "op" and all(op.kind in ("filler", "all_of") for op in element.ops)


def _confidence(draft: Draft, bound: Bound, best: Bound, handicap: float) -> float:
    """A first estimate in [0, 1]: weakest and mean link, trust in the reading, distance to the best binding."""
    metrics = [1.0 for item in draft.items if item.metric is not None]
    links = [*bound.links, *(score for _, _, score in draft.tables), *metrics]
    if not links:
        return 0.3
    strength = 0.5 * min(links) + 0.5 * sum(links) / len(links)
    named = {name for name, _, _ in draft.tables} | {m.metric.table for m in draft.items if m.metric is not None}
    further = len(bound.tables - named)
    behind = min(0.5, max(0.0, best.score - bound.score))
    return max(0.0, min(0.99, strength * draft.assumed * 0.93**further * (1 - behind) + 1.5 * handicap))


def _sibling(base: str, predicate: Predicate, graph: JoinGraph) -> bool:
    """Whether a condition asks for rows that only share a parent with the base's."""
    return isinstance(predicate, Related) and not predicate.negated and graph.siblings(base, predicate.table)


def _meanings(draft: Draft, bound: Bound) -> tuple[tuple[str, ColumnRef], ...]:
    slots = [m.slot for m in (*draft.items, *(k.measure for k in draft.orders if k.measure)) if m.slot is not None]
    slots += [k.slot for k in draft.groups if k.slot is not None]
    slots += [f.slot for f in draft.filters if f.slot is not None]
    named = [(slot.text, bound.refs[id(slot)]) for slot in slots if id(slot) in bound.refs]
    values = [
        (f.element.text, bound.refs[id(f)]) for f in draft.filters if f.element is not None and id(f) in bound.refs
    ]
    return (*named, *values)
