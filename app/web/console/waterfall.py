"""The stages of an answer as bars on one scale: what ran when, and what ran side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from app.ops.model_calls import ModelCall
from app.values import Span

Kind: TypeAlias = Literal["stage", "model"]

THINNEST = 0.4
"""Per cent of the width that the shortest bar has."""


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """One bar; `x` and `width` in per cent of the whole."""

    name: str
    kind: Kind
    start_ms: float | None
    """Counted from the question; None where only the duration is known."""
    duration_ms: float
    x: float
    width: float


class Waterfall(msgspec.Struct, frozen=True, kw_only=True):
    """Bars in the order in which they begin."""

    bars: tuple[Bar, ...]
    total_ms: float
    timed: bool
    """False for a trace without spans: only sums by stage are known, and each bar follows the one before."""


def waterfall(
    spans: Sequence[Span], timing_ms: Mapping[str, float], calls: Iterable[ModelCall], asked_at: float | None
) -> Waterfall:
    """The bars of an answer asked at `asked_at` (seconds since the epoch); without spans, those of its timing."""
    known = [(span.name, span.start_ms, span.duration_ms) for span in spans]
    timed = bool(known)
    if not timed:
        at = 0.0
        for name, duration in timing_ms.items():
            if name != "total":
                known.append((name, at, duration))
                at += duration
    total = max([timing_ms.get("total", 0.0), *(start + duration for _, start, duration in known)])
    bars = [_bar(name, "stage", start, duration, total, timed=timed) for name, start, duration in known]
    if timed and asked_at is not None:
        for call in calls:
            start = min(max(0.0, (call.at - asked_at) * 1000), total)
            name = f"{call.task} · {call.model}"
            bars.append(_bar(name, "model", start, call.duration_s * 1000, total, timed=True))
    bars.sort(key=lambda bar: (bar.x, -bar.width))
    return Waterfall(bars=tuple(bars), total_ms=total, timed=timed)


def _bar(name: str, kind: Kind, start: float, duration: float, total: float, *, timed: bool) -> Bar:
    scale = 100 / total if total > 0 else 0.0
    width = min(100.0, max(THINNEST, duration * scale))
    x = min(max(0.0, start * scale), 100 - width)
    return Bar(
        name=name,
        kind=kind,
        start_ms=round(start, 3) if timed else None,
        duration_ms=duration,
        x=round(x, 3),
        width=round(width, 3),
    )
