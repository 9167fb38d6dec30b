"""From what somebody asked, over HTTP or at a terminal, to a `Question`: the same checks for both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from app.engine import Engine
from app.errors import InvalidRequest, NotFound, QuestionEmpty, QuestionTooLong
from app.languages import asked_in
from app.planning.schema_index import visible
from app.sentences import ReaderLanguage
from app.values import Caller, Deadline, Question

if TYPE_CHECKING:
    from ingest.stores.snapshot import Snapshot, SourceReader

DEFAULT_ROWS = 100
SESSION_MAX_CHARS = 200


def question_from(
    text: str,
    engine: Engine,
    caller: Caller,
    *,
    sources: Sequence[str] | None = None,
    session: str | None = None,
    max_rows: int = DEFAULT_ROWS,
    threshold: float | None = None,
    today: date | None = None,
    preferred: ReaderLanguage | None = None,
) -> Question:
    """A checked question, its clock started; raises an `InvalidRequest` or `NotFound` that says what to change.

    The service speaks the question's own language; the `preferred` one where its words do not tell, else English.
    """
    settings = engine.settings
    deadline = Deadline.after(settings.deadline_s)
    check_text(text, limit=settings.question_max_chars)
    if session is not None and len(session) > SESSION_MAX_CHARS:
        raise InvalidRequest(f"session has {len(session)} characters; {SESSION_MAX_CHARS} are allowed.")
    if not 1 <= max_rows <= settings.max_rows:
        raise InvalidRequest(f"max_rows is {max_rows}; it may be 1 to {settings.max_rows}.")
    if threshold is not None and not 0.0 <= threshold <= 1.0:
        raise InvalidRequest(f"threshold is {threshold:g}; it may be 0 to 1.")
    return Question(
        text=text,
        today=today or datetime.now().astimezone().date(),
        deadline=deadline,
        caller=caller,
        sources=checked_sources(sources, engine.store.snapshot(), caller),
        session=session,
        max_rows=max_rows,
        threshold=threshold,
        language=asked_in(text) or preferred or "en",
    )


def check_text(text: str, *, limit: int) -> None:
    """Raise unless there is something to answer within `limit` characters."""
    if not text.strip():
        raise QuestionEmpty("The question is empty.", hint="Ask something in a sentence.")
    if len(text) > limit:
        message = f"The question has {len(text)} characters; {limit} are allowed."
        hint = "Shorten it, or raise ANSWERABLE_QUESTION_MAX_CHARS."
        raise QuestionTooLong(message, hint=hint, count=len(text), limit=limit)


def checked_sources(names: Sequence[str] | None, snapshot: Snapshot, caller: Caller) -> tuple[str, ...] | None:
    """The named sources without repeats, or None for all; raises `NotFound` that lists the known ones."""
    if names is None:
        return None
    if not names:
        raise InvalidRequest("sources is an empty list.", hint="Leave it out to ask all sources.")
    known = [source.name for source in visible_sources(snapshot, caller)]
    unknown = [name for name in names if name not in known]
    if unknown:
        listed = ", ".join(known) or "none yet"
        hint = f"Known sources: {listed}."
        raise NotFound(f"There is no source named {', '.join(map(repr, unknown))}.", hint=hint)
    return tuple(dict.fromkeys(names))


def visible_sources(snapshot: Snapshot, caller: Caller) -> Iterable[SourceReader]:
    """The sources that a caller may know of, by name."""
    for name in sorted(snapshot.sources):
        source = snapshot.sources[name]
        if caller.sources is not None and name not in caller.sources:
            continue
        if caller.role != "visitor" or _has_public_part(source, caller):
            yield source


def counts(source: SourceReader, caller: Caller) -> tuple[int, int]:
    """How many documents and passages of a source a caller may see."""
    if caller.role != "visitor":
        return source.entry.documents, source.entry.passages
    if source not in _public_counts:
        documents = source.passages.documents() if source.passages is not None else ()
        public = [document.passages for document in documents if document.visibility == "public"]
        _public_counts[source] = len(public), sum(public)
    return _public_counts[source]


def _has_public_part(source: SourceReader, visitor: Caller) -> bool:
    return bool(visible(source.catalog, visitor.visibilities).tables) or counts(source, visitor)[0] > 0


_public_counts: WeakKeyDictionary[SourceReader, tuple[int, int]] = WeakKeyDictionary()
"""Counted once for each reader; a reader lives as long as its segment is published."""
