"""Questions of several parts: each is answered by its own route, and the answers are joined.

A part that nothing answers is said so beside the others' answers; only where no part is answered is there none.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from app.answering import OPEN, Draft
from app.evidence import look
from app.followups.fragment import fragment_of
from app.followups.passages import PASTED, is_answered
from app.passage_answers import PassageAnswer, answer_passages
from app.routing import SURE, asks_data, choose
from app.sentences import Said, said
from app.splitting import leans_on_another, spellings
from app.table_answers import TableAnswer, TablePlan, answer_tables, plan_tables
from app.terms import term_set, terms
from app.topics import topic_of
from app.values import Answer, Question, Route, RouteName
from app.verbalising.relevance import asked, held

if TYPE_CHECKING:
    from app.engine import Engine
    from ingest.stores.snapshot import Snapshot

SPELLINGS = 3
"""Phrases of the part before that are tried for an "it" in documents."""
CLEARLY = 0.6
"""Confidence with which a part must be answered for another to be left open."""


class Part(msgspec.Struct, frozen=True):
    """What was found for one part; route `none` where nothing answers it."""

    text: str
    route: Route
    tables: tuple[TablePlan, TableAnswer] | None = None
    passages: PassageAnswer | None = None
    """The reading that answers or, beside `tables`, one that might have."""


class Joined(msgspec.Struct, frozen=True):
    """The joined answer, and the parts that nothing answers."""

    answer: Answer
    missing: tuple[str, ...]
    clear: bool
    """Whether a part is answered so surely that others may be left open: by documents, as parts of a question to
    tables are nearly always about the same rows.
    """


def answer_parts(
    question: Question, pieces: Sequence[str], snapshot: Snapshot, engine: Engine, draft: Draft
) -> Joined | None:
    """The answers to the parts as one; None where no part is answered, or where tables would answer two.

    What is held on each is looked up side by side. An answer holds one table and one query, so that parts of two tables
    are asked one at a time.
    """
    looked = engine.side_by_side(lambda piece: look(question, piece, snapshot, engine, draft), pieces)
    found: list[Part] = []
    for piece, known in zip(pieces, looked, strict=True):
        found.append(_answered(question, piece, known, found[-1] if found else None, snapshot, engine, draft))
    found = _one_of_tables(found, engine.settings.passage_threshold)
    answered = [part for part in found if part.route.name != "none"]
    tables = [part for part in answered if part.tables is not None]
    if not answered or len(tables) > 1:
        return None
    texts = [part for part in answered if part.tables is None]
    name: RouteName = "both" if tables and texts else "tables" if tables else "passages"
    confidence = min(part.route.confidence for part in answered)
    route = Route(name=name, confidence=confidence, reason="a question of several parts")
    missing = tuple(part.text for part in found if part.route.name == "none")
    clear = not missing or (not tables and max(part.route.confidence for part in answered) >= CLEARLY)
    return Joined(draft.joined(route, [_said(part) for part in found]), missing, clear)


def _one_of_tables(found: Sequence[Part], threshold: float) -> list[Part]:
    """The parts with those turned over to documents that need no table, if tables would answer more than one."""
    if sum(part.tables is not None for part in found) < 2:
        return list(found)
    turned = []
    for part in found:
        read = part.passages
        if part.tables is not None and read is not None and read.confidence >= threshold and not asks_data(part.text):
            route = Route(name="passages", confidence=read.confidence, reason="a passage answers it, too")
            part = Part(part.text, route, passages=read)
        turned.append(part)
    return turned


def says(answer: Answer, piece: str) -> bool:
    """Whether what an answer cites holds every content word of a part."""
    cited = term_set(" ".join(f"{citation.title or ''} {citation.quote}" for citation in answer.citations))
    return bool(answer.citations) and all(held(term, cited) for term in terms(piece))


def _said(part: Part) -> tuple[TablePlan, TableAnswer] | PassageAnswer | Said:
    if part.tables is not None:
        return part.tables
    if part.passages is not None:
        return part.passages
    return said(OPEN, part=part.text.strip(" ?"))


def _answered(
    question: Question,
    piece: str,
    looked: tuple[TablePlan, PassageAnswer],
    before: Part | None,
    snapshot: Snapshot,
    engine: Engine,
    draft: Draft,
) -> Part:
    """The part's answer from what tables and documents hold on it; what it leaves out is taken from the part before."""
    plan, passages = looked
    if before is not None:
        if leans_on_another(piece):
            plan = _plan_spelled_out(question, before.text, piece, snapshot, engine, draft)
        passages = _in_context(question, piece, passages, before, snapshot, engine, draft)
    route = choose(piece, plan, passages, engine.settings.passage_threshold)
    if route.name == "tables":
        told = answer_tables(question, plan, snapshot, engine, draft.watch)
        if told.objection is None:
            return Part(piece, msgspec.structs.replace(route, confidence=told.confidence), (plan, told), passages)
        if passages.confidence < engine.settings.passage_threshold:
            return Part(piece, _nothing(told.objection.reason))
        route = Route(name="passages", confidence=passages.confidence, reason="the tables hold nothing")
    if route.name == "passages":
        return Part(piece, route, passages=passages)
    return Part(piece, _nothing(route.reason))


