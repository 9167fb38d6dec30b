"""Answers at a terminal.

Text from documents, tables and models is untrusted: its control characters are shown, never sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from app.values import Answer, Cell, Citation, Planning, TableView

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

SHOWN_ROWS = 20
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]"
)
"""C0 and C1 controls but tab and line feed, and the invisible characters that reorder or hide text (Unicode TR 36)."""


def plain(text: str) -> str:
    r"""The text with each control character as its escape, `\x1b`, so that a terminal only displays it."""
    return _CONTROL.sub(lambda match: ascii(match.group())[1:-1], text)


def one_line(text: str) -> str:
    """The text on one line, control characters shown."""
    return plain(" ".join(text.split()))


def render(answer: Answer, *, explain: bool = False) -> None:
    """Print an answer: text, table, numbered citations; with `explain` the SQL and the time of each stage."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    console.print(plain(answer.text) or f"({answer.status})", soft_wrap=False)
    render_below(answer, console, explain=explain)


def render_below(answer: Answer, console: Console, *, explain: bool = False) -> None:
    """Print what stands below an answer's text."""
    if answer.table is not None and answer.table.columns and (len(answer.table.rows) != 1 or explain):
        console.print(rich_table(answer.table))
        for note in _table_notes(answer.table):
            console.print(note)
    if answer.verified is not None:
        console.print(one_line(f"Verified: {answer.verified.question} ({answer.verified.id})"), soft_wrap=True)
    for line in _lines_below(answer):
        console.print(line, soft_wrap=True)
    if explain:
        for line in explanation(answer):
            console.print(line, soft_wrap=True)


def rich_table(view: TableView) -> Table:
    """The first rows as a table."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in view.columns:
        numeric = column.type in ("integer", "number")
        table.add_column(Text(one_line(column.name)), justify="right" if numeric else "left", overflow="fold")
    for row in view.rows[:SHOWN_ROWS]:
        table.add_row(*(Text(cell_text(cell)) for cell in row))
    return table


def cell_text(cell: Cell) -> str:
    """A cell as it is shown: 12 significant digits of a number, nothing for a null."""
    if cell is None:
        return ""
    return f"{cell:.12g}" if isinstance(cell, float) else one_line(str(cell))


def citation_line(citation: Citation) -> str:
    """`[1] Returns policy (help-centre: policies/returns.md)`."""
    place = f"{citation.source}: {citation.document}" + (f", {citation.url}" if citation.url else "")
    return one_line(f"[{citation.n}] {citation.title or citation.document} ({place})")


def explanation(answer: Answer) -> Iterator[str]:
    """Where the answer came from: route, confidence, SQL and the time of each stage in milliseconds."""
    yield ""
    yield f"route: {answer.route}, confidence: {answer.confidence:.2f}, answer: {answer.id}"
    if answer.planner is not None:
        yield f"planned by: {_planned(answer.planner)}"
    if answer.versions.prompts:
        yield one_line(f"models: {_models(answer)}")
    if answer.computed is not None:
        yield one_line(f"computed: {answer.computed.text}")
    if answer.chart is not None:
        yield one_line(f"chart: {answer.chart.get('title', '')}, at /v1/answers/{answer.id}/chart.svg of the service")
    if answer.sql is not None:
        yield f"sql ({one_line(answer.sql.source)}):"
        yield from ("  " + line for line in plain(answer.sql.text).split("\n"))
    stages = ", ".join(f"{stage} {milliseconds:.1f}" for stage, milliseconds in answer.timing_ms.items())
    yield f"timing (ms): {stages}"


def _planned(planning: Planning) -> str:
    """Who planned, the vote, and how sure each was: `model, 3 statements, 100 % agree, model 0.84, grammar 0.31`."""
    said = [planning.by or f"none (the model's outcome: {planning.outcome})"]
    if planning.samples > 1 and planning.agreement is not None:
        said.append(f"{planning.samples} statements, {planning.agreement:.0%} agree".replace("%", " %"))
    if planning.repairs:
        said.append(f"{planning.repairs} corrected")
    sure = (("model", planning.model), ("grammar", planning.grammar))
    return ", ".join(said + [f"{name} {value:.2f}" for name, value in sure if value is not None])


def _models(answer: Answer) -> str:
    """What models were asked, in the order asked, by which one, and what it took."""
    usage, versions = answer.usage, answer.versions
    cost = "cost unknown" if usage.cost_usd is None else f"${usage.cost_usd}"
    took = f"{usage.input_tokens:,} tokens in, {usage.output_tokens:,} out, {cost}"
    return f"{', '.join(versions.prompts)} by {versions.model or 'none that replied'}; {took}"


def _table_notes(view: TableView) -> Iterator[str]:
    if len(view.rows) > SHOWN_ROWS:
        left = len(view.rows) - SHOWN_ROWS
        yield f"{left} more row{'' if left == 1 else 's'}; --json shows all."
    if view.truncated:
        yield f"There are more rows than the {len(view.rows)} fetched; --max-rows raises the limit."


def _lines_below(answer: Answer) -> Iterator[str]:
    if answer.understood_as is not None:
        yield one_line(f"Understood as: {answer.understood_as}")
    if answer.clarify is not None:
        repeated = answer.text.startswith(answer.clarify.question)
        yield from _options("" if repeated else answer.clarify.question, answer.clarify.options)
    if answer.refusal is not None:
        nearest = [item.title or item.document or item.source for item in answer.refusal.nearest]
        if not all(name in answer.text for name in nearest):
            yield one_line("Nearest: " + "; ".join(nearest))
    if answer.citations:
        yield ""
        yield from (citation_line(citation) for citation in answer.citations)


def _options(question: str, options: Sequence[str]) -> Iterator[str]:
    if question:
        yield plain(question)
    yield from (f"  - {one_line(option)}" for option in options)
