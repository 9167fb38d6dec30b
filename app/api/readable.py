"""An answer as Markdown, for clients that show one text and nothing beside it.

What documents and cells say is not Markdown of ours: an image in it would be fetched by whoever reads the answer, and
HTML might be run. `Plain` takes both out of a text, cells and titles lose all that could mark them up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

from app.links import SOURCE_PAGE, is_web, stored_text
from app.values import Answer, Cell, Citation, TableView

SHOWN_ROWS = 20
"""Rows of an answer's table that its Markdown shows."""
_HTML = re.compile(r"<(?=[A-Za-z/!?])")
_ESCAPES = str.maketrans({mark: f"&#{ord(mark)};" for mark in "&<>[]|`\\"})
_OPENING = "!<"
"""Characters that begin markup, depending on what follows them."""


class Plain:
    """Takes images and HTML out of a text that comes in pieces; links and lists stay.

    A backslash in front of either would itself be escaped by one that the text brings, so an image's mark is broken in
    the middle, and HTML's is written as an entity.
    """

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> str:
        """What can be shown of the text so far and was not yet; an end that may begin markup waits."""
        text = self._held + piece
        self._held = text[len(text.rstrip(_OPENING)) :]
        return _plain(text[: len(text) - len(self._held)])

    def rest(self) -> str:
        """What waited: nothing follows it."""
        held, self._held = self._held, ""
        return _plain(held)


def plain(text: str) -> str:
    """A whole text without images and HTML."""
    taken = Plain()
    return taken.feed(text) + taken.rest()


def _plain(text: str) -> str:
    return _HTML.sub("&lt;", text.replace("![", "!\\["))


def body(answer: Answer) -> str:
    """The answer's text; a question back has its options as a list."""
    if answer.clarify is None:
        return plain(answer.text)
    options = "\n".join(f"- {literal(option)}" for option in answer.clarify.options)
    return f"{plain(answer.clarify.question)}\n\n{options}"


def table(view: TableView) -> str:
    """A table of up to `SHOWN_ROWS` rows, with a line that says if there are more."""
    names = [column.name for column in view.columns]
    lines = [_row(names), _row(["---"] * len(names))]
    lines += [_row([literal(_shown(cell)) for cell in row]) for row in view.rows[:SHOWN_ROWS]]
    lines[0] = _row([literal(name) for name in names])
    if view.truncated or len(view.rows) > SHOWN_ROWS:
        shown = min(SHOWN_ROWS, len(view.rows))
        more = "more than " if view.truncated else ""
        lines += ["", f"(the first {shown} of {more}{len(view.rows)} rows)"]
    return "\n".join(lines)


def footer(answer: Answer, base: str) -> str:
    """The numbered sources with links, and the SQL; empty for an answer that has neither. `base` begins the links."""
    lines = [f"{citation.n}. {_source(citation, base)}" for citation in answer.citations]
    parts = ["**Sources**\n\n" + "\n".join(lines)] if lines else []
    if answer.sql is not None:
        parts.append(f"**SQL** ({literal(answer.sql.source)})\n\n{fenced(answer.sql.text, 'sql')}")
    if answer.as_of is not None and parts:
        parts.append(f"As of {literal(answer.as_of)}.")
    return "\n\n".join(parts)


def fenced(text: str, language: str) -> str:
    """A block of code; its fence is longer than any in the text."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def literal(text: str) -> str:
    """A text on one line that Markdown shows as it stands."""
    return " ".join(text.split()).translate(_ESCAPES)


def link(citation: Citation, base: str) -> str:
    """The address of a citation: the document's own, or the page of this service that shows the passage."""
    if is_web(citation.url):
        return quote(str(citation.url), safe="/:?#@!$&'*+,;=%~-._")
    page = base + SOURCE_PAGE
    return stored_text(page, citation.source, citation.document, start=citation.start, end=citation.end) or base


def _source(citation: Citation, base: str) -> str:
    return f"[{literal(citation.title or citation.document)}]({link(citation, base)})"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _shown(cell: Cell) -> str:
    if cell is None:
        return ""
    return str(cell).lower() if isinstance(cell, bool) else str(cell)
