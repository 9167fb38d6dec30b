"""Reading prompt files: `NAME.md` with front matter and two parts, and `NAME.examples.jsonl` beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from app.errors import ConfigurationError
from app.llm.prompts.expectations import Expect
from app.llm.prompts.schemas import faults, first_error, plain_json, with_nulls
from app.llm.prompts.template import BadTemplate, body
from app.llm.prompts.version import Example, Version
from app.llm.values import Parameters, TaskName

PACKAGED = Path(__file__).resolve().parents[2] / "prompts"
MOST_BYTES = 1_000_000
"""Of one file."""
_PART = re.compile(r"^# (system|user)[ \t]*$", re.MULTILINE)
_LIMITS = {"temperature": (0, 2), "top_p": (0, 1), "max_tokens": (1, 100_000), "seed": (0, 2**53)}
T = TypeVar("T")


class _Front(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    task: TaskName
    input: dict[str, Any]
    output: dict[str, Any] | None
    description: str = ""
    parameters: dict[str, Any] = {}
    clear_inputs: tuple[str, ...] = ()


class ExampleLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of `NAME.examples.jsonl`."""

    id: str
    input: dict[str, Any]
    output: dict[str, Any]
    expect: Expect
    """What makes another output right too: of an example, only what matters should count."""
    note: str = ""


class SharedLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line with inputs that others refer to as `{"$shared": NAME}`, or tables that SQL is tried on."""

    shared: dict[str, Any] = {}
    tables: dict[str, list[str]] = {}
    """Name -> statements that make and fill the tables."""


def read_version(file: Path, examples: Path | None) -> Version:
    """The version that the files hold. Raises `ConfigurationError` that names file and fault."""
    import frontmatter
    import yaml

    text = read_text(file)
    try:
        front, below = frontmatter.parse(text)
        found = msgspec.convert(front, _Front)
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise wrong(file, f"its front matter cannot be used: {_first_line(error)}") from error
    if found.name != file.stem:
        raise wrong(file, f"its front matter calls it {found.name!r}, not {file.stem!r}")
    system, user = _parts(file, below)
    version = Version(
        name=found.name,
        task=found.task,
        description=found.description,
        parameters=_parameters(file, found.parameters),
        clear_inputs=found.clear_inputs,
        inputs=found.input,
        output=found.output,
        system=system,
        user=user,
        examples=tuple(_example(line) for line in read_examples(examples)) if examples is not None else (),
    )
    fault = next(version_faults(version), None)
    if fault is not None:
        raise wrong(file, fault)
    return version


def version_faults(version: Version) -> Iterator[str]:
    """What keeps a version from being used, whichever code relies on it."""
    for kind, schema in (("input", version.inputs), ("output", version.output)):
        yield from (f"{kind} schema: {fault}" for fault in (faults(schema) if schema is not None else ()))
    names = tuple(version.inputs.get("properties", {}))
    for name in version.clear_inputs:
        if name not in names:
            yield f"clear_inputs names `{name}`, which is not an input"
    for part in ("system", "user"):
        try:
            body(getattr(version, part), names)
        except BadTemplate as error:
            yield f"{part} part: {error}"
    for example in version.examples:
        yield from _example_faults(version, example)


def _unrendered(version: Version, example: Example) -> str:
    """Why the user part cannot be written for an example; empty if it can."""
    try:
        user = body(version.user, tuple(version.inputs.get("properties", {})))
        user.rendered(with_nulls(version.inputs, plain_json(example.input)))
    except BadTemplate as error:
        return str(error)
    return ""


def _example_faults(version: Version, example: Example) -> Iterator[str]:
    sides = (("input", version.inputs, example.input), ("output", version.output, example.output))
    for side, schema, value in sides:
        said = first_error(schema, value) if schema is not None else None
        if said is not None:
            yield f"example {example.id}: its {side} does not fit the schema: {said}"
            return
    if said := _unrendered(version, example):
        yield f"example {example.id}: {said}"
    if not example.expect:
        yield f"example {example.id}: it expects nothing, so that it cannot be tested"


def read_examples(file: Path) -> tuple[ExampleLine, ...]:
    """The lines of an examples file."""
    lines, _ = read_lines(file, ExampleLine)
    return lines


def read_lines(file: Path, kind: type[T]) -> tuple[tuple[T, ...], dict[str, list[str]]]:
    """The lines of a JSONL file, and the tables that it makes. Raises `ConfigurationError` that names the line."""
    found: list[T] = []
    shared: dict[str, Any] = {}
    tables: dict[str, list[str]] = {}
    for number, line in enumerate(read_text(file).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            parsed = json.loads(line)
            if isinstance(parsed, dict) and not {"shared", "tables"}.isdisjoint(parsed):
                common = msgspec.convert(parsed, SharedLine)
                shared |= common.shared
                tables |= common.tables
            else:
                found.append(msgspec.convert(_filled(parsed, shared), kind))
        except (ValueError, RecursionError, KeyError) as error:
            raise wrong(file, f"line {number}: {_first_line(error)}") from error
    ids = [getattr(line, "id", "") for line in found]
    twice = next((each for each in ids if ids.count(each) > 1), None)
    if twice is not None:
        raise wrong(file, f"the id {twice!r} is there twice")
    return tuple(found), tables


def read_text(file: Path) -> str:
    """A file's text, its lines ending in a line feed."""
    try:
        if file.stat().st_size > MOST_BYTES:
            raise wrong(file, f"it is over {MOST_BYTES:,} bytes")
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise wrong(file, f"it cannot be read: {error}") from error


def wrong(file: Path, fault: str) -> ConfigurationError:
    """The error for a file that cannot be used."""
    message = f"The prompt file {file} cannot be used: {fault}."
    return ConfigurationError(message, hint="docs/prompts.md says what is in it.")


def _parts(file: Path, body: str) -> tuple[str, str]:
    """The system and the user part, each under its heading."""
    before, *rest = _PART.split(body)
    parts = dict(zip(rest[::2], rest[1::2], strict=True))
    if before.strip() or rest[::2] != ["system", "user"] or not all(part.strip() for part in parts.values()):
        raise wrong(file, "its body must have the lines `# system` and `# user`, each with text below it")
    return parts["system"].strip("\n"), parts["user"].strip("\n")


def _parameters(file: Path, given: Mapping[str, Any]) -> Parameters:
    unknown = set(given) - set(_LIMITS)
    if unknown:
        raise wrong(file, f"`{min(unknown)}` is not a parameter; there are {', '.join(_LIMITS)}")
    for name, value in given.items():
        low, high = _LIMITS[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise wrong(file, f"the parameter {name} must be a number from {low} to {high}")
    try:
        return msgspec.convert(given, Parameters)
    except msgspec.ValidationError as error:
        raise wrong(file, f"parameters: {error}") from error


def _example(line: ExampleLine) -> Example:
    return Example(id=line.id, input=line.input, output=line.output, expect=line.expect)


def _filled(value: Any, shared: Mapping[str, Any]) -> Any:
    """The value with what it refers to in place."""
    if isinstance(value, dict):
        if set(value) == {"$shared"}:
            return shared[value["$shared"]]
        return {name: _filled(item, shared) for name, item in value.items()}
    return [_filled(item, shared) for item in value] if isinstance(value, list) else value


def _first_line(error: BaseException) -> str:
    if isinstance(error, KeyError):
        return f"nothing shared is called {error}"
    return " ".join(str(error).split())[:200] or type(error).__name__
