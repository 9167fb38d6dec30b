"""What a provider would get for inputs of a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.errors import InvalidRequest
from app.llm.errors import NoReply
from app.llm.values import Outgoing
from app.scrubbing import TokenMap

if TYPE_CHECKING:
    from app.llm.prompts.prompt import Prompt
    from app.llm.prompts.trials.answers import Scrub


def inputs_of(file: Path) -> dict[str, Any]:
    """The JSON object of a file; raises `InvalidRequest`."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidRequest(f"{file} cannot be read as JSON: {error}") from error
    if not isinstance(found, dict):
        raise InvalidRequest(f"{file} must hold a JSON object: the inputs by name.")
    return found


def rendered(prompt: Prompt, inputs: dict[str, Any], scrub: Scrub) -> Outgoing:
    """The messages, scrubbed; raises `InvalidRequest` for inputs that do not fit the prompt."""
    try:
        return prompt.render(scrub(inputs, prompt.clear_inputs, TokenMap()))
    except NoReply as error:
        raise InvalidRequest(error.reason, hint="`answerable prompts show` has the input schema.") from error
