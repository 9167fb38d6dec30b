"""A prompt that can be sent: one version, compiled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from app.llm.errors import NotRendered
from app.llm.prompts.schemas import first_error, plain_json, with_nulls
from app.llm.prompts.template import BadTemplate, body
from app.llm.prompts.version import Version
from app.llm.values import Message, Outgoing, ScrubbedInputs, TaskName


class Prompt:
    """One version of a prompt. Thread-safe."""

    def __init__(self, version: Version) -> None:
        self.version = version
        self.id = version.id
        """`name@hash`."""
        self.clear_inputs = frozenset(version.clear_inputs)
        """Inputs that hold no personal data and are not scrubbed."""
        names = tuple(version.inputs.get("properties", {}))
        self._system = body(version.system, names)
        self._user = body(version.user, names)
        self._examples: tuple[tuple[str, str], ...] | None = None

    @property
    def task(self) -> TaskName:
        """What it is for."""
        return self.version.task

    def render(self, inputs: ScrubbedInputs) -> Outgoing:
        """The messages: system, each example as a question and its reply, then the inputs.

        Inputs that the schema names and does not require are null where they are not given. Raises `NotRendered`.
        """
        values = self.checked(inputs.values)
        try:
            messages = tuple(self._messages(values))
        except BadTemplate as error:
            raise NotRendered(f"{self.id}: {error}") from error
        return Outgoing(
            task=self.task,
            prompt=self.id,
            messages=messages,
            schema=self.version.output,
            parameters=self.version.parameters,
        )

    def checked(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs as JSON, null for each that is left out. Raises `NotRendered` if they do not fit."""
        given = plain_json(inputs)
        said = first_error(self.version.inputs, given)
        if said is not None:
            raise NotRendered(f"{self.id}: the inputs do not fit: {said}")
        return dict(with_nulls(self.version.inputs, given))

    def _messages(self, values: Mapping[str, Any]) -> Iterator[Message]:
        yield Message("system", self._system.rendered(values))
        if self._examples is None:
            self._examples = tuple(self._shown_examples())
        for question, reply in self._examples:
            yield Message("user", question)
            yield Message("assistant", reply)
        yield Message("user", self._user.rendered(values))

    def _shown_examples(self) -> Iterator[tuple[str, str]]:
        for example in self.version.examples:
            yield self._user.rendered(self.checked(example.input)), msgspec.json.encode(example.output).decode()
