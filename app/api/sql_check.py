"""`POST /v1/sql/check`: would this SQL be run? It never is here."""

from __future__ import annotations

from litestar import post

from app.api.answering import Answering
from app.api.callers import Asker
from app.api.wire import FindingView, SqlCheckRequest, SqlCheckResponse
from app.asking import check_text, checked_sources, visible_sources
from app.engine import Engine
from app.planning.schema_index import visible
from app.validation import check_sql
from app.values import Caller, Deadline

NO_TABLES = FindingView(rule="no_tables", message="No source that you may ask holds tables.")


@post("/v1/sql/check", status_code=200, tags=["sql"])
async def sql_check(data: SqlCheckRequest, engine: Engine, asker: Asker, answering: Answering) -> SqlCheckResponse:
    """Validate a statement against the rules without running it."""
    deadline = Deadline.after(engine.settings.deadline_s)
    return await answering.run(lambda: sql_check_response(data, engine, asker.caller), deadline)


def sql_check_response(request: SqlCheckRequest, engine: Engine, caller: Caller) -> SqlCheckResponse:
    """The check against the named source; without a name, the first source that allows it, or else the first."""
    check_text(request.sql, limit=engine.settings.body_max_bytes)
    snapshot = engine.store.snapshot()
    named = checked_sources(None if request.source is None else [request.source], snapshot, caller)
    sources = [source for source in visible_sources(snapshot, caller) if named is None or source.name in named]
    with_tables = [source for source in sources if source.tables_path is not None]
    if not with_tables:
        return SqlCheckResponse(allowed=False, findings=[NO_TABLES], sql=None)
    catalogs = [visible(source.catalog, caller.visibilities) for source in with_tables]
    checks = [check_sql(request.sql, catalog) for catalog in catalogs]
    check = next((check for check in checks if check.allowed), checks[0])
    findings = [FindingView(rule=finding.rule, message=finding.message) for finding in check.findings]
    return SqlCheckResponse(allowed=check.allowed, findings=findings, sql=check.sql)
