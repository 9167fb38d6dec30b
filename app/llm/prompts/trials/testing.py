"""The test of one prompt: leaks, then its cases, side by side with another version or model, then its examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from app.errors import ConfigurationError
from app.llm.prompts.trials.answers import Answers
from app.llm.prompts.trials.cases import Case, cases_of, leaked
from app.llm.prompts.trials.report import PromptReport, summary
from app.llm.prompts.trials.running import Told, changed, disagreements, examples_tested, run
from app.llm.prompts.trials.sql_checks import SqlChecks

if TYPE_CHECKING:
    from app.llm.prompts.held import Prompts
    from app.llm.prompts.prompt import Prompt


class Subject(msgspec.Struct, frozen=True):
    """What is tested: a version, what answers with it, and how it is called in the report."""

    prompt: Prompt
    answers: Answers
    label: str


def prompt_report(
    prompts: Prompts,
    name: str,
    subject: Subject,
    against: Subject | None = None,
    *,
    limit: int | None = None,
    examples: bool = False,
    told: Told = lambda _: None,
) -> PromptReport:
    """The report over the first `limit` cases, all without one.

    Raises `ConfigurationError` where any case leaks from an example, or an example contradicts itself.
    """
    file = cases_of(prompts, name)
    cases = file.cases[:limit]
    with SqlChecks(file.tables) as sql:
        for each in (subject, against):
            if each is not None:
                _check(each.prompt, file.cases, sql)
        found = run(subject.prompt, cases, subject.answers, sql, label=subject.label, told=told)
        report = PromptReport(name=name, summary=summary(found), results=found.results)
        if against is not None:
            other = run(against.prompt, cases, against.answers, sql, label=against.label, told=told)
            report = msgspec.structs.replace(
                report, against=summary(other), against_results=other.results, changed=changed(other, found)
            )
        if examples:
            tested = examples_tested(subject.prompt, cases, found, subject.answers, sql, told=told)
            report = msgspec.structs.replace(report, examples=tuple(tested))
    return report


def _check(prompt: Prompt, cases: tuple[Case, ...], sql: SqlChecks) -> None:
    shown = leaked(prompt.version, cases)
    if shown:
        said = "; ".join(f"case {leak.case} ({leak.question}) is shown by {leak.shown_by}" for leak in shown)
        hint = "Ask something else in the case, or take the example out."
        raise ConfigurationError(f"{prompt.id}: {said}.", hint=hint, code="leaked_case")
    contradicting = disagreements(prompt, sql)
    if contradicting:
        said = "; ".join(f"example {example}: {failures[0]}" for example, failures in contradicting.items())
        raise ConfigurationError(f"{prompt.id}: {said}.", hint="Correct its output, or what it expects.")
