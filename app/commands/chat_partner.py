"""Whom a chat at a terminal talks to: the interface of both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Literal, Protocol, Self, TypeAlias

import msgspec

from app.values import Answer


class Stage(msgspec.Struct, frozen=True):
    """The answer has come to a stage."""

    name: str


class Text(msgspec.Struct, frozen=True):
    """Text to append."""

    text: str


class Anew(msgspec.Struct, frozen=True):
    """The answer begins anew; what was told is void."""


Told: TypeAlias = Stage | Text | Anew | Answer
"""What is told of an answer; the answer itself comes last, its text told before."""


class SourceLine(msgspec.Struct, frozen=True, kw_only=True):
    """A source in the list of those that can be asked."""

    name: str
    visibility: str
    documents: int
    tables: tuple[str, ...]


class Partner(Protocol):
    """Answers questions. Closing the iterator of an answer stops the work on it."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def ask(self, question: str, *, session: str, sources: Sequence[str] | None) -> Iterator[Told]:
        """What is told of the answer to a question."""

    def sources(self) -> Sequence[SourceLine]:
        """What can be asked."""

    def rate(self, answer_id: str, thumb: Literal["up", "down"], comment: str | None) -> None:
        """Note whether an answer helped."""
