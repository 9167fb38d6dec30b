"""Segmentation: the best ways to read a whole question as a sequence of linked spans (k-best over a lattice)."""

from __future__ import annotations

from collections.abc import Sequence

from app.planning.elements import Element
from app.planning.tokens import Token

BEAM = 24
UNKNOWN_WEIGHT = -0.9


def segment(
    tokens: Sequence[Token], readings: Sequence[Element], *, beam: int = BEAM
) -> list[tuple[float, tuple[Element, ...]]]:
    """The `beam` best sequences of non-overlapping readings covering all tokens, best first, with their weights.

    A token that no reading covers becomes an `unknown` element.
    """
    starting: list[list[Element]] = [[] for _ in tokens]
    for reading in readings:
        starting[reading.start].append(reading)
    for at, token in enumerate(tokens):
        weight = 0.0 if token.kind == "mark" else UNKNOWN_WEIGHT
        starting[at].append(Element(kind="unknown", start=at, end=at + 1, weight=weight, text=token.text))
    best: list[list[tuple[float, tuple[Element, ...]]]] = [[] for _ in range(len(tokens) + 1)]
    best[0] = [(0.0, ())]
    for at in range(len(tokens)):
        partial = sorted(best[at], key=lambda item: -item[0])[:beam]
        for weight, elements in partial:
            for reading in starting[at]:
                best[reading.end].append((weight + reading.weight, (*elements, reading)))
    return sorted(best[len(tokens)], key=lambda item: -item[0])[:beam]
