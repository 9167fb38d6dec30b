"""The pieces that a question is read as: spans linked to operators, tables, columns, values, numbers and periods."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from app.planning.dates import Period
from app.planning.lexicon import Op
from app.planning.plan import ColumnRef, Literal_, MetricRef
from ingest.stores.catalog import ColumnType

ElementKind: TypeAlias = Literal["op", "table", "column", "metric", "value", "number", "period", "quoted", "unknown"]


class ColumnOption(msgspec.Struct, frozen=True):
    """A column that a span may name, with the link's score in [0, 1]."""

    ref: ColumnRef
    score: float
    type: ColumnType = "other"


class ValueOption(msgspec.Struct, frozen=True):
    """A stored value that a span may name."""

    ref: ColumnRef
    value: Literal_
    score: float


class Element(msgspec.Struct, frozen=True, kw_only=True):
    """A span of tokens `[start, end)` under one reading; `weight` is what the reading is worth to a segmentation."""

    kind: ElementKind
    start: int
    end: int
    weight: float
    score: float = 1.0
    text: str = ""
    ops: tuple[Op, ...] = ()
    """Everything that an operator phrase may stand for; the grammar's order of patterns decides."""
    table: str | None = None
    columns: tuple[ColumnOption, ...] = ()
    values: tuple[ValueOption, ...] = ()
    metric: MetricRef | None = None
    number: int | float | None = None
    period: Period | None = None

    def is_op(self, *kinds: str) -> bool:
        """Whether this may be an operator of one of these kinds."""
        for op in self.ops:  # noqa: SIM110 - asked half a million times a minute; a generator takes three times as long
            if op.kind in kinds:
                return True
        return False

    def as_op(self, kind: str) -> Op | None:
        """The reading as an operator of that kind, if it has one."""
        for op in self.ops:
            if op.kind == kind:
                return op
        return None
