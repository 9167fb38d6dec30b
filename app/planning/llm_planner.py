"""Planning with a model: ask -> validate -> explain -> run -> repair, several times where it is put to the vote.

The model sees the part of the schema that its caller may see and that the question links to (`schema_text.py`),
approved queries like it, and notes on the dialect. What it returns is untrusted text: `llm_statement.py` makes a
validated statement of it or says why not, which the model may correct `REPAIRS` times.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from app.errors import DeadlineExceeded, ExecutionFailed, SourceUnavailable
from app.evals.row_comparison import same_rows
from app.guards import Objection
from app.llm.errors import NoReply
from app.llm.walking import Lines
from app.planning.linking import link
from app.planning.llm_grounding import Grounds
from app.planning.llm_notes import notes_on
from app.planning.llm_statement import Stated, Unfit, statement
from app.planning.personal_values import personal_values
from app.planning.planner import Planner
from app.planning.schema_text import linked, schema_text
from app.sentences import said
from app.values import Caller, Deadline, Rows

if TYPE_CHECKING:
    from app.engine import Engine
    from app.llm.consulting import Consultation
    from ingest.stores.snapshot import Snapshot, SourceReader

PROMPT = "plan_sql"
REPAIRS = 2
COMPARED_ROWS = 1000
"""Rows fetched at least, so that results of several statements can be compared."""
RESERVE_S = 1.0
"""Seconds of a question's time that are left for wording, or for the embedded answer."""
LEAST_TIME_S = 2.0
"""Seconds that must be left to ask a model."""
Outcome = Literal["sql", "clarify", "unanswerable", "failed"]


class Inquiry(msgspec.Struct, frozen=True, kw_only=True):
    """One question to the tables of one source, for one caller."""

    text: str
    today: date
    caller: Caller
    deadline: Deadline
    max_rows: int
    source: SourceReader
    planner: Planner
    snapshot: Snapshot
    samples: int = 1
    schema_tokens: int = 3000


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What a model made of a question; `stated` and `rows` for a statement that ran."""

    outcome: Outcome
    stated: Stated | None = None
    rows: Rows | None = None
    options: tuple[str, ...] = ()
    """Questions that it would ask back: untrusted text."""
    repairs: int = 0
    asked: int = 1
    agreeing: int = 1
    objection: Objection | None = None
    """Why the tables cannot be asked at all: their server is down."""


class ModelPlanner:
    """Plans one question. Used by one thread."""

    def __init__(self, inquiry: Inquiry, engine: Engine, consultation: Consultation) -> None:
        self._inquiry = inquiry
        self._engine = engine
        self._consultation = consultation
        self._grounds = Grounds(inquiry.text, inquiry.planner)
        self._inputs = inputs_of(inquiry, engine)
        self._longest = 0.0
        """Seconds of the longest call so far."""

    def propose(self) -> Proposal:
        """The proposal that most samples come to; raises `NoReply` if the model gives none at all."""
        samples, found = self._inquiry.samples, list[Proposal]()
        while len(found) < samples and (not found or self._time_for_another()):
            try:
                found.append(self._sample(len(found)))
            except NoReply:
                if not found:
                    raise
                break
            if _settled(found, samples):
                break
        winner = max(_groups(found), key=len)
        return msgspec.structs.replace(winner[0], asked=len(found), agreeing=len(winner))

    def _time_for_another(self) -> bool:
        left = self._inquiry.deadline.left() - RESERVE_S
        return self._consultation.may("plan_sql") and left > max(LEAST_TIME_S, self._longest)

    def _sample(self, number: int) -> Proposal:
        """One statement, corrected up to `REPAIRS` times: by the vote's first sample only, the others stand or fall."""
        previous: dict[str, str | None] | None = None
        for repair in range(REPAIRS + 1 if number == 0 else 1):
            purpose = f"repair {repair}" if repair else f"vote {number + 1}" if number else ""
            if repair and not self._time_for_another():
                break
            output = self._asked(previous, purpose, number, repair)
            if output.get("outcome") != "sql":
                return _without_statement(output)
            try:
                return msgspec.structs.replace(self._ran(output.get("sql")), repairs=repair)
            except Unfit as unfit:
                previous = {"sql": str(output.get("sql") or "")[:4000], "message": unfit.told}
            except SourceUnavailable as error:
                return Proposal(outcome="failed", objection=_unavailable(error))
        return Proposal(outcome="failed", repairs=REPAIRS)

    def _asked(
        self, previous: Mapping[str, str | None] | None, purpose: str, number: int, repair: int
    ) -> Mapping[str, Any]:
        """The model's output; a second repair is asked of the next model of the chain, which may do better."""
        started = time.monotonic()
        reply = self._consultation.ask(
            PROMPT,
            {**self._inputs, "previous": previous},
            sources=[self._inquiry.source.name],
            purpose=purpose,
            seed=number + 1 if self._inquiry.samples > 1 else None,
            passed_over=max(0, repair - 1),
        )
        self._longest = max(self._longest, time.monotonic() - started)
        return reply.output

    def _ran(self, sql: object) -> Proposal:
        """The statement with its rows; raises `Unfit` for one that may not run or fails, and `SourceUnavailable`."""
        inquiry = self._inquiry
        stated = statement(
            sql,
            inquiry.planner,
            self._grounds,
            self._consultation.tokens,
            source=inquiry.source.name,
            max_rows=max(inquiry.max_rows, COMPARED_ROWS),
        )
        deadline = Deadline(at=inquiry.deadline.at - RESERVE_S)
        try:
            self._engine.tables.explain(stated.query, inquiry.snapshot, deadline)
            rows = self._engine.tables.run(stated.query, inquiry.snapshot, deadline)
        except ExecutionFailed as error:
            raise Unfit(engine_says(error)) from error
        except DeadlineExceeded as error:
            raise Unfit("The statement takes too long. Read fewer rows, or join along keys.") from error
        return Proposal(outcome="sql", stated=stated, rows=rows)


