"""Asks the cases of a text-to-SQL set by the service's own path, each of its database alone, and scores the rows."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from app.evals.metrics import Outcome
from app.evals.sql_failures import Diagnosis
from app.evals.text2sql import RowsOf, SqlCase, SqlReport, SqlResult, score, summarise_sql
from app.settings import Settings
from app.values import Answer, Caller
from ingest.request import SourceRequest, slug

if TYPE_CHECKING:
    from app.engine import Engine

MOST_ROWS = 100_000
TEXT_CHARACTERS = 300


def ingest_missing(home: Path, databases: dict[str, Path], on_source: Callable[[str], None] = lambda _: None) -> None:
    """Ingest, as a user would, the databases that the home does not hold as they are now."""
    from ingest.pipeline import ingest_source
    from ingest.stores.snapshot import Store

    known = Store(home).snapshot().sources if (home / "store").exists() else {}
    for name, path in sorted(databases.items()):
        held = known.get(slug(name))
        if (
            held is None
            or held.entry.location != str(path.absolute().resolve())
            or _changed(path, held.entry.synced_at)
        ):
            on_source(name)
            ingest_source(home, SourceRequest(location=str(path), name=name))


def _changed(path: Path, synced_at: object) -> bool:
    synced = datetime.fromisoformat(str(synced_at))
    return datetime.fromtimestamp(path.stat().st_mtime, tz=UTC) > synced.astimezone(UTC)


class SqlRunner:
    """Asks cases over one home's stores. `threshold`: least probability to answer at, None for the setting's."""

    def __init__(self, settings: Settings, *, threshold: float | None = None) -> None:
        from app.engine import Engine

        if threshold is not None:
            settings = msgspec.structs.replace(settings, planner_threshold=threshold)
        self.threshold = settings.planner_threshold
        self.engine = Engine(msgspec.structs.replace(settings, max_rows=MOST_ROWS, trace_retention_days=0))
        self._unrestrained = copy.copy(self.engine)  # the same open parts under another threshold
        self._unrestrained.settings = msgspec.structs.replace(self.engine.settings, planner_threshold=0.0)

    def run(
        self, cases: Sequence[SqlCase], gold: Sequence[RowsOf], on_case: Callable[[SqlCase], None] = lambda _: None
    ) -> SqlReport:
        """The report over the cases; `gold` holds their rows."""
        return summarise_sql(tuple(self._results(cases, gold, on_case)), threshold=self.threshold)

    def close(self) -> None:
        """Close what was opened."""
        self.engine.close()

    def _results(
        self, cases: Sequence[SqlCase], gold: Sequence[RowsOf], on_case: Callable[[SqlCase], None]
    ) -> Iterable[SqlResult]:
        today = datetime.now(tz=UTC).astimezone().date()
        diagnosis = Diagnosis(self.engine, self.engine.store.snapshot(), today, MOST_ROWS)
        for case, rows in zip(cases, gold, strict=True):
            on_case(case)
            yield self._result(case, rows, diagnosis)

    def _result(self, case: SqlCase, gold: RowsOf, diagnosis: Diagnosis) -> SqlResult:
        found, milliseconds = asked(case, self.engine)
        outcome: Outcome = "failed" if found.status in ("partial", "failed") else outcome_of(case, found, gold)
        daring = found if found.status == "answered" else asked(case, self._unrestrained)[0]
        result = SqlResult(
            id=case.id,
            db=case.db,
            question=case.question,
            difficulty=case.difficulty,
            outcome=outcome,
            confidence=daring.confidence if daring.status == "answered" else None,
            unrestrained=outcome_of(case, daring, gold),
            latency_ms=round(milliseconds, 2),
            gold_sql=case.gold_sql,
            sql=found.sql.text if found.sql is not None else None,
            text=found.text[:TEXT_CHARACTERS],
        )
        if outcome == "right":
            return result
        cause, detail = diagnosis.cause(case, slug(case.db), found, gold)
        return msgspec.structs.replace(result, cause=cause, detail=detail)


def asked(case: SqlCase, engine: Engine) -> tuple[Answer, float]:
    """The service's answer to a case and its milliseconds."""
    from app.answer import answer
    from app.asking import question_from

    caller = Caller(sees_personal_data=True)
    started = time.perf_counter()
    question = question_from(case.question, engine, caller, sources=[slug(case.db)], max_rows=MOST_ROWS)
    found = answer(question, engine)
    return found, (time.perf_counter() - started) * 1000


def outcome_of(case: SqlCase, answer: Answer, gold: RowsOf) -> Outcome:
    """How an answer's rows compare with the gold rows."""
    got = answer.table.rows if answer.status == "answered" and answer.table is not None else None
    return score(got, gold, ordered=case.ordered)
