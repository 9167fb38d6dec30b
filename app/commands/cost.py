"""`answerable cost` and `answerable cost purge`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from app.engine import Engine
    from app.llm.cost_report import BudgetState, CostReport
    from app.llm.costs import Spend

app = typer.Typer(add_completion=False, help="Show what language models have cost.")

TITLES = {"question": "dearest questions"}
SHOWN_CHARS = 60


@app.callback(invoke_without_command=True)
def cost(
    context: typer.Context,
    since: Annotated[str, typer.Option("--since", help="12h, 30d, 4w, or a date.")] = "30d",
    by: Annotated[
        list[str] | None,
        typer.Option("--by", help="key, task, model, prompt, source, day or question; may be repeated."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Show spend, savings of the cache and budgets."""
    if context.invoked_subcommand is not None:
        return
    import msgspec

    from app.llm.cost_report import as_csv, cost_report

    report = cost_report(_engine(), since=since, by=by or ())
    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(report), indent=2))
    elif csv:
        typer.echo(as_csv(report), nl=False)
    else:
        _show(report)


@app.command()
def purge(
    older_than: Annotated[str, typer.Option("--older-than", help="400d, 60w, or a date; at least 62 days.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete old rows of the ledger, for good."""
    import time

    from app.errors import InvalidRequest
    from app.llm.cost_report import configured, moment
    from app.llm.ledger import KEPT_DAYS, open_ledger
    from app.llm.periods import time_zone

    settings = _engine().settings
    now = time.time()
    before = moment(older_than, now, time_zone(configured(settings).budgets.time_zone))
    if now - before < KEPT_DAYS * 86_400:
        raise InvalidRequest(f"The last {KEPT_DAYS} days of the ledger are kept.", hint="Give an earlier moment.")
    if not yes:
        typer.confirm(f"Delete every row older than {older_than}?", abort=True)
    ledger = open_ledger(settings)
    deleted = ledger.purge(before)
    ledger.close()
    typer.echo(f"{deleted} rows were deleted.")


def _engine() -> Engine:
    import os

    from app.engine import Engine
    from app.settings import load_settings

    return Engine(load_settings(os.environ))


def _show(report: CostReport) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    for line in _summary(report):
        console.print(line, soft_wrap=True)
    for dimension, spends in report.by.items():
        shown = [spend for spend in spends if spend.attempts] if dimension == "day" else spends
        if shown:
            console.print(f"\nby {dimension}" if dimension not in TITLES else f"\n{TITLES[dimension]}")
            console.print(_spends(shown))
    if report.budgets:
        console.print("\nbudgets")
        console.print(_budgets(report.budgets))


def _summary(report: CostReport) -> Iterator[str]:
    total = report.total
    yield f"{_money(total.cost_usd)} since {report.since}: {total.attempts} attempts, {total.failed} failed"
    yield f"{total.input_tokens} tokens in, {total.output_tokens} out; {total.cached} answered by the cache saved " + (
        _money(total.saved_usd)
    )
    if total.unpriced:
        yield f"Attempts without a known price, not in the sum: {total.unpriced}. Set `prices` for their models."
    if total.estimated:
        yield f"Attempts with estimated tokens: {total.estimated}."


def _spends(spends: Sequence[Spend]) -> Table:
    table = _table("", "cost", "attempts", "failed", "tokens in", "out", "saved")
    for spend in spends:
        name = " ".join(part for part in (spend.name or "(none)", spend.label) if part)
        counts = (spend.attempts, spend.failed, spend.input_tokens, spend.output_tokens)
        _row(table, name, _cost(spend), *counts, _money(spend.saved_usd))
    return table


def _budgets(states: Sequence[BudgetState]) -> Table:
    table = _table("scope", "period", "limit", "spent", "reserved", "left", "resets at")
    for state in states:
        amounts = (state.limit_usd, state.spent_usd, state.reserved_usd, state.left_usd)
        _row(table, state.scope, state.period, *map(_money, amounts), state.resets_at)
    return table


def _table(*columns: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", overflow="fold")
    return table


def _row(table: Table, *cells: object) -> None:
    from rich.text import Text

    from app.commands.terminal import one_line

    table.add_row(*(Text(one_line(str(cell))[:SHOWN_CHARS]) for cell in cells))


def _cost(spend: Spend) -> str:
    """The known cost; `+ ?` where some attempts have no known price."""
    known = _money(spend.cost_usd)
    return f"{known} + ?" if spend.unpriced and spend.cost_usd is not None else known


def _money(usd: str | None) -> str:
    return "not known" if usd is None else f"${usd}"
