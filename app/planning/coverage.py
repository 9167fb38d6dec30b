"""How much of a question a statement accounts for: the share of its content words that link to what the SQL reads."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from sqlglot import exp

from app.languages import other_language
from app.planning.elements import Element
from app.planning.identifiers import identifier_stems
from app.planning.linking import link
from app.planning.plan import ColumnRef
from app.planning.planner import Planner
from app.planning.tokens import Token, stem, tokenize
from app.terms import STOP_WORDS

if TYPE_CHECKING:
    from app.verified.reading import SqlReading

_OPERATIONS: tuple[tuple[tuple[type[exp.Expr], ...], str], ...] = (
    ((exp.Avg,), "average mean typical usual"),
    ((exp.Sum,), "total sum overall altogether combined volume number many"),
    ((exp.Count,), "number many count often frequency"),
    (
        (exp.Max, exp.Min, exp.Ordered),
        "highest lowest largest smallest biggest best worst most least top extreme ranked",
    ),
    ((exp.Div,), "share percent percentage proportion ratio rate portion per relative"),
    ((exp.Not, exp.NEQ), "never without no not except excluding other"),
    ((exp.Group, exp.Window), "per each every by breakdown compare versus split"),
    ((exp.Sub,), "difference gap change between margin growth"),
    ((exp.Distinct,), "different distinct unique various"),
)
"""What parts of a statement account for in a question."""
_OPERATING = frozenset(stem(word) for _, words in _OPERATIONS for word in words.split())
"""Words that ask for an operation, which the statement must then have."""
_UNITS = {"EUR": "euro euros money", "USD": "dollar dollars money", "GBP": "pound pounds money", "%": "percent"}
_UNDERSTOOD = ("op", "number", "period")
"""Kinds of elements that name nothing in the schema: operators, numbers, periods."""


def coverage(question: str, reading: SqlReading, planner: Planner, today: date) -> float | None:
    """Share in [0, 1] of the content words accounted for; None for a question in a language that is not linked."""
    if other_language(question) is not None:
        return None
    tokens, elements = link(question, planner.index, planner.values, today)
    known = _said_stems(reading)
    tables = {name.casefold() for name in reading.schema}
    refs = set(reading.columns.values())
    content = [at for at, token in enumerate(tokens) if _carries_meaning(token)]
    covered = {at for e in elements if _accounts_for(e, tables, refs) for at in range(e.start, e.end)}
    found = [at for at in content if tokens[at].stem in known or (at in covered and tokens[at].stem not in _OPERATING)]
    return len(found) / len(content) if content else 1.0


def _carries_meaning(token: Token) -> bool:
    return token.kind != "mark" and token.lower not in STOP_WORDS


def _accounts_for(element: Element, tables: set[str], refs: set[ColumnRef]) -> bool:
    if element.kind in _UNDERSTOOD:
        return True
    if element.table is not None:
        return element.table.casefold() in tables
    if element.metric is not None:
        return element.metric.table.casefold() in tables
    named = [option.ref for option in element.columns] + [option.ref for option in element.values]
    return any(ref in refs for ref in named)


def _said_stems(reading: SqlReading) -> set[str]:
    """Stems of what the statement reads and compares with: names, synonyms, descriptions, labels, literals."""
    said: list[str] = []
    for name in reading.schema:
        table = reading.catalog.table(name)
        if table is not None:
            said += [table.name, *table.synonyms, table.description or ""]
    for ref in set(reading.columns.values()):
        column = reading.profile(ref)
        unit = _UNITS.get(column.unit or "", column.unit or "")
        said += [column.name, *column.synonyms, column.description or "", unit, *column.labels.values()]
    said += [str(literal.this) for literal in reading.tree.find_all(exp.Literal) if literal.is_string]
    said += [words for kinds, words in _OPERATIONS if reading.tree.find(*kinds) is not None]
    names = {found for text in said for found in identifier_stems(text)}
    return names | {stem(token.lower) for text in said for token in tokenize(text)}
