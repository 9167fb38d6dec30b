"""Where an answer comes from, for clients whose own protocol has no place for it."""

from __future__ import annotations

import msgspec

from app.values import Answer, Citation, Clarify, Figure, Refusal, RouteName, SqlView, Status, TableView, Usage


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """An answer without its text: what `POST /v1/ask` tells under the same names."""

    id: str
    """Under which `GET /v1/answers/{id}` finds the answer."""
    status: Status
    route: RouteName
    confidence: float
    citations: tuple[Citation, ...]
    sql: SqlView | None
    table: TableView | None
    figures: tuple[Figure, ...]
    clarify: Clarify | None
    refusal: Refusal | None
    understood_as: str | None
    as_of: str | None
    usage: Usage
    """What language models cost; all zero without one."""


def provenance_of(answer: Answer) -> Provenance:
    """The provenance of an answer."""
    return Provenance(**{name: getattr(answer, name) for name in Provenance.__struct_fields__})
