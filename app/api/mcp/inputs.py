"""What the tools take and give; their JSON schemas are made from these."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from app.api.provenance import Provenance
from app.asking import DEFAULT_ROWS, SESSION_MAX_CHARS
from app.values import SqlView, TableView

Sources = Annotated[list[str], Meta(description="Names of sources to ask, from list_tables; leave out to ask all.")]
Rows = Annotated[int, Meta(ge=1, description="Most rows to return.")]


class AskInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question."""

    question: Annotated[str, Meta(min_length=1, description="One question in plain language.")]
    sources: Sources | None = None
    session: (
        Annotated[
            str,
            Meta(
                max_length=SESSION_MAX_CHARS,
                description="Any name for the conversation: later questions under it may follow up on earlier ones.",
            ),
        ]
        | None
    ) = None
    max_rows: Rows = DEFAULT_ROWS
    threshold: Annotated[float, Meta(ge=0.0, le=1.0, description="Least confidence at which tables answer.")] | None = (
        None
    )


class AskOutput(Provenance, frozen=True, kw_only=True):
    """An answer with its provenance."""

    text: str


class SearchInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A search for passages."""

    query: Annotated[str, Meta(min_length=1, description="Words or a question.")]
    sources: Sources | None = None
    limit: Annotated[int, Meta(ge=1, le=50, description="Most passages to return.")] = 10
    filters: (
        Annotated[
            dict[str, str],
            Meta(description="`document` (a pattern), `modified_after`, `modified_before` (ISO), `metadata.NAME`."),
        ]
        | None
    ) = None


class ListTablesInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which tables to list."""

    source: Annotated[str, Meta(description="Only this source.")] | None = None


class SqlInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A statement to run."""

    sql: Annotated[str, Meta(min_length=1, description="One SELECT in DuckDB's dialect over the source's tables.")]
    source: Annotated[str, Meta(description="The source whose tables it reads, from list_tables.")]
    max_rows: Rows = DEFAULT_ROWS


class SqlOutput(msgspec.Struct, frozen=True, kw_only=True):
    """Rows, personal data in them masked, and the statement as it was run."""

    id: str
    table: TableView
    sql: SqlView
    as_of: str | None


class ExplainInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which answer to explain."""

    id: Annotated[str, Meta(min_length=1, max_length=100, description="The `id` of an earlier answer.")]


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """A stage of an answer, in milliseconds since the question."""

    name: str
    start_ms: float
    duration_ms: float


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """How an answer came about, as its trace keeps it: personal data masked."""

    id: str
    question: str
    asked_at: str
    status: str
    route: str
    confidence: float
    text: str
    understood_as: str | None
    plan: str | None
    """What was computed, in words."""
    planner: dict[str, Any] | None
    verified: dict[str, Any] | None
    sql: dict[str, Any] | None
    evidence: list[dict[str, Any]]
    """Passages that are cited or, where nothing was answered, near."""
    figures: list[dict[str, Any]]
    refusal: dict[str, Any] | None
    stages: list[Stage]
    timing_ms: dict[str, float]
    usage: dict[str, Any]
    versions: dict[str, Any]
