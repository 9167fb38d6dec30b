"""Follow-ups of table answers: the fragment merged into the plan before, compiled and weighed."""

from __future__ import annotations

import re
from datetime import date

import msgspec

from app.followups.context import TableTurn
from app.followups.fragment import MOST_WORDS, Fragment
from app.followups.merging import merges
from app.followups.reading import subject_of
from app.planning.compile import CannotCompile, compile_plan
from app.planning.elements import Element
from app.planning.linking import link
from app.planning.plan import MetricRef, Plan
from app.planning.planner import Candidate, Planned, Planner
from app.planning.segmentation import segment
from app.planning.tokens import tokenize
from app.planning.wording import Wording

GOING_ON = 0.5
"""How much of the doubt in an answer is left when somebody goes on from it: the answer said what was computed."""
ABOUT_EQUAL = 0.02
"""Trust by which two merges may differ and both be meant."""
TRIED = 6
_COMPLETE = re.compile(r"\b(?:there|do we|did we|have we|we have|in total|overall|altogether|exist)\b", re.IGNORECASE)
_ASKS_WITHIN = re.compile(
    r"\b(?:how|what|which|who|number|average|total|list|show|count|sum|share|percentage)\b", re.IGNORECASE
)
_SUBJECTS = ("table", "metric", "column", "value", "period")


class _Brief(Wording):
    """Words for plans without what metrics are defined as."""

    def _metric_filter(self, metric: MetricRef) -> str:
        return ""


class Continued(msgspec.Struct, frozen=True, kw_only=True):
    """A follow-up understood: the plan of the whole, and the other one if it could as well be meant."""

    turn: TableTurn
    candidate: Candidate
    other: TableTurn | None = None


def stands(plan: Plan, planner: Planner) -> bool:
    """Whether everything that a plan names is still there and visible."""
    try:
        compile_plan(plan, planner.index, planner.graph)
        Wording(planner.index).restate(plan)
    except (KeyError, CannotCompile, StopIteration):
        return False
    return True


def leans(fragment: Fragment, turn: TableTurn, planner: Planner, today: date) -> bool | None:
    """Whether a question may go on from a table answer; None if only what it finds alone can tell."""
    if not fragment.text or len(fragment.text.split()) > MOST_WORDS:
        return False
    if fragment.command is not None or fragment.every is not None:
        return True
    subject = subject_of(fragment.text, turn.plan, planner, today)
    if fragment.points:
        return subject.tables <= {turn.plan.base} and not (subject.metric and fragment.asks)
    if fragment.asks:
        elliptical = (fragment.also or fragment.about) and not subject.restricted
        if subject.named:
            return elliptical and not _COMPLETE.search(fragment.text)
        return True if fragment.marked else None
    if fragment.marked:
        return True
    if fragment.relates:
        return None if subject.metric or _ASKS_WITHIN.search(fragment.text) else True
    return False if subject.named else None


def continued(fragment: Fragment, turn: TableTurn, planner: Planner, today: date) -> Continued | None:
    """What the fragment means after the turn; None if it does not fit the plan before."""
    found = _compiled(fragment, turn, planner, today)
    if not found or found[0].plan.base != turn.plan.base:
        again = asked_again(fragment, turn, planner, today)
        if again is not None and (not found or again.candidate.confidence >= found[0].confidence * 0.9):
            return again
    if not found:
        return None
    other = found[1] if len(found) > 1 and found[0].confidence - found[1].confidence < ABOUT_EQUAL else None
    return Continued(
        turn=_turn(found[0], turn, planner),
        candidate=found[0],
        other=_turn(other, turn, planner) if other is not None else None,
    )


def _compiled(fragment: Fragment, turn: TableTurn, planner: Planner, today: date) -> list[Candidate]:
    """Merges that compile, the most trusted first."""
    found: list[Candidate] = []
    prior = 1 - (1 - turn.confidence) * GOING_ON
    for merge in merges(fragment, turn.plan, planner, today)[:TRIED]:
        try:
            sql = compile_plan(merge.plan, planner.index, planner.graph)
        except (CannotCompile, KeyError):
            continue
        found.append(Candidate(plan=merge.plan, sql=sql, confidence=prior * merge.trust, elements=()))
    return found


