"""Models of a process for tests of what stands around them: prompts with versions, and a gateway that is never asked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from app.engine import Engine
from app.llm.config import LlmConfig, ProviderConfig
from app.llm.models import Models
from app.llm.privacy import Privacy
from app.settings import Settings


class VersionedPrompts:
    """Prompts by name, each with a version that can be changed."""

    def __init__(self) -> None:
        self.version = 1

    def get(self, name: str) -> Any:
        return SimpleNamespace(id=f"{name}@{self.version}", task=name, clear_inputs=frozenset())


class SilentGateway:
    """A gateway without models."""

    def has(self, task: str) -> bool:
        return False

    def close(self) -> None:
        pass


class EngineWithModels(Engine):
    """An engine with models that are there but for no task."""

    def __init__(self, settings: Settings, config: LlmConfig) -> None:
        super().__init__(settings)
        self.prompts = VersionedPrompts()
        self.given = Models(config, SilentGateway(), self.prompts, Privacy(self))  # type: ignore[arg-type]

    @property
    def models(self) -> Models:
        return self.given


def configured(cache: str = "memory", **more: Any) -> LlmConfig:
    """One provider, one model."""
    return LlmConfig(
        providers={"main": ProviderConfig(base_url="http://127.0.0.1:9/v1", api_key="sk-secret")},
        model="main/small", cache=cache, **more,
    )  # fmt: skip
