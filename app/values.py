r"""The frozen values that pass between the stages of an answer.

    Question -> Route -> Plan -> ValidatedQuery -> Rows ----> ScrubbedRows ----> Answer
                     \-> Passages -----------------> ScrubbedPassages -------/

Only `app.validation` constructs a `ValidatedQuery`; only `app.scrubbing` constructs the `Scrubbed…` values.
The typed plan itself lives in `app.planning.plan`.
"""

from __future__ import annotations

import time
from datetime import date
from typing import Any, Literal, TypeAlias

import msgspec

from app.sentences import ReaderLanguage
from ingest.pii.spans import PiiSpan
from ingest.stores.catalog import Dialect, Visibility

RouteName: TypeAlias = Literal["tables", "passages", "both", "none"]
Status: TypeAlias = Literal["answered", "clarify", "refused", "partial", "failed"]
Role: TypeAlias = Literal["owner", "analyst", "visitor"]
Cell: TypeAlias = str | int | float | bool | None


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and what they may see."""

    role: Role = "owner"
    sources: tuple[str, ...] | None = None
    """Names of the sources the key is limited to; None: all."""
    sees_personal_data: bool = False
    key_id: str | None = None
    """Id of the key that was shown, or of the site whose visitor asks; its sessions are its own."""
    visitor: str | None = None
    """Who of a site's visitors asks; each has sessions and answers of their own."""

    @property
    def visibilities(self) -> tuple[Visibility, ...]:
        """Visibilities that this caller may see."""
        return ("public",) if self.role == "visitor" else ("public", "internal")


class Deadline(msgspec.Struct, frozen=True):
    """A moment on the monotonic clock (seconds) by which a question must have its answer."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """The deadline `seconds` from now."""
        return cls(time.monotonic() + seconds)

    def left(self) -> float:
        """Seconds left; never negative."""
        return max(0.0, self.at - time.monotonic())


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A question as it was asked, with who asked it and when."""

    text: str
    today: date
    """What relative dates ("last March") count from."""
    deadline: Deadline
    caller: Caller = Caller()
    sources: tuple[str, ...] | None = None
    session: str | None = None
    max_rows: int = 100
    threshold: float | None = None
    """Least confidence at which tables answer this question; None: the source's, else the setting's."""
    language: ReaderLanguage = "en"
    """What the service's own sentences are in; documents and cells stay in theirs."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Where the answer should come from."""

    name: RouteName
    confidence: float
    reason: str


class ValidatedQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A query that passed every rule. Constructed only by `app.validation.validate`."""

    source: str
    text: str
    """The SQL that readers see: tables named as in the catalog."""
    executable: str
    """The same statement with every table qualified for the sandbox, and a row limit."""
    max_rows: int
    tables: tuple[str, ...]
    personal: tuple[str | None, ...]
    """For each output column the kind of personal data it may carry, or None."""
    dialect: Dialect = "duckdb"
    """The dialect of `text` and `executable`: the sandbox's, or that of the server that is asked."""
    shadow: str | None = None
    """For a server: the same statement for the sandbox, which has the tables without rows and tells the types."""


