"""Routing: whether tables or passages answer a question, from how sure each is."""

# ruff: noqa: E501 - patterns read better unwrapped
from __future__ import annotations

import re

from app.passage_answers import PassageAnswer
from app.planning.plan import MEASURED
from app.table_answers import TablePlan
from app.values import Route
from app.verbalising.cues import answer_kind

SURE = 0.75
"""Confidence that a reading needs to answer what asks for a figure of the tables: passages never stand in for counts."""
VERY_SURE = 0.9
"""Confidence of a reading above which documents win over a plan that only lists rows."""
AS_SURE = 0.05
"""A reading may be this much less likely than a plan that only lists rows, and still be preferred."""
_SAID = ("money", "duration", "time", "contact", "steps", "reason")
"""Kinds of answers that texts tell and rows only list."""
_HOW_LONG = re.compile(r"\bhow many (?:\w+ )?(?:minutes|hours|days|weeks|months|years)\b", re.IGNORECASE)
_ADVICE = re.compile(
    r"\b(?:how (?:do|can|should|would|long|far|often|soon|quickly|fast|late|early)|why|what (?:if|happens|should|do i|can i|counts as)|can i|may i|am i|do i|should i|"
    r"could i|is it (?:ok|okay|possible|allowed|safe)|do you|(?<!what )(?<!much )(?<!many )does (?:your|the)|will you|are you|who (?:pays|do i|can i|should i)|"
    r"my|i)\b",
    re.IGNORECASE,
)
_DATA = re.compile(
    r"\b(?:how many|number of|count|total|average|sum|per (?:month|year|week|day|quarter)|top \d+|most|highest|lowest|list|revenue|percentage|percent|share|how much did|proportion)\b",
    re.IGNORECASE,
)


def choose(text: str, plan: TablePlan, passages: PassageAnswer, passage_threshold: float) -> Route:
    """The route of a question: tables need a sure plan, passages a confident reading; advice is asked of documents."""
    of_tables = asks_data(text) and plan.planned is not None and plan.planned.linked > 0
    readable = passages.confidence >= (max(SURE, passage_threshold) if of_tables else passage_threshold)
    if plan.sure and not (readable and _documents_are_meant(text, plan, passages)):
        return Route(name="tables", confidence=plan.confidence, reason="every word is accounted for by a plan")
    if readable:
        return Route(name="passages", confidence=passages.confidence, reason="a passage answers it")
    if plan.sure:
        return Route(name="tables", confidence=plan.confidence, reason="every word is accounted for by a plan")
    return Route(name="none", confidence=max(plan.confidence, passages.confidence), reason="neither is sure enough")


def asks_data(text: str) -> bool:
    """Whether a question wants something counted or computed."""
    return _DATA.search(text) is not None and _HOW_LONG.search(text) is None


def asks_for_advice(text: str) -> bool:
    """Whether a question wants advice or a rule ("how do I …", "can I …"), and nothing counted."""
    return _ADVICE.search(text) is not None and _DATA.search(text) is None


def _documents_are_meant(text: str, plan: TablePlan, passages: PassageAnswer) -> bool:
    """Whether documents should answer although the tables could."""
    if asks_for_advice(text):
        return True
    if (
        answer_kind(text) in _SAID
        and not _DATA.search(text)
        and not _measures(plan)
        and passages.confidence >= plan.confidence - AS_SURE
    ):
        return True
    if not _measures(plan) and not _names_what_is_listed(plan) and passages.confidence >= plan.confidence:
        return True
    return passages.confidence >= VERY_SURE and not _computes(plan)


def _names_what_is_listed(plan: TablePlan) -> bool:
    """Whether the question names a table, column or metric, or an order: more than a value that some column holds."""
    assert plan.candidate is not None
    return bool(plan.candidate.plan.order_by) or any(
        element.kind in ("table", "column", "metric") for element in plan.candidate.elements
    )


def _computes(plan: TablePlan) -> bool:
    assert plan.candidate is not None
    found = plan.candidate.plan
    return bool(found.where or found.order_by) or _measures(plan)


def _measures(plan: TablePlan) -> bool:
    assert plan.candidate is not None
    return any(isinstance(item.expression, MEASURED) for item in plan.candidate.plan.select)
