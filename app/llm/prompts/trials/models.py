"""A configured model, as a test of prompts asks it: no cache, and one model instead of a chain where one is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from app.errors import ConfigurationError, InvalidRequest
from app.llm.config import TASKS, LlmConfig
from app.llm.prompts.trials.answers import FromModel, Scrub
from app.llm.values import Asking, Attempt, Outgoing, Reply, ScrubbedInputs
from app.scrubbing import TokenMap
from app.values import Deadline

if TYPE_CHECKING:
    from app.llm.gateway import Gateway
    from app.llm.privacy import Privacy
    from app.settings import Settings

LONGEST_S = 600.0
"""Seconds that one case may take; the task's own deadline is usually shorter."""


@contextmanager
def asking(settings: Settings, model: str | None) -> Iterator[FromModel]:
    """What asks the configured chain of each task, or `provider/model` alone. Raises `ConfigurationError`."""
    from app.engine import Engine
    from app.llm.loading import load_config
    from app.llm.opening import open_models

    config = only(load_config(settings), model)
    engine = Engine(settings)
    models = open_models(settings, engine, config=config)
    try:
        yield FromModel(
            lambda outgoing, kept: _reply(models.gateway, outgoing, kept),
            lambda inputs, clear, tokens: scrubbed(models.privacy, inputs, clear, tokens),
        )
    finally:
        models.close()
        engine.close()


@contextmanager
def scrubbing(settings: Settings) -> Iterator[Scrub]:
    """What puts tokens in place of personal data, on the way to any model."""
    from app.engine import Engine
    from app.llm.privacy import Privacy

    engine = Engine(settings)
    privacy = Privacy(engine)
    try:
        yield lambda inputs, clear, tokens: scrubbed(privacy, inputs, clear, tokens)
    finally:
        engine.close()


def only(config: LlmConfig, model: str | None) -> LlmConfig:
    """The configuration without a cache, every task done by one model if it is named."""
    if not config.configured:
        hint = "Set ANSWERABLE_LLM_BASE_URL and ANSWERABLE_LLM_MODEL, or give recorded replies by --replies."
        raise ConfigurationError("No language model is configured.", hint=hint)
    uncached = msgspec.structs.replace(config, cache="off")
    if model is None:
        return uncached
    provider, _, name = model.partition("/")
    if provider not in config.providers or not name:
        known = ", ".join(f"{each}/…" for each in config.providers)
        raise InvalidRequest(
            f"{model!r} names no configured provider.", hint=f"Write provider/model; there are {known}."
        )
    tasks = {task: msgspec.structs.replace(config.task(task), models=(model,)) for task in TASKS}
    return msgspec.structs.replace(uncached, tasks=tasks)


def scrubbed(privacy: Privacy, inputs: Mapping[str, Any], clear: frozenset[str], tokens: TokenMap) -> ScrubbedInputs:
    """The inputs as they would be sent: of no source."""
    return privacy.scrubbed(inputs, clear, tokens, sources=())


def _reply(gateway: Gateway, outgoing: Outgoing, kept: list[Attempt]) -> Reply:
    asked = Asking(answer_id="prompts-test", deadline=Deadline.after(LONGEST_S), audience="prompts-test")
    return gateway.complete(outgoing, asked, purpose="prompt test", kept=kept)
