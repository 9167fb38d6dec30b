"""The elliptical part of a compound question in full: "… in 2025 and how many in 2024?"."""

from __future__ import annotations

import re
from datetime import date

from app.followups.context import TableTurn
from app.followups.fragment import Fragment
from app.followups.tables import asked_again
from app.planning.planner import Planner

_HEAD = re.compile(
    r"^(?:how (?:many|much)|what (?:is|are|was|were)|what|which|who)\s+(?:was it\s+|were (?:there|they)\s+)?",
    re.IGNORECASE,
)


def in_full(before: str, piece: str, source: str, planner: Planner, today: date) -> str | None:
    """The part as a whole question: the one before with its period, value or subject exchanged; None if none fits."""
    said = _HEAD.sub("", piece).strip(" ?")
    candidates = planner.plan(before, today).candidates
    if not said or not candidates:
        return None
    turn = TableTurn(source=source, question=before, plan=candidates[0].plan, confidence=candidates[0].confidence)
    found = asked_again(Fragment(text=said, also=True), turn, planner, today)
    return found.turn.question if found is not None else None
