"""An answer in the making as the page Ask shows it: server-sent events with texts that the page puts in as text.

    status    what is done now, in words
    plan      route, confidence, why it was taken, the plan in words
    sql       the statement as tokens with their classes
    rows      columns, and cells as text
    citation  one each, before the text that uses it
    delta     text to append
    view      last: the finished answer as the server renders it, with its own address
    error     last, in the one error shape

`static/console-ask.js` reads them.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from app.api.events import Numbered
from app.progress import EventName
from app.values import Answer, Citation, SqlView, TableView
from app.web.console.wording import ROUTES, cell, route_words, sql_tokens, stored_text

STAGES = {
    "accepted": "Beginning",
    "context": "Recalling the session",
    "rewrite": "Recalling the session",
    "split": "Taking the question apart",
    "plan": "Planning",
    "model": "Planning with the model",
    "route": "Choosing the route",
    "search": "Searching",
    "read": "Reading",
    "execute": "Running the query",
    "write": "Writing",
}
"""Stages of an answer that take time worth telling -> how they are called."""


class StageShown(msgspec.Struct, frozen=True, kw_only=True):
    """What is done now."""

    label: str


class PlanShown(msgspec.Struct, frozen=True, kw_only=True):
    """How the question is being answered."""

    route: str
    confidence: float
    why: str
    plan: str | None
    """What the query computes, in words."""
    chart: bool
    """A chart will stand beside the rows."""


class SqlShown(msgspec.Struct, frozen=True, kw_only=True):
    """The statement that was run."""

    dialect: str
    source: str
    tokens: list[tuple[str, str]]
    """Class, text."""


class RowsShown(msgspec.Struct, frozen=True, kw_only=True):
    """What the statement returned; None stands for null."""

    columns: list[tuple[str, str]]
    """Name, type."""
    rows: list[list[str | None]]
    truncated: bool


class CitationShown(msgspec.Struct, frozen=True, kw_only=True):
    """A quote and where it stands."""

    n: int
    quote: str
    title: str
    place: str
    link: str


class AnswerShown(msgspec.Struct, frozen=True, kw_only=True):
    """The finished answer; `url` is None where answers are not kept."""

    html: str
    said: str
    """What became of the question, in a word or two."""
    url: str | None


class AskEvents(Numbered):
    """The events of one answer. What is told must have been `shown` before."""

    _label = ""

    def status(self, stage: str) -> bytes:
        """What is done now."""
        self._label = STAGES[stage]
        return self.event("status", StageShown(label=self._label))

    def told(self, name: EventName, content: object) -> Iterator[bytes]:
        """The event for a piece of the answer, or for another stage than the one before."""
        if name == "delta":
            yield self.event(name, {"text": content})
        elif name != "status":
            yield self.event(name, content)
        elif (stage := str(content)) in STAGES and STAGES[stage] != self._label:
            yield self.status(stage)

    def rest(self, result: AnswerShown, /) -> Iterator[bytes]:
        """The whole, which holds every piece."""
        yield self.event("view", result)


def shown(content: object) -> object:
    """A piece of an answer as the page shows it. Costs a millisecond or more: for the thread that answers."""
    if isinstance(content, Answer):
        computed = content.computed.text if content.computed is not None else None
        why = route_words(msgspec.to_builtins(content))
        route = ROUTES.get(content.route, content.route)
        chart = content.chart is not None
        return PlanShown(route=route, confidence=content.confidence, why=why, plan=computed, chart=chart)
    if isinstance(content, SqlView):
        tokens = sql_tokens(content.text, content.dialect)
        return SqlShown(dialect=content.dialect, source=content.source, tokens=tokens)
    if isinstance(content, TableView):
        rows = [[None if value is None else cell(value) for value in row] for row in content.rows]
        columns = [(column.name, column.type) for column in content.columns]
        return RowsShown(columns=columns, rows=rows, truncated=content.truncated)
    if isinstance(content, Citation):
        return CitationShown(
            n=content.n,
            quote=content.quote,
            title=content.title or content.document,
            place=f"{content.source} / {content.document}",
            link=stored_text(msgspec.to_builtins(content)) or "",
        )
    return content