class ColumnInfo(msgspec.Struct, frozen=True):
    """An output column's name and type (`integer, number, text, boolean, date, timestamp, time, other`)."""

    name: str
    type: str


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """What a query returned; `truncated` when there were more than `max_rows`."""

    columns: tuple[ColumnInfo, ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: bool


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """A passage found by search; `start`/`end` are character offsets into the stored document text."""

    source: str
    document: str
    title: str | None
    url: str | None
    heading: str
    """Heading path, `Returns > How long do I have?`; empty if none."""
    text: str
    start: int
    end: int
    score: float
    """Fused relevance in [0, 1], comparable between questions."""
    cosine: float = 0.0
    """Cosine similarity of question and passage."""
    lexical: float = 0.0
    """BM25 score of the passage, raw."""
    modified: str | None = None
    visibility: Visibility = "internal"
    spans: tuple[PiiSpan, ...] = ()
    """Personal data found at ingest; offsets into `text`."""
    outdated: bool = False
    """Another version replaces its document, and the question does not ask for the older one."""


class ScrubbedRows(msgspec.Struct, frozen=True, kw_only=True):
    """Rows in which personal data was masked; cells are JSON scalars."""

    columns: tuple[ColumnInfo, ...]
    rows: tuple[tuple[Cell, ...], ...]
    truncated: bool
    masked: int = 0
    """How many cells were masked."""


class ScrubbedPassages(msgspec.Struct, frozen=True, kw_only=True):
    """Passages whose text was masked; offsets still point into the stored document."""

    passages: tuple[Passage, ...]
    masked: int = 0


class Citation(msgspec.Struct, frozen=True, kw_only=True):
    """Where a statement comes from; `start`/`end` are offsets of `quote` in the stored document text."""

    n: int
    source: str
    document: str
    title: str | None
    url: str | None
    start: int
    end: int
    quote: str


class Span(msgspec.Struct, frozen=True):
    """One stage of an answer: when it began, counted from the question, and how long it took (milliseconds)."""

    name: str
    start_ms: float
    duration_ms: float


class TableView(msgspec.Struct, frozen=True, kw_only=True):
    """The answer's table: exactly the columns asked for, in the order asked."""

    columns: tuple[ColumnInfo, ...]
    rows: tuple[tuple[Cell, ...], ...]
    truncated: bool


class SqlView(msgspec.Struct, frozen=True, kw_only=True):
    """The query behind the answer, as run but for the row limit."""

    text: str
    dialect: str
    source: str


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A number in the text with the cell that it comes from, or a formula over cells."""

    text: str
    row: int | None
    column: str | None
    formula: str | None = None


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """A period of whole days, ISO dates, both ends included."""

    text: str
    first: str
    last: str


class Computed(msgspec.Struct, frozen=True, kw_only=True):
    """What a table answer computed, restated from the plan and never from the question."""

    text: str
    source: str
    tables: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    """Phrases such as `with status “paid”`; the period is apart."""
    period: Period | None = None


class Clarify(msgspec.Struct, frozen=True, kw_only=True):
    """A question back, with options that, sent as the next question, answer."""

    question: str
    options: tuple[str, ...]


class Nearest(msgspec.Struct, frozen=True, kw_only=True):
    """A place worth looking at when there is no answer; `start`/`end` are offsets into its document."""

    source: str
    document: str | None
    title: str | None
    url: str | None
    heading: str = ""
    """Headings above the place, `Returns > How long do I have?`; empty if none."""
    start: int | None = None
    end: int | None = None


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no answer. Codes: not_in_data, unsafe, not_understood, contradictory,
    not_permitted, no_sources, no_such_value.
    """

    code: str
    reason: str
    nearest: tuple[Nearest, ...] = ()
    suggestions: tuple[str, ...] = ()
    """Approved questions near this one, which would be answered."""


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What language models cost for this answer; all zero without one."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: str | None = "0"


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """The verified query that answered, with its question."""

    id: str
    question: str


class Planning(msgspec.Struct, frozen=True, kw_only=True):
    """What planned a table answer, and how the choice was made; with `by` null, what was considered in vain."""

    by: Literal["grammar", "model", "verified"] | None
    confidence: float
    """Of the plan that answered; 0 where none did."""
    grammar: float | None = None
    """Confidence of the grammar's best plan; null if it has none."""
    model: float | None = None
    """Confidence of the model's statement; null if no model was asked, or it gave none that ran."""
    outcome: Literal["sql", "clarify", "unanswerable", "failed", "no_reply"] | None = None
    """What came of asking the model; null if none was asked."""
    samples: int = 0
    """Statements that were asked of the model, put to the vote if more than one."""
    agreement: float | None = None
    """Share of them with the result that was taken."""
    repairs: int = 0
    """Corrections of the statement that was taken."""
    coverage: float | None = None
    """Share of the question's content words that the model's statement accounts for."""
    same_as_grammar: bool | None = None
    """Whether the grammar's best plan gave the same rows; null if it was not run."""


class Versions(msgspec.Struct, frozen=True, kw_only=True):
    """What the answer was made with."""

    manifest: str | None
    prompts: dict[str, str] = {}
    model: str | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer, in the shape of the HTTP contract."""

    id: str
    status: Status
    route: RouteName
    text: str
    citations: tuple[Citation, ...] = ()
    table: TableView | None = None
    sql: SqlView | None = None
    figures: tuple[Figure, ...] = ()
    chart: dict[str, Any] | None = None
    """A Vega-Lite specification with its data inline, where a picture says more than the text."""
    computed: Computed | None = None
    verified: Verified | None = None
    planner: Planning | None = None
    """For table questions: the grammar, a model or a verified query, and how sure each was."""
    confidence: float = 0.0
    as_of: str | None = None
    clarify: Clarify | None = None
    refusal: Refusal | None = None
    understood_as: str | None = None
    """What a follow-up question was taken to mean, in words that need no session; null for any other."""
    timing_ms: dict[str, float] = {}
    usage: Usage = Usage()
    versions: Versions
