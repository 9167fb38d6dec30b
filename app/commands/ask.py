"""`answerable ask QUESTION`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from ingest.source_names import source_names

app = typer.Typer(add_completion=False)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="A question in plain language.")],
    source: Annotated[
        list[str] | None,
        typer.Option("--source", autocompletion=source_names, help="Ask only this source; may be repeated."),
    ] = None,
    session: Annotated[
        str | None, typer.Option("--session", help="Any name: later questions under it may follow up on earlier ones.")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show route, SQL and the time of each stage.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON, as over HTTP.")] = False,
    max_rows: Annotated[int, typer.Option("--max-rows", help="Most rows in the answer's table.")] = 100,
    threshold: Annotated[
        float | None, typer.Option("--threshold", help="Least confidence, 0 to 1, at which tables answer.")
    ] = None,
    today: Annotated[
        datetime | None, typer.Option("--today", formats=["%Y-%m-%d"], help="What relative dates count from.")
    ] = None,
) -> None:
    """Ask a question and print the cited answer.

    Exit code 0: answered; 3: a question back, a refusal or a partial answer; 1: an error.
    """
    import os

    from app.answer import answer
    from app.asking import question_from
    from app.commands.terminal import render
    from app.engine import Engine
    from app.progress import Progress
    from app.settings import load_settings
    from app.values import Caller

    engine = Engine(load_settings(os.environ))
    try:
        asked = question_from(
            question,
            engine,
            Caller(),
            sources=source,
            session=session,
            max_rows=max_rows,
            threshold=threshold,
            today=today.date() if today else None,
        )
        progress = Progress()
        found = answer(asked, engine, progress)
        if json:
            import msgspec

            typer.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
        else:
            render(found, explain=explain)
        engine.traces.record(question, found, spans=progress.spans)
    finally:
        engine.close()
    if found.status != "answered":
        raise typer.Exit(1 if found.status == "failed" else 3)