def _turn(candidate: Candidate, before: TableTurn, planner: Planner) -> TableTurn:
    said = _Brief(planner.index).restate(candidate.plan)
    question = said[:1].upper() + said[1:]
    return TableTurn(source=before.source, question=question, plan=candidate.plan, confidence=candidate.confidence)


def candidate_of(turn: TableTurn, planner: Planner) -> Candidate | None:
    """A turn's plan, compiled; None if it cannot be any more."""
    try:
        sql = compile_plan(turn.plan, planner.index, planner.graph)
    except (CannotCompile, KeyError):
        return None
    return Candidate(plan=turn.plan, sql=sql, confidence=turn.confidence, elements=())


def planned(candidate: Candidate) -> Planned:
    """The candidate as what planning found."""
    return Planned(candidates=(candidate,), linked=1)


# -- asked again -----------------------------------------------------------------


def asked_again(fragment: Fragment, turn: TableTurn, planner: Planner, today: date) -> Continued | None:
    """The question before, asked of another table, metric, column or value: its phrase replaced and planned anew.

    Only where the question before, planned anew, still has the plan that was answered.
    """
    if not (fragment.about or fragment.also) or fragment.asks or fragment.points or fragment.command:
        return None
    first = planner.plan(turn.question, today).candidates
    if not first or first[0].plan != turn.plan:
        return None
    wanted = _whole_readings(fragment.text, planner, today)
    best: Candidate | None = None
    question = ""
    for element in first[0].elements:
        if not any(_alike(element, each) for each in wanted):
            continue
        replaced = _replaced(turn.question, element, fragment.text)
        candidates = planner.plan(replaced, today).candidates
        if (
            candidates
            and candidates[0].plan != turn.plan
            and (best is None or candidates[0].confidence > best.confidence)
        ):
            best, question = candidates[0], replaced
    if best is None:
        return None
    turned = TableTurn(source=turn.source, question=question, plan=best.plan, confidence=best.confidence)
    return Continued(turn=turned, candidate=best)


def _whole_readings(text: str, planner: Planner, today: date) -> list[Element]:
    """Readings of the whole fragment as one mention, apart from what a question may leave unread."""
    tokens, elements = link(text, planner.index, planner.values, today)
    found = []
    for _weight, reading in segment(tokens, elements)[:8]:
        mentions = [e for e in reading if e.kind in _SUBJECTS]
        rest = [e for e in reading if e.kind not in _SUBJECTS]
        if len(mentions) == 1 and all(e.is_op("filler", "prep", "all_of") for e in rest):
            found.append(mentions[0])
    return found


def _alike(old: Element, new: Element) -> bool:
    """Whether one mention can take another's place: both tables, metrics or periods, or of the same column."""
    if old.kind == "value" or new.kind == "value":
        return old.kind == new.kind and bool({v.ref for v in old.values} & {v.ref for v in new.values})
    if old.kind == "column" or new.kind == "column":
        return old.kind == new.kind and bool({o.type for o in old.columns[:1]} & {o.type for o in new.columns[:1]})
    return old.kind == new.kind


def _replaced(question: str, element: Element, phrase: str) -> str:
    tokens = [t for t in tokenize(question) if not (t.kind == "mark" and t.text in "?!.'\"()[]{}*`")]
    start, end = tokens[element.start].start, tokens[element.end - 1].end
    bare = re.sub(r"^(?:for|in|on|of|the|by|with|from|at)\s+(?:the\s+)?", "", phrase, flags=re.IGNORECASE)
    kept = (
        phrase
        if element.kind == "period" and element.start < len(tokens) and _has_prep(tokens[element.start].lower)
        else bare
    )
    return f"{question[:start]}{kept}{question[end:]}"


def _has_prep(word: str) -> bool:
    return word in ("in", "on", "during", "since", "for", "of", "from", "between", "before", "after", "until")