def inputs_of(inquiry: Inquiry, engine: Engine) -> dict[str, Any]:
    """The prompt's inputs but for `previous`: nothing in them that the caller may not see."""
    from app.verified.similar import similar

    source, planner = inquiry.source, inquiry.planner
    _, elements = link(inquiry.text, planner.index, planner.values, inquiry.today)
    schema = schema_text(
        source.catalog,
        planner.index,
        planner.graph,
        linked(elements),
        tokens=inquiry.schema_tokens,
        personal=personal_values(engine.detector.detect),
    )
    return {
        "question": inquiry.text,
        "today": inquiry.today.isoformat(),
        "dialect": "duckdb",
        "schema": Lines(schema),
        "notes": notes_on(source.catalog.dialect),
        "examples": similar(inquiry.text, source, planner, engine.verified, inquiry.caller),
    }


def _unavailable(error: SourceUnavailable) -> Objection:
    return Objection(error.code, said("source_unavailable", detail=f"{error.message} {error.hint}".strip()))


def _without_statement(output: Mapping[str, Any]) -> Proposal:
    if output.get("outcome") == "clarify":
        options = (output.get("clarify") or {}).get("options") or ()
        return Proposal(outcome="clarify", options=tuple(each for each in options if isinstance(each, str)))
    return Proposal(outcome="unanswerable" if output.get("outcome") == "unanswerable" else "failed")


# -- the vote --------------------------------------------------------------------------


def _groups(found: Sequence[Proposal]) -> list[list[Proposal]]:
    """Proposals with the same result, in the order of their first; failed ones only where there is nothing else."""
    groups: list[list[Proposal]] = []
    usable = [each for each in found if each.outcome != "failed"] or list(found)
    for each in usable:
        same = next((group for group in groups if _same(group[0], each)), None)
        if same is None:
            groups.append([each])
        else:
            same.append(each)
    return groups


def _same(one: Proposal, other: Proposal) -> bool:
    if one.outcome != other.outcome or one.rows is None or other.rows is None:
        return one.outcome == other.outcome
    return same_rows(one.rows.rows, other.rows.rows)


def _settled(found: Sequence[Proposal], samples: int) -> bool:
    """Whether the samples not yet asked for cannot change which group is the largest."""
    sizes = sorted((len(group) for group in _groups(found)), reverse=True)
    return sizes[0] - (sizes[1] if len(sizes) > 1 else 0) > samples - len(found)


# -- what the model is told ------------------------------------------------------------

_TELLING = (
    re.compile(r"No function matches the given name and argument types '[^']{1,120}'"),
    re.compile(r"Cannot compare values of type [\w(), ]{1,60} and type [\w(), ]{1,60}"),
    re.compile(r'column "[^"]{1,80}" must appear in the GROUP BY clause'),
    re.compile(r"aggregate functions? (?:calls )?cannot (?:be nested|contain)[\w ]{0,60}", re.IGNORECASE),
    re.compile(r"WHERE clause cannot contain aggregates"),
)
"""What the engine says of a statement that does not bind: names of the statement and of types, never a cell, nor the
"candidate bindings" that it adds, among which hidden columns may be.
"""


def engine_says(error: ExecutionFailed) -> str:
    """Why the engine refused a statement: in its words where they quote no cell and nothing hidden, else its kind."""
    said = str(error.__cause__ or "")
    found = next((match[0] for pattern in _TELLING if (match := pattern.search(said))), None)
    return f"{error.message} {found}." if found else error.message
