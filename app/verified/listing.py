"""What people see of verified queries: those of the sources that they may ask, as they stand now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.errors import DeadlineExceeded, NotFound, NotPermitted
from app.values import Caller, Deadline
from app.verified.checking import checked, current, noted
from app.verified.values import VerifiedQuery

if TYPE_CHECKING:
    from app.engine import Engine

NOT_FOUND_HINT = "`answerable verify list` shows the verified queries."


def check_role(caller: Caller) -> None:
    """Raise `NotPermitted` for a visitor: what an approved statement reads may be internal."""
    if caller.role == "visitor":
        raise NotPermitted("A visitor's key may not read or change verified queries.", hint="Use an analyst's key.")


def listed(engine: Engine, caller: Caller, source: str | None = None) -> list[VerifiedQuery]:
    """The verified queries of one source or of all that the caller may ask, each checked if its source changed.

    Raises `NotFound` for a source that has none and does not exist.
    """
    snapshot = engine.store.snapshot()
    seen = [query for query in engine.verified.all() if _may_see(query, caller) and source in (None, query.source)]
    if source is not None and not seen and not (source in snapshot.sources and _allowed(source, caller)):
        known = ", ".join(name for name in sorted(snapshot.sources) if _allowed(name, caller)) or "none yet"
        raise NotFound(f"There is no source named {source!r}.", hint=f"Known sources: {known}.")
    deadline = Deadline.after(engine.settings.deadline_s)
    return [_now(query, engine, deadline) for query in seen]


def check_all(engine: Engine, source: str | None = None) -> Iterator[VerifiedQuery]:
    """Validate and run every query of a source, or all, whatever changed; yields each as it then stands."""
    snapshot = engine.store.snapshot()
    for query in engine.verified.all():
        if source not in (None, query.source):
            continue
        reader = snapshot.sources.get(query.source)
        if reader is None:
            yield current(query, engine, snapshot)
        else:
            yield noted(query, checked(query, engine, snapshot, reader), engine)


def found(identity: str, engine: Engine, caller: Caller) -> VerifiedQuery:
    """One verified query that the caller may see; raises `NotFound`."""
    query = engine.verified.store.find(identity)
    if not _may_see(query, caller):
        raise NotFound(f"There is no verified query {identity!r}.", hint=NOT_FOUND_HINT)
    return _now(query, engine, Deadline.after(engine.settings.deadline_s))


def _now(query: VerifiedQuery, engine: Engine, deadline: Deadline) -> VerifiedQuery:
    """The query as it stands; as it was last known where there is no time to check it."""
    try:
        return current(query, engine, engine.store.snapshot(), deadline)
    except DeadlineExceeded:
        return query


def _may_see(query: VerifiedQuery, caller: Caller) -> bool:
    return _allowed(query.source, caller)


def _allowed(source: str, caller: Caller) -> bool:
    return caller.role != "visitor" and (caller.sources is None or source in caller.sources)
