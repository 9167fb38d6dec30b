"""One version of a prompt: its whole content, and the id over everything in it that changes what is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from app.llm.prompts.expectations import Expect
from app.llm.prompts.fencing import FORMAT
from app.llm.prompts.template import tokens
from app.llm.values import Parameters, TaskName

HASH_DIGITS = 12
"""Of a SHA-256, in hexadecimal: 48 bits."""


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A worked example that is sent with every call: inputs, and the output that they should get."""

    id: str
    input: Mapping[str, Any]
    output: Mapping[str, Any]
    expect: Expect = Expect()
    """What makes another output right too; it is not sent."""


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt's whole content."""

    name: str
    task: TaskName
    description: str
    parameters: Parameters
    clear_inputs: tuple[str, ...]
    """Inputs that hold no personal data and are not scrubbed."""
    inputs: Mapping[str, Any]
    """JSON schema of the inputs."""
    output: Mapping[str, Any] | None
    """JSON schema of the output; None for free text."""
    system: str
    user: str
    examples: tuple[Example, ...] = ()

    @property
    def id(self) -> str:
        """`name@hash`. Descriptions, comments and the ids of examples are not in the hash; the order of fields in the
        output's schema is: models write them in that order.
        """
        sent = {
            "format": FORMAT,
            "task": self.task,
            "parameters": msgspec.structs.asdict(self.parameters),
            "clear_inputs": sorted(self.clear_inputs),
            "inputs": _sorted(_bare(self.inputs, "description", "$comment")),
            "output": None if self.output is None else _bare(self.output, "$comment"),
            "system": tokens(self.system),
            "user": tokens(self.user),
            "examples": [[example.input, example.output] for example in self.examples],
        }
        digest = hashlib.sha256(msgspec.json.encode(sent)).hexdigest()
        return f"{self.name}@{digest[:HASH_DIGITS]}"

    def without(self, example_id: str) -> Version:
        """The version as it would be without one of its examples."""
        kept = tuple(example for example in self.examples if example.id != example_id)
        return msgspec.structs.replace(self, examples=kept)


def as_text(version: Version) -> str:
    """The version as a file would say it, examples included: what a person reads and compares."""
    import yaml

    parameters = msgspec.structs.asdict(version.parameters)
    front = {
        "name": version.name,
        "task": version.task,
        "description": version.description,
        "parameters": {key: value for key, value in parameters.items() if value is not None},
        "clear_inputs": list(version.clear_inputs),
        "input": version.inputs,
        "output": version.output,
    }
    written = yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=120)
    parts = [f"---\n{written}---", f"# system\n\n{version.system}", f"# user\n\n{version.user}"]
    for example in version.examples:
        shown = msgspec.json.format(msgspec.json.encode({"input": example.input, "output": example.output}), indent=2)
        parts.append(f"# example {example.id}\n\n{shown.decode()}")
    return "\n\n".join(parts) + "\n"


def _bare(schema: Any, *left_out: str) -> Any:
    """A schema without these keywords; a field of such a name stays."""
    if not isinstance(schema, Mapping):
        return [_bare(each, *left_out) for each in schema] if isinstance(schema, list | tuple) else schema
    bare = {}
    for keyword, value in schema.items():
        if keyword == "properties":
            bare[keyword] = {name: _bare(field, *left_out) for name, field in value.items()}
        elif keyword not in left_out:
            bare[keyword] = _bare(value, *left_out) if keyword in ("items", "anyOf") else value
    return bare


def _sorted(value: Any) -> Any:
    """With keys in order: those of inputs mean nothing."""
    return msgspec.json.decode(msgspec.json.encode(value, order="deterministic"))