def _nothing(reason: str) -> Route:
    return Route(name="none", confidence=0.0, reason=reason)


def _plan_spelled_out(
    question: Question, before: str, piece: str, snapshot: Snapshot, engine: Engine, draft: Draft
) -> TablePlan:
    """The plan of a part whose "it" is replaced by what the part before spoke of; no plan if nothing fits."""
    for spelled in spellings(before, piece):
        plan = plan_tables(question, spelled, snapshot, engine, draft.sources, draft.watch)
        if plan.sure and plan.candidate is not None and plan.candidate.plan.aggregated:
            return plan
    return TablePlan(None, None, None, None, engine.settings.planner_threshold)


def _in_context(
    question: Question,
    piece: str,
    alone: PassageAnswer,
    before: Part,
    snapshot: Snapshot,
    engine: Engine,
    draft: Draft,
) -> PassageAnswer:
    """What documents say to a part: together with what the part before is about where a text tells of both, or alone.

    A part that says "it" is read alone only if its other words are enough to be sure.
    """
    leans = leans_on_another(piece)
    names = [source.name for source in draft.sources]
    best: PassageAnswer | None = None
    for topic, spelled in _spelled(piece, before, leans=leans):
        read = answer_passages(question, spelled, snapshot, engine, names, draft.watch)
        if read.confidence < PASTED or not _tells_of(read, topic):
            continue
        if is_answered(fragment_of(piece), spelled, read) and (best is None or read.confidence > best.confidence):
            best = read
    if best is not None:
        return best
    return PassageAnswer(None, alone.passages) if leans and alone.confidence < SURE else alone


def _spelled(piece: str, before: Part, *, leans: bool) -> list[tuple[str, str]]:
    """Topics of the part before, each with the part that names it."""
    if leans:
        return [(spelled, spelled) for spelled in islice(spellings(before.text, piece), SPELLINGS)]
    if before.tables is not None:
        return []
    reading = before.passages.reading if before.passages is not None else None
    titled = topic_of(reading.citations[0].title or "") if reading is not None and reading.citations else ""
    topics = (" ".join(asked(before.text).terms), titled.lower())
    return [(topic, f"{piece.rstrip('? ')} for {topic}?") for topic in dict.fromkeys(topics) if topic]


def _tells_of(found: PassageAnswer, topic: str) -> bool:
    """Whether the cited passages hold every content word of a topic."""
    cited = [] if found.reading is None else found.reading.citations
    near = [
        f"{passage.title or ''} {passage.heading} {passage.text}"
        for passage in found.passages
        for c in cited[:1]
        if (c.source, c.document) == (passage.source, passage.document) and passage.start <= c.start < passage.end
    ]
    words = term_set(" ".join(near))
    return all(held(term, words) for term in terms(topic))
