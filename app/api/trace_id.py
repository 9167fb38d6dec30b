"""The id of the request in progress: in its log lines, its errors and the `X-Trace-Id` header."""

from __future__ import annotations

import uuid
from contextvars import ContextVar

_current: ContextVar[str] = ContextVar("trace_id", default="")


def trace_id() -> str:
    """The id of the request in progress; empty outside of one."""
    return _current.get()


def start_trace() -> str:
    """Give the request in progress an id and return it."""
    identity = uuid.uuid4().hex
    _current.set(identity)
    return identity
