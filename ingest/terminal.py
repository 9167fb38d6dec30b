"""What the ingest commands write: results on standard output, progress and errors on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from ingest.hooks import IngestHooks
    from ingest.report import IngestReport

EXIT_ERROR = 2
_SHOWN_FINDINGS = 10
_PIPED_WIDTH = 200  # characters of a table that goes into a pipe or file


@contextmanager
def stated(as_json: bool) -> Iterator[None]:
    """State an error that the code foresees in a line and a hint, or as JSON, and exit with status 2."""
    try:
        yield
    except KeyboardInterrupt:
        _state("interrupted", "Stopped; nothing was published.", "Run the command again to finish.", as_json)
        raise typer.Exit(130) from None
    except Exception as error:
        code, message = getattr(error, "code", None), getattr(error, "message", None)
        if not isinstance(code, str) or not isinstance(message, str):
            raise
        _state(code, message, getattr(error, "hint", ""), as_json)
        raise typer.Exit(EXIT_ERROR) from error


def _state(code: str, message: str, hint: str, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"error": {"code": code, "message": message, "hint": hint}}, ensure_ascii=False))
        return
    typer.echo(f"Error: {message}", err=True)
    if hint:
        typer.echo(f"  {hint}", err=True)


def printed_sync(reports: Sequence[IngestReport], failures: Mapping[str, Exception], as_json: bool) -> None:
    """Print the reports of a sync of several sources, and what stopped single ones; exit with status 2 if any did."""
    stopped = [{"source": name, "error": _error_view(error)} for name, error in failures.items()]
    printed([*reports, *stopped], as_json, [line for report in reports for line in report_lines(report)])
    for name, error in failures.items():
        if not as_json:
            view = _error_view(error)
            _state(view["code"], f"{name}: {view['message']}", view["hint"], as_json)
    if failures:
        raise typer.Exit(EXIT_ERROR)


def _error_view(error: Exception) -> dict[str, str]:
    return {name: str(getattr(error, name, "")) for name in ("code", "message", "hint")}


def printed(value: Any, as_json: bool, lines: Iterable[Any], *, alerts: Sequence[str] = ()) -> None:
    """Print `value` as JSON for a script, or `lines` (text or rich tables) for a person."""
    for alert in alerts:
        typer.echo(f"Warning: {alert}", err=True)
    if as_json:
        import msgspec

        typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
        return
    from rich.console import Console

    width = None if sys.stdout.isatty() else _PIPED_WIDTH
    console = Console(highlight=False, markup=False, soft_wrap=True, width=width)
    for line in lines:
        console.print(line)


@contextmanager
def ingest_bar(name: str, *, quiet: bool) -> Iterator[IngestHooks]:
    """Hooks that draw a progress bar on standard error, if that is a terminal."""
    from ingest.hooks import IngestHooks

    if quiet or not sys.stderr.isatty():
        yield IngestHooks()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(), TextColumn("{task.fields[source]}: {task.description}"), BarColumn(), MofNCompleteColumn(),
        TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None, source=name)

        def on_step(step: str) -> None:
            bar.update(task, description=step)

        def on_progress(step: str, done: int, total: int | None) -> None:
            bar.update(task, description=step, completed=done, total=total)

        yield IngestHooks(on_step=on_step, on_progress=on_progress)


def report_lines(report: IngestReport, *, every: bool = False) -> list[str]:
    """What a run did, for a person: the counts, and findings (the first ten unless `every`)."""
    seconds = sum(report.seconds.values())
    lines = [f"{report.source}: {_items(report)}, in {seconds:.1f} s."]
    if not report.changed:
        lines = [f"{report.source}: nothing changed since the last sync ({_items(report)})."]
    if report.rebuilt:
        lines.append(f"  Built anew ({report.rebuilt}).")
    told = report.findings if every else [each for each in report.findings if each.severity != "noted"]
    shown = told if every else told[:_SHOWN_FINDINGS]
    lines += [f"  {each.severity:9} {each.path or '-'}: {each.message} [{each.code}]" for each in shown]
    hidden = len(report.findings) - len(shown)
    if hidden and report.changed:
        lines.append(f"  {hidden} more finding{'' if hidden == 1 else 's'}: answerable ingest report {report.source}")
    return lines


def _items(report: IngestReport) -> str:
    parts: list[str] = []
    documents, tables = report.documents, report.tables
    if documents.total or documents.removed:
        passages = _number(report.passages.total, "passage")
        parts.append(f"{_number(documents.total, 'document')} ({_changes(documents)}), {passages}")
    if report.duplicates:
        parts.append(f"{_number(report.duplicates, 'duplicate')} collapsed")
    if tables.total or tables.removed:
        parts.append(
            f"{tables.total} table{'' if tables.total == 1 else 's'} ({_changes(tables)}), {report.rows:,} rows"
        )
    if report.skipped:
        parts.append(f"{report.skipped} skipped")
    return ", ".join(parts) or "nothing"


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _changes(counts: Any) -> str:
    names = ("new", "changed", "removed", "unchanged")
    return ", ".join(f"{getattr(counts, name)} {name}" for name in names if getattr(counts, name)) or "none"
