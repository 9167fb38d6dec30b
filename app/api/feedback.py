"""`POST /v1/feedback`: a thumb on an answer that the caller was given."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import post
from litestar.openapi import ResponseSpec
from msgspec import Meta

from app.api.callers import Asker
from app.api.reading import readable_trace
from app.api.wire import ErrorResponse
from app.engine import Engine
from app.ops.events import tell_negative
from app.ops.feedback import COMMENT_MAX_CHARS, Reason, Thumb


class FeedbackRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of an answer; a second one of the same caller takes the first one's place."""

    answer: Annotated[str, Meta(max_length=64)]
    thumb: Thumb
    reasons: Annotated[list[Reason], Meta(max_length=7)] = []
    comment: Annotated[str, Meta(max_length=COMMENT_MAX_CHARS)] | None = None


class FeedbackView(msgspec.Struct, frozen=True, kw_only=True):
    """What was noted."""

    answer: str
    thumb: Thumb
    reasons: list[Reason]


_ERRORS = {
    404: ResponseSpec(ErrorResponse, generate_examples=False, description="No such answer was given to this caller.")
}


@post("/v1/feedback", tags=["ask"], status_code=201, sync_to_thread=True, responses=_ERRORS)
def feedback(data: FeedbackRequest, engine: Engine, asker: Asker) -> FeedbackView:
    """Note whether an answer helped, and if not, why; the comment is kept with personal data masked."""
    trace = readable_trace(data.answer, engine, asker)
    given = engine.feedback.rate(
        trace.id, rater_of(asker), thumb=data.thumb, reasons=data.reasons, comment=data.comment
    )
    if given.thumb == "down":
        tell_negative(engine.announcements, given, trace)
    return FeedbackView(answer=given.answer_id, thumb=given.thumb, reasons=list(given.reasons))


def rater_of(asker: Asker) -> str:
    """Who rates: the key, and the visitor where the key is a site's; empty without a key."""
    return ":".join(part for part in (asker.key_id, asker.caller.visitor) if part)
