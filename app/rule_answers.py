"""Figures by a rule: "how many returns were outside the policy's window?".

The rule is read from the documents and cited; the figure is computed only if a column holds what the rule limits, in a
unit that its name tells. Otherwise the rule is told with what the tables do hold, and that they do not tell the rest.
"""

# ruff: noqa: E501 - patterns read better unwrapped
from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from app.answering import Draft
from app.passage_answers import PassageAnswer, answer_passages
from app.planning.plan import ColumnRef, Condition
from app.planning.tokens import identifier_words
from app.sentences import Said, said
from app.table_answers import TableAnswer, TablePlan, answer_tables, plan_tables
from app.terms import terms
from app.values import Answer, Question, Route

if TYPE_CHECKING:
    from app.engine import Engine
    from ingest.stores.catalog import Table
    from ingest.stores.snapshot import Snapshot

_ASKED = re.compile(
    r"^\W*(?P<head>how many .+?)\s+(?:(?:were|was|are|is|came|arrived|happened|got|went|have|has|had|did|been|made|sent|back)\s+)*"
    r"(?P<side>outside(?: of)?|within|inside|after|beyond|later than|past|longer than|exceed(?:ed|ing)?|broke|kept to|met|missed)\s+"
    r"(?:the|our|your|their)\s+(?P<rule>(?:[\w'’-]+\s+){0,3}?(?:window|period|deadline|limit|policy|time ?frame|promise|term))\s*\??$",
    re.IGNORECASE,
)
_GENERIC = frozenset({"polici", "window", "period", "deadlin", "limit", "time", "timefram", "promis", "term", "allow"})
_INSIDE = frozenset({"within", "inside", "kept to", "met"})
_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "ten": 10, "fourteen": 14}
_DURATION = re.compile(
    rf"(?<![\w.,])(?P<n>\d{{1,4}}|{'|'.join(_NUMBERS)})[\s-]+(?P<unit>day|week|hour)s?\b", re.IGNORECASE
)
_HOURS = {"hour": 1, "day": 24, "week": 168}


class RuleQuestion(msgspec.Struct, frozen=True):
    """What is counted, by which rule, and on which side of it."""

    counted: str
    """As a question: `how many returns`."""
    rule: str
    """As a question that documents answer."""
    inside: bool


def rule_question(text: str) -> RuleQuestion | None:
    """The question taken apart; None for one that asks for no figure by a rule."""
    found = _ASKED.match(text)
    if found is None:
        return None
    own = [word for word in re.findall(r"[\w'’-]+", found["rule"]) if any(t not in _GENERIC for t in terms(word))]
    subject = " ".join(own) or re.sub(r"^how many\s+", "", found["head"], flags=re.IGNORECASE)
    inside = found["side"].lower() in _INSIDE
    return RuleQuestion(found["head"], f"How long is the {_singular(subject)} period?", inside)


def rule_answer(question: Question, snapshot: Snapshot, engine: Engine, draft: Draft) -> Answer | None:
    """The rule with its citation, then the figure with its query, or that the tables do not hold it.

    None where the question is no such question, or the documents tell no rule, or the tables count nothing of it.
    """
    asked = rule_question(question.text)
    if asked is None or plan_tables(question, question.text, snapshot, engine, draft.sources, draft.watch).sure:
        return None
    names = [source.name for source in draft.sources]
    rule = answer_passages(question, asked.rule, snapshot, engine, names, draft.watch)
    hours = _limit(rule) if rule.confidence >= engine.settings.passage_threshold else None
    counted = plan_tables(question, f"{asked.counted} are there?", snapshot, engine, draft.sources, draft.watch)
    if hours is None or not counted.sure or counted.candidate is None:
        return None
    for plan in _conditioned(question, asked, hours, counted, snapshot, engine, draft):
        told = answer_tables(question, plan, snapshot, engine, draft.watch)
        if told.objection is None:
            return _both(draft, rule, (plan, told), ())
    told = answer_tables(question, counted, snapshot, engine, draft.watch)
    if told.objection is not None:
        return None
    return _both(draft, rule, (counted, told), (said("rule_not_told"),))


def _both(draft: Draft, rule: PassageAnswer, tables: tuple[TablePlan, TableAnswer], notes: tuple[Said, ...]) -> Answer:
    confidence = min(rule.confidence, tables[1].confidence)
    route = Route(name="both", confidence=confidence, reason="a figure by a rule of the documents")
    return draft.joined(route, [rule, tables, *notes])


def _limit(rule: PassageAnswer) -> int | None:
    """The rule's duration in hours, if the passage cited first opens with exactly one."""
    if rule.reading is None or not rule.reading.citations:
        return None
    first = re.split(r"(?<=[.!?])\s", rule.reading.citations[0].quote)[0]
    found = {
        (int(match["n"]) if match["n"].isdigit() else _NUMBERS[match["n"].lower()]) * _HOURS[match["unit"].lower()]
        for match in _DURATION.finditer(first.replace("*", ""))
    }
    return found.pop() if len(found) == 1 else None


def _conditioned(
    question: Question,
    asked: RuleQuestion,
    hours: int,
    counted: TablePlan,
    snapshot: Snapshot,
    engine: Engine,
    draft: Draft,
) -> list[TablePlan]:
    """Sure plans of the count with the limit on a column of the counted table that holds a duration."""
    assert counted.candidate is not None and counted.planner is not None
    base = counted.candidate.plan.base
    table = next(t for t in counted.planner.index.catalog.tables if t.name == base)
    found = []
    for name, unit in _durations(table):
        if hours % _HOURS[unit]:
            continue
        comparison = "at most" if asked.inside else "more than"
        spelled = f"{asked.counted} have {' '.join(identifier_words(name))} {comparison} {hours // _HOURS[unit]}?"
        plan = plan_tables(question, spelled, snapshot, engine, draft.sources, draft.watch)
        if plan.sure and plan.candidate is not None:
            limited = ColumnRef(base, name)
            where = plan.candidate.plan.where
            if any(isinstance(each, Condition) and each.expression == limited for each in where):
                found.append(plan)
    return found if len(found) == 1 else []


def _durations(table: Table) -> list[tuple[str, str]]:
    """Numeric columns whose names tell that they hold days, weeks or hours."""
    found = []
    for column in table.columns:
        words = {word.removesuffix("s") for word in identifier_words(column.name)}
        units = [unit for unit in _HOURS if unit in words]
        if len(units) == 1 and column.type in ("integer", "number"):
            found.append((column.name, units[0]))
    return found


def _singular(noun: str) -> str:
    return re.sub(r"(?<=[a-z]{2})(?<!s)s$", "", noun.strip())
