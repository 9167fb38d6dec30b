"""Asking every configured model something tiny, to see whether it can be used: what `answerable doctor` tells.

A probe costs a few tokens of the provider's; it carries no data and passes neither budgets nor the ledger.
"""

from __future__ import annotations

import difflib
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing

import msgspec

from app.llm.config import TASKS, LlmConfig
from app.llm.errors import ProviderFault
from app.llm.providers import OpenAiProvider
from app.llm.values import TaskName

PROBE_S = 15.0
"""Seconds for one model; a local one may have to be loaded first."""
REMEDIES = {
    "connection": "Check base_url, and that the endpoint runs and can be reached from here.",
    "timeout": "The endpoint takes too long: see whether it is overloaded, or still loads the model.",
    "not_authenticated": "Check the key: it is missing, wrong, expired, or may not use this model.",
    "unknown_model": "Check the model's name and base_url (most end in /v1).",
    "rate_limited": "The key's limit or quota is used up: wait, or raise it at the provider.",
    "server_error": "The endpoint has a fault of its own: see its logs or its status page.",
    "malformed": "What answers there does not speak the OpenAI protocol: check base_url (most end in /v1).",
    "bad_request": "The endpoint refuses plain requests: see its logs, and which protocol it speaks.",
    "content_filter": "The endpoint's filter refuses even a harmless request: check its settings.",
    "context_too_long": "The model's context is too small for any use: configure a larger one.",
}

WORDS_ALONE = "It is held to a schema by words alone, which fails more often; endpoints with `json_schema` are better."


class Probed(msgspec.Struct, frozen=True, kw_only=True):
    """What came of asking one model."""

    name: str
    """`provider/model`."""
    fault: str | None = None
    """Stable code of what went wrong."""
    seconds: float = 0.0
    output: str = ""
    """How the model can be held to a schema: `json_schema`, `json_object`, `text`."""
    near: str | None = None
    """The nearest name that the endpoint lists, of a model that it does not know."""

    @property
    def told(self) -> str:
        """The outcome in words."""
        if self.fault is not None:
            return f"{self.name} fails: {self.fault}"
        return f"{self.name} answers in {self.seconds:.1f} s ({self.output})"

    @property
    def remedy(self) -> str:
        """What to do about it."""
        if self.fault is None:
            return WORDS_ALONE if self.output == "text" else ""
        near = f" The endpoint knows {self.near}." if self.near else ""
        return REMEDIES[self.fault] + near


def probe_models(config: LlmConfig) -> Iterator[Probed]:
    """Each model of every chain, asked once."""
    models = list(dict.fromkeys(target for task in TASKS if task != "embed" for target in config.chain(task)))
    with ExitStack() as open_providers:
        providers = {
            name: open_providers.enter_context(closing(OpenAiProvider(name, config.providers[name])))
            for name in dict.fromkeys(provider for provider, _ in models)
        }
        for provider, model in models:
            yield _probed(providers[provider], model)


def without_model(config: LlmConfig, probed: Sequence[Probed]) -> list[TaskName]:
    """Tasks for which a model is configured and none answers."""
    answering = {each.name for each in probed if each.fault is None}
    chains = {task: config.chain(task) for task in TASKS if task != "embed"}
    return [task for task, chain in chains.items() if chain and not answering & {"/".join(each) for each in chain}]


def _probed(provider: OpenAiProvider, model: str) -> Probed:
    name = f"{provider.name}/{model}"
    started = time.monotonic()
    try:
        provider.probe(model, PROBE_S)
    except ProviderFault as fault:
        near = _nearest(provider, model) if fault.code == "unknown_model" else None
        return Probed(name=name, fault="malformed" if fault.code == "cut" else fault.code, near=near)
    return Probed(name=name, seconds=time.monotonic() - started, output=provider.output_mode(model))


def _nearest(provider: OpenAiProvider, model: str) -> str | None:
    try:
        known = provider.model_names(PROBE_S)
    except ProviderFault:
        return None
    return next(iter(difflib.get_close_matches(model, known or (), n=1, cutoff=0.4)), None)
