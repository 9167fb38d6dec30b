"""The tools: each a name, what it takes and gives, and a function. Nothing of the SDK is imported here."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from app.api.answering import Answering
from app.api.callers import Asker
from app.api.events import STAGES
from app.api.mcp.inputs import (
    AskInput,
    AskOutput,
    ExplainInput,
    Explanation,
    ListTablesInput,
    SearchInput,
    SqlInput,
    SqlOutput,
    Stage,
)
from app.api.provenance import provenance_of
from app.api.readable import body, footer, table
from app.api.reading import readable_trace
from app.api.search import search_response
from app.api.sources import source_view
from app.api.wire import SearchRequest, SearchResponse, SourcesResponse
from app.asking import checked_sources, question_from, visible_sources
from app.engine import Engine
from app.llm.asked_by import asked_by
from app.ops.traces import Trace
from app.progress import EventName, Progress
from app.sql_runs import run_sql
from app.values import Answer, Deadline, Versions
from ingest.layout import Layout

Report = Callable[[float, str], Awaitable[None]]
"""Tells the client how far a call is: a number that grows, and a word."""


class Call(msgspec.Struct, frozen=True):
    """What a call may use, and for whom it is made."""

    engine: Engine
    answering: Answering
    asker: Asker
    report: Report
    base: str
    """What links to this service's pages begin with."""

    def deadline(self) -> Deadline:
        """The end of a call that begins now."""
        return Deadline.after(self.engine.settings.deadline_s)


class Given(msgspec.Struct, frozen=True):
    """A tool's result, and the same as text for clients that read nothing else."""

    result: msgspec.Struct
    text: str | None = None
    """None: the result as JSON."""


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """One tool."""

    name: str
    title: str
    description: str
    takes: type[msgspec.Struct]
    gives: type[msgspec.Struct]
    call: Callable[[Any, Call], Awaitable[Given]]
    for_visitors: bool = True
    """Whether visitors are told of it; what they may do is checked where it is done."""


async def ask(asked: AskInput, call: Call) -> Given:
    """The answer to a question; its stages are told as they begin."""
    question = question_from(
        asked.question,
        call.engine,
        call.asker.caller,
        sources=asked.sources,
        session=asked.session,
        max_rows=asked.max_rows,
        threshold=asked.threshold,
    )
    stages: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def told(name: EventName, content: object) -> None:
        stage = STAGES.get(str(content)) if name == "status" else None
        if stage is not None and not loop.is_closed():
            loop.call_soon_threadsafe(stages.put_nowait, stage)

    telling = asyncio.ensure_future(_tell(stages, call.report))
    progress = Progress(told)
    try:
        answer = await call.answering.answer(question, progress)
    finally:
        progress.stop()
        telling.cancel()
    provenance = provenance_of(answer)
    found = AskOutput(text=answer.text, **msgspec.structs.asdict(provenance))
    view = table(answer.table) if answer.table is not None and len(answer.table.rows) > 1 else ""
    parts = [body(answer), view, footer(answer, call.base), f"Answer {answer.id}, {answer.status}."]
    return Given(found, "\n\n".join(part for part in parts if part))


async def _tell(stages: asyncio.Queue[str], report: Report) -> None:
    said: list[str] = []
    while True:
        stage = await stages.get()
        if stage not in said:
            said.append(stage)
            await report(float(len(said)), stage)


async def search_docs(asked: SearchInput, call: Call) -> Given:
    """Passages for a query."""
    request = SearchRequest(query=asked.query, sources=asked.sources, limit=asked.limit, filters=asked.filters)

    def found() -> SearchResponse:
        with asked_by(call.asker.caller.key_id):
            return search_response(request, call.engine, call.asker.caller)

    return Given(await call.answering.run(found, call.deadline()))


async def list_tables(asked: ListTablesInput, call: Call) -> Given:
    """The sources that the caller may ask, with their tables and columns."""

    def seen() -> SourcesResponse:
        snapshot, caller = call.engine.store.snapshot(), call.asker.caller
        named = checked_sources(None if asked.source is None else [asked.source], snapshot, caller)
        layout = Layout(call.engine.settings.home)
        sources = [s for s in visible_sources(snapshot, caller) if named is None or s.name in named]
        return SourcesResponse(sources=[source_view(s, caller, layout) for s in sources], manifest=snapshot.id)

    return Given(await call.answering.run(seen, call.deadline()))


