"""Reading an earlier answer: what its caller was given, and nobody else."""

from __future__ import annotations

from app.api.callers import Asker
from app.engine import Engine
from app.errors import NotFound
from app.ops.traces import Trace

TRACE_WAIT_S = 15.0
"""Seconds to wait for a trace that is still being masked; an id that nobody was given is not waited for."""


def readable_trace(answer_id: str, engine: Engine, asker: Asker) -> Trace:
    """The trace of an answer; raises `NotFound` alike for no such answer and for somebody else's."""
    trace = engine.traces.find(answer_id, wait_s=TRACE_WAIT_S)
    if trace is None or not asker.may_read(trace):
        days = engine.settings.trace_retention_days
        raise NotFound("There is no such answer.", hint=f"Answers are kept for {days} days.")
    return trace
