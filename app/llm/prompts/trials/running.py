"""Puts the cases of a prompt to its answers, and its examples to the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from app.llm.errors import NotRendered
from app.llm.prompts.expectations import Expect, failures
from app.llm.prompts.prompt import Prompt
from app.llm.prompts.trials.answers import Answers, Taken
from app.llm.prompts.trials.cases import Case
from app.llm.prompts.trials.report import CaseResult, Changed, ExampleResult, Run
from app.llm.prompts.trials.sql_checks import SqlChecks
from app.llm.prompts.version import Example

Told = Callable[[str], None]
"""Is told the id of each case that is put."""


def run(prompt: Prompt, cases: Sequence[Case], answers: Answers, sql: SqlChecks, *, label: str, told: Told) -> Run:
    """Every case of a version."""
    results = []
    for case in cases:
        told(case.id)
        results.append(_result(prompt, case.id, case.input, case.expect, answers, sql))
    return Run(prompt=prompt.id, label=label, results=tuple(results))


def examples_tested(
    prompt: Prompt, cases: Sequence[Case], whole: Run, answers: Answers, sql: SqlChecks, *, told: Told
) -> Iterator[ExampleResult]:
    """Each example: whether it is answered right with it and without it, and which cases leaving it out changes."""
    for example in prompt.version.examples:
        told(example.id)
        without = Prompt(prompt.version.without(example.id))
        left = run(without, cases, answers, sql, label=f"without {example.id}", told=told)
        yield ExampleResult(
            example=example.id,
            agrees=not list(_disagreements(example, sql)),
            right_with=_of_example(prompt, example, answers, sql).passed,
            right_without=_of_example(without, example, answers, sql).passed,
            prompt_without=without.id,
            changed=changed(whole, left),
        )


def changed(before: Run, after: Run) -> Changed:
    """The cases that one run passes and the other does not."""
    old = {result.case: result.passed for result in before.results}
    new = {result.case: result.passed for result in after.results}
    shared = [case for case in old if case in new]
    return Changed(
        better=tuple(case for case in shared if new[case] and not old[case]),
        worse=tuple(case for case in shared if old[case] and not new[case]),
    )


def disagreements(prompt: Prompt, sql: SqlChecks) -> dict[str, list[str]]:
    """Examples whose own output is not what they expect: they would teach what is counted as wrong."""
    found = {example.id: list(_disagreements(example, sql)) for example in prompt.version.examples}
    return {example: said for example, said in found.items() if said}


def _disagreements(example: Example, sql: SqlChecks) -> Iterator[str]:
    yield from _failures(example.output, example.expect, sql)


def _of_example(prompt: Prompt, example: Example, answers: Answers, sql: SqlChecks) -> CaseResult:
    return _result(prompt, f"example {example.id}", example.input, example.expect, answers, sql)


def _result(
    prompt: Prompt, case: str, inputs: Mapping[str, Any], expect: Expect, answers: Answers, sql: SqlChecks
) -> CaseResult:
    try:
        taken = answers.take(prompt, case, inputs)
    except NotRendered as error:
        taken = Taken(prompt=prompt.id, case=case, model="", output=None, error=f"{error.code}: {error.reason}")
    said = [f"no output: {taken.error}"] if taken.output is None else list(_failures(taken.output, expect, sql))
    return CaseResult(
        case=case,
        passed=not said,
        failures=tuple(said),
        model=taken.model,
        seconds=round(taken.seconds, 4),
        cost_usd=taken.cost_usd,
        input_tokens=taken.input_tokens,
        output_tokens=taken.output_tokens,
    )


def _failures(output: Mapping[str, Any], expect: Expect, sql: SqlChecks) -> Iterator[str]:
    yield from failures(output, expect)
    for path, wanted in expect.sql.items():
        yield from sql.failures(output, path, wanted)
