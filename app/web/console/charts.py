"""Pictures of figures as plain SVG: geometry is reckoned here, colours come from the style sheet, so both themes have
theirs. `console/chart.html` draws them; the figures stand beside each picture as a table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

WIDTH, HEIGHT = 640, 200
LEFT, TOP, BOTTOM = 46, 10, 24
MOST_LABELS = 8
"""Below the columns."""
SERIES = 6
"""Colours that the style sheet has."""


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A rectangle in pixels of the picture."""

    x: float
    y: float
    width: float
    height: float
    colour: int
    """Of the style sheet's, from 1."""
    said: str
    """What a pointer over it is told."""


class Tick(msgspec.Struct, frozen=True, kw_only=True):
    """A label at a place of an axis."""

    at: float
    text: str


class Columns(msgspec.Struct, frozen=True, kw_only=True):
    """Stacked columns, one for each step."""

    title: str
    about: str
    """What a screen reader says."""
    names: tuple[tuple[str, int], ...]
    """Name and colour of each series; one alone needs no legend."""
    marks: tuple[Mark, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    bottom: int = HEIGHT - BOTTOM


def columns(
    title: str,
    steps: Sequence[str],
    series: Sequence[tuple[str, Sequence[float]]],
    *,
    unit: str = "",
    colours: Sequence[int] = range(1, SERIES + 1),
) -> Columns | None:
    """The picture; None where every amount is 0. Each series has an amount, 0 or more, for each step."""
    totals = [sum(column) for column in zip(*(amounts for _, amounts in series), strict=True)]
    top = _round_up(max(totals, default=0))
    if not top:
        return None
    floor, slot = HEIGHT - BOTTOM, (WIDTH - LEFT) / len(steps)
    scale = (floor - TOP) / top
    marks = []
    for at, step in enumerate(steps):
        y = float(floor)
        for colour, (name, amounts) in zip(colours, series, strict=False):
            if not amounts[at]:
                continue
            height = amounts[at] * scale
            y -= height
            place = {"x": LEFT + at * slot + slot * 0.1, "y": y, "width": slot * 0.8, "height": height}
            said = f"{step}: {_shown(amounts[at])}{unit}" + (f" {name}" if len(series) > 1 else "")
            marks.append(Mark(colour=colour, said=said, **{key: round(value, 2) for key, value in place.items()}))
    every = math.ceil(len(steps) / MOST_LABELS)
    across = [Tick(at=round(LEFT + (at + 0.5) * slot, 2), text=steps[at]) for at in range(0, len(steps), every)]
    up = [Tick(at=round(floor - part * top * scale, 2), text=_shown(part * top)) for part in (0, 0.5, 1)]
    return Columns(
        title=title,
        about=_about(title, steps, series, totals, unit),
        names=tuple((name, colour) for colour, (name, _) in zip(colours, series, strict=False)),
        marks=tuple(marks),
        across=tuple(across),
        up=tuple(up),
    )


def _about(
    title: str, steps: Sequence[str], series: Sequence[tuple[str, Sequence[float]]], totals: list[float], unit: str
) -> str:
    most = max(range(len(totals)), key=totals.__getitem__)
    parts = ", ".join(f"{_shown(sum(amounts))}{unit} {name}" for name, amounts in series)
    return (
        f"Column chart: {title}; {len(steps)} columns from {steps[0]} to {steps[-1]}, {_shown(sum(totals))}{unit} in "
        f"all ({parts}), most in {steps[most]} ({_shown(totals[most])}{unit})."
    )


def _round_up(amount: float) -> float:
    """The next of 1, 2, 4, 5, 10 times a power of ten."""
    if amount <= 0:
        return 0.0
    size = 10.0 ** math.floor(math.log10(amount))
    return next(step * size for step in (1, 2, 4, 5, 10) if step * size >= amount * (1 - 1e-9))


def _shown(amount: float) -> str:
    if amount >= 100 or float(amount).is_integer():
        return f"{amount:,.0f}"
    return f"{amount:,.3g}" if amount >= 0.001 else f"{amount:.2g}"
