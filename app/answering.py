"""Putting an answer together: the contract's `Answer` from what the stages found."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from app.clarifying import AskedBack
from app.guards import Objection
from app.languages import other_language
from app.passage_answers import PassageAnswer
from app.sentences import LanguageName, Said, said, say
from app.stopwatch import Stopwatch
from app.table_answers import TableAnswer, TablePlan
from app.values import Answer, Citation, Clarify, Nearest, Planning, Question, Refusal, Route, RouteName, Versions
from app.verbalising.quotes import place

if TYPE_CHECKING:
    from app.llm.consulting import Consultation
    from app.verbalising.llm_writer import Written
    from ingest.stores.snapshot import Snapshot, SourceReader

OPEN = "nothing_on_part"
"""The note on a part that nothing answers."""
NEAREST = 3
NEAREST_COSINE = 0.25
"""Cosine under which a passage is not worth offering (about that of unrelated texts under MiniLM)."""


class Made(msgspec.Struct, frozen=True):
    """What an answer was put together from."""

    tables: tuple[TablePlan, TableAnswer] | None = None
    passages: tuple[PassageAnswer, ...] = ()
    notes: tuple[str, ...] = ()
    """What the service itself says beside them: parts that nothing answers."""
    left_open: bool = False
    """Whether a part is among them."""


class Draft:
    """What is the same for every outcome of one question."""

    def __init__(
        self, identity: str, question: Question, snapshot: Snapshot, sources: Sequence[SourceReader], watch: Stopwatch
    ) -> None:
        self.identity = identity
        self.question = question
        self.sources = sources
        self.watch = watch
        self.versions = Versions(manifest=snapshot.id)
        self.tables: tuple[TablePlan, TableAnswer] | None = None
        self.passages: tuple[PassageAnswer, ...] = ()
        """What the last answer put together here came from: what a session remembers."""
        self.made: dict[str, Made] = {}
        """Text of each answer and refusal put together here -> what it came from."""
        self.routed: RouteName | None = None
        """Where a model said that the answer is to be looked for, if it was asked."""
        self.consultation: Consultation | None = None
        """The way to language models; None where none is configured, and for questions that are only tried out."""
        self.planning: Planning | None = None
        """What was asked of a model to plan tables, told with whatever the answer comes to."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._as_of_source = {
            name: str(reader.entry.synced_at) if reader.catalog.dialect == "duckdb" else now
            for name, reader in snapshot.sources.items()
        }

    def answered(
        self,
        route: Route,
        *,
        tables: tuple[TablePlan, TableAnswer] | None = None,
        passages: PassageAnswer | None = None,
    ) -> Answer:
        """An answer from tables or from passages."""
        told = [each for each in (tables, passages) if each is not None]
        return self.joined(route, told)

    def joined(self, route: Route, parts: Sequence[tuple[TablePlan, TableAnswer] | PassageAnswer | Said]) -> Answer:
        """An answer put together of what tables (at most once), passages and the service itself say, in this order.

        Citations are numbered through.
        """
        tables = next((part for part in parts if isinstance(part, tuple)), None)
        self.tables, self.passages = tables, tuple(part for part in parts if isinstance(part, PassageAnswer))
        texts: list[str] = []
        notes: list[str] = []
        citations: list[Citation] = []
        for part in parts:
            if isinstance(part, Said):
                notes.append(self.say(part))
                texts.append(notes[-1])
            elif isinstance(part, tuple):
                texts.append(part[1].worded.text if part[1].worded is not None else "")
            elif part.reading is not None:
                text, found = renumbered(part.reading.text, part.reading.citations, citations)
                texts.append(text)
                citations += found
        used = {c.source for c in citations} | ({tables[0].source} if tables and tables[0].source else set())
        worded = tables[1].worded if tables else None
        whole = "\n\n".join(text for text in texts if text)
        left_open = any(isinstance(part, Said) and part.name == OPEN for part in parts)
        self.made[whole] = Made(self.tables, self.passages, tuple(notes), left_open)
        return Answer(
            id=self.identity,
            status="answered",
            route=route.name,
            text=whole,
            citations=tuple(citations),
            table=tables[1].table if tables else None,
            sql=tables[1].sql if tables else None,
            figures=worded.figures if worded else (),
            chart=tables[1].chart if tables else None,
            computed=tables[1].computed if tables else None,
            planner=tables[1].planning if tables else None,
            confidence=round(route.confidence, 4),
            as_of=self._as_of(used),
            timing_ms=self.watch.timing_ms(),
            versions=self.versions,
        )

    def clarify(self, asked: AskedBack, *, confidence: float = 0.0) -> Answer:
        """A question back."""
        return Answer(
            id=self.identity,
            status="clarify",
            route="none",
            text=self.say(said("for_example", question=asked.question, options=asked.options)),
            clarify=Clarify(question=self.say(asked.question), options=asked.options),
            confidence=round(confidence, 4),
            timing_ms=self.watch.timing_ms(),
            versions=self.versions,
        )

    def refused(
        self, objection: Objection, passages: PassageAnswer | None = None, suggestions: Sequence[str] = ()
    ) -> Answer:
        """A refusal with the reason, questions that would be answered, and the nearest sources."""
        nearest = _nearest(passages)
        text = reason = self.say(objection.said)
        if suggestions:
            text = self.say(said("could_ask", text=text, questions=tuple(suggestions)))
        if nearest:
            text = self.say(said("nearest", text=text, documents=tuple(map(_pointer, nearest))))
        self.made[text] = Made(passages=(passages,) if passages is not None else ())
        return Answer(
            id=self.identity,
            status="refused",
            route="none",
            text=text,
            refusal=Refusal(code=objection.code, reason=reason, nearest=nearest, suggestions=tuple(suggestions)),
            timing_ms=self.watch.timing_ms(),
            versions=self.versions,
        )

    def partial(self, why: Said) -> Answer:
        """What is known when time is up: nothing but how far it got."""
        return Answer(
            id=self.identity,
            status="partial",
            route="none",
            text=self.say(why),
            timing_ms=self.watch.timing_ms(),
            versions=self.versions,
        )

    def say(self, what: Said) -> str:
        """A sentence of the service in the language of whoever asks."""
        return say(what, self.question.language)

    def rewritten(self, answer: Answer, written: Written, notes: Sequence[str] = ()) -> Answer:
        """The answer in a model's words; the table, the query and what it cites beside them stay."""
        used = {c.source for c in written.citations} | ({answer.sql.source} if answer.sql is not None else set())
        return msgspec.structs.replace(
            answer,
            text="\n\n".join((written.text, *notes)),
            citations=written.citations,
            figures=written.figures,
            as_of=self._as_of(used),
            timing_ms=self.watch.timing_ms(),
        )

    def answered_from_nearest(self, written: Written, passages: PassageAnswer, confidence: float) -> Answer:
        """An answer in a model's words from the passages that were the nearest, though not near enough to quote."""
        route = Route(name="passages", confidence=confidence, reason="a model read the nearest passages")
        found = self.answered(route, passages=msgspec.structs.replace(passages, reading=None))
        return self.rewritten(found, written)

    def told(self, answer: Answer) -> Answer:
        """The answer with what models took part in it."""
        if answer.planner is None and self.planning is not None:
            answer = msgspec.structs.replace(answer, planner=msgspec.structs.replace(self.planning, by=None))
        used = self.consultation
        if used is None or not used.attempts:
            return answer
        versions = msgspec.structs.replace(answer.versions, prompts=dict(used.prompts), model=used.model)
        return msgspec.structs.replace(answer, usage=used.usage(), versions=versions, timing_ms=self.watch.timing_ms())

    def _as_of(self, used: set[str]) -> str | None:
        """When the oldest of the sources used was last synced; a live source is as of now."""
        return min((self._as_of_source[name] for name in used if name in self._as_of_source), default=None)


