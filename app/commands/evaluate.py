"""`answerable eval FILE` and `answerable eval text2sql`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from app.commands.evaluate_text2sql import text2sql

if TYPE_CHECKING:
    from app.evals import Case, Gold, OpinionOf, Report
    from app.values import Answer
    from ingest.stores.snapshot import Snapshot


class FileByDefault(TyperGroup):
    """A group whose first argument, where it names no command, is the file of the command `file`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command to run."""
        if args and args[0] not in self.commands:
            args = ["file", *args]
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Options before the file belong to `file` too: `eval --json FILE`."""
        if args and args[0].startswith("-") and args[0] != "--help":
            args = ["file", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=FileByDefault,
    add_completion=False,
    no_args_is_help=True,
    help="Score answers: `eval FILE` for questions with what a right answer holds, `eval text2sql` for gold SQL.",
)
app.command("text2sql")(text2sql)


@app.command("file")
def evaluate(
    file: Annotated[Path, typer.Argument(help="Questions with what a right answer holds, one JSON object a line.")],
    today: Annotated[
        datetime | None, typer.Option("--today", formats=["%Y-%m-%d"], help="What relative dates count from.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only the first questions.")] = None,
    judge: Annotated[
        bool, typer.Option("--judge", help="Ask a model for a second opinion on answers out of documents.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the whole report as JSON.")] = False,
) -> None:
    """Score the answers to a file of questions: right, wrong and refused apart, and what language models took.

    With `--judge` the configured model for `judge` grades answers out of documents too; the outcome stays the check's.
    """
    import os

    from app import evals
    from app.evals.report import to_json
    from app.settings import load_settings

    settings = load_settings(os.environ)
    counted_from = today.date() if today else None
    with (
        asking(settings, today=counted_from) as (ask, gold),
        _opinions(settings, judge) as opinion,
        _progress() as show,
    ):
        report = evals.evaluate(file, ask, gold, limit=limit, on_case=show, opinion=opinion)
    if json:
        typer.echo(to_json(report))
    else:
        _print(report)


@contextmanager
def asking(settings: Any, *, today: date | None = None) -> Iterator[tuple[Callable[[Case], Answer], Gold]]:
    """A way to answer a case and a way to run gold SQL, both over the stores as published now."""
    import uuid

    from app.answer import answer
    from app.asking import question_from
    from app.engine import Engine
    from app.values import Caller

    engine, run = Engine(settings), uuid.uuid4().hex

    def ask(case: Case) -> Answer:
        counted_from = case.today or today
        session = f"{run} {case.session}" if case.session is not None else None
        question = question_from(
            case.question, engine, Caller(role=case.role), sources=case.sources, session=session, today=counted_from
        )
        return answer(question, engine)

    with gold_queries(engine.store.snapshot()) as gold:
        yield ask, gold
    engine.close()


@contextmanager
def _opinions(settings: Any, wanted: bool) -> Iterator[OpinionOf | None]:
    """What asks a model for second opinions, where they are wanted. Raises `ConfigurationError`."""
    if not wanted:
        yield None
        return
    from app.engine import Engine
    from app.evals.second_opinion import SecondOpinion

    engine = Engine(settings)
    try:
        yield SecondOpinion(engine)
    finally:
        engine.close()


@contextmanager
def gold_queries(snapshot: Snapshot) -> Iterator[Gold]:
    """Runs SQL that the question file holds on all sources' tables, opened read-only under their bare names."""
    import duckdb

    from app.evals import DatasetError

    with duckdb.connect() as connection:
        schemas = []
        for number, source in enumerate(snapshot.sources.values()):
            if source.tables_path is not None and source.catalog.dialect == "duckdb":
                path = str(source.tables_path).replace("'", "''")
                connection.execute(f"ATTACH '{path}' AS source_{number} (READ_ONLY)")
                schemas.append(f"source_{number}.main")
        if schemas:
            connection.execute(f"SET search_path = '{','.join(schemas)}'")

        def rows(sql: str) -> Sequence[Sequence[Any]]:
            try:
                return connection.execute(sql).fetchall()
            except duckdb.Error as error:
                hint = "Are its tables ingested? `answerable ingest list` shows the sources."
                raise DatasetError(f"The gold SQL cannot be run: {error}", hint=hint) from error

        yield rows


@contextmanager
def _progress() -> Iterator[Callable[[Case], None]]:
    """Shows on standard error which question is being asked."""
    from rich.console import Console

    with Console(stderr=True).status("asking") as status:
        yield lambda case: status.update(f"asking {case.id}")


def _print(report: Report) -> None:
    from rich.console import Console

    from app.evals.report import failures_text, models_text, summary_table

    console = Console()
    if report.failures:
        console.print(failures_text(report))
    console.print(summary_table(report))
    console.print(models_text(report), end="")
    typer.echo(f"routes right: {report.routes_right:.0%}")
