"""The events that the operator is told of, each with its content, which is masked already when it arrives here.

answer.refused      {answer, question, code, reason, sources, key}
feedback.negative   {answer, question, reasons, comment, status, sources, key}
source.failed       {source, code, message, failures, every_s}
budget.threshold    {kind, message, details}
handover.requested  see `app.ops.handover`
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from app.ops.announcing import Announcements
from app.ops.traces import WITHHELD, Mask, Trace
from ingest.stores.schedule import Attempt

if TYPE_CHECKING:
    from app.ops.feedback import Feedback
    from app.ops.ingest_history import Job


def tell_refusal(announcements: Announcements, trace: Trace) -> None:
    """Tell of a refused answer, when its trace is masked and kept."""
    if trace.answer.get("status") != "refused":
        return
    refusal = trace.answer.get("refusal") or {}
    content = {
        "answer": trace.id,
        "question": trace.question,
        "code": refusal.get("code", ""),
        "reason": refusal.get("reason", ""),
        "sources": list(trace.sources),
        "key": trace.key_id,
    }
    announcements.tell("answer.refused", content)


def tell_negative(announcements: Announcements, given: Feedback, trace: Trace) -> None:
    """Tell of a thumb down."""
    content = {
        "answer": given.answer_id,
        "question": trace.question,
        "reasons": list(given.reasons),
        "comment": given.comment,
        "status": trace.answer.get("status", ""),
        "sources": list(trace.sources),
        "key": trace.key_id,
    }
    announcements.tell("feedback.negative", content)


def tell_source_failed(
    announcements: Announcements, source: str, attempt: Attempt, *, every_s: int | None, mask: Mask
) -> None:
    """Tell of an ingest that failed; `every_s` is null for one that is not by schedule."""
    if not announcements.hears("source.failed"):
        return
    (message,) = _masked([attempt.message or ""], mask)
    content = {
        "source": source,
        "code": attempt.code,
        "message": message,
        "failures": attempt.failures,
        "every_s": every_s,
    }
    announcements.tell("source.failed", content)


def tell_job_failed(announcements: Announcements, mask: Mask, job: Job) -> None:
    """Tell of an ingest that somebody began and that failed."""
    attempt = Attempt(started_at=job.started_at, failures=1, code=job.code, message=job.message)
    tell_source_failed(announcements, job.source, attempt, every_s=None, mask=mask)


def budget_listener(announcements: Callable[[], Announcements]) -> Callable[[str, str, Mapping[str, str]], None]:
    """What tells of alerts about budgets, by kind, message and details; other kinds are none of its business."""

    def listener(kind: str, message: str, details: Mapping[str, str]) -> None:
        if kind in ("budget_soft", "budget_spent"):
            announcements().tell("budget.threshold", {"kind": kind, "message": message, "details": dict(details)})

    return listener


def _masked(texts: Sequence[str], mask: Mask) -> list[str]:
    try:
        return mask(list(texts))
    except Exception:  # noqa: BLE001 - whatever failed, unmasked text is not sent
        return [WITHHELD] * len(texts)
