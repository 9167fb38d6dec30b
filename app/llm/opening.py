"""Putting the parts of language models together for one process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.llm.loading import load_config
from app.llm.models import Models

if TYPE_CHECKING:
    from app.engine import Engine
    from app.llm.config import LlmConfig
    from app.llm.parts import Provider
    from app.settings import Settings


def open_models(settings: Settings, engine: Engine, *, config: LlmConfig | None = None) -> Models:
    """The models that are configured, or those of `config`; no endpoint is asked anything yet.

    Raises `ConfigurationError`.
    """
    from app.llm.alerts import open_alerts
    from app.llm.budgets import open_budgets
    from app.llm.cache import open_cache
    from app.llm.gateway import Gateway
    from app.llm.ledger import open_ledger
    from app.llm.prices import open_prices
    from app.llm.prompts import labels_of, open_prompts
    from app.ops.events import budget_listener

    config = config or load_config(settings)
    prompts = open_prompts(settings, labels_of(config))
    alerts = open_alerts(config, budget_listener(lambda: engine.announcements))
    budgets = open_budgets(settings, config, alerts)
    ledger = open_ledger(settings, alerts, engine.observe_attempt)
    gateway = Gateway(
        config,
        open_providers(config),
        prices=open_prices(config, alerts),
        budgets=budgets,
        ledger=ledger,
        cache=open_cache(config),
    )
    parts = (gateway, prompts, budgets, ledger, alerts)
    return Models(config, gateway, prompts, engine.privacy, closed_with=[part.close for part in parts])


def open_providers(config: LlmConfig) -> dict[str, Provider]:
    """Every endpoint of the configuration by its name (0.5 s where there is one)."""
    if not config.providers:
        return {}
    from app.llm.providers import OpenAiProvider

    return {name: OpenAiProvider(name, provider) for name, provider in config.providers.items()}
