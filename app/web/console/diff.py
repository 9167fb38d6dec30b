"""Unified differences of two texts, line by line, for a page."""

from __future__ import annotations

import difflib
from typing import Literal, TypeAlias

import msgspec

LineKind: TypeAlias = Literal["same", "added", "removed", "place"]
CONTEXT = 3
_MOST_LINES = 20_000
"""Lines of both texts together that are compared; the comparison takes time by their product at worst."""


class DiffLine(msgspec.Struct, frozen=True):
    """A line with its sign: a blank, `+`, `-`, or `@@` for a place."""

    kind: LineKind
    text: str


def unified(before: str, after: str) -> list[DiffLine]:
    """How to come from one text to the other; empty if they are the same."""
    old, new = before.splitlines(), after.splitlines()
    if len(old) + len(new) > _MOST_LINES:
        return [DiffLine("place", "@@ too many lines to compare @@")] if old != new else []
    lines = difflib.unified_diff(old, new, n=CONTEXT, lineterm="")
    return [DiffLine(_kind(line), line) for line in list(lines)[2:]]


def _kind(line: str) -> LineKind:
    kinds: dict[str, LineKind] = {"+": "added", "-": "removed", "@": "place"}
    return kinds.get(line[:1], "same")
