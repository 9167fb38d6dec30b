"""`answerable eval text2sql`: table questions over many databases, with gold SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from app.evals.planners import PlannerReport
    from app.evals.risk_coverage import Limit
    from app.evals.text2sql import RowsOf, SqlCase, SqlReport
    from app.settings import Settings

SHOWN_FAILURES = 5
"""Of each cause, at the terminal; the JSON report has all."""


def text2sql(
    data: Annotated[Path, typer.Option("--data", help="Questions with gold SQL, one JSON object a line.")],
    source_dir: Annotated[Path, typer.Option("--source-dir", help="Folder of the databases: DB.duckdb or DB.sqlite.")],
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Ask only this many, spread evenly.")] = None,
    threshold: Annotated[
        float | None, typer.Option("--threshold", min=0.0, max=1.0, help="Least probability to answer at.")
    ] = None,
    planner: Annotated[
        Literal["grammar", "llm"],
        typer.Option("--planner", help="`grammar` needs no model; `llm` compares it with the configured model."),
    ] = "grammar",
    out: Annotated[Path | None, typer.Option("--out", help="Folder for report.json and risk-coverage.svg.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the whole report as JSON.")] = False,
) -> None:
    """Score table questions by the rows that come back: right, wrong and refused by difficulty, and why.

    Databases are ingested once, without description files, into a cache under ANSWERABLE_HOME. With `--planner llm`
    each question is asked of the grammar and of the model, with what the model costs and how long it takes.
    """
    report: SqlReport | PlannerReport
    if planner == "llm":
        report = _compared(data, source_dir, limit, threshold)
    else:
        report = _scored(data, source_dir, limit, threshold)
    if out is not None:
        _write(out, report)
    if json:
        import msgspec

        typer.echo(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
    else:
        _print(report, out)


def _scored(data: Path, source_dir: Path, limit: int | None, threshold: float | None) -> SqlReport:
    import os

    from app.evals.planners import without_models
    from app.evals.sql_runner import SqlRunner
    from app.settings import load_settings

    settings = without_models(load_settings(os.environ))
    with _prepared(settings, data, source_dir, limit) as (home, cases, rows, show):
        runner = SqlRunner(home, threshold=threshold)
        try:
            return runner.run(cases, rows, lambda case: show(f"asking {case.id}", 1))
        finally:
            runner.close()


def _compared(data: Path, source_dir: Path, limit: int | None, threshold: float | None) -> PlannerReport:
    import os

    from app.engine import Engine
    from app.errors import ConfigurationError
    from app.evals.planners import PlannerRunner
    from app.settings import load_settings

    settings = load_settings(os.environ)
    models = Engine(settings).models
    if models is None or not models.config.chain("plan_sql"):
        hint = (
            "Set ANSWERABLE_LLM_BASE_URL and ANSWERABLE_LLM_MODEL, or ANSWERABLE_LLM_CONFIG; docs/models-planning.md."
        )
        raise ConfigurationError("No language model is configured to plan table questions.", hint=hint)
    models.close()
    with _prepared(settings, data, source_dir, limit) as (home, cases, rows, show):
        engine = Engine(home)
        try:
            return PlannerRunner(engine, threshold=threshold).run(cases, rows, lambda c: show(f"asking {c.id}", 1))
        finally:
            engine.close()


@contextmanager
def _prepared(
    settings: Settings, data: Path, source_dir: Path, limit: int | None
) -> Iterator[tuple[Settings, tuple[SqlCase, ...], list[RowsOf], Callable[[str, int], None]]]:
    """Settings with the home that holds the databases, the cases, their gold rows, and what shows the progress."""
    import hashlib

    import msgspec

    from app.evals.sql_runner import ingest_missing
    from app.evals.text2sql import GoldDatabases, gold_rows, load_sql_cases, spread

    cases = spread(load_sql_cases(data), limit)
    gold = GoldDatabases(source_dir)
    folder = hashlib.sha256(str(source_dir.absolute().resolve()).encode()).hexdigest()[:16]
    home = settings.home / "cache" / "eval" / folder
    with _progress(len(cases)) as show:
        try:
            databases = {case.db: gold.path(case.db) for case in cases}
            rows = gold_rows(cases, gold.rows)
        finally:
            gold.close()
        home.mkdir(parents=True, exist_ok=True)
        ingest_missing(home, databases, lambda name: show(f"ingesting {name}", 0))
        yield msgspec.structs.replace(settings, home=home, trace_retention_days=0), cases, rows, show


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str, int], None]]:
    """A bar on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("checking the gold queries", total=total)
        yield lambda said, steps: bar.update(task, description=said, advance=steps)


