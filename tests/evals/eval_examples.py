"""Cases and answers for the tests of evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.evals import Case, Expect
from app.values import Answer, Citation, ColumnInfo, TableView, Versions


def case(**fields: Any) -> Case:
    """A documents case that expects "60 days" out of `returns.md`, but for `fields`."""
    expect = fields.pop("expect", Expect(document="returns.md", contains=("60 days",)))
    usual = {"id": "c1", "question": "How long?", "category": "documents", "route": "passages", "status": "answered"}
    return Case(expect=expect, **(usual | fields))


def answer(
    text: str = "You have 60 days.",
    *,
    cites: str | None = "returns.md",
    rows: Sequence[Any] | None = None,
    **fields: Any,
) -> Answer:
    """An answer that cites a document, with a table if there are rows."""
    citations = ()
    if cites is not None:
        quote = "from the day of **delivery**"
        citations = (
            Citation(n=1, source="help", document=cites, title=None, url=None, start=0, end=len(quote), quote=quote),
        )
    table = None
    if rows is not None:
        names = tuple(ColumnInfo(f"c{i}", "other") for i in range(len(rows[0]) if rows else 0))
        table = TableView(columns=names, rows=tuple(tuple(row) for row in rows), truncated=False)
    usual: dict[str, Any] = {"id": "a1", "status": "answered", "route": "passages", "versions": Versions(manifest=None)}
    return Answer(text=text, citations=citations, table=table, **(usual | fields))
