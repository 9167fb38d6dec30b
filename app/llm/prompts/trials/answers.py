"""Where the outputs under test come from: a model asked now, or replies that were recorded before."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import msgspec

from app.errors import InvalidRequest
from app.llm.errors import NoReply
from app.llm.prompts.schemas import first_error
from app.llm.values import Attempt, Outgoing, Reply, ScrubbedInputs
from app.scrubbing import TokenMap

if TYPE_CHECKING:
    from app.llm.prompts.prompt import Prompt

Ask: TypeAlias = Callable[[Outgoing, list[Attempt]], Reply]
"""One call of a model, its attempts added to the list as they are made; raises `NoReply`."""
Scrub: TypeAlias = Callable[[Mapping[str, Any], frozenset[str], TokenMap], ScrubbedInputs]
"""Inputs, those of them that are clear, and the tokens to use; raises `NoReply`."""


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """One output under test, and what it took. A line of a file of recorded replies."""

    prompt: str
    """`name@hash`."""
    case: str
    """Id of the case, or `example` and the id of an example."""
    model: str
    """`provider/model`; empty if none answered."""
    output: dict[str, Any] | None
    error: str | None = None
    """Code of what went wrong."""
    seconds: float = 0.0
    """From the call to the whole reply; looking for personal data is not in it."""
    cost_usd: Decimal | None = None
    """None where no price is known."""
    input_tokens: int = 0
    output_tokens: int = 0


class Answers(Protocol):
    """Gives the output of a prompt for the inputs of a case."""

    def take(self, prompt: Prompt, case: str, inputs: Mapping[str, Any]) -> Taken:
        """The output, or the code of what went wrong."""


class FromModel:
    """Asks a model: the inputs are scrubbed on the way and the output is restored, as in an answer."""

    def __init__(self, ask: Ask, scrub: Scrub) -> None:
        self._ask = ask
        self._scrub = scrub

    def take(self, prompt: Prompt, case: str, inputs: Mapping[str, Any]) -> Taken:
        """The model's output."""
        tokens, started, attempts = TokenMap(), 0.0, list[Attempt]()
        model, output, error = "", None, None
        try:
            outgoing = prompt.render(self._scrub(inputs, prompt.clear_inputs, tokens))
            started = time.monotonic()
            reply = self._ask(outgoing, attempts)
            model, output = f"{reply.provider}/{reply.model}", _restored(dict(reply.output), tokens)
        except NoReply as reason:
            error = reason.code
        costs = [attempt.cost_usd for attempt in attempts]
        return Taken(
            prompt=prompt.id,
            case=case,
            model=model,
            output=output,
            error=error,
            seconds=time.monotonic() - started if started else 0.0,
            cost_usd=None if None in costs else sum((cost for cost in costs if cost is not None), Decimal(0)),
            input_tokens=sum(attempt.tokens.input for attempt in attempts),
            output_tokens=sum(attempt.tokens.output for attempt in attempts),
        )


class Recorded:
    """Replies of a file; with `model`, only that model's."""

    def __init__(self, file: Path, model: str | None = None) -> None:
        self._file = file
        self._taken = {(each.prompt, each.case): each for each in _lines(file) if model in (None, each.model)}
        if not self._taken:
            raise InvalidRequest(f"{file} holds no reply" + (f" of {model}." if model else "."))

    def take(self, prompt: Prompt, case: str, inputs: Mapping[str, Any]) -> Taken:
        """The reply that was recorded for this version and case."""
        prompt.checked(inputs)
        missing = Taken(prompt=prompt.id, case=case, model="", output=None, error="not_recorded")
        found = self._taken.get((prompt.id, case), missing)
        schema = prompt.version.output
        if found.output is None or schema is None or first_error(schema, found.output) is None:
            return found
        return msgspec.structs.replace(found, output=None, error="unusable")


class Recording:
    """Passes on what others give and adds it to a file, one line each."""

    def __init__(self, inner: Answers, file: Path) -> None:
        self._inner = inner
        self._file = file

    def take(self, prompt: Prompt, case: str, inputs: Mapping[str, Any]) -> Taken:
        """The inner output."""
        taken = self._inner.take(prompt, case, inputs)
        try:
            with self._file.open("ab") as out:
                out.write(msgspec.json.encode(taken) + b"\n")
        except OSError as error:
            raise InvalidRequest(f"{self._file} cannot be written: {error}") from error
        return taken


def _lines(file: Path) -> list[Taken]:
    try:
        text = file.read_bytes()
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be read: {error}") from error
    found = []
    for number, line in enumerate(text.split(b"\n"), start=1):
        if line.strip():
            try:
                found.append(msgspec.json.decode(line, type=Taken))
            except msgspec.DecodeError as error:
                raise InvalidRequest(f"{file}, line {number}: {error}") from error
    return found


def _restored(value: Any, tokens: TokenMap) -> Any:
    """The output with the values in place of their tokens: cases hold made-up data only."""
    if isinstance(value, str):
        return tokens.restore(value)
    if isinstance(value, Mapping):
        return {name: _restored(item, tokens) for name, item in value.items()}
    return [_restored(item, tokens) for item in value] if isinstance(value, list | tuple) else value
