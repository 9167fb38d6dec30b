"""What the service returns, as frozen values. Fields that a newer service adds are ignored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import msgspec

Cell: TypeAlias = str | int | float | bool | None


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what is returned."""

    def to_json(self) -> bytes:
        """As the service sent it, without what this version does not know."""
        return msgspec.json.encode(self)


class Citation(Value, frozen=True, kw_only=True):
    """Where a statement comes from; `start`/`end` are character offsets of `quote` in the document's text."""

    n: int
    """The text says `[n]` where it is used."""
    source: str
    document: str
    title: str | None = None
    url: str | None = None
    start: int = 0
    end: int = 0
    quote: str = ""


class Column(Value, frozen=True, kw_only=True):
    """A column; its type is one of `integer, number, text, boolean, date, timestamp, time, other`."""

    name: str
    type: str
    description: str | None = None


class Table(Value, frozen=True, kw_only=True):
    """The answer's table; dates and times are ISO 8601 text."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    truncated: bool = False

    def records(self) -> Iterator[dict[str, Cell]]:
        """Each row by the names of its columns."""
        names = [column.name for column in self.columns]
        return (dict(zip(names, row, strict=True)) for row in self.rows)


class Sql(Value, frozen=True, kw_only=True):
    """The query behind an answer."""

    text: str
    dialect: str
    source: str


class Figure(Value, frozen=True, kw_only=True):
    """A number in the text with the cell that it comes from, or a formula."""

    text: str
    row: int | None = None
    column: str | None = None
    formula: str | None = None


class Clarify(Value, frozen=True, kw_only=True):
    """A question back; each option is answered when it is asked."""

    question: str
    options: tuple[str, ...] = ()


class Nearest(Value, frozen=True, kw_only=True):
    """A place worth looking at when there is no answer."""

    source: str
    document: str | None = None
    title: str | None = None
    url: str | None = None
    heading: str = ""
    start: int | None = None
    end: int | None = None


class Refusal(Value, frozen=True, kw_only=True):
    """Why there is no answer."""

    code: str
    reason: str
    nearest: tuple[Nearest, ...] = ()
    suggestions: tuple[str, ...] = ()


class Period(Value, frozen=True, kw_only=True):
    """A period of whole days, ISO dates, both included."""

    text: str
    first: str
    last: str


class Computed(Value, frozen=True, kw_only=True):
    """What a table answer computed, in words."""

    text: str
    source: str
    tables: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    period: Period | None = None


class VerifiedBy(Value, frozen=True, kw_only=True):
    """The verified query that answered."""

    id: str
    question: str


class Planning(Value, frozen=True, kw_only=True):
    """What planned a table answer: `grammar`, `model` or `verified`, and how sure it was."""

    by: str | None
    confidence: float
    grammar: float | None = None
    model: float | None = None
    outcome: str | None = None
    samples: int = 0
    agreement: float | None = None
    repairs: int = 0
    coverage: float | None = None
    same_as_grammar: bool | None = None


class Usage(Value, frozen=True, kw_only=True):
    """What language models cost for an answer; `cost_usd` is null where a price is not known."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: str | None = "0"


class Versions(Value, frozen=True, kw_only=True):
    """What the answer was made with."""

    manifest: str | None = None
    prompts: dict[str, str] = {}
    model: str | None = None


class Answer(Value, frozen=True, kw_only=True):
    """An answer, whatever its status: `answered`, `clarify`, `refused`, `partial` or `failed`."""

    id: str
    status: str
    route: str
    text: str
    citations: tuple[Citation, ...] = ()
    table: Table | None = None
    sql: Sql | None = None
    figures: tuple[Figure, ...] = ()
    chart: dict[str, Any] | None = None
    """A Vega-Lite specification with its data."""
    computed: Computed | None = None
    verified: VerifiedBy | None = None
    planner: Planning | None = None
    confidence: float = 0.0
    as_of: str | None = None
    clarify: Clarify | None = None
    refusal: Refusal | None = None
    understood_as: str | None = None
    """What a follow-up was taken to mean."""
    timing_ms: dict[str, float] = {}
    usage: Usage = Usage()
    versions: Versions = Versions()

    @property
    def answered(self) -> bool:
        """Whether the question was answered in full."""
        return self.status == "answered"


