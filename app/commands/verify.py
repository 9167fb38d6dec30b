"""`answerable verify add|list|show|remove|check`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.source_names import source_names

if TYPE_CHECKING:
    from app.engine import Engine
    from app.verified.checking import Proposal
    from app.verified.values import VerifiedQuery

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Approve question -> SQL pairs and check them.")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SourceFilter = Annotated[str | None, typer.Argument(autocompletion=source_names, help="Only this source's.")]


@app.command()
def add(
    source: Annotated[
        str | None, typer.Argument(autocompletion=source_names, help="The source that the SQL reads.")
    ] = None,
    question: Annotated[str | None, typer.Argument(help="The question.")] = None,
    sql: Annotated[str | None, typer.Argument(help="The SELECT that answers it.")] = None,
    from_answer: Annotated[str | None, typer.Option("--from-answer", help="Approve an earlier answer, by id.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="JSON lines: source, question, sql, note.")] = None,
    note: Annotated[str, typer.Option("--note", help="Who approved it, and why.")] = "",
    exact: Annotated[bool, typer.Option("--exact", help="Only for these very values.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the same question's.")] = False,
    json: JsonOption = False,
) -> None:
    """Approve a question -> SQL pair: it is validated, run once and kept. Exit code 1 if any pair is refused."""
    from app.verified.proposals import from_lines, given

    engine = _engine()
    if file is not None:
        proposals = from_lines(file, source=source, note=note, exact=exact, force=force)
        _add_each(engine, proposals, json=json)
        return
    proposal = given(engine, source, question, sql, from_answer, note=note, exact=exact, force=force)
    _print([_added(engine, proposal)], json=json, one=True)


@app.command("list")
def list_verified(source: SourceFilter = None, json: JsonOption = False) -> None:
    """List the verified queries and whether each still holds."""
    from app.values import Caller
    from app.verified.listing import listed

    found = listed(_engine(), Caller(), source)
    if not found and not json:
        typer.echo("There are no verified queries. `answerable verify add SOURCE QUESTION SQL` adds one.")
    _print(found, json=json)


@app.command()
def show(identity: Annotated[str, typer.Argument(metavar="ID")], json: JsonOption = False) -> None:
    """Show one verified query: its SQL, its parameters and the schema that it relies on."""
    from app.values import Caller
    from app.verified.listing import found

    _print([found(identity, _engine(), Caller())], json=json, one=True)


@app.command()
def remove(identity: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Forget a verified query; it is not used from the next question on."""
    removed = _engine().verified.store.remove(identity)
    typer.echo(f"Verified query {removed.id} is removed.")


@app.command()
def check(source: SourceFilter = None, json: JsonOption = False) -> None:
    """Validate and run each verified query. Exit code 1 if any is stale."""
    from app.values import Caller
    from app.verified.listing import check_all, listed

    engine = _engine()
    if source is not None:
        listed(engine, Caller(), source)
    checked = list(check_all(engine, source))
    _print(checked, json=json)
    if any(query.status == "stale" for query in checked):
        raise typer.Exit(1)


def _add_each(engine: Engine, proposals: Iterator[tuple[int, Proposal]], *, json: bool) -> None:
    """Add what can be added; each refusal names its line, and the rest is kept."""
    from app.commands.terminal import one_line
    from app.errors import AppError

    added, refused = [], 0
    for line, proposal in proposals:
        try:
            added.append(_added(engine, proposal))
        except AppError as error:
            refused += 1
            typer.echo(one_line(f"line {line}: {error.message} {error.hint}"), err=True)
    _print(added, json=json)
    if not json:
        typer.echo(f"{len(added)} added, {refused} refused.")
    if refused:
        raise typer.Exit(1)


def _added(engine: Engine, proposal: Proposal) -> VerifiedQuery:
    from datetime import datetime

    from app.values import Caller
    from app.verified.checking import add_verified

    return add_verified(proposal, engine, Caller(), datetime.now().astimezone().date())


def _engine() -> Engine:
    import os

    from app.engine import Engine
    from app.settings import load_settings

    return Engine(load_settings(os.environ))


def _print(queries: list[VerifiedQuery], *, json: bool, one: bool = False) -> None:
    import msgspec

    from app.commands.terminal import one_line

    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(queries[0] if one else queries), indent=2))
        return
    for query in queries:
        state = query.status if query.reason is None else f"{query.status}: {query.reason}"
        typer.echo(one_line(f"{query.id}  {query.source}  {query.question}  ({state})"))
        for line in _details(query) if one else ():
            typer.echo(f"  {one_line(line)}")


def _details(query: VerifiedQuery) -> Iterator[str]:
    yield f"sql: {query.sql}"
    for parameter in query.parameters:
        place = f" of {parameter.table}.{parameter.column}" if parameter.table else ""
        yield f"may vary: “{query.question[parameter.start : parameter.end]}” ({parameter.kind}{place})"
    if not query.parameters:
        yield "nothing may vary: only this question uses it"
    for table, columns in query.schema.items():
        yield f"relies on: {table} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})"
    if query.note:
        yield f"note: {query.note}"
