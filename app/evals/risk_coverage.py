"""How much is answered, and how much of that wrongly, at every threshold of confidence: a risk-coverage curve.

R. El-Yaniv and Y. Wiener, "On the Foundations of Noise-free Selective Classification", JMLR 11 (2010).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import msgspec

from app.evals.metrics import Outcome

WRONG_AT_MOST = (0.03, 0.05, 0.08, 0.12)
"""Shares of all questions answered wrongly for which the best threshold is told."""
WIDTH, HEIGHT, MARGIN = 520, 320, 48


class CurvePoint(msgspec.Struct, frozen=True, kw_only=True):
    """What answering from `threshold` on gives: shares of all cases, and of those answered."""

    threshold: float
    coverage: float
    """Share of all cases that are answered."""
    risk: float
    """Share of the answered ones that are wrong."""
    right: float
    wrong: float


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """The most that can be right while at most `wrong_at_most` of all are wrong; None: no threshold allows it."""

    wrong_at_most: float
    right: float | None
    coverage: float | None
    threshold: float | None


def risk_coverage(cases: Sequence[tuple[float | None, Outcome]]) -> tuple[CurvePoint, ...]:
    """One point for each confidence that occurs, the highest first, from every case's confidence and its outcome if it
    is answered. A case without confidence is never answered but counts as a case.
    """
    known = sorted(((c, o) for c, o in cases if c is not None and o in ("right", "wrong")), key=lambda case: -case[0])
    points: list[CurvePoint] = []
    right = wrong = 0
    for threshold, group in groupby(known, key=lambda case: case[0]):
        outcomes = [outcome for _, outcome in group]
        right, wrong = right + outcomes.count("right"), wrong + outcomes.count("wrong")
        points.append(
            CurvePoint(
                threshold=round(threshold, 4),
                coverage=(right + wrong) / len(cases),
                risk=wrong / (right + wrong),
                right=right / len(cases),
                wrong=wrong / len(cases),
            )
        )
    return tuple(points)


def limits(curve: Sequence[CurvePoint]) -> tuple[Limit, ...]:
    """For each of `WRONG_AT_MOST` the point of the curve with the most right answers."""
    found = []
    for most in WRONG_AT_MOST:
        allowed = [point for point in curve if point.wrong <= most]
        best = max(allowed, key=lambda point: point.right, default=None)
        found.append(
            Limit(
                wrong_at_most=most,
                right=best.right if best else None,
                coverage=best.coverage if best else None,
                threshold=best.threshold if best else None,
            )
        )
    return tuple(found)


def curve_svg(curve: Sequence[CurvePoint], threshold: float) -> str:
    """The curve as a picture, with the threshold in use marked; coverage to the right, risk upwards."""
    top = max([0.1, *(point.risk for point in curve)])
    top = min(1.0, -(-top * 10 // 1) / 10)

    def place(coverage: float, risk: float) -> str:
        x = MARGIN + coverage * (WIDTH - 2 * MARGIN)
        y = HEIGHT - MARGIN - risk / top * (HEIGHT - 2 * MARGIN)
        return f"{x:.1f},{y:.1f}"

    def text(x: float, y: float, said: str, anchor: str = "middle") -> str:
        return f'<text stroke="none" x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{said}</text>'

    parts = []
    for step in range(6):
        x, y = (part for part in place(step / 5, top * step / 5).split(","))
        parts.append(f'<path d="M{MARGIN},{y}H{WIDTH - MARGIN}" stroke-opacity="0.25"/>')
        parts.append(text(float(x), HEIGHT - MARGIN + 18, f"{step / 5:.0%}"))
        parts.append(text(MARGIN - 8, float(y) + 4, f"{top * step / 5:.0%}", "end"))
    parts.append(text(WIDTH / 2, HEIGHT - 8, "answered, of all questions"))
    parts.append(text(MARGIN, 20, "wrong, of the answered", "start"))
    if curve:
        line = " ".join(place(point.coverage, point.risk) for point in curve)
        parts.append(f'<polyline points="{line}" stroke="#0072B2" stroke-width="2" fill="none"/>')
    used = next((point for point in reversed(curve) if point.threshold >= threshold), None)
    if used is not None:
        x, y = place(used.coverage, used.risk).split(",")
        parts.append(f'<circle cx="{x}" cy="{y}" r="5" fill="#D55E00" stroke="none"/>')
        said = f"threshold {threshold:g}: {used.coverage:.1%} answered, {used.risk:.1%} of them wrong"
        parts.append(text(WIDTH - MARGIN, 38, said, "end"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" aria-label="Risk by coverage"><title>Risk by coverage</title>'
        f'<g fill="#767676" stroke="#767676" font-family="Helvetica, Arial, sans-serif" font-size="12">'
        f"{''.join(parts)}</g></svg>\n"
    )