async def run_readonly_sql(asked: SqlInput, call: Call) -> Given:
    """The rows of a statement; it is traced as a question is."""
    caller, deadline, snapshot = call.asker.caller, call.deadline(), call.engine.store.snapshot()
    rows, sql = await call.answering.run(
        lambda: run_sql(asked.sql, asked.source, call.engine, caller, max_rows=asked.max_rows, deadline=deadline),
        deadline,
    )
    source = snapshot.sources[asked.source]
    copied = source.catalog.dialect == "duckdb"
    as_of = str(source.entry.synced_at) if copied else datetime.now(UTC).isoformat(timespec="seconds")
    kept = Answer(
        id=uuid.uuid4().hex,
        status="answered",
        route="tables",
        text=f"{len(rows.rows)} rows.",
        table=rows,
        sql=sql,
        as_of=as_of,
        confidence=1.0,
        versions=Versions(manifest=snapshot.id),
    )
    call.engine.traces.record(asked.sql, kept, key_id=caller.key_id, visitor=caller.visitor)
    return Given(SqlOutput(id=kept.id, table=rows, sql=sql, as_of=as_of))


async def explain_answer(asked: ExplainInput, call: Call) -> Given:
    """How an answer that the caller was given came about."""
    return Given(explanation(await asyncio.to_thread(readable_trace, asked.id, call.engine, call.asker)))


def explanation(trace: Trace) -> Explanation:
    """What a trace says of how its answer came about."""
    answer = trace.answer
    refusal = answer.get("refusal")
    near = refusal.get("nearest", []) if refusal else []
    return Explanation(
        id=trace.id,
        question=trace.question,
        asked_at=datetime.fromtimestamp(trace.created_at, UTC).isoformat(timespec="seconds"),
        status=answer["status"],
        route=answer["route"],
        confidence=answer.get("confidence", 0.0),
        text=answer["text"],
        understood_as=answer.get("understood_as"),
        plan=(answer.get("computed") or {}).get("text"),
        planner=answer.get("planner"),
        verified=answer.get("verified"),
        sql=answer.get("sql"),
        evidence=[*answer.get("citations", []), *near],
        figures=answer.get("figures", []),
        refusal=refusal,
        stages=[Stage(name=s.name, start_ms=s.start_ms, duration_ms=s.duration_ms) for s in trace.spans],
        timing_ms=answer.get("timing_ms", {}),
        usage=answer.get("usage", {}),
        versions=answer.get("versions", {}),
    )


TOOLS = (
    Tool(
        name="ask",
        title="Ask the data",
        description="Answer a question from documents and tables, with numbered citations, the SQL and the rows behind "
        "it; or say why there is no answer, or ask back. Prefer this to writing SQL.",
        takes=AskInput,
        gives=AskOutput,
        call=ask,
    ),
    Tool(
        name="search_docs",
        title="Search documents",
        description="Find passages of documents by meaning and by words, best first, each with its place.",
        takes=SearchInput,
        gives=SearchResponse,
        call=search_docs,
    ),
    Tool(
        name="list_tables",
        title="List sources and tables",
        description="List what can be asked about: sources with their tables, columns, types and descriptions.",
        takes=ListTablesInput,
        gives=SourcesResponse,
        call=list_tables,
    ),
    Tool(
        name="run_readonly_sql",
        title="Run a SELECT",
        description="Validate one SELECT over a source's tables and run it. Personal data in the rows is masked.",
        takes=SqlInput,
        gives=SqlOutput,
        call=run_readonly_sql,
        for_visitors=False,
    ),
    Tool(
        name="explain_answer",
        title="Explain an answer",
        description="Tell how an earlier answer came about: plan, SQL, evidence, stages with their times, versions.",
        takes=ExplainInput,
        gives=Explanation,
        call=explain_answer,
    ),
)
"""In the order in which clients list them."""
