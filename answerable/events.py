"""What a stream tells, one value for each kind of event."""

from __future__ import annotations

from typing import TypeAlias

from answerable.values import Answer, Citation, Clarify, Sql, Table, Value


class StatusEvent(Value, frozen=True, kw_only=True):
    """How far the answer is: `accepted`, `planning`, `searching`, `reading`, `running`, `writing`."""

    stage: str
    trace_id: str = ""


class PlanEvent(Value, frozen=True, kw_only=True):
    """How the question is answered; the answer's id is known from here on."""

    id: str
    status: str
    route: str
    confidence: float


class SqlEvent(Value, frozen=True, kw_only=True):
    """The query."""

    sql: Sql


class RowsEvent(Value, frozen=True, kw_only=True):
    """The table."""

    table: Table


class CitationEvent(Value, frozen=True, kw_only=True):
    """A citation, before the text that uses it."""

    citation: Citation


class DeltaEvent(Value, frozen=True, kw_only=True):
    """Text to append."""

    text: str


class ClarifyEvent(Value, frozen=True, kw_only=True):
    """A question back."""

    clarify: Clarify


class DoneEvent(Value, frozen=True, kw_only=True):
    """The whole answer; its text is that of all deltas since the last restart."""

    answer: Answer


class RestartedEvent(Value, frozen=True, kw_only=True):
    """The stream was lost and the answer begins anew: drop what was told so far."""


Event: TypeAlias = (
    StatusEvent
    | PlanEvent
    | SqlEvent
    | RowsEvent
    | CitationEvent
    | DeltaEvent
    | ClarifyEvent
    | DoneEvent
    | RestartedEvent
)
