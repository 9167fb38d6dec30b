"""Text-to-SQL sets: questions over many small databases with gold SQL, scored by the rows that come back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from app.evals.dataset import DatasetError
from app.evals.metrics import Outcome, Tally, tally
from app.evals.row_comparison import same_rows

RowsOf: TypeAlias = Sequence[Sequence[Any]]
AskRows: TypeAlias = Callable[["SqlCase"], RowsOf | None]
"""The rows that answer a case, or None if it was refused."""


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
    difficulty: str
    outcome: Outcome


class SqlReport(msgspec.Struct, frozen=True, kw_only=True):
    """Outcomes over all and by difficulty."""

    total: Tally
    difficulties: dict[str, Tally]
    results: tuple[SqlResult, ...]


class GoldDatabases:
    """Runs gold SQL on `<folder>/<db>.duckdb`, opened read-only; one connection a database, kept open until `close`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, Any] = {}

    def rows(self, db: str, sql: str) -> RowsOf:
        """All rows of a query; raises `DatasetError` if the database is missing or the query fails."""
        import duckdb

        try:
            if db not in self._open:
                self._open[db] = duckdb.connect(str(self._folder / f"{db}.duckdb"), read_only=True)
            found: RowsOf = self._open[db].execute(sql).fetchall()
        except duckdb.Error as error:
            raise DatasetError(f"gold SQL on database {db!r}: {error}", hint=f"Looked in {self._folder}.") from error
        return found

    def close(self) -> None:
        """Close every connection."""
        for connection in self._open.values():
            connection.close()
        self._open.clear()


def load_sql_cases(path: Path) -> tuple[SqlCase, ...]:
    """The cases of a JSON-lines file; raises `DatasetError` with file and line."""
    cases: list[SqlCase] = []
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} cannot be read: {error}", hint="Give the folder by --data.") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                cases.append(msgspec.json.decode(line, type=SqlCase))
            except msgspec.MsgspecError as error:
                raise DatasetError(f"{path}, line {number}: {error}") from error
    return tuple(cases)


def score(got: RowsOf | None, gold: RowsOf, *, ordered: bool) -> Outcome:
    """`right` for the same rows, `wrong` for others, `refused` for none."""
    if got is None:
        return "refused"
    return "right" if same_rows(got, gold, ordered=ordered) else "wrong"


def run_sql_cases(cases: Iterable[SqlCase], ask: AskRows, gold: Callable[[str, str], RowsOf]) -> SqlReport:
    """Ask every case and count; `gold(db, sql)` gives the gold rows (`GoldDatabases.rows`)."""
    results = tuple(
        SqlResult(
            id=case.id,
            db=case.db,
            difficulty=case.difficulty,
            outcome=score(ask(case), gold(case.db, case.gold_sql), ordered=case.ordered),
        )
        for case in cases
    )
    return SqlReport(total=tally(r.outcome for r in results), difficulties=_by_difficulty(results), results=results)


def _by_difficulty(results: Sequence[SqlResult]) -> dict[str, Tally]:
    names = dict.fromkeys(result.difficulty for result in results)
    return {name: tally(r.outcome for r in results if r.difficulty == name) for name in names}
