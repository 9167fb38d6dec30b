"""The requests and responses that are not values of the answering stages already."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from app.asking import DEFAULT_ROWS, SESSION_MAX_CHARS
from app.values import Status
from ingest.stores.catalog import Visibility


class AskRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A question."""

    question: str
    sources: list[str] | None = None
    session: Annotated[str, Meta(max_length=SESSION_MAX_CHARS)] | None = None
    stream: bool = False
    max_rows: int = DEFAULT_ROWS
    threshold: Annotated[float, Meta(ge=0.0, le=1.0)] | None = None


class SearchRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A search for passages. `filters` may hold `document`, a pattern such as `policies/*`."""

    query: str
    sources: list[str] | None = None
    limit: Annotated[int, Meta(ge=1, le=50)] = 10
    filters: dict[str, str] | None = None


class SearchResult(msgspec.Struct, frozen=True, kw_only=True):
    """A passage found; `start`/`end` are character offsets into its document."""

    rank: int
    score: float
    source: str
    document: str
    title: str | None
    url: str | None
    heading: str
    text: str
    start: int
    end: int


class SearchResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Passages, best first."""

    results: list[SearchResult]
    timing_ms: dict[str, float]


class SqlCheckRequest(msgspec.Struct, frozen=True, kw_only=True):
    """SQL to validate; it is never run. Without `source`, against each source with tables."""

    sql: str
    source: str | None = None


class FindingView(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that the SQL breaks."""

    rule: str
    message: str


class SqlCheckResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the SQL would be run; `sql` is the statement as it would be, null if it would not."""

    allowed: bool
    findings: list[FindingView]
    sql: str | None


class ColumnView(msgspec.Struct, frozen=True, kw_only=True):
    """A column that questions may be about."""

    name: str
    type: str
    description: str | None


class TableSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A table that questions may be about."""

    name: str
    rows: int
    description: str | None
    columns: list[ColumnView]


class ScheduleView(msgspec.Struct, frozen=True, kw_only=True):
    """When a source is brought up to date by the service, and how that went; for owners."""

    every_s: int
    next_due: str | None
    last_attempt: str | None
    failures: int
    """Attempts that failed in a row; the interval doubles with each, up to a day."""
    last_error: str | None


class SourceView(msgspec.Struct, frozen=True, kw_only=True):
    """A source as its caller sees it."""

    name: str
    kind: str
    visibility: Visibility
    documents: int
    passages: int
    tables: list[TableSummary]
    synced_at: str | None
    schedule: ScheduleView | None = None
    """Null for callers who are not owners, and for sources that are synchronised by hand."""


class SourcesResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The sources that the caller may ask."""

    sources: list[SourceView]
    manifest: str | None


class StatusEvent(msgspec.Struct, frozen=True, kw_only=True):
    """First event of a stream: the question was accepted."""

    stage: str
    trace_id: str


class PlanEvent(msgspec.Struct, frozen=True, kw_only=True):
    """How the question was answered."""

    id: str
    status: Status
    route: str
    confidence: float


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong, and what to do next."""

    code: str
    message: str
    hint: str
    trace_id: str


class ErrorResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The one error shape."""

    error: ErrorBody


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One condition of readiness."""

    name: str
    ok: bool
    message: str


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether questions can be answered now."""

    ready: bool
    checks: list[Check]


class VerifiedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A pair to approve. `exact`: for these very values only; `force`: replace the same question's."""

    source: str
    question: str
    sql: str
    note: Annotated[str, Meta(max_length=2000)] | None = None
    exact: bool = False
    force: bool = False


class ParameterView(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a verified question that may hold another value; of `table`.`column` if it is a stored one."""

    kind: Literal["value", "number", "period"]
    text: str
    table: str | None
    column: str | None


class VerifiedView(msgspec.Struct, frozen=True, kw_only=True):
    """A verified query; `created_at` in seconds since the epoch, `relies_on` table -> column -> type."""

    id: str
    source: str
    question: str
    sql: str
    note: str
    created_at: float
    status: Literal["active", "stale"]
    reason: str | None
    parameters: list[ParameterView]
    relies_on: dict[str, dict[str, str]]


class VerifiedResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Verified queries, oldest first."""

    verified: list[VerifiedView]


Jwt = Annotated[str, Meta(max_length=4200)]


class WidgetSessionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a widget shows to be let in."""

    site: Annotated[str, Meta(max_length=100)]
    """The publishable key."""
    renew: Jwt | None = None
    """An earlier ticket, over for a day at most: the visitor stays the same."""
    identity: Jwt | None = None
    """A JWT by which the site's server says who the visitor is."""


class HandoverView(msgspec.Struct, frozen=True, kw_only=True):
    """How a visitor reaches a person; the target of a link only."""

    kind: Literal["none", "link", "mail", "webhook"]
    target: str


class WidgetSite(msgspec.Struct, frozen=True, kw_only=True):
    """What a widget shows of its site."""

    name: str
    title: str
    greeting: str
    examples: list[str]
    handover: HandoverView


class WidgetSession(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket, and what the widget needs to begin."""

    ticket: str
    expires_in_s: int
    site: WidgetSite
    question_max_chars: int
