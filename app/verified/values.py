"""The stored form of a verified query."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Kind: TypeAlias = Literal["value", "number", "period"]
Schema: TypeAlias = dict[str, dict[str, str]]
"""Table -> column -> SQL type: what a statement relies on."""


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A span of the question that may hold another value, and the literals of the SQL that follow it."""

    kind: Kind
    start: int
    """Character offset into the question."""
    end: int
    text: str
    """The literal's text; for a period `2025-03-01/2025-04-01`, either side empty if open."""
    literals: tuple[int, ...]
    """Positions among the statement's literals, in the order of the syntax tree's walk."""
    table: str | None = None
    """For a value: the table and column that it must be a value of."""
    column: str | None = None


class VerifiedQuery(msgspec.Struct, frozen=True, kw_only=True):
    """An approved question -> SQL pair of one source."""

    id: str
    source: str
    question: str
    sql: str
    note: str = ""
    added_by: str | None = None
    """Key of who added it; null for the command line."""
    created_at: float
    """Seconds since the epoch."""
    changed_at: float
    schema: Schema
    parameters: tuple[Parameter, ...]
    segment: str
    """The segment that it was last checked against."""
    status: Literal["active", "stale"] = "active"
    reason: str | None = None
    """Why it is stale."""
