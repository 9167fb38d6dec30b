"""`GET`, `POST` and `DELETE /v1/verified`: approved question -> SQL pairs."""

from __future__ import annotations

from datetime import datetime

from litestar import delete, get, post
from litestar.openapi import ResponseSpec

from app.api.answering import Answering
from app.api.callers import Asker
from app.api.wire import ErrorResponse, ParameterView, VerifiedRequest, VerifiedResponse, VerifiedView
from app.engine import Engine
from app.values import Deadline
from app.verified.checking import Proposal, add_verified
from app.verified.listing import check_role, found, listed
from app.verified.values import VerifiedQuery

_ERRORS = {
    400: "The request's shape or values are wrong, or the SQL is refused.",
    401: "No key, or one that is not known.",
    403: "A visitor's key.",
    404: "Unknown, or of a source that the key may not ask.",
    409: "The same question is verified already.",
    504: "The SQL took too long.",
}


def _errors(*codes: int) -> dict[int, ResponseSpec]:
    """Which errors an endpoint gives, each in the one error shape."""
    return {code: ResponseSpec(ErrorResponse, generate_examples=False, description=_ERRORS[code]) for code in codes}


@get("/v1/verified", tags=["verified"], responses=_errors(400, 401, 403, 404))
async def verified_queries(
    engine: Engine, asker: Asker, answering: Answering, source: str | None = None
) -> VerifiedResponse:
    """The verified queries of the sources that the caller may ask, each with whether it still holds."""
    check_role(asker.caller)
    queries = await answering.run(lambda: listed(engine, asker.caller, source), _deadline(engine))
    return VerifiedResponse(verified=[verified_view(query) for query in queries])


@post("/v1/verified", status_code=201, tags=["verified"], responses=_errors(400, 401, 403, 404, 409, 504))
async def verify(data: VerifiedRequest, engine: Engine, asker: Asker, answering: Answering) -> VerifiedView:
    """Validate a pair, run it once and keep it."""
    check_role(asker.caller)
    proposal = Proposal(
        source=data.source,
        question=data.question,
        sql=data.sql,
        note=data.note or "",
        exact=data.exact,
        force=data.force,
    )
    today = datetime.now().astimezone().date()
    query = await answering.run(
        lambda: add_verified(proposal, engine, asker.caller, today, added_by=asker.key_id), _deadline(engine)
    )
    return verified_view(query)


@delete(
    "/v1/verified/{verified_id:str}",
    status_code=204,
    tags=["verified"],
    sync_to_thread=True,
    responses=_errors(400, 401, 403, 404),
)
def unverify(verified_id: str, engine: Engine, asker: Asker) -> None:
    """Forget a verified query of a source that the caller may ask."""
    check_role(asker.caller)
    engine.verified.store.remove(found(verified_id, engine, asker.caller).id)


def verified_view(query: VerifiedQuery) -> VerifiedView:
    """A verified query as it is shown."""
    return VerifiedView(
        id=query.id,
        source=query.source,
        question=query.question,
        sql=query.sql,
        note=query.note,
        created_at=query.created_at,
        status=query.status,
        reason=query.reason,
        parameters=[
            ParameterView(kind=p.kind, text=query.question[p.start : p.end], table=p.table, column=p.column)
            for p in query.parameters
        ],
        relies_on=query.schema,
    )


def _deadline(engine: Engine) -> Deadline:
    return Deadline.after(engine.settings.deadline_s)
