"""The verified queries of one process: read from the state file, made ready for matching when first needed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from app.planning.tokens import tokenize
from app.validation import Rejected, validate
from app.verified.matching import Template, template_of
from app.verified.reading import read_sql
from app.verified.spans import read_question
from app.verified.store import VerifiedStore
from app.verified.values import VerifiedQuery
from app.verified.wording_key import OPENING_WORDS, canonical
from ingest.stores.catalog import Visibility

if TYPE_CHECKING:
    from app.planning.planner import Planner
    from ingest.stores.snapshot import SourceReader

MOST_HELD = 2048


class VerifiedQueries:
    """The store and the templates made from it. Thread-safe."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._store: VerifiedStore | None = None
        self._templates: OrderedDict[tuple[str, float, str, tuple[Visibility, ...]], Template | None] = OrderedDict()

    @property
    def store(self) -> VerifiedStore:
        """The state file's queries; makes the file if there is none."""
        with self._lock:
            if self._store is None:
                self._store = VerifiedStore(self._state)
            return self._store

    def all(self) -> tuple[VerifiedQuery, ...]:
        """Every verified query; none, and nothing is opened, while there is no state file."""
        return self.store.all() if self._store is not None or self._state.exists() else ()

    def template(
        self, query: VerifiedQuery, source: SourceReader, planner: Planner, visibilities: Sequence[Visibility]
    ) -> Template | None:
        """The query made ready for an audience; None if the audience may not run it."""
        key = (query.id, query.changed_at, source.entry.segment, tuple(visibilities))
        with self._lock:
            if key in self._templates:
                self._templates.move_to_end(key)
                return self._templates[key]
        made = _template(query, source, planner)
        with self._lock:
            self._templates[key] = made
            while len(self._templates) > MOST_HELD:
                self._templates.popitem(last=False)
        return made


def _template(query: VerifiedQuery, source: SourceReader, planner: Planner) -> Template | None:
    catalog = planner.index.catalog
    try:
        validate(query.sql, catalog, database="checked", max_rows=1)
    except Rejected:
        return None
    added = datetime.fromtimestamp(query.created_at, tz=UTC).date()
    return template_of(
        query, read_question(query.question, planner.index, source.values, added), read_sql(query.sql, catalog)
    )


@lru_cache(maxsize=MOST_HELD)
def _words(question: str, spans: tuple[tuple[int, int], ...]) -> frozenset[str]:
    tokens = [t for t in tokenize(question) if not any(start <= t.start < end for start, end in spans)]
    return frozenset(form for t in tokens if (form := canonical(t, shouting=True)) is not None) - OPENING_WORDS


def may_match(query: VerifiedQuery, words: frozenset[str]) -> bool:
    """Whether a question of these words could be the query's: decided without looking at the source."""
    return _words(query.question, tuple((p.start, p.end) for p in query.parameters)) <= words


def words_of(question: str) -> frozenset[str]:
    """The words of a question as `may_match` compares them."""
    forms = [canonical(token, shouting=shouting) for token in tokenize(question) for shouting in (True, False)]
    return frozenset(form for form in forms if form is not None)
