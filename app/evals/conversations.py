"""Conversations as cases: each turn is judged as a question, all of one conversation are asked in one session."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Literal

import msgspec

from app.evals.dataset import Case, Category, Expect
from app.values import Role, RouteName


class Turn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One question of a conversation with what is expected of its answer."""

    question: str
    category: Category
    route: RouteName
    status: Literal["answered", "clarify", "refused"]
    expect: Expect = Expect()


class Talk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A conversation: questions in their order, asked by one caller."""

    id: str
    turns: tuple[Turn, ...]
    sources: tuple[str, ...] | None = None
    today: date | None = None
    role: Role = "owner"

    def cases(self) -> Iterator[Case]:
        """The turns as cases `id.1`, `id.2`, … of one session."""
        for number, turn in enumerate(self.turns, start=1):
            yield Case(
                id=f"{self.id}.{number}",
                question=turn.question,
                category=turn.category,
                route=turn.route,
                status=turn.status,
                sources=self.sources,
                today=self.today,
                expect=turn.expect,
                session=self.id,
                role=self.role,
            )
