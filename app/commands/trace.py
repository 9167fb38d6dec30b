"""`answerable trace ID` and `answerable trace list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from app.ops.feedback import Feedback
    from app.ops.traces import Trace

app = typer.Typer(add_completion=False)


@app.command()
def trace(
    answer: Annotated[str, typer.Argument(metavar="ID|list", help="An answer's id, or `list` for the newest.")],
    limit: Annotated[int, typer.Option("--limit", help="How many `list` shows.", min=1, max=1000)] = 20,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what was asked and answered, with personal data masked."""
    import msgspec

    from app.errors import NotFound

    traces = _traces(answer, limit)
    if answer != "list" and not traces:
        raise NotFound(f"There is no trace {answer!r}.", hint="`answerable trace list` shows the newest.")
    if json:
        content = traces if answer == "list" else traces[0]
        typer.echo(msgspec.json.format(msgspec.json.encode(content), indent=2))
    elif answer == "list":
        for item in traces:
            typer.echo(_line(item))
    else:
        _show(traces[0])


def _traces(answer: str, limit: int) -> list[Trace]:
    import os

    from app.engine import Engine
    from app.settings import load_settings

    kept = Engine(load_settings(os.environ)).traces
    if answer == "list":
        return kept.latest(limit)
    found = kept.find(answer)
    return [] if found is None else [found]


def _line(item: Trace) -> str:
    from app.commands.terminal import one_line

    return one_line(f"{item.id}  {_time(item)}  {item.answer['status']}/{item.answer['route']}  {item.question}")


def _show(item: Trace) -> None:
    import msgspec

    from app.commands.terminal import one_line, render
    from app.values import Answer

    typer.echo(one_line(f"asked {_time(item)}: {item.question}"))
    render(msgspec.convert(item.answer, Answer), explain=True)
    for given in _feedback(item.id):
        reasons = f" ({', '.join(given.reasons)})" if given.reasons else ""
        typer.echo(one_line(f"thumb {given.thumb}{reasons} {given.comment}".rstrip()))


def _feedback(answer: str) -> tuple[Feedback, ...]:
    import os

    from app.engine import Engine
    from app.settings import load_settings

    return Engine(load_settings(os.environ)).feedback.of([answer]).get(answer, ())


def _time(item: Trace) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(item.created_at, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
