"""`answerable prompts test`: the check before a new model or prompt gets traffic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from app.llm.prompts import Prompts
    from app.llm.prompts.trials.answers import Answers
    from app.llm.prompts.trials.report import Changed, ExampleResult, PromptReport, Summary
    from app.llm.prompts.trials.running import Told
    from app.llm.prompts.trials.testing import Subject

SHOWN_FAILURES = 20
"""Of a prompt, at the terminal; the JSON report has all."""


def test(
    name: Annotated[str | None, typer.Argument(help="Only this prompt.")] = None,
    label: Annotated[str | None, typer.Option("--label", help="The version tested: a label, a hash or `file`.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="provider/model, instead of the task's chain.")] = None,
    against: Annotated[
        str | None, typer.Option("--against", help="Compare with another version, or with another provider/model.")
    ] = None,
    replies: Annotated[Path | None, typer.Option("--replies", help="Recorded replies instead of a model.")] = None,
    record: Annotated[Path | None, typer.Option("--record", help="Add the replies to this file.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only the first cases of each prompt.")] = None,
    examples: Annotated[bool, typer.Option("--examples", help="Test the examples too, each left out once.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Write the whole report here, as JSON.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the whole report as JSON.")] = False,
) -> None:
    """Put each prompt's cases to a model: pass or fail, cost and latency. Exit code 1 if a case fails."""
    import msgspec

    from app.commands.prompts import opened, settings
    from app.errors import InvalidRequest
    from app.llm.prompts.trials.kept import keep_tests
    from app.llm.prompts.trials.testing import prompt_report

    with opened() as prompts, ExitStack() as stack:
        source = _Source(stack, replies, record)
        told = stack.enter_context(_progress())
        reports = []
        for each in _names(prompts, name, label):
            subject = _subject(prompts, each, source, label, model)
            other = None if against is None else _other(prompts, each, source, label, model, against)
            said = _telling(told, each)
            reports.append(prompt_report(prompts, each, subject, other, limit=limit, examples=examples, told=said))
        keep_tests(settings().state_path, reports)
    body = msgspec.json.format(msgspec.json.encode(reports), indent=2)
    if out is not None:
        try:
            out.write_bytes(body)
        except OSError as error:
            raise InvalidRequest(f"{out} cannot be written: {error}", hint="Give another file by --out.") from error
    if json:
        typer.echo(body.decode())
    else:
        _print(reports)
    if not all(report.passed for report in reports):
        raise typer.Exit(1)


class _Source:
    """What answers: recorded replies or models, each opened once."""

    def __init__(self, stack: ExitStack, replies: Path | None, record: Path | None) -> None:
        self._stack = stack
        self._replies = replies
        self._record = record
        self._opened: dict[str | None, Answers] = {}

    def of(self, model: str | None) -> Answers:
        """The answers of a model, or of the configured chain."""
        if model not in self._opened:
            self._opened[model] = self._open(model)
        return self._opened[model]

    def _open(self, model: str | None) -> Answers:
        from app.commands.prompts import settings
        from app.llm.prompts.trials.answers import Recorded, Recording
        from app.llm.prompts.trials.models import asking

        if self._replies is not None:
            return Recorded(self._replies, model)
        answers = self._stack.enter_context(asking(settings(), model))
        return answers if self._record is None else Recording(answers, self._record)


def _names(prompts: Prompts, name: str | None, label: str | None) -> list[str]:
    """The prompts to test: the one named, or all that have cases and, where one is given, the label."""
    from app.errors import InvalidRequest
    from app.llm.prompts.held import FILE, PRODUCTION

    if name is not None:
        return [name]
    found = [each for each in prompts.names if prompts.files.path(each, ".cases.jsonl") is not None]
    if label not in (None, FILE, PRODUCTION):
        found = [each for each in found if label in prompts.store.current(each)]
    if not found:
        raise InvalidRequest(f"No prompt has the label {label!r}.", hint="`answerable prompts list` shows the labels.")
    return found


def _other(prompts: Prompts, name: str, source: _Source, label: str | None, model: str | None, against: str) -> Subject:
    """What is compared with: the same version with another model, or another version with the same."""
    if "/" in against:
        return _subject(prompts, name, source, label, against)
    return _subject(prompts, name, source, against, model)


def _subject(prompts: Prompts, name: str, source: _Source, label: str | None, model: str | None) -> Subject:
    from app.llm.prompts.trials.testing import Subject

    which = label or prompts.label_of(name)
    return Subject(prompts.find(name, which), source.of(model), f"{which}, {model}" if model else which)


@contextmanager
def _progress() -> Iterator[Told]:
    """Shows on standard error which case is being put."""
    from rich.console import Console

    with Console(stderr=True).status("asking") as status:
        yield lambda said: status.update(f"asking {said}")


def _telling(told: Told, name: str) -> Told:
    return lambda case: told(f"{name}: {case}")


def _print(reports: list[PromptReport]) -> None:
    from rich.console import Console

    from app.commands.terminal import plain

    console = Console(highlight=False, markup=False, emoji=False)
    for report in reports:
        for line in _failure_lines(report)[:SHOWN_FAILURES]:
            console.print(plain(line), soft_wrap=True)
    console.print(_table(reports))
    for report in reports:
        for line in _change_lines(report):
            console.print(plain(line), soft_wrap=True)


def _failure_lines(report: PromptReport) -> list[str]:
    failed = [result for result in report.results if not result.passed]
    lines = [f"{report.name}: {result.case} failed: {'; '.join(result.failures)}" for result in failed]
    wrong = [example.example for example in report.examples if not example.right_with]
    return lines + [f"{report.name}: example {example} is answered wrongly though it is shown" for example in wrong]


def _change_lines(report: PromptReport) -> Iterator[str]:
    if report.changed is not None and report.against is not None:
        said = _said(report.changed) or "no case differs"
        yield f"{report.name}: compared with {report.against.label}, {said}"
    for example in report.examples:
        said = _said(example.changed) or "no case changes"
        yield f"{report.name}: example {example.example} {_known(example)}; left out, {said}"


def _known(example: ExampleResult) -> str:
    """Whether an example is answered right, shown and left out."""
    if example.right_with and example.right_without:
        return "is answered right even if it is left out"
    if example.right_with:
        return "is answered right only if it is shown"
    return "is answered right only if it is left out" if example.right_without else "is answered wrongly in any case"


def _said(changed: Changed) -> str:
    both = (("better", changed.better), ("worse", changed.worse))
    return "; ".join(f"{word}: {', '.join(cases)}" for word, cases in both if cases)


def _table(reports: list[PromptReport]) -> Table:
    from rich.table import Table

    table = Table(padding=(0, 0))
    for column in ("version", "as", "model"):
        table.add_column(column, overflow="fold")
    for column in ("passed", "cost $", "tokens in", "out", "p50 s", "p95 s"):
        table.add_column(column, justify="right", no_wrap=True)
    for report in reports:
        for each in (report.summary, report.against):
            if each is not None:
                table.add_row(*_cells(each))
    return table


def _cells(each: Summary) -> list[Text]:
    from rich.text import Text

    cost = "unknown" if each.cost_usd is None else f"{each.cost_usd:.4f}"
    named = (each.prompt, each.label, ", ".join(each.models) or "none")
    tokens = (f"{each.input_tokens:,}", f"{each.output_tokens:,}")
    figures = (f"{each.passed}/{each.cases}", cost, *tokens, f"{each.p50_s:.2f}", f"{each.p95_s:.2f}")
    return [Text(text) for text in (*named, *figures)]