def renumbered(text: str, citations: Sequence[Citation], already: Sequence[Citation]) -> tuple[str, list[Citation]]:
    """A text whose citation numbers go on after those already given, and its citations that are new."""
    numbers: dict[int, int] = {}
    new: list[Citation] = []
    for citation in citations:
        same = next((c for c in already if place(c) == place(citation)), None)
        numbers[citation.n] = same.n if same is not None else len(already) + len(new) + 1
        if same is None:
            new.append(msgspec.structs.replace(citation, n=numbers[citation.n]))
    marks = re.compile(r"\[(\d+)\](?=\s|$)")
    return marks.sub(lambda found: f"[{numbers.get(int(found[1]), int(found[1]))}]", text), new


def _nearest(passages: PassageAnswer | None) -> tuple[Nearest, ...]:
    """Where to look: the best passage of each of the nearest documents."""
    found: dict[tuple[str, str], Nearest] = {}
    for passage in passages.passages if passages is not None else ():
        if passage.cosine >= NEAREST_COSINE:
            place = Nearest(
                source=passage.source,
                document=passage.document,
                title=passage.title,
                url=passage.url,
                heading=passage.heading,
                start=passage.start,
                end=passage.end,
            )
            found.setdefault((passage.source, passage.document), place)
    return tuple(found.values())[:NEAREST]


def _pointer(place: Nearest) -> str | Said:
    """A place in words: `Returns policy (section “How long do I have?”)`."""
    title = place.title or place.document or place.source
    section = place.heading.split(" > ")[-1].strip()
    return title if not section or section in title else said("section", title=title, section=section)


def not_understood(question: str, plan: TablePlan, passages: PassageAnswer) -> Objection:
    """Why neither tables nor documents answer, naming the words that fit nothing."""
    planned = plan.planned
    if planned is not None and planned.contradiction:
        return Objection("contradictory", said("contradictory", detail=planned.contradiction))
    language = other_language(question)
    if language is not None:
        name = "other_language" if planned is not None else "other_language_documents"
        return Objection("other_language", said(name, language=LanguageName(language.lower())))
    if planned is not None and planned.linked and planned.uncovered:
        return Objection("not_understood", said("unfit_words", words=planned.uncovered[:4]))
    if plan.candidate is not None:
        return Objection("not_understood", said("unsure"))
    return Objection("not_in_data", said("unknown"))