def _write(out: Path, report: SqlReport | PlannerReport) -> None:
    import msgspec

    from app.errors import InvalidRequest
    from app.evals.risk_coverage import curve_svg

    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "report.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2))
        (out / "risk-coverage.svg").write_text(curve_svg(report.curve, report.threshold), encoding="utf-8")
    except OSError as error:
        raise InvalidRequest(f"{out} cannot be written: {error}", hint="Give another folder by --out.") from error


def _print(report: SqlReport | PlannerReport, out: Path | None) -> None:
    from rich.console import Console
    from rich.text import Text

    from app.evals.text2sql import SqlReport

    console = Console()
    if isinstance(report, SqlReport):
        _print_scores(report, console)
    else:
        _print_planners(report, console)
    if out is not None:
        console.print(Text(f"report.json and risk-coverage.svg are in {out}"))


def _print_scores(report: SqlReport, console: Console) -> None:
    from rich.text import Text

    console.print(_failures(report))
    times = f"p50 {report.p50_ms:.1f} ms, p95 {report.p95_ms:.1f} ms"
    title = f"{report.total.cases} questions, threshold {report.threshold:g}, {times}"
    console.print(_table(report, title))
    _print_limits(report.limits, console)
    causes = ", ".join(f"{cause} {count}" for cause, count in report.causes.items())
    console.print(Text(f"not right because of: {causes}"))


def _print_limits(limits: Sequence[Limit], console: Console) -> None:
    from rich.text import Text

    for limit in limits:
        said = f"wrong at most {limit.wrong_at_most:.0%}: "
        if limit.right is None or limit.threshold is None or limit.coverage is None:
            console.print(Text(said + "no threshold allows it"))
            continue
        console.print(
            Text(f"{said}{limit.right:.1%} right, {limit.coverage:.1%} answered, from threshold {limit.threshold:.2f}")
        )


def _print_planners(report: PlannerReport, console: Console) -> None:
    """A row for each planner, and what the model took."""
    from rich.table import Table
    from rich.text import Text

    table = Table(padding=(0, 0), title=f"{len(report.results)} questions, threshold {report.threshold:g}")
    table.add_column("planner", no_wrap=True)
    for name in ("right", "wrong", "refused", "failed"):
        table.add_column(name, justify="right", no_wrap=True)
    for planner, counts in report.planners.items():
        table.add_row(planner, str(counts.right), str(counts.wrong), str(counts.refused), str(counts.failed))
    console.print(table)
    decided = ", ".join(f"{name} {count}" for name, count in report.decisions.items())
    console.print(Text(f"answered by: {decided}"))
    each = f", ${report.cost_per_question_usd} a question" if report.cost_per_question_usd is not None else ""
    unpriced = f", {report.unpriced} questions without a known price" if report.unpriced else ""
    console.print(Text(f"model {report.model}: p50 {report.model_p50_ms:.0f} ms, p95 {report.model_p95_ms:.0f} ms"))
    tokens = f"{report.input_tokens} tokens in, {report.output_tokens} out"
    console.print(Text(f"{report.calls} calls ({report.cached} cached), {tokens}, ${report.cost_usd}{each}{unpriced}"))
    console.print(Text("of the model alone:"))
    _print_limits(report.limits, console)


def _table(report: SqlReport, title: str) -> Table:
    """Counts by difficulty, each with the 95 % interval of its share."""
    from rich.table import Table

    from app.evals.text2sql import ALL

    table = Table(padding=(0, 0), title=title)
    table.add_column("difficulty", no_wrap=True)
    for name in ("cases", "right", "wrong", "refused", "failed"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, counts in {**report.difficulties, ALL: report.total}.items():
        if name == ALL:
            table.add_section()
        cells = []
        for outcome, interval in report.intervals[name].items():
            count = getattr(counts, outcome)
            cells.append(f"{count} ({100 * interval.low:.0f}–{100 * interval.high:.0f} %)")
        table.add_row(name, str(counts.cases), *cells)
    return table


def _failures(report: SqlReport) -> Text:
    from rich.text import Text

    text = Text()
    for cause in report.causes:
        missed = [result for result in report.results if result.cause == cause]
        missed.sort(key=lambda result: result.outcome != "wrong")
        for result in missed[:SHOWN_FAILURES]:
            text.append(f"{cause}  {result.id}  {result.outcome}: {result.question}\n", style="bold")
            text.append(
                f"  because  {_one_line(result.detail)}\n  gold     {_one_line(result.gold_sql)}\n", style="dim"
            )
            text.append(f"  got      {_one_line(result.sql or result.text)}\n", style="dim")
    return text


def _one_line(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 240 else f"{flat[:239]}…"
