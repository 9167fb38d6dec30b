"""`/console/unanswered`: what people asked in vain, in groups, each with what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import msgspec
from litestar import Request, Response, get
from litestar.params import QueryParameter
from litestar.response import Template

from app.engine import Engine
from app.errors import InvalidRequest
from app.ops.trace_search import TraceSearch
from app.ops.unanswered import MOST, Unanswered, UnansweredGroup, unanswered
from app.web.console.answers import FRESH_S
from app.web.console.frame import Export, exported, page
from app.web.console.trace_filters import day_from, share_from
from app.web.console.viewers import Viewer
from app.web.console.wording import WORDS

DAYS = 30
"""Days that the page looks back unless told otherwise."""
UNSURE_BELOW = 0.5
"""Confidence under which an answer counts as unsure unless told otherwise."""
SHOWN = 100
"""Groups on the page; an export has all."""
FIELDS = ("since", "until", "below")
_WORDING = frozenset({"not_understood", "no_such_value", "contradictory"})
"""Codes of refusals after which better words for the tables help."""


class NextStep(msgspec.Struct, frozen=True):
    """Something that would make a group of questions answerable."""

    label: str
    href: str
    why: str


@get("/unanswered", sync_to_thread=True)
def unanswered_page(
    request: Request[Any, Any, Any],
    viewer: Viewer,
    engine: Engine,
    shape: Annotated[Export, QueryParameter(name="format")] = "html",
) -> Template | Response[bytes]:
    """The groups of a period, largest first; all of them as JSON or CSV."""
    viewer.must_own()
    engine.traces.flush(wait_s=FRESH_S)
    first = datetime.now(UTC).date() - timedelta(days=DAYS)
    usual = {"since": first.isoformat(), "until": "", "below": str(UNSURE_BELOW)}
    given = {name: request.query_params.get(name, usual[name]) for name in FIELDS}
    problem, found = None, Unanswered(groups=(), questions=0, capped=False, by_meaning=True)
    try:
        found = _found(given, engine)
    except InvalidRequest as error:
        problem = error
    if shape != "html" and problem is None:
        return exported(found.groups, shape, "unanswered")
    readers = engine.store.snapshot().sources
    with_tables = [name for name, reader in sorted(readers.items()) if reader.tables_path is not None]
    return page(
        "unanswered.html",
        viewer,
        active="unanswered",
        title="Unanswered",
        status=200 if problem is None else problem.status,
        given=given,
        problem=problem,
        found=found,
        groups=[(group, next_steps(group, with_tables)) for group in found.groups[:SHOWN]],
        most=MOST,
        exports={kind: f"/console/unanswered?{urlencode({**given, 'format': kind})}" for kind in ("csv", "json")},
        **WORDS,
    )


def next_steps(group: UnansweredGroup, with_tables: Sequence[str]) -> list[NextStep]:
    """What would help, the most promising first; `with_tables` are the names of the sources that hold tables."""
    question = {"question": group.question}
    again = NextStep("Ask it now", f"/console?{urlencode(question)}", "to see what is missing.")
    if group.codes.keys() == {"unsafe"}:
        return [again]
    source = next(iter(group.sources), None)
    at_source = f"/console/sources/{quote(source, safe='')}" if source else "/console/sources"
    document = NextStep("Add a document", at_source, "that says it, and synchronise its source.")
    tables = next((name for name in (*group.sources, *with_tables) if name in with_tables), None)
    if tables is None:
        return [document, again]
    description = f"/console/sources/{quote(tables, safe='')}/description"
    wording = NextStep("Describe the tables", description, "with the synonyms and values that people use.")
    pair = f"/console/verified?{urlencode({**question, 'source': tables})}"
    approve = NextStep("Verify a query", pair, "that answers this very question.")
    if set(group.codes) & _WORDING or "clarify" in group.reasons:
        return [wording, approve, document, again]
    return [document, approve, again] if group.codes else [approve, wording, again]


def _found(given: Mapping[str, str], engine: Engine) -> Unanswered:
    below = share_from("below", given["below"])
    since, until = day_from("since", given["since"]), day_from("until", given["until"], after=1)
    search = TraceSearch(engine.settings.state_path)
    return unanswered(engine, search, since=since, until=until, unsure_below=UNSURE_BELOW if below is None else below)