class SearchResult(Value, frozen=True, kw_only=True):
    """A passage found."""

    rank: int
    score: float
    source: str
    document: str
    title: str | None = None
    url: str | None = None
    heading: str = ""
    text: str
    start: int
    end: int


class SearchResults(Value, frozen=True, kw_only=True):
    """Passages, best first."""

    results: tuple[SearchResult, ...]
    timing_ms: dict[str, float] = {}

    def __iter__(self) -> Iterator[SearchResult]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)


class Finding(Value, frozen=True, kw_only=True):
    """A rule that SQL breaks."""

    rule: str
    message: str


class SqlCheck(Value, frozen=True, kw_only=True):
    """Whether SQL would be run, and as what."""

    allowed: bool
    findings: tuple[Finding, ...] = ()
    sql: str | None = None


class TableSummary(Value, frozen=True, kw_only=True):
    """A table that questions may be about."""

    name: str
    rows: int
    description: str | None = None
    columns: tuple[Column, ...] = ()


class Schedule(Value, frozen=True, kw_only=True):
    """When the service brings a source up to date, and how that went."""

    every_s: int
    next_due: str | None = None
    last_attempt: str | None = None
    failures: int = 0
    last_error: str | None = None


class Source(Value, frozen=True, kw_only=True):
    """A source as the key sees it."""

    name: str
    kind: str
    visibility: str
    documents: int
    passages: int
    tables: tuple[TableSummary, ...] = ()
    synced_at: str | None = None
    schedule: Schedule | None = None


class Sources(Value, frozen=True, kw_only=True):
    """The sources that may be asked."""

    sources: tuple[Source, ...]
    manifest: str | None = None

    def __iter__(self) -> Iterator[Source]:
        return iter(self.sources)

    def __len__(self) -> int:
        return len(self.sources)


class Parameter(Value, frozen=True, kw_only=True):
    """A part of a verified question that may hold another value."""

    kind: str
    text: str
    table: str | None = None
    column: str | None = None


class VerifiedQuery(Value, frozen=True, kw_only=True):
    """An approved question -> SQL pair; `created_at` in seconds since the epoch."""

    id: str
    source: str
    question: str
    sql: str
    note: str = ""
    created_at: float = 0.0
    status: str = "active"
    reason: str | None = None
    parameters: tuple[Parameter, ...] = ()
    relies_on: dict[str, dict[str, str]] = {}


class VerifiedQueries(Value, frozen=True, kw_only=True):
    """Verified queries, oldest first."""

    verified: tuple[VerifiedQuery, ...]


class Feedback(Value, frozen=True, kw_only=True):
    """What was noted of an answer."""

    answer: str
    thumb: str
    reasons: tuple[str, ...] = ()


class Spend(Value, frozen=True, kw_only=True):
    """What some attempts at language models have taken together; amounts are decimal texts in US dollars."""

    name: str
    label: str = ""
    attempts: int = 0
    failed: int = 0
    cached: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    estimated: int = 0
    unpriced: int = 0
    cost_usd: str | None = "0"
    saved_usd: str = "0"


class Budget(Value, frozen=True, kw_only=True):
    """One limit now; amounts are decimal texts in US dollars."""

    scope: str
    period: str
    limit_usd: str
    spent_usd: str
    reserved_usd: str
    left_usd: str
    soft_reached: bool
    resets_at: str


class Cost(Value, frozen=True, kw_only=True):
    """What models have cost since a moment, by the dimensions asked for, and where budgets stand."""

    since: str
    until: str
    time_zone: str
    total: Spend
    by: dict[str, tuple[Spend, ...]]
    budgets: tuple[Budget, ...] = ()
