"""Whose question runs in this thread: embedders know no callers, and budgets by key and the ledger ask for them.

A context variable, because an embedder is shared by all questions and stands at the end of paths that know nothing of
callers; whoever hands work to another thread hands on its context (`Engine.side_by_side`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple


class Asked(NamedTuple):
    """Nobody's, unless it is said."""

    answer_id: str = ""
    key_id: str | None = None


_NOBODY = Asked()
_ASKED: ContextVar[Asked] = ContextVar("asked", default=_NOBODY)


@contextmanager
def asked_by(key_id: str | None, answer_id: str = "") -> Iterator[None]:
    """What is embedded within counts for a key and an answer."""
    token = _ASKED.set(Asked(answer_id, key_id))
    try:
        yield
    finally:
        _ASKED.reset(token)


def asked() -> Asked:
    """For whom something is embedded now."""
    return _ASKED.get()
