"""Questions back when a question leaves out what it is about."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import islice

import msgspec

from app.planning.dates import read_period
from app.planning.identifiers import spoken
from app.planning.planner import Candidate
from app.planning.tokens import tokenize
from app.planning.wording import plural
from app.sentences import Said, said
from app.terms import terms
from app.topics import topic_of
from app.values import Passage, Question
from ingest.stores.catalog import Catalog

MOST_OPTIONS, MOST_TRIED = 3, 8
"""Options offered, and questions tried for them."""
CLOSE_TABLES = 0.3
"""The same where two tables hold the value that is asked for, and nothing says which is meant."""
_POINTING = re.compile(
    r"\b(?:it|them|they|this|that|these|those|one|ones|the two|both|the other|the same|he|she)\b", re.IGNORECASE
)
_AT_A_THING = re.compile(r"\b(?:it|them|they|this|that|these|those)\b", re.IGNORECASE)
_ASKING = re.compile(r"(?:how|what|which|who|where|when|why|do|does|can|is|are)\b", re.IGNORECASE)
_VAGUE = {
    "number",
    "numbers",
    "figure",
    "figures",
    "data",
    "thing",
    "things",
    "stuff",
    "info",
    "information",
    "detail",
    "details",
    "result",
    "results",
    "compare",
    "comparison",
    "better",
    "best",
    "good",
    "worse",
    "two",
    "one",
    "ones",
    "other",
    "more",
    "show",
    "list",
    "everything",
    "something",
    "help",
    "question",
    "answer",
    "total",
    "count",
    "statistics",
    "stats",
    "report",
    "overview",
    "summary",
}


class AskedBack(msgspec.Struct, frozen=True):
    """A question back, with options that, sent as the next question, answer."""

    question: Said
    options: tuple[str, ...]


def what_is_missing(question: Question) -> bool:
    """Whether the question names nothing that could be looked up ("how many last month?", "how do I clean it?")."""
    tokens = tokenize(question.text)
    dated: set[int] = set()
    for at in range(len(tokens)):
        found = read_period(tokens, at, question.today)
        if found is not None:
            dated.update(range(at, found[1]))
    rest = " ".join(token.text for at, token in enumerate(tokens) if at not in dated)
    content = [term for term in terms(rest) if term not in _VAGUE]
    named = [word for word in content if word.isalpha() or any(c.isdigit() for c in word)]
    if not named:
        return bool(tokens)
    points = _POINTING.search(question.text) is not None
    return points and len(named) == 1 and len(tokens) <= 8 and question.text.strip()[:1] != '"'


def missing_subject(
    question: Question, passages: Sequence[Passage], catalogs: Sequence[Catalog], answers: Callable[[str], bool]
) -> AskedBack | None:
    """Asks what the question is about, offering whole questions that `answers` finds answered."""
    offered = list(islice(filter(answers, _possible(question, passages, catalogs)[:MOST_TRIED]), MOST_OPTIONS))
    return AskedBack(said("what_about"), tuple(offered)) if offered else None


def _possible(question: Question, passages: Sequence[Passage], catalogs: Sequence[Catalog]) -> list[str]:
    """Whole questions that may be meant, the likeliest first."""
    text = question.text.strip().rstrip("?!. ")
    options: list[str] = []
    if re.search(r"\bhow many\b", text, re.IGNORECASE):
        options = [
            re.sub(r"\bhow many\b", f"How many {_said(t.name)}", text, count=1, flags=re.IGNORECASE) + "?"
            for c in catalogs
            for t in sorted(c.tables, key=lambda t: -t.rows)
            if t.default_date or not _dated(question)
        ]
    elif _AT_A_THING.search(text) and passages:
        titles = dict.fromkeys(topic_of(p.title) for p in passages if p.title)
        options = [f"{_AT_A_THING.sub(_lowered(t), text, count=1)}?" for t in titles if not _ASKING.match(t)]
    if len(options) < MOST_OPTIONS:
        options += [f"What is the {metric.name}?" for c in catalogs for metric in c.metrics]
        options += [f"How many {_said(t.name)} are there?" for c in catalogs for t in c.tables]
        options += [str(title) for title in dict.fromkeys(p.title for p in passages if p.title)]
    return list(dict.fromkeys(options))


def _dated(question: Question) -> bool:
    tokens = tokenize(question.text)
    return any(read_period(tokens, at, question.today) is not None for at in range(len(tokens)))


def _lowered(title: str) -> str:
    return title[:1].lower() + title[1:]


def _said(identifier: str) -> str:
    return spoken(identifier) or identifier


def _reworded(question: str, mention: str, name: str) -> str:
    return re.sub(re.escape(mention), lambda _: name, question, count=1, flags=re.IGNORECASE)


def two_tables(question: str, candidates: Sequence[Candidate]) -> AskedBack | None:
    """Asks whose value is meant when two tables hold it and the question names neither ("How many are red?")."""
    if len(candidates) < 2 or candidates[0].confidence - candidates[1].confidence > CLOSE_TABLES:
        return None
    first, second = candidates[0], candidates[1]
    named = any(e.kind in ("table", "column", "metric") for e in first.elements)
    if named or first.plan.base == second.plan.base:
        return None
    others = dict(second.refs)
    for mention, ref in first.refs:
        other = others.get(mention)
        if other is None or other.table == ref.table or ref.table != first.plan.base:
            continue
        nouns = [plural(_said(r.table)) for r in (ref, other)]
        options = tuple(_reworded(question, mention, f"{mention} {noun}") for noun in nouns)
        return AskedBack(said("which_table", tables=tuple(nouns), mention=mention), options)
    return None
