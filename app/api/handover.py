"""`POST /v1/widget/handover`: a visitor asks for a person."""

from __future__ import annotations

import time

from litestar import post
from litestar.openapi import ResponseSpec

from app.api.callers import Asker
from app.api.feedback import rater_of
from app.api.wire import ErrorResponse
from app.engine import Engine
from app.errors import NotPermitted
from app.ops.handover import Find, HandoverRequest, Handovers, HandoverTaken
from app.ops.traces import Trace

TRACE_WAIT_S = 10.0
"""Seconds to wait in all for traces that are still being masked; a conversation's newest answer may be."""


_ERRORS = {
    403: "No visitor of a site.",
    404: "The site passes nothing on.",
    429: "Many were passed on already.",
    503: "Mail or webhook is not set up, or its queue is full.",
}
_RESPONSES = {
    code: ResponseSpec(ErrorResponse, generate_examples=False, description=said) for code, said in _ERRORS.items()
}


@post("/v1/widget/handover", tags=["widget"], status_code=202, sync_to_thread=True, responses=_RESPONSES)
def handover(data: HandoverRequest, engine: Engine, asker: Asker, handovers: Handovers) -> HandoverTaken:
    """Pass a conversation on to a person, by mail or webhook as the site's options say."""
    if asker.site is None:
        raise NotPermitted("Only a site's visitors ask for a person here.", hint="Send a ticket of the widget.")
    return handovers.request(data, asker.site, rater_of(asker), given_to(asker, engine))


def given_to(asker: Asker, engine: Engine) -> Find:
    """What finds the traces of answers that a caller was given."""
    until = time.monotonic() + TRACE_WAIT_S

    def find(answer_id: str) -> Trace | None:
        trace = engine.traces.find(answer_id, wait_s=max(0.0, until - time.monotonic()))
        return trace if trace is not None and asker.may_read(trace) else None

    return find
