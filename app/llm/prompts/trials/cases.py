"""The cases of a prompt, from `NAME.cases.jsonl`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from app.errors import InvalidRequest
from app.llm.prompts.expectations import Expect
from app.llm.prompts.leaks import Leak, leaks
from app.llm.prompts.reading import read_lines, wrong

if TYPE_CHECKING:
    from app.llm.prompts.held import Prompts
    from app.llm.prompts.version import Version


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Inputs, and what a right output holds. Cases are never sent as examples."""

    id: str
    input: dict[str, Any]
    expect: Expect
    note: str = ""


class CaseFile(msgspec.Struct, frozen=True, kw_only=True):
    """The cases of one prompt, and the tables that their SQL is tried on."""

    cases: tuple[Case, ...]
    tables: dict[str, list[str]] = {}
    """Name -> statements that make and fill the tables."""


def read_cases(file: Path) -> CaseFile:
    """The cases of a file. Raises `ConfigurationError` that names the line."""
    cases, tables = read_lines(file, Case)
    for case in cases:
        if not case.expect:
            raise wrong(file, f"the case {case.id!r} expects nothing")
        strange = [sql.on for sql in case.expect.sql.values() if sql.same_rows_as and sql.on not in tables]
        if strange:
            raise wrong(
                file, f"the case {case.id!r} is tried on {strange[0]!r}; there are {', '.join(tables) or 'none'}"
            )
    return CaseFile(cases=cases, tables=tables)


def cases_of(prompts: Prompts, name: str) -> CaseFile:
    """The cases of a prompt; raises `InvalidRequest` where there are none."""
    prompts.of_file(name)
    file = prompts.files.path(name, ".cases.jsonl")
    found = read_cases(file) if file is not None else CaseFile(cases=())
    if not found.cases:
        raise InvalidRequest(f"The prompt {name} has no cases.", hint=f"Write them into {name}.cases.jsonl.")
    return found


def leaked(version: Version, cases: tuple[Case, ...]) -> tuple[Leak, ...]:
    """The cases whose answer the version's examples show."""
    examples = [(example.id, example.input) for example in version.examples]
    return tuple(leaks(examples, [(case.id, case.input) for case in cases]))
