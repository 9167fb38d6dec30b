"""What is kept of a conversation: the last answer from tables, the last from documents, and a question asked back."""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

from app.planning.plan import Plan
from app.values import Caller, Role


class TableTurn(msgspec.Struct, frozen=True, kw_only=True):
    """The last answer from tables: what later turns change."""

    source: str
    question: str
    """The question as it was planned, or the plan in words."""
    plan: Plan
    confidence: float


class PassageTurn(msgspec.Struct, frozen=True, kw_only=True):
    """The last answer from documents: what "it" may stand for."""

    source: str
    document: str
    title: str | None
    heading: str
    question: str
    """The question as it was searched for."""


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What one caller's session remembers. `role` and `sources` are those it was made under."""

    role: Role
    sources: tuple[str, ...] | None
    latest: Literal["tables", "passages"] | None = None
    tables: TableTurn | None = None
    passages: PassageTurn | None = None
    question: str = ""
    """The last question that was answered, in words that need no session."""
    options: tuple[str, ...] = ()
    """Whole questions of which the last answer asked to choose one."""
    chosen: tuple[TableTurn, ...] = ()
    """For options that change an earlier plan: the plan that each stands for."""

    def belongs_to(self, caller: Caller) -> bool:
        """Whether the caller may still see what it was made under."""
        return (self.role, self.sources) == (caller.role, caller.sources)


def session_id(caller: Caller, session: str) -> str:
    """The id that a session is kept under (SHA-256, hex): no other key and no other visitor has the same one."""
    named = msgspec.json.encode((caller.key_id, caller.visitor, session.encode("utf-8", "surrogatepass").hex()))
    return hashlib.sha256(named).hexdigest()
