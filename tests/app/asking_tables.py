"""Files of tables ingested as a user would drop them in, and questions asked of them through the service's own path."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.answer import answer
from app.asking import question_from
from app.engine import Engine
from app.settings import Settings
from app.values import Answer, Caller
from ingest.pipeline import ingest_source
from ingest.request import SourceRequest

Sheet = tuple[Sequence[str], Sequence[Sequence[Any]]]
"""Header and rows."""


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]], above: Sequence[Any] = ()) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([*above, header, *rows])


class Asked:
    """A home of its own with one or more sources."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.engine = Engine(Settings(home=home))
        self.reports: dict[str, Any] = {}

    def add(self, location: Path, name: str, **request: Any) -> None:
        self.reports[name] = ingest_source(self.home, SourceRequest(location=str(location), name=name, **request))

    def add_sheets(self, name: str, sheets: Mapping[str, Sheet], **request: Any) -> None:
        folder = self.home.parent / f"{self.home.name}-{name}"
        for file, (header, rows) in sheets.items():
            write_csv(folder / f"{file}.csv", header, rows)
        self.add(folder, name, **request)

    def ask(self, text: str, *sources: str, role: Any = "owner") -> Answer:
        caller = Caller(role=role, sees_personal_data=role != "visitor")
        return answer(question_from(text, self.engine, caller, sources=list(sources) or None), self.engine)

    def rows(self, text: str, *sources: str) -> list[tuple[Any, ...]]:
        """The rows of a question that must be answered from tables alone."""
        found = self.ask(text, *sources)
        assert (found.status, found.route) == ("answered", "tables"), (text, found.status, found.text)
        assert found.sql is not None and found.table is not None and not found.citations
        return [tuple(row) for row in found.table.rows]
