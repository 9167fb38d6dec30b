"""`GET`, `POST` and `DELETE /v1/verified`: approved question -> SQL pairs."""

from __future__ import annotations

from datetime import datetime

from litestar import delete, get, post

from app.api.answering import Answering
from app.api.callers import Asker
from app.api.wire import ParameterView, VerifiedRequest, VerifiedResponse, VerifiedView
from app.engine import Engine
from app.values import Deadline
from app.verified.checking import Proposal, add_verified
from app.verified.listing import check_role, found, listed
from app.verified.values import VerifiedQuery


@get("/v1/verified", tags=["verified"])
async def verified_queries(
    engine: Engine, asker: Asker, answering: Answering, source: str | None = None
) -> VerifiedResponse:
    """The verified queries of the sources that the caller may ask, each with whether it still holds."""
    check_role(asker.caller)
    queries = await answering.run(lambda: listed(engine, asker.caller, source), _deadline(engine))
    return VerifiedResponse(verified=[verified_view(query) for query in queries])


@post("/v1/verified", status_code=201, tags=["verified"])
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


@delete("/v1/verified/{verified_id:str}", status_code=204, tags=["verified"], sync_to_thread=True)
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
