"""`GET /v1/answers/{id}`: an earlier answer, as its trace kept it (masked)."""

from __future__ import annotations

from typing import Any

from litestar import get

from app.api.callers import Asker
from app.engine import Engine
from app.errors import NotFound


@get("/v1/answers/{answer_id:str}", tags=["ask"], sync_to_thread=True)
def earlier_answer(answer_id: str, engine: Engine, asker: Asker) -> dict[str, Any]:
    """An answer that this caller was given; the owner may read every answer."""
    trace = engine.traces.find(answer_id)
    if trace is None or not (asker.sees_all_answers or (asker.key_id and trace.key_id == asker.key_id)):
        days = engine.settings.trace_retention_days
        raise NotFound("There is no such answer.", hint=f"Answers are kept for {days} days.")
    return trace.answer
