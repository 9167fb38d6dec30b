"""The models of one process: configuration, prompts, privacy and gateway, opened when first asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from app.llm.config import LlmConfig
from app.llm.consulting import Consultation
from app.llm.values import Asking
from app.values import Caller, Deadline, Question

if TYPE_CHECKING:
    from app.llm.gateway import Gateway
    from app.llm.privacy import Privacy
    from app.llm.prompts import Prompts

RESERVE_S = 2.0
"""Seconds before a question's deadline at which models are left: the embedded path words its answer in them, and tries
what it would ask back.
"""
MOST_RESERVED = 0.25
"""Share of a short deadline that is kept so."""


class Models:
    """What answers are given consultations from. Thread-safe; `close` ends its connections."""

    def __init__(
        self,
        config: LlmConfig,
        gateway: Gateway,
        prompts: Prompts,
        privacy: Privacy,
        *,
        closed_with: Sequence[Callable[[], None]] = (),
    ) -> None:
        self.config = config
        self.gateway = gateway
        self.prompts = prompts
        self.privacy = privacy
        self._closed_with = closed_with

    def consult(
        self, question: Question, answer_id: str, manifest: str | None, *, stopped: Callable[[], bool] = lambda: False
    ) -> Consultation:
        """The dealings with models of one answer."""
        asking = Asking(
            answer_id=answer_id,
            deadline=before(question.deadline),
            audience=audience(question.caller),
            manifest=manifest,
            key_id=question.caller.key_id,
        )
        return Consultation(
            asking, self.gateway, self.prompts, self.privacy, budgets=self.config.budgets, stopped=stopped
        )

    def close(self) -> None:
        """End connections, and send what is still to be told."""
        for close in self._closed_with:
            close()


def before(deadline: Deadline) -> Deadline:
    """The moment by which models must have answered for the rest of the answer to be in time."""
    return Deadline(deadline.at - min(RESERVE_S, MOST_RESERVED * deadline.left()))


def audience(caller: Caller) -> str:
    """Fingerprint of what a caller may see: callers share cached calls only if they may see the same."""
    sees = (caller.role, sorted(caller.sources) if caller.sources is not None else None, caller.sees_personal_data)
    return hashlib.sha256(msgspec.json.encode(sees)).hexdigest()[:16]
