"""Text-to-SQL sets: questions over many small databases with gold SQL, scored by the rows that come back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from app.evals.dataset import DatasetError
from app.evals.metrics import OUTCOMES, Interval, Outcome, Tally, percentile, tally, wilson
from app.evals.risk_coverage import CurvePoint, Limit, limits, risk_coverage
from app.evals.row_comparison import same_rows

RowsOf: TypeAlias = Sequence[Sequence[Any]]
Cause: TypeAlias = Literal["linking", "grammar", "ranking", "execution"]
CAUSES: tuple[Cause, ...] = ("linking", "grammar", "ranking", "execution")
SUFFIXES = (".duckdb", ".sqlite")
SHOWN_ERRORS = 5
ALL = "all"


class SqlCase(msgspec.Struct, frozen=True, kw_only=True):
    """A question on one database. Further fields of a file's rows are ignored."""

    id: str
    db: str
    question: str
    gold_sql: str
    difficulty: str = "unknown"
    ordered: bool = False


class SqlResult(msgspec.Struct, frozen=True, kw_only=True):
    """One case's outcome."""

    id: str
    db: str
    question: str
    difficulty: str
    outcome: Outcome
    confidence: float | None = None
    """How likely the best plan is right, enough to answer or not; None if nothing would be answered."""
    unrestrained: Outcome = "refused"
    """The outcome if the threshold were 0."""
    latency_ms: float = 0.0
    gold_sql: str = ""
    sql: str | None = None
    text: str = ""
    cause: Cause | None = None
    """Of a case that is not right, where it went wrong."""
    detail: str = ""


class SqlReport(msgspec.Struct, frozen=True, kw_only=True):
    """Outcomes over all and by difficulty, speed, causes, and how risk grows with coverage."""

    total: Tally
    difficulties: dict[str, Tally]
    intervals: dict[str, dict[Outcome, Interval]]
    """By difficulty, and `all`: for each outcome the 95 % interval of its share."""
    p50_ms: float
    p95_ms: float
    threshold: float
    causes: dict[str, int]
    curve: tuple[CurvePoint, ...]
    limits: tuple[Limit, ...]
    results: tuple[SqlResult, ...]


class GoldDatabases:
    """Runs gold SQL on `<folder>/<db>.duckdb` or `.sqlite`, opened read-only; one connection each, until `close`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, Any] = {}

    def path(self, db: str) -> Path:
        """The file of a database; raises `DatasetError` if there is none."""
        for suffix in SUFFIXES:
            found = self._folder / f"{db}{suffix}"
            if found.parent == self._folder and found.is_file():
                return found
        raise DatasetError(
            f"there is no database {db!r}", hint=f"Looked for {db}.duckdb and .sqlite in {self._folder}."
        )

    def rows(self, db: str, sql: str) -> RowsOf:
        """All rows of a query; raises `DatasetError` if the database is missing or the query fails."""
        import sqlite3

        import duckdb

        path = self.path(db)
        try:
            if db not in self._open:
                self._open[db] = _opened(path)
            found: RowsOf = self._open[db].execute(sql).fetchall()
        except (duckdb.Error, sqlite3.Error) as error:
            raise DatasetError(f"gold SQL on database {db!r}: {error}", hint=f"The database is {path}.") from error
        return found

    def close(self) -> None:
        """Close every connection."""
        for connection in self._open.values():
            connection.close()
        self._open.clear()


def _opened(path: Path) -> Any:
    if path.suffix == ".duckdb":
        import duckdb

        return duckdb.connect(str(path), read_only=True)
    import sqlite3

    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def load_sql_cases(path: Path) -> tuple[SqlCase, ...]:
    """The cases of a JSON-lines file; raises `DatasetError` with file and line."""
    cases: list[SqlCase] = []
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} cannot be read: {error}", hint="`--data` names a file of questions.") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                cases.append(msgspec.json.decode(line, type=SqlCase))
            except msgspec.MsgspecError as error:
                raise DatasetError(f"{path}, line {number}: {error}") from error
    if not cases:
        raise DatasetError(f"{path} holds no questions", hint="Write one JSON object a line.")
    return tuple(cases)


def score(got: RowsOf | None, gold: RowsOf, *, ordered: bool) -> Outcome:
    """`right` for the same rows, `wrong` for others, `refused` for none."""
    if got is None:
        return "refused"
    return "right" if same_rows(got, gold, ordered=ordered) else "wrong"


def gold_rows(cases: Iterable[SqlCase], gold: Callable[[str, str], RowsOf]) -> list[RowsOf]:
    """The gold rows of every case, before any is asked; raises `DatasetError` that names every case that has none."""
    found: list[RowsOf] = []
    wrong: list[str] = []
    hint = ""
    for case in cases:
        try:
            found.append(gold(case.db, case.gold_sql))
        except DatasetError as error:
            wrong.append(f"case {case.id!r}: {error.message}")
            hint = error.hint
    if wrong:
        more = f" and {len(wrong) - SHOWN_ERRORS} more" if len(wrong) > SHOWN_ERRORS else ""
        raise DatasetError("; ".join(wrong[:SHOWN_ERRORS]) + more, hint=hint)
    return found


def spread(cases: Sequence[SqlCase], limit: int | None) -> tuple[SqlCase, ...]:
    """At most `limit` cases, spread evenly over the file, which holds the questions of one database together."""
    if limit is None or limit >= len(cases):
        return tuple(cases)
    return tuple(cases[at * len(cases) // limit] for at in range(limit))


def summarise_sql(results: Sequence[SqlResult], *, threshold: float) -> SqlReport:
    """Count the results. `threshold`: the least probability at which a question was answered."""
    times = [result.latency_ms for result in results]
    curve = risk_coverage([(r.confidence, r.unrestrained) for r in results])
    causes = Counter(result.cause for result in results if result.cause is not None)
    total, difficulties = tally(result.outcome for result in results), _by_difficulty(results)
    return SqlReport(
        total=total,
        difficulties=difficulties,
        intervals={name: _intervals(counts) for name, counts in {**difficulties, ALL: total}.items()},
        p50_ms=round(percentile(times, 0.5), 1),
        p95_ms=round(percentile(times, 0.95), 1),
        threshold=threshold,
        causes={cause: causes[cause] for cause in CAUSES},
        curve=curve,
        limits=limits(curve),
        results=tuple(results),
    )


def _intervals(counts: Tally) -> dict[Outcome, Interval]:
    return {outcome: wilson(getattr(counts, outcome), counts.cases) for outcome in OUTCOMES}


def _by_difficulty(results: Sequence[SqlResult]) -> dict[str, Tally]:
    names = dict.fromkeys(result.difficulty for result in results)
    return {name: tally(r.outcome for r in results if r.difficulty == name) for name in names}
